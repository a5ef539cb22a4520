"""Serves the sandbox: on a thread of this process, or in the foreground until a signal stops it."""

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


DEFAULT_MAX_BODY: int = 10 * 1024 * 1024

_DEFAULT_PORT = 8765
_STOP_SECONDS = 10


class _Server(uvicorn.Server):
    """Calls `on_started` once it answers and handles signals, and stops without uvicorn's delay."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._stopping: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
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

    def stop(self) -> None:
        """Makes the server stop, from any thread."""
        self.should_exit = True
        if self._stopping is not None:
            loop, event = self._stopping
            with contextlib.suppress(RuntimeError):  # it has stopped by itself
                loop.call_soon_threadsafe(event.set)


class Sandbox:
    """A local Roark that runs for the length of its `with` block.

    Example:
        ```python
        with Sandbox() as sandbox:
            send_calls_to(sandbox.url)
            assert sandbox.call("call-1").trace_ids
        ```

    Args:
        host: The address to listen on. Default: loopback, so that only this machine can connect.
        port: The port to listen on. Default: 0, any free port.
        store: A directory that keeps calls between runs. Default: None, calls are kept in memory.
        api_key: The only key to accept. Default: None, any key that is not empty.
        max_body: The largest body of a request about calls, in bytes. Default: 10 MiB.
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
        """Starts the sandbox, and returns once it answers requests.

        Raises:
            OSError: The address is taken, does not belong to this machine, or is not valid.
            RuntimeError: The sandbox is running already.
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
        """The base URL for clients."""
        return self._now_running().url

    def calls(self) -> list[dict[str, Any]]:
        """Returns the bodies of all calls exactly as they were posted, oldest first."""
        return Calls(self._now_running().database).bodies()

    def call(self, external_id: str) -> StoredCall:
        """Returns the call with this external id.

        Raises:
            KeyError: No call has it.
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
            raise RuntimeError("the sandbox is not running; use it in a with statement")
        return self._running


class _Running:
    """A sandbox between its start and its stop."""

    def __init__(self, listener: socket.socket, database: Database, api_key: str | None, max_body: int) -> None:
        self.url = url_of(listener)
        self.database = database
        self._listener = listener
        self._settled = threading.Event()
        # No log configuration: the loggers of this process belong to the app.
        config = _config(build_app(database, api_key, max_body), log_config=None)
        self._server = _Server(config, self._settled.set)
        self._thread = threading.Thread(target=self._serve, name="roark-sandbox", daemon=True)
        self._thread.start()
        self._settled.wait()
        if not self._server.started:
            self.stop()
            raise RuntimeError("the sandbox could not start; the traceback of its thread shows why")

    def stop(self) -> None:
        """Answers the requests that have arrived, then closes the socket and the database."""
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
    """Runs a sandbox until SIGINT or SIGTERM.

    Args:
        host: The address to listen on. Default: loopback, so that only this machine can connect.
        port: The port to listen on; 0: any free port. Default: 8765.
        store: A directory that keeps calls between runs. Default: None, calls are kept in memory.
        api_key: The only key to accept. Default: None, any key that is not empty.
        max_body: The largest body of a request about calls, in bytes. Default: 10 MiB.

    Raises:
        OSError: The address is taken, does not belong to this machine, or is not valid.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        database = Database(None if store is None else Path(store))
        stack.callback(database.close)
        config = _config(build_app(database, api_key, max_body), log_config=LOGGING_CONFIG)
        # uvicorn does not log its start line when it is given a socket.
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
        # Off, it empties the access logger of the whole process: only right where that process is the sandbox.
        access_log=log_config is None,
        timeout_graceful_shutdown=2,
    )
