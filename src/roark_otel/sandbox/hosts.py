"""Which requests are meant for this machine: a page of another site may have a browser send some.

A name that an attacker owns may be made to mean this machine (DNS rebinding), so a request has to name it as a person
here would: by an address, by `localhost`, as `--host` or `--allow-host` does, or, where other machines may connect, by
a name without a dot, which no public name server gives to an attacker: that of a container, for example.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from roark_otel.sandbox.errors import forbidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from roark_otel.sandbox.news import News

# A Host header: nothing that a URL could have around it, such as a user's name.
_HOST: Final = re.compile(r"(?:\[([0-9a-f:.]+)(?:%[\w.~-]+)?\]|([^\s\[\]@/\\?#:,;]+))(?::\d{1,5})?", re.ASCII)

_PAGES: Final = re.compile(r"/|/compare|/(?:calls|refused)/.+", re.DOTALL)


def is_public(host: str) -> bool:
    """Returns whether other machines may connect to a server that listens on this name or address."""
    try:
        return not ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() != "localhost"


def host_name(written: str) -> str:
    """Returns the name in `name` or `name:port`, as a Host header has it.

    Raises:
        ValueError: if it is something else, such as a URL.
    """
    match = _HOST.fullmatch(written.lower())
    if match is None:
        raise ValueError(f"{written!r} is not the name of a machine, such as host.docker.internal")
    return _plain(match[1] or match[2])


class Hosts:
    """The names of this sandbox.

    Args:
        host: The name or address that the server listens on.
        allowed: Further names.

    Raises:
        ValueError: if one of them is not a name.
    """

    def __init__(self, host: str, allowed: Iterable[str] = ()) -> None:
        own = {"localhost", host, *map(host_name, allowed)}
        self._is_public = is_public(host)
        if self._is_public:
            own.add(socket.gethostname())
        self._names = frozenset(_plain(name) for name in own)

    def has(self, written: str) -> bool:
        """Returns whether a Host header means this sandbox."""
        try:
            name = host_name(written)
        except ValueError:
            return False
        if name in self._names or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return self._is_public and name != "" and "." not in name
        return True  # an address is not looked up, so DNS cannot make it mean another machine


class OwnHosts:
    """Answers 403 to a request for another host, and to one that a page of another site has made.

    Args:
        app: The app to protect.
        hosts: The names of this sandbox.
        news: Hears of what is refused.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, news: News) -> None:
        self._app = app
        self._hosts = hosts
        self._news = news

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        headers = Headers(scope=scope)
        if not self._hosts.has(headers.get("host", "")):
            why = "the Host header names another host (see --allow-host)"
        elif _is_foreign(headers) and not _is_visit(scope, headers):
            why = "the request comes from a page of another site"
        else:
            await self._app(scope, receive, send)
            return
        self._news.turned_away(403, why)
        await forbidden(why).response()(scope, receive, send)


def _is_foreign(headers: Headers) -> bool:
    """Returns whether a browser sends a request for a page of another site, or of another port."""
    sites = headers.getlist("sec-fetch-site")
    if sites:
        return any(site not in {"same-origin", "none"} for site in sites)
    # Browsers leave Sec-Fetch-Site out where the connection is not secure and the host is not this machine.
    own = {f"{scheme}://{headers.get('host', '')}".lower() for scheme in ("http", "https")}
    return any(origin.lower() not in own for origin in headers.getlist("origin"))


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Returns whether a person follows a link to a page, as in a chat: the other site learns nothing of it."""
    return (
        scope["method"] == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and _PAGES.fullmatch(scope["path"]) is not None
    )


def _plain(name: str) -> str:
    return name.lower().strip("[]").removesuffix(".")
