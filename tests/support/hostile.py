"""A server that answers as no honest one does: byte for byte, without end, over raw sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Self

MOST_BYTES = 64 * 1024 * 1024
"""After this much an answer ends that should have none, so that a client without bounds fails and does not hang."""

MOST_PIECES = 1_200
"""The same for one that drips: a minute of it."""

HONEST = b'HTTP/1.1 201 Created\r\ncontent-length: 26\r\n\r\n{"data": {"id": "call-1"}}'


def dripping(begin: bytes, drop: bytes, end: bytes = b"", seconds: float = 0.05) -> Iterator[bytes]:
    """Sends `begin`, then a drop at a time; `end` makes the whole a good answer."""
    yield begin
    for _ in range(MOST_PIECES):
        time.sleep(seconds)
        yield drop
    yield end


def flooding(begin: bytes, wave: bytes, end: bytes = b"") -> Iterator[bytes]:
    """Sends `begin`, then `wave` again and again, as fast as the client takes it."""
    yield begin
    for _ in range(MOST_BYTES // len(wave)):
        yield wave
    yield end


class HostileServer:
    """Answers each connection's first request with the pieces that `script` returns.

    Attributes:
        sent: How many bytes clients have taken, or the system for them.
        requests: How many requests came.
        hung_up: Is set when a client has closed the connection before the answer was over.
    """

    def __init__(
        self, script: Callable[[], Iterable[bytes]], *, reads: bool = True, tls: ssl.SSLContext | None = None
    ) -> None:
        self.sent = 0
        self.requests = 0
        self.hung_up = threading.Event()
        self._script = script
        self._reads = reads
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._is_over = False

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_fault: object) -> None:
        self._is_over = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._is_over:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                self._open.add(connection)
                self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            if self._reads:
                self._read_request(connection)
            for piece in self._script():
                if self._is_over:
                    return
                connection.sendall(piece)
                self.sent += len(piece)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            self.hung_up.set()
        finally:
            self._open.discard(connection)
            connection.close()

    def _read_request(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (more := connection.recv(4_096)):
                return
            head += more
        head, _, body = head.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        left = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
        while left > 0 and (more := connection.recv(min(left, 65_536))):
            left -= len(more)
        self.requests += 1
