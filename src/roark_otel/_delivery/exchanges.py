"""One exchange with a server after the other: a request, the way it takes, and the beginning of its answer."""

from __future__ import annotations

import ssl
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import urlsplit

from opentelemetry import context as otel_context
from typing_extensions import assert_never

from roark_otel._delivery.bounds import Allowance, bound
from roark_otel._delivery.http_stack import httpx
from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._delivery.surroundings import Direct, Proxied, route_to, trusted
from roark_otel._delivery.unpacking import ACCEPTED, UnpackingError, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_ANSWER_BYTES = 1024 * 1024
"""The most bytes of an answer's body that are read, and that it is unpacked to."""

MAX_PIECES = 10_000
"""The most pieces that these bytes may come in: each costs time, and a body may come in chunks of one byte."""

FRAMING_BYTES = 64 * 1024
"""The bytes of an answer that may come between the pieces of its body."""

LEAST_SECONDS = 0.01
"""The shortest timeout of a request: none at all would be no timeout."""

DEFAULT_SECONDS = 60.0
"""The most seconds of an exchange whose caller names fewer."""

FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError)
"""What a request raises that gets no answer: httpx translates most of it, but not the fault of a host's name."""

Trust: TypeAlias = "Callable[[], ssl.SSLContext]"


def certificates() -> ssl.SSLContext:
    """Returns what connections trust: what the environment names, else the authorities that httpx comes with.

    Raises:
        Misconfigured: if it cannot be read.
    """
    return trusted(partial(httpx.create_ssl_context, trust_env=False))


class Posting:
    """Posts to a URL and those below it, within the same bounds as calls are posted; for one thread at a time.

    Args:
        url: The URL.
        trust: Makes what connections trust, if they are encrypted.

    Raises:
        Misconfigured: if the environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, url: str, trust: Trust = certificates) -> None:
        self._exchanges = Exchanges(url, DEFAULT_SECONDS, trust=trust)

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Posts a body once. Returns the status, the headers and the beginning of the body of the answer.

        Raises:
            OSError: if no answer comes in time.
        """
        own = {"accept-encoding": ACCEPTED, "content-length": str(len(body))}
        named = {name: value for name, value in headers.items() if name.lower() not in own}
        timeouts = {"timeout": _timeouts(seconds)}
        self._exchanges.ends_at = time.monotonic() + seconds
        try:
            request = httpx.Request("POST", url, headers={**named, **own}, content=body, extensions=timeouts)
            answer, content = self._exchanges.send(request)
        except FAILURES as fault:
            raise OSError(type(fault).__name__) from fault
        return answer.status_code, answer.headers, content

    def close(self) -> None:
        """Closes the connection."""
        self._exchanges.transport.close()


class Exchanges:
    """Sends requests and reads their answers, one after the other, each within one time and number of bytes.

    Args:
        url: Where they go, or to URLs below it.
        timeout: The most seconds for one.
        transport: Sends requests; by default over the network, by the proxy of the environment. Another one has to keep
            to the timeout itself until its answer's body begins.
        trust: Makes what connections trust, if they are encrypted.

    Attributes:
        ends_at: The monotonic time by which each of them has to be over, if its timeout would be later.

    Raises:
        Misconfigured: if the environment names a proxy or certificates that cannot be used.
    """

    def __init__(
        self, url: str, timeout: float, transport: httpx.BaseTransport | None = None, trust: Trust = certificates
    ) -> None:
        self.ends_at = float("inf")
        self._timeout = timeout
        self._allowance = Allowance()
        self.transport = _network(url, self._allowance, trust) if transport is None else transport
        self._context = _suppressed()

    def send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """Sends a request, and reads the beginning of the answer. Follows no redirect: it would take the key with it.

        Raises:
            httpx.HTTPError: if no answer comes in time, or it is too large before its body.
        """
        now = time.monotonic()
        ends_at = min(now + self._timeout, self.ends_at)
        if ends_at < now + self._timeout:
            request.extensions = {**request.extensions, "timeout": _timeouts(max(LEAST_SECONDS, ends_at - now))}
        self._allowance.begin(max(ends_at, now + LEAST_SECONDS))
        token = otel_context.attach(self._context)
        try:
            with closing(self.transport.handle_request(request)) as answer:
                self._allowance.allow(MAX_ANSWER_BYTES + FRAMING_BYTES)
                body = _beginning_of(answer, ends_at)
        finally:
            otel_context.detach(token)
        try:
            return answer, unpacked(body, answer.headers.get("content-encoding", ""), MAX_ANSWER_BYTES)
        except UnpackingError as fault:
            raise httpx.DecodingError(str(fault)) from fault


def _network(url: str, allowance: Allowance, trust: Trust) -> httpx.HTTPTransport:
    """Returns what sends requests to a URL and those below it, by the proxy that the environment names for it.

    Raises:
        Misconfigured: if that proxy, or the certificates that the environment names, cannot be used.
    """
    try:
        httpx.URL(url)
    except httpx.InvalidURL:
        raise Misconfigured("ROARK_BASE_URL", "is not a URL that requests can be sent to") from None
    route = route_to(url)
    # What is not https goes to this machine, and needs no authorities: reading them takes 20 ms.
    context = trust() if urlsplit(url).scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    match route:
        case Direct():
            transport = httpx.HTTPTransport(verify=context, trust_env=False)
        case Proxied(proxy, variable):
            transport = _by_proxy(proxy, variable, context)
        case _:
            assert_never(route)
    bound(transport, allowance)
    return transport


def _by_proxy(url: str, variable: str, context: ssl.SSLContext) -> httpx.HTTPTransport:
    try:
        # A proxy that speaks TLS itself is one of the company whose certificates the environment names.
        proxy = httpx.Proxy(url, ssl_context=context if urlsplit(url).scheme == "https" else None)
        return httpx.HTTPTransport(verify=context, proxy=proxy, trust_env=False)
    except ImportError:
        raise Misconfigured(variable, 'names a SOCKS proxy, which needs socksio: pip install "httpx[socks]"') from None
    except (httpx.InvalidURL, ValueError, OSError):
        raise Misconfigured(variable, "is not the URL of a proxy, such as http://proxy.example.com:3128") from None


def _timeouts(seconds: float) -> dict[str, float | None]:
    return httpx.Timeout(seconds).as_dict()


def _beginning_of(answer: httpx.Response, deadline: float) -> bytes:
    content = bytearray()
    # As it was sent: httpx would unpack a whole piece at once, whatever comes out of it.
    for pieces, chunk in enumerate(cast("Iterable[bytes]", answer.stream), start=1):
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer took too long")
        if pieces > MAX_PIECES:
            raise httpx.ReadError("the answer came in too many pieces")
        content += chunk
        if len(content) >= MAX_ANSWER_BYTES:
            break
    return bytes(content[:MAX_ANSWER_BYTES])


def _suppressed() -> otel_context.Context:
    """Returns a context in which no instrumentation traces the request or adds headers to it.

    The SDK's exporters use the same key, which has no public name. Without it the request would merely be traced.
    """
    key = getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", None)
    return otel_context.Context() if key is None else otel_context.set_value(key, True, otel_context.Context())
