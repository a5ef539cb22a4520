"""A server with scripted answers, over real sockets: for faults that the sandbox does not have."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping

    from typing_extensions import Self


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came in. `connection`: the port of its sender; `at`: when it came, in monotonic seconds."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    at: float

    @property
    def external_id(self) -> str:
        found: str = json.loads(self.body)["externalId"]
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. The body may be produced while it is sent."""

    status: int
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Closes the connection without an answer."""


Reply: TypeAlias = "Answer | NoAnswer | Callable[[Seen], Answer | NoAnswer]"


def created(call_id: str = "call-1") -> Answer:
    return Answer(201, json.dumps({"data": {"id": call_id}}).encode())


def invalid(*paths: str) -> Answer:
    return Answer(400, json.dumps({"error": {"details": [{"path": path} for path in paths]}}).encode())


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_arguments: Any) -> None:
        """Prints nothing: killed clients break their connections."""


class AnsweringServer:
    """Gives these replies, one for each request, and `then` to all further ones: by default that the call was created.

    Example:
        ```python
        with AnsweringServer(Answer(503), NoAnswer()) as server:
            send_calls_to(server.url)
        ```
    """

    def __init__(self, *replies: Reply, then: Reply | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self._replies = list(replies)
        self.then = then or created()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def open_connections(self) -> int:
        """How many connections clients keep open."""
        return len(self._connections)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def reply_to(self, seen: Seen) -> Answer | NoAnswer:
        with self._lock:
            self.seen.append(seen)
            reply = self._replies.pop(0) if self._replies else self.then
        return reply if isinstance(reply, (Answer, NoAnswer)) else reply(seen)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or head and body are forty milliseconds apart

            def setup(self) -> None:
                super().setup()
                owner._connections.add(self.connection)

            def finish(self) -> None:
                owner._connections.discard(self.connection)
                with contextlib.suppress(OSError):
                    super().finish()

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(
                    self.command, self.path, headers, self.rfile.read(length), self.client_address[1], time.monotonic()
                )
                reply = owner.reply_to(seen)
                if isinstance(reply, NoAnswer):
                    self.close_connection = True
                    return
                with contextlib.suppress(OSError):  # the client may have hung up
                    self._send(reply)

            do_GET = do_POST  # noqa: N815 - the base class calls it by this name

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if isinstance(answer.body, bytes):
                    self.send_header("content-length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                    return
                self.close_connection = True
                self.send_header("connection", "close")
                self.end_headers()
                for piece in answer.body:
                    self.wfile.write(piece)

            def log_message(self, *_arguments: Any) -> None:
                """Prints nothing."""

        return Handler
