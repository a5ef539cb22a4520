"""Builds the ASGI app of the sandbox from its routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from roark_otel.sandbox.call_routes import CallRoutes
from roark_otel.sandbox.calls import Calls
from roark_otel.sandbox.collector import MAX_BODY, Collector
from roark_otel.sandbox.edge import Keys, WholeBody
from roark_otel.sandbox.errors import ApiError
from roark_otel.sandbox.recordings import recording
from roark_otel.sandbox.records import now
from roark_otel.sandbox.spans import Spans

if TYPE_CHECKING:
    from roark_otel.sandbox.database import Database

_Endpoint: TypeAlias = Callable[[Request, bytes], Response]


def build_app(database: Database, api_key: str | None, max_body: int) -> Starlette:
    """Builds the app.

    Args:
        database: Stores the calls and spans.
        api_key: The only key to accept. None: any key that is not empty.
        max_body: The largest body of a request about calls, in bytes.
    """
    spans = Spans(database)
    calls = CallRoutes(Calls(database), spans, max_body)
    collector = Collector(spans)
    routes = [
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
        # An external id may contain a slash, which arrives here unquoted.
        _route("/recordings/{external_id:path}.wav", GET=recording),
    ]
    edge = [
        Middleware(WholeBody, keep=max(max_body, MAX_BODY) + 1),
        Middleware(Keys, api_key=api_key),
    ]
    handlers = {ApiError: _api_error, HTTPException: _http_error}
    app = Starlette(routes=routes, middleware=edge, exception_handlers=handlers)
    # A trailing slash is a mistake that a developer should see here, so the sandbox answers 404 and not a redirect.
    app.router.redirect_slashes = False
    return app


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
