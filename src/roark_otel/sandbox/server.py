"""Serves the sandbox: on a thread of this process, or in the foreground until a signal stops it."""

from __future__ import annotations

import contextlib
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from uvicorn.config import LOGGING_CONFIG

from roark_otel.sandbox.access import page_link, page_token
from roark_otel.sandbox.app import build_app
from roark_otel.sandbox.calls import Calls
from roark_otel.sandbox.database import Database
from roark_otel.sandbox.faults import NO_FAULTS, Faults
from roark_otel.sandbox.listening import LOOPBACK, listen, url_of
from roark_otel.sandbox.news import News
from roark_otel.sandbox.options import DEFAULT_MAX_BODY, SandboxOptions
from roark_otel.sandbox.spans import Spans
from roark_otel.sandbox.stored import StoredCall
from roark_otel.sandbox.uvicorn_server import Server, configured

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from types import TracebackType

    from typing_extensions import Self

_uvicorn_logger = logging.getLogger("uvicorn.error")

# What has arrived is shown as uvicorn shows what it does.
_LOGGING: Final[dict[str, Any]] = {
    **LOGGING_CONFIG,
    "loggers": {
        **LOGGING_CONFIG["loggers"],
        "roark_sandbox": {"handlers": ["default"], "level": "INFO", "propagate": False},
    },
}

_DEFAULT_PORT = 8765
_STOP_SECONDS = 10


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
        faults: What goes wrong on purpose. Default: nothing.
        allow_hosts: Further names that requests may be sent to, beside those of this machine. Default: none.
        recordings: A directory with the sound of calls, in files such as `call-1.wav` or `call-1.opus`. Default: None.

    Raises:
        ValueError: A further name is not a name, or the recordings are not a directory.
    """

    def __init__(
        self,
        host: str = LOOPBACK,
        port: int = 0,
        store: Path | str | None = None,
        api_key: str | None = None,
        *,
        max_body: int = DEFAULT_MAX_BODY,
        faults: Faults = NO_FAULTS,
        allow_hosts: Sequence[str] = (),
        recordings: Path | str | None = None,
    ) -> None:
        self._port = port
        self._store = None if store is None else Path(store)
        self._options = SandboxOptions(
            host, api_key, max_body, faults, tuple(allow_hosts), _path(recordings), page_token(host, api_key)
        )
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        """Starts the sandbox, and returns once it answers requests.

        Raises:
            OSError: The address is taken, does not belong to this machine, or is not valid.
            RuntimeError: The sandbox is running already.
        """
        if self._running is not None:
            raise RuntimeError("the sandbox is running already")
        listener = listen(self._options.host, self._port)
        try:
            database = Database(self._store)
        except BaseException:
            listener.close()
            raise
        self._running = _Running(listener, database, self._options)
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

    @property
    def page_url(self) -> str:
        """The address of the pages, with a secret where they need one: for a key, or a host that is not loopback."""
        return page_link(self.url, self._options.token)

    def calls(self) -> list[dict[str, Any]]:
        """Returns the bodies of all calls exactly as they were posted, oldest first."""
        return Calls(self._now_running().database).bodies()

    def call(self, external_id: str) -> StoredCall:
        """Returns the call with this external id.

        Raises:
            KeyError: No call has it; it names those that there are.
        """
        database = self._now_running().database
        calls = Calls(database)
        try:
            record = calls.with_external_id(external_id)
        except KeyError:
            known = ", ".join(sorted({str(body.get("externalId")) for body in calls.bodies()})) or "none yet"
            raise KeyError(f"no call has the external id {external_id!r}; those of the calls here: {known}") from None
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

    def __init__(self, listener: socket.socket, database: Database, options: SandboxOptions) -> None:
        self.url = url_of(listener)
        self.database = database
        self._listener = listener
        self._settled = threading.Event()
        self.news = News()
        config = configured(build_app(database, options, self.news), log_config=None)
        self._server = Server(config, self._settled.set, self.news.close)
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
    faults: Faults = NO_FAULTS,
    allow_hosts: Sequence[str] = (),
    recordings: Path | str | None = None,
    token: str | None = None,
) -> None:
    """Runs a sandbox until SIGINT or SIGTERM.

    Args:
        host: The address to listen on. Default: loopback, so that only this machine can connect.
        port: The port to listen on; 0: any free port. Default: 8765.
        store: A directory that keeps calls between runs. Default: None, calls are kept in memory.
        api_key: The only key to accept. Default: None, any key that is not empty.
        max_body: The largest body of a request about calls, in bytes. Default: 10 MiB.
        faults: What goes wrong on purpose. Default: nothing.
        allow_hosts: Further names that requests may be sent to, beside those of this machine. Default: none.
        recordings: A directory with the sound of calls, in files such as `call-1.wav` or `call-1.opus`. Default: None.
        token: The secret of the links to the pages. Default: None, a new one where they need one.

    Raises:
        OSError: The address is taken, does not belong to this machine, or is not valid.
        ValueError: A further name is not a name, or the recordings are not a directory.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        database = Database(None if store is None else Path(store))
        stack.callback(database.close)
        secret = page_token(host, api_key) if token is None else token
        options = SandboxOptions(host, api_key, max_body, faults, tuple(allow_hosts), _path(recordings), secret)
        news = News()

        def started() -> None:
            # uvicorn does not log its start line when it is given a socket.
            _uvicorn_logger.info("Uvicorn running on %s (Press CTRL+C to quit)", url_of(listener))

        config = configured(build_app(database, options, news), _LOGGING)
        with contextlib.suppress(KeyboardInterrupt):
            Server(config, started, news.close).run(sockets=[listener])


def _path(directory: Path | str | None) -> Path | None:
    return None if directory is None else Path(directory)
