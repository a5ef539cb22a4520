"""What a worker says of itself over HTTP: whether it lives, whether it is ready, and its metrics."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Page = Callable[[], tuple[int, str]]

_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def serve_pages(host: str, port: int, pages: Mapping[str, Page]) -> int:
    """Serves pages by their paths, on a thread. Returns the port.

    Args:
        host: The address to listen on.
        port: The port; 0 for any.
        pages: By its path, what returns a page's status and text.

    Raises:
        OSError: if the port cannot be listened on.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            status, text = (404, "not found\n") if page is None else page()
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", _TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Logs nothing: probes ask every few seconds."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="roark-worker-http", daemon=True).start()
    return int(server.server_address[1])
