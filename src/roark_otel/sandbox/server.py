"""The sandbox as something that listens: on a thread of this process, or as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from roark_otel.sandbox.app import build_app
from roark_otel.sandbox.calls import Calls
from roark_otel.sandbox.database import Database
from roark_otel.sandbox.listening import LOOPBACK, listen, url_of
from roark_otel.sandbox.spans import Spans
from roark_otel.sandbox.stored import StoredCall

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import TracebackType

    from starlette.applications import Starlette
    from typing_extensions import Self

    from roark_otel.sandbox.json_values import JsonObject

DEFAULT_MAX_BODY: int = 10 * 1024 * 1024

_DEFAULT_PORT = 8765
_STOP_SECONDS = 10


class _Server(uvicorn.Server):
    """Says when it has started: from then on it answers, and handles signals. It stops as soon as it is asked."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._asked: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._asked = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)
        self._on_started()

    async def main_loop(self) -> None:
        """As uvicorn's, which looks every tenth of a second whether it is to stop: tests would wait for that."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._asked[1].wait() if self._asked else asyncio.sleep(0.1), 0.1)

    def stop(self) -> None:
        """Asks it to stop, from any thread."""
        self.should_exit = True
        if self._asked is not None:
            loop, event = self._asked
            with contextlib.suppress(RuntimeError):  # it has stopped by itself
                loop.call_soon_threadsafe(event.set)


class Sandbox:
    """A Roark that runs while the `with` block does.

    Example:
        ```python
        with Sandbox() as sandbox:
            send_calls_to(sandbox.url)
            assert sandbox.call("call-1").trace_ids
        ```

    Args:
        host: Where to listen; nobody but this machine can reach the default.
        port: The port; 0 means any that is free.
        store: A directory that keeps calls from one run to the next; without it they are kept in memory.
        api_key: The one key that is accepted; without it, any that is not empty.
        max_body: How many bytes a request about calls may have.
    """

    def __init__(
        self,
        host: str = LOOPBACK,
        port: int = 0,
        store: Path | str | None = None,
        api_key: str | None = None,
        *,
        max_body: int = DEFAULT_MAX_BODY,
    ) -> None:
        self._host = host
        self._port = port
        self._store = None if store is None else Path(store)
        self._api_key = api_key
        self._max_body = max_body
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        """Listen, and return when requests are answered.

        Raises:
            OSError: The address is taken, or is not one of this machine.
        """
        if self._running is not None:
            raise RuntimeError("the sandbox is running already")
        listener = listen(self._host, self._port)
        try:
            database = Database(self._store)
        except BaseException:
            listener.close()
            raise
        self._running = _Running(listener, database, self._api_key, self._max_body)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._now_running(), None
        running.stop()

    @property
    def url(self) -> str:
        """The base URL to give to a client."""
        return self._now_running().url

    def calls(self) -> list[JsonObject]:
        """The bodies of all calls exactly as they were posted, oldest first."""
        return Calls(self._now_running().database).bodies()

    def call(self, external_id: str) -> StoredCall:
        """The call with this external id.

        Raises:
            KeyError: There is none.
        """
        database = self._now_running().database
        calls = Calls(database)
        record = calls.with_external_id(external_id)
        return StoredCall(
            id=record.id,
            external_id=external_id,
            body=record.body,
            tool_invocations=calls.tool_invocations(record.id),
            trace_ids=Spans(database).linked_to(record.body),
        )

    def _now_running(self) -> _Running:
        if self._running is None:
            raise RuntimeError("the sandbox is not running: use it in a with statement")
        return self._running


class _Running:
    """A sandbox between its start and its stop."""

    def __init__(self, listener: socket.socket, database: Database, api_key: str | None, max_body: int) -> None:
        self.url = url_of(listener)
        self.database = database
        self._listener = listener
        self._settled = threading.Event()
        # No log configuration: the loggers of the process that this runs in are not ours to set up.
        config = _config(build_app(database, api_key, max_body), log_config=None)
        self._server = _Server(config, self._settled.set)
        self._thread = threading.Thread(target=self._serve, name="roark-sandbox", daemon=True)
        self._thread.start()
        self._settled.wait()
        if not self._server.started:
            self.stop()
            raise RuntimeError("the sandbox could not start; its thread has said why")

    def stop(self) -> None:
        """Answer what has been asked, then let go of everything."""
        self._server.stop()
        self._thread.join(_STOP_SECONDS)
        self._listener.close()
        self.database.close()

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._settled.set()


def serve(
    host: str = LOOPBACK,
    port: int = _DEFAULT_PORT,
    store: Path | str | None = None,
    api_key: str | None = None,
    *,
    max_body: int = DEFAULT_MAX_BODY,
) -> None:
    """Run a sandbox until SIGINT or SIGTERM.

    Args:
        host: Where to listen; nobody but this machine can reach the default.
        port: The port; 0 means any that is free.
        store: A directory that keeps calls from one run to the next; without it they are kept in memory.
        api_key: The one key that is accepted; without it, any that is not empty.
        max_body: How many bytes a request about calls may have.

    Raises:
        OSError: The address is taken, or is not one of this machine.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        database = Database(None if store is None else Path(store))
        stack.callback(database.close)
        config = _config(build_app(database, api_key, max_body), log_config=LOGGING_CONFIG)
        # uvicorn leaves its start line out when it is handed a socket.
        line = "Uvicorn running on %s (Press CTRL+C to quit)"
        server = _Server(config, lambda: logging.getLogger("uvicorn.error").info(line, url_of(listener)))
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def _config(app: Starlette, log_config: dict[str, Any] | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=log_config,
        # Switching it off empties the access logger of the whole process, which has to be ours for that.
        access_log=log_config is None,
        timeout_graceful_shutdown=2,
    )
