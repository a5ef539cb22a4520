"""The routes of the sandbox, put together."""

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
    """A Roark over a database.

    Args:
        database: Where everything is kept.
        api_key: The one key that is accepted; with `None`, any that is not empty.
        max_body: How many bytes a request about calls may have.
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
        # Where the official SDK looks for it.
        _route("/health", GET=_health),
        # An external id may hold a slash, which arrives here unquoted.
        _route("/recordings/{external_id:path}.wav", GET=recording),
    ]
    edge = [
        Middleware(WholeBody, keep=max(max_body, MAX_BODY) + 1),
        Middleware(Keys, api_key=api_key),
    ]
    handlers = {ApiError: _api_error, HTTPException: _http_error}
    app = Starlette(routes=routes, middleware=edge, exception_handlers=handlers)
    # An address with a slash too many is a mistake that a sender should see here, not be led around.
    app.router.redirect_slashes = False
    return app


def _route(path: str, **endpoints: _Endpoint) -> Route:
    async def dispatch(request: Request) -> Response:
        endpoint = endpoints["GET" if request.method == "HEAD" else request.method]
        # Validation and SQLite block; other requests are served meanwhile.
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
