"""Builds the ASGI app of the sandbox from its routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from roark_otel.sandbox.access import PageKeys
from roark_otel.sandbox.arrivals import Arrivals
from roark_otel.sandbox.call_routes import CallRoutes
from roark_otel.sandbox.calls import Calls
from roark_otel.sandbox.collector import MAX_BODY, Collector
from roark_otel.sandbox.edge import Keys, SafeHeaders, Stopped, WholeBody
from roark_otel.sandbox.errors import ApiError
from roark_otel.sandbox.faults import FaultyApp
from roark_otel.sandbox.hosts import Hosts, OwnHosts
from roark_otel.sandbox.openapi import openapi
from roark_otel.sandbox.page_routes import PageRoutes
from roark_otel.sandbox.recordings import Recordings
from roark_otel.sandbox.records import now
from roark_otel.sandbox.refusals import Refusals
from roark_otel.sandbox.spans import Spans
from roark_otel.sandbox.stream import Stream
from roark_otel.sandbox.traced import Traced
from roark_otel.sandbox.viewing import Views

if TYPE_CHECKING:
    from roark_otel.sandbox.database import Database
    from roark_otel.sandbox.news import News
    from roark_otel.sandbox.options import SandboxOptions


class _IdConvertor(Convertor[str]):
    """Matches any id in a path, also one with slashes and line feeds."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("roark_id", _IdConvertor())

_Endpoint: TypeAlias = Callable[[Request, bytes], Response]


def build_app(database: Database, options: SandboxOptions, news: News) -> Starlette:
    """Builds the app.

    Args:
        database: Stores the calls and spans.
        options: What the sandbox was asked to be.
        news: Hands on what arrives.
    """
    spans, arrivals, calls, traced = Spans(database), Arrivals(database), Calls(database), Traced(database)
    recordings = Recordings(options.recordings, options.token, options.api_key)
    views = Views(arrivals, calls, spans, traced, recordings)
    pages = PageRoutes(arrivals, views, Stream(arrivals, views, traced), news, recordings)
    routes = [
        *_api_routes(CallRoutes(calls, spans, news, options.max_body), Collector(spans, news)),
        *_page_routes(pages),
        # An external id may contain a slash, which arrives here unquoted.
        _route("/recordings/{name:roark_id}", GET=recordings.answer),
    ]
    edge = [
        Middleware(SafeHeaders),
        Middleware(Stopped),
        Middleware(OwnHosts, hosts=Hosts(options.host, options.allow_hosts), news=news),
        Middleware(PageKeys, token=options.token, api_key=options.api_key),
        Middleware(WholeBody, keep=max(options.max_body, MAX_BODY) + 1),
        Middleware(Refusals, arrivals=arrivals, news=news),
        Middleware(FaultyApp, faults=options.faults),
        Middleware(Keys, api_key=options.api_key),
    ]
    handlers = {ApiError: _api_error, HTTPException: _http_error}
    app = Starlette(routes=routes, middleware=edge, exception_handlers=handlers)
    # A trailing slash is a mistake that a developer should see here, so the sandbox answers 404 and not a redirect.
    app.router.redirect_slashes = False
    return app


def _api_routes(calls: CallRoutes, collector: Collector) -> list[Route]:
    return [
        _route("/v1/call", POST=calls.create, GET=calls.list),
        _route("/v1/call/{call_id}", GET=calls.get),
        _route("/v1/call/{call_id}/transcript", GET=calls.get_transcript),
        _route("/v1/call/{call_id}/tool-invocations", POST=calls.append_tool_invocations),
        _route("/v1/call/{call_id}/properties", PATCH=calls.update_properties),
        _route("/v1/traces", POST=collector.export),
        _route("/v1/otel/v1/traces", POST=collector.export),
        _route("/v1/health", GET=_health),
        # The official SDK asks here.
        _route("/health", GET=_health),
        _route("/openapi.json", GET=openapi),
    ]


def _page_routes(pages: PageRoutes) -> list[Route]:
    # An id may contain a slash here too.
    return [
        _route("/", GET=pages.list_page),
        _route("/calls/{call_id:roark_id}", GET=pages.call_page),
        _route("/refused/{seq}", GET=pages.refused_page),
        _route("/compare", GET=pages.compare_page),
        _route("/static/{name:roark_id}", GET=pages.static_file),
        _route("/pages/calls", GET=pages.listing),
        _route("/pages/calls/{call_id:roark_id}/file", GET=pages.file),
        _route("/pages/calls/{call_id:roark_id}", GET=pages.call),
        _route("/pages/refused/{seq}", GET=pages.refused),
        Route("/pages/events", pages.events, methods=["GET"]),
    ]


def _route(path: str, **endpoints: _Endpoint) -> Route:
    async def dispatch(request: Request) -> Response:
        endpoint = endpoints["GET" if request.method == "HEAD" else request.method]
        # Validation and SQLite block, so a thread of the pool does both.
        return await run_in_threadpool(endpoint, request, await request.body())

    return Route(path, dispatch, methods=list(endpoints))


def _health(_request: Request, _body: bytes) -> Response:
    return JSONResponse({"data": {"status": "healthy", "timestamp": now(), "version": "sandbox"}})


async def _api_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return error.response()


async def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    body = {"error": {"type": "http_error", "message": error.detail}}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)
