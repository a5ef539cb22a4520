"""A small server with the pages' routes, to try the pages on what no sandbox would answer. Real HTTP, real events."""

from __future__ import annotations

import json
import threading
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import roark_otel.pages
from roark_otel.pages import document
from roark_otel.pages.rows import row

if TYPE_CHECKING:
    from typing_extensions import Self

STATIC = Path(roark_otel.pages.__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8"}
PAGES = {"": "list.html", "calls": "call.html", "refused": "call.html", "compare": "compare.html"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self';"
    " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class Board:
    """What the server shows: rows with their bodies, conversations under way, and counts of spans."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.rows: list[dict[str, Any]] = []
        self.bodies: dict[str, Any] = {}
        self.open: list[dict[str, Any]] = []
        self.spans: dict[str, Any] = {"arrived": 0, "withoutId": 0, "scopes": {}}
        self.events: list[tuple[str, int | None, str]] = []
        self.is_over = False
        self.most = 500
        self.status = HTTPStatus.OK
        self.stream_type = "text/event-stream"
        self.is_held = False
        self.streams = 0
        self.resumed_from: list[str] = []
        self.searched: list[str] = []

    def add(self, body: Any, *, received_at: str = "2026-11-24T17:23:04.000Z", traces: int = 1, **more: Any) -> None:
        """Creates a call, or refuses one with a status and fields."""
        with self.changed:
            seq = len(self.rows) + 1
            call_id = None if more.get("status", 201) >= 400 else f"id-{seq}"
            made = row(body, seq=seq, received_at=received_at, call_id=call_id, traces=traces, **more)
            self.rows.append(made)
            self.bodies[call_id or str(seq)] = body
            self._say("row", seq, made)

    def change(self, seq: int, **changes: Any) -> None:
        """Changes a row that was there, as a trace that comes late does."""
        with self.changed:
            self.rows[seq - 1] = {**self.rows[seq - 1], **changes}
            self._say("row", seq, self.rows[seq - 1])

    def under_way(self, *conversations: dict[str, Any]) -> None:
        """Sets the conversations under way."""
        with self.changed:
            self.open = list(conversations)
            self._say("open", None, self.open)

    def spans_arrived(self, arrived: int, without_id: int, **scopes: int) -> None:
        """Sets how many spans have arrived."""
        with self.changed:
            self.spans = {"arrived": arrived, "withoutId": without_id, "scopes": scopes}
            self._say("spans", None, self.spans)

    def say(self, event: str, data: str) -> None:
        """Sends an event as it is."""
        with self.changed:
            self._say(event, None, data, as_json=False)

    def _say(self, event: str, seq: int | None, data: Any, *, as_json: bool = True) -> None:
        self.events.append((event, seq, json.dumps(data) if as_json else data))
        self.changed.notify_all()

    def listing(self, search: str) -> dict[str, Any]:
        with self.changed:
            wanted = search.casefold()
            found = [
                one
                for one in reversed(self.rows)
                if wanted in json.dumps(self.bodies[one["id"] or str(one["seq"])], ensure_ascii=False).casefold()
            ]
            rest = {"total": len(found), "open": self.open, "spans": self.spans}
            return {"seq": len(self.rows), "rows": found[: self.most], **rest}


class Serving:
    """Serves a board at an address of this machine until it is stopped, and again at the same address."""

    def __init__(self, board: Board | None = None, port: int = 0) -> None:
        self.board = board or Board()
        self._server = _Server(("127.0.0.1", port), partial(_Handler, self.board))
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Stops, with every stream."""
        with self.board.changed:
            self.board.is_over = True
            self.board.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def again(self, board: Board | None = None) -> Serving:
        """Serves at the same address, the same board or another."""
        self.board.is_over = False
        return Serving(board or self.board, self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # no connection outlives the server
    wbufsize = -1
    not_found: ClassVar[bytes] = b"not found"

    def __init__(self, board: Board, *arguments: Any) -> None:
        self._board = board
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answers a request."""
        address = urlsplit(self.path)
        parts = [unquote(one) for one in address.path.strip("/").split("/")]
        if parts[:2] == ["pages", "events"]:
            self._events()
        elif parts[:2] == ["pages", "calls"] and len(parts) == 2:
            search = parse_qs(address.query).get("search", [""])[0]
            self._board.searched.append(search)
            self._json(self._board.listing(search), self._board.status)
        elif parts[0] == "pages" and len(parts) == 3:
            found = self._board.bodies.get(parts[2])
            self._json(None if found is None else document(found))
        elif parts[0] == "static":
            self._file(parts[1])
        elif parts[0] in PAGES:
            self._file(PAGES[parts[0]])
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", self.not_found)

    def _file(self, name: str) -> None:
        path = STATIC / name
        if not path.is_file():
            self._send(HTTPStatus.NOT_FOUND, "text/plain", self.not_found)
        else:
            self._send(HTTPStatus.OK, TYPES[path.suffix], path.read_bytes())

    def _json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(HTTPStatus.NOT_FOUND if value is None else status, "application/json", json.dumps(value).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _events(self) -> None:
        board = self._board
        self.close_connection = True
        if board.status != HTTPStatus.OK:
            self._json({}, board.status)
            return
        last = self.headers.get("Last-Event-ID")
        if last is not None:
            board.resumed_from.append(last)
        with board.changed:
            board.changed.wait_for(lambda: board.is_over or not board.is_held)
            at = len(board.events)
            missed = [one for one in board.rows if last is not None and one["seq"] > int(last)]
            board.streams += 1
        try:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", board.stream_type)
            self.end_headers()
            self.wfile.write(b"retry: 200\n\n")
            for one in missed:
                self._event("row", one["seq"], json.dumps(one))
            self.wfile.flush()
            while not board.is_over:
                with board.changed:
                    if len(board.events) == at and not board.is_over:
                        board.changed.wait(10)
                    fresh, at = board.events[at:], len(board.events)
                for event, seq, data in fresh:
                    self._event(event, seq, data)
                self.wfile.write(b": still here\n\n")
                self.wfile.flush()
        except OSError:
            pass  # the page is gone
        finally:
            with board.changed:
                board.streams -= 1

    def _event(self, event: str, seq: int | None, data: str) -> None:
        number = "" if seq is None else f"id: {seq}\n"
        self.wfile.write(f"event: {event}\n{number}data: {data}\n\n".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""
