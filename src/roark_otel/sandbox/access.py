"""Who may see the pages: any local user on loopback; else only who has the link that the terminal shows, or the key."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from roark_otel.sandbox.hosts import is_public

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Receive, Scope, Send

_PARAMETER: Final = "token"
_OPEN: Final = ("/v1/", "/recordings/")  # the API has its key, and recordings their own rule
_OPEN_EXACTLY: Final = frozenset({"/health", "/openapi.json"})
_HELP: Final = (
    "The pages of this sandbox need the link that its terminal shows: it has a token. With a cookie of an earlier run,"
    " or right after a link in another site, load it again.\n"
)


def page_token(host: str, api_key: str | None) -> str:
    """Returns a new secret for the links to the pages; an empty one where they need none.

    Args:
        host: The name or address that the server listens on.
        api_key: The only key that the API accepts. None: any.
    """
    return secrets.token_urlsafe(24) if api_key is not None or is_public(host) else ""


def page_link(url: str, token: str) -> str:
    """Returns the link to the pages.

    Args:
        url: The base URL.
        token: Their secret, or an empty text.
    """
    return f"{url}/?{_PARAMETER}={token}" if token else f"{url}/"


def same_secret(given: bytes, right: str) -> bool:
    """Compares in a time that says nothing of how much was right."""
    return hmac.compare_digest(given, right.encode("utf-8"))


def bearer(headers: Headers) -> bytes:
    """Returns the key of a request as it was sent; empty without one."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip().encode("latin-1") if scheme.lower() == "bearer" else b""


class PageKeys:
    """Answers 401 to a request for a page that has neither the cookie of a link nor a key.

    Args:
        app: The app to protect.
        token: The secret of the links. Empty: pages need none.
        api_key: The key that the API accepts, and the pages too. None: any, which is not enough for pages.
    """

    def __init__(self, app: ASGIApp, token: str, api_key: str | None) -> None:
        self._app = app
        self._token = token
        self._api_key = api_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        path: str = scope["path"]
        if path.startswith(_OPEN) or path in _OPEN_EXACTLY:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if self._token and same_secret(request.query_params.get(_PARAMETER, "").encode("utf-8"), self._token):
            await self._with_cookie(request)(scope, receive, send)
        elif may_see(request, self._token, self._api_key):
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse(_HELP, status_code=401)(scope, receive, send)

    def _with_cookie(self, request: Request) -> Response:
        # To the same address without the secret, so that it stays in no history. One slash: two would be another host.
        path = "/" + quote(request.scope["path"].lstrip("/\\"), safe="/")
        query = urlencode([pair for pair in parse_qsl(request.url.query) if pair[0] != _PARAMETER])
        answer = RedirectResponse(f"{path}?{query}" if query else path, status_code=303)
        answer.set_cookie(_cookie(request), self._token, httponly=True, samesite="strict")
        return answer


def may_see(request: Request, token: str, api_key: str | None) -> bool:
    """Returns whether a request may see what the pages show."""
    if not token:
        return True
    key = bearer(request.headers)
    given = request.cookies.get(_cookie(request), "").encode("utf-8")
    return same_secret(given, token) or same_secret(key, token) or (api_key is not None and same_secret(key, api_key))


def _cookie(request: Request) -> str:
    """Returns the name of the cookie. Cookies are shared by all ports of a host."""
    server: tuple[str, int | None] = request.scope.get("server") or ("", None)
    return f"roark-sandbox-{server[1]}"
