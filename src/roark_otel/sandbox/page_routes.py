"""The pages, and the JSON that they are drawn from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from roark_otel.pages.file import call_file
from roark_otel.pages.files import static
from roark_otel.sandbox.errors import not_found
from roark_otel.sandbox.json_values import object_at, text_at
from roark_otel.sandbox.stream import EventStream, Stream

if TYPE_CHECKING:
    from starlette.requests import Request

    from roark_otel.sandbox.arrivals import Arrivals
    from roark_otel.sandbox.json_values import JsonObject
    from roark_otel.sandbox.news import News
    from roark_otel.sandbox.recordings import Recordings
    from roark_otel.sandbox.viewing import Views

_FRESH: Final = {"cache-control": "no-store"}
_LONGEST_NUMBER: Final = len(str(2**63 - 1)) - 1


class PageRoutes:
    """The endpoints of pages.

    Args:
        arrivals: Knows what there is.
        views: Reads what they show.
        stream: Reads what arrives.
        news: Says when.
        recordings: The sound of calls.
    """

    def __init__(self, arrivals: Arrivals, views: Views, stream: Stream, news: News, recordings: Recordings) -> None:
        self._arrivals = arrivals
        self._views = views
        self._stream = stream
        self._news = news
        self._recordings = recordings

    def list_page(self, _request: Request, _body: bytes) -> Response:
        """Answers `GET /`."""
        return _shipped("list.html")

    def call_page(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /calls/{call_id}`: with 404 if the call does not exist, which the page says itself."""
        return _shipped("call.html", 200 if self._arrivals.has_call(_id(request)) else 404)

    def refused_page(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /refused/{seq}`."""
        return _shipped("call.html", 200 if self._arrivals.has_refused(_seq(request)) else 404)

    def compare_page(self, _request: Request, _body: bytes) -> Response:
        """Answers `GET /compare?a=ID&b=ID`."""
        return _shipped("compare.html")

    def static_file(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /static/{name}`."""
        return _shipped(str(request.path_params["name"]))

    def listing(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /pages/calls`."""
        return JSONResponse(self._views.listing(request.query_params.get("search", "")), headers=_FRESH)

    def call(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /pages/calls/{call_id}`."""
        return JSONResponse(self._document(request), headers=_FRESH)

    def refused(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /pages/refused/{seq}`."""
        seq = _seq(request)
        try:
            return JSONResponse(self._views.refused(seq), headers=_FRESH)
        except KeyError:
            raise not_found(f"A refused request with the number {seq}") from None

    def file(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /pages/calls/{call_id}/file`: one HTML file, with the sound in it if `sound=1` asks for it."""
        document = self._document(request)
        sound = (
            self._recordings.bytes_of(object_at(document, "recording"))
            if request.query_params.get("sound") == "1"
            else None
        )
        name = text_at(object_at(document, "body"), "externalId") or _id(request)
        headers = {**_FRESH, "content-disposition": _attachment(name)}
        return Response(call_file(document, sound=sound), media_type="text/html", headers=headers)

    def events(self, request: Request) -> Response:
        """Answers `GET /pages/events`: what arrives after `Last-Event-ID` or `?after=`, else from now on."""
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        after = request.headers.get("last-event-id", request.query_params.get("after"))
        return EventStream(self._stream, self._news, None if after is None else _number(after))

    def _document(self, request: Request) -> JsonObject:
        call_id = _id(request)
        try:
            return self._views.call(call_id, _addresses(request))
        except KeyError:
            raise not_found(f"The call {call_id!r}") from None


def _shipped(name: str, status: int = 200) -> Response:
    """Answers with a file that the package ships."""
    try:
        content, media_type = static(name)
    except KeyError:
        raise HTTPException(404) from None
    return Response(content, status, media_type=media_type, headers={"cache-control": "no-cache"})


def _id(request: Request) -> str:
    return str(request.path_params["call_id"])


def _seq(request: Request) -> int:
    return _number(str(request.path_params["seq"]))


def _number(text: str) -> int:
    """Reads the number of an arrival; 0, which no arrival has, if the text is not a number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else 0


def _addresses(request: Request) -> frozenset[str]:
    """Returns the addresses that mean this sandbox: that of the request, and those of loopback with its port."""
    server: tuple[str, int | None] = request.scope.get("server") or ("", None)
    loopback = {f"{name}:{server[1]}" for name in ("127.0.0.1", "localhost", "[::1]")}
    return frozenset({request.headers.get("host", "").lower(), *loopback})


def _attachment(name: str) -> str:
    """Returns a header that saves a file under a name of harmless characters, and, quoted, under the whole one."""
    plain = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip(".-")[:100] or "call"
    whole = quote(re.sub(r"[/\\\x00-\x1f\x7f]", "-", name).strip(". ")[:100] or "call", safe="")
    return f"attachment; filename=\"{plain}.html\"; filename*=UTF-8''{whole}.html"
