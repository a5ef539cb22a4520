"""Middleware that every request passes before it reaches its endpoint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

from roark_otel.sandbox.access import bearer, same_secret
from roark_otel.sandbox.errors import Issue, invalid, unauthorized

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self';"
    " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_SAFE: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class SafeHeaders:
    """Forbids browsers to do more with an answer than a page of the sandbox needs.

    Args:
        app: The app behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, answer)


class Stopped:
    """Answers 503 to a request that still waits when the sandbox stops, instead of a traceback in the log.

    Args:
        app: The app behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        has_begun = False

        async def answer(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except asyncio.CancelledError:  # only a stop cancels a request
            if not has_begun:
                body = {"error": {"type": "stopping", "message": "the sandbox stops"}}
                await JSONResponse(body, status_code=503, headers={"connection": "close"})(scope, receive, send)


class WholeBody:
    """Reads the whole body of a request before anything is answered.

    A server that answers 401 or 413 in the middle of a long body closes the connection, and the sender may see the
    broken connection instead of the answer. Bytes over the limit are read and dropped; the endpoint sees one byte too
    many and answers 413.
    """

    def __init__(self, app: ASGIApp, keep: int) -> None:
        self._app = app
        self._keep = keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")[: self._keep - len(body)]
            more = message.get("more_body", False)
        pending: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)


class Keys:
    """Answers 401 to a request under `/v1/` that lacks the right key.

    Args:
        app: The app to protect.
        api_key: The only key to accept. None: any key that is not empty.
    """

    def __init__(self, app: ASGIApp, api_key: str | None) -> None:
        self._app = app
        self._api_key = api_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        path = scope["path"]
        if not path.startswith("/v1/") or path == "/v1/health":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._accepts(headers):
            await unauthorized().response()(scope, receive, send)
        elif headers.get("x-roark-project-id", "set") == "":
            await invalid(Issue("X-Roark-Project-Id", "must not be empty")).response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _accepts(self, headers: Headers) -> bool:
        key = bearer(headers)
        return key != b"" and (self._api_key is None or same_secret(key, self._api_key))
