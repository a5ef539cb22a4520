"""The client: makes one request to Roark and reads the outcome. The only module that knows httpx."""

from __future__ import annotations

import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import quote, urlsplit

import httpx
from opentelemetry import context as otel_context
from typing_extensions import assert_never

from roark_otel._delivery.answers import append_receipt, is_listing, receipt
from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._delivery.surroundings import Direct, Proxied, route_to, trusted
from roark_otel._model.receipts import TryAgain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import SecretStr

    from roark_otel._model.receipts import Receipt

MAX_ANSWER_BYTES = 1024 * 1024
"""The most of an answer that is read."""

LEAST_SECONDS = 0.01
"""The shortest timeout of a request: none at all would be no timeout."""

_JSON = {"content-type": "application/json"}

_FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError)
"""What a request raises that gets no answer: httpx translates most of it, but not the fault of a host's name."""


@dataclass(frozen=True, slots=True)
class Probed:
    """Something answered a probe. `is_roark`: whether it answered as Roark does, and not as a proxy's page."""

    status: int
    is_roark: bool


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing answered a probe. `why`: the type name of the error."""

    why: str


Probe: TypeAlias = "Probed | Unreachable"


class Client:
    """A kept-alive connection to Roark, made and used on one thread.

    Args:
        base_url: The URL of Roark's API.
        api_key: The key; it is sent in a header and kept nowhere else.
        project_id: The project, for a key that belongs to a user.
        timeout: The seconds that one request may take.
        transport: Sends requests; by default over the network, through the proxies of the environment.

    Raises:
        Misconfigured: if the environment names a proxy or certificates that cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr,
        project_id: str | None,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"authorization": f"Bearer {api_key.get_secret_value()}", "user-agent": "roark-otel"}
        if project_id:
            headers["x-roark-project-id"] = project_id
        self._timeout = timeout
        self._transport = _network(base_url) if transport is None else transport
        # It only builds requests: to send one through it would take as long again as to send it.
        self._http = httpx.Client(
            base_url=base_url, headers=headers, timeout=timeout, transport=self._transport, trust_env=False
        )
        model = self._http.build_request("POST", "/v1/call", headers=_JSON)
        model.headers.pop("content-length", None)
        self._url, self._headers, self._extensions = model.url, model.headers, model.extensions
        self._context = _suppressed()
        self._ends_at = float("inf")

    def end_at(self, deadline: float) -> None:
        """Has requests be over by this monotonic time, if their timeout would be later."""
        self._ends_at = deadline

    def create_call(self, body: bytes, *, tried: bool) -> Receipt:
        """Posts a call once.

        Args:
            body: The call as JSON.
            tried: Whether an earlier attempt may have created it.
        """
        headers = [*self._headers.raw, (b"content-length", b"%d" % len(body))]
        stream = httpx.ByteStream(body)
        request = httpx.Request("POST", self._url, headers=headers, stream=stream, extensions=self._extensions)
        return self._post(request, partial(receipt, tried=tried))

    def append_tools(self, call_id: str, body: bytes) -> Receipt:
        """Appends tool invocations to a call that Roark has. Roark skips those that it has already.

        Args:
            call_id: Roark's id for the call.
            body: JSON with at most 500 `toolInvocations`.
        """
        path = f"/v1/call/{quote(call_id, safe='')}/tool-invocations"
        return self._post(self._http.build_request("POST", path, content=body, headers=_JSON), append_receipt)

    def _post(self, request: httpx.Request, meaning: Callable[..., Receipt]) -> Receipt:
        try:
            answer, content = self._send(request)
        except _FAILURES as fault:
            # This request alone may have broken the connection; if none can be made, other calls cannot make one.
            is_broken = isinstance(fault, (httpx.ReadError, httpx.WriteError, httpx.ProtocolError, httpx.DecodingError))
            return TryAgain(None, type(fault).__name__, alone=is_broken)
        return meaning(answer.status_code, answer.headers, content, now=datetime.now(timezone.utc))

    def probe(self) -> Probe:
        """Lists one call, which changes nothing, to find out whether Roark answers and accepts the key."""
        try:
            answer, content = self._send(self._http.build_request("GET", "/v1/call", params={"limit": 1}))
        except _FAILURES as fault:
            return Unreachable(type(fault).__name__)
        return Probed(answer.status_code, is_listing(content))

    def _send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """Sends a request, and reads the beginning of the answer. Follows no redirect: it would take the key with it.

        Raises:
            httpx.HTTPError: if no answer comes.
        """
        now = time.monotonic()
        if self._ends_at < now + self._timeout:
            # Each step of a request has this timeout: to find the host, to connect, to write and to read.
            request.extensions = {**request.extensions, "timeout": _timeouts(max(LEAST_SECONDS, self._ends_at - now))}
        token = otel_context.attach(self._context)
        try:
            with closing(self._transport.handle_request(request)) as answer:
                return answer, _beginning_of(answer, min(self._ends_at, time.monotonic() + self._timeout))
        finally:
            otel_context.detach(token)

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()


def certificates() -> ssl.SSLContext:
    """Returns what connections trust: what the environment names, else the authorities that httpx comes with.

    Raises:
        Misconfigured: if it cannot be read.
    """
    return trusted(partial(httpx.create_ssl_context, trust_env=False))


def _network(url: str) -> httpx.HTTPTransport:
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
    context = certificates() if urlsplit(url).scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    match route:
        case Direct():
            return httpx.HTTPTransport(verify=context, trust_env=False)
        case Proxied(proxy, variable):
            return _by_proxy(proxy, variable, context)
    assert_never(route)


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
    # Only what is compressed needs httpx's decoders.
    is_plain = "content-encoding" not in answer.headers
    for chunk in cast("Iterable[bytes]", answer.stream) if is_plain else answer.iter_bytes():
        # httpx's timeout is for each read; an answer that drips must not delay all other calls.
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer took too long")
        content += chunk
        if len(content) >= MAX_ANSWER_BYTES:
            break
    return bytes(content)


def _suppressed() -> otel_context.Context:
    """Returns a context in which no instrumentation traces the request or adds headers to it.

    The SDK's exporters use the same key, which has no public name. Without it the request would merely be traced.
    """
    key = getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", None)
    return otel_context.Context() if key is None else otel_context.set_value(key, True, otel_context.Context())
