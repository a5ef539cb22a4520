"""uvicorn's server, which says when it answers, and stops without the delays of uvicorn's own."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import uvicorn

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from starlette.applications import Starlette

_STOP_SECONDS: Final = 2
_LOOK_SECONDS: Final = 0.002


class Server(uvicorn.Server):
    """Serves until it is stopped.

    Args:
        config: The configuration.
        on_started: Called once it answers and handles signals.
        on_stopping: Called before it closes connections: ends the answers that would go on.
    """

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None], on_stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._on_stopping = on_stopping
        self._stopping: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Does what uvicorn's does, and says so."""
        self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)
        self._on_started()

    async def main_loop(self) -> None:
        """Does what uvicorn's does, which checks every 0.1 s whether to stop: tests would wait for that."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping[1].wait() if self._stopping else asyncio.sleep(0.1), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Does what uvicorn's does, which waits 0.1 s for connections even where none is open."""
        self._on_stopping()
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._all_answered(), _STOP_SECONDS)
        for task in state.tasks:
            task.cancel()
        for server in self.servers:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(server.wait_closed(), _STOP_SECONDS)

    async def _all_answered(self) -> None:
        while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:
            await asyncio.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """Makes the server stop, from any thread."""
        self.should_exit = True
        if self._stopping is not None:
            loop, event = self._stopping
            with contextlib.suppress(RuntimeError):  # it has stopped by itself
                loop.call_soon_threadsafe(event.set)


def configured(app: Starlette, log_config: dict[str, Any] | None) -> uvicorn.Config:
    """Returns the configuration of a sandbox's server.

    Args:
        app: What it serves.
        log_config: That of a process that is a sandbox. None: the loggers of this process belong to an app.
    """
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=log_config,
        # Off, it empties the access logger of the whole process: only right where that process is the sandbox.
        access_log=log_config is None,
    )
