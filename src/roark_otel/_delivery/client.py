"""The client: makes one request to Roark and reads the outcome. The only module that knows httpx."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import quote
from urllib.request import getproxies

import httpx
from opentelemetry import context as otel_context

from roark_otel._delivery.answers import append_receipt, is_listing, receipt
from roark_otel._delivery.bounds import Allowance, bound
from roark_otel._delivery.unpacking import ACCEPTED, UnpackingError, unpacked
from roark_otel._model.receipts import TryAgain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import SecretStr

    from roark_otel._model.receipts import Receipt

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

_JSON = {"content-type": "application/json"}


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
        timeout: The seconds that one request may take, from the look-up of the host to the last byte of the answer.
        transport: Sends requests; by default over the network, through the proxies of the environment.
    """

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr,
        project_id: str | None,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {
            "authorization": f"Bearer {api_key.get_secret_value()}",
            "user-agent": "roark-otel",
            "accept-encoding": ACCEPTED,
        }
        if project_id:
            headers["x-roark-project-id"] = project_id
        self._exchanges = Exchanges(timeout, transport)
        # It only builds requests: to send one through it would take as long again as to send it.
        sends = self._exchanges.transport
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout, transport=sends)
        model = self._http.build_request("POST", "/v1/call", headers=_JSON)
        model.headers.pop("content-length", None)
        self._url, self._headers, self._extensions = model.url, model.headers, model.extensions

    def end_at(self, deadline: float) -> None:
        """Has requests be over by this monotonic time, if their timeout would be later."""
        self._exchanges.ends_at = deadline

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
            answer, content = self._exchanges.send(request)
        except httpx.HTTPError as fault:
            # This request alone may have broken the connection; if none can be made, other calls cannot make one.
            is_broken = isinstance(fault, (httpx.ReadError, httpx.WriteError, httpx.ProtocolError, httpx.DecodingError))
            return TryAgain(None, type(fault).__name__, alone=is_broken)
        return meaning(answer.status_code, answer.headers, content, now=datetime.now(timezone.utc))

    def probe(self) -> Probe:
        """Lists one call, which changes nothing, to find out whether Roark answers and accepts the key."""
        try:
            answer, content = self._exchanges.send(self._http.build_request("GET", "/v1/call", params={"limit": 1}))
        except httpx.HTTPError as fault:
            return Unreachable(type(fault).__name__)
        return Probed(answer.status_code, is_listing(content))

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()


class Posting:
    """Posts to any URL, within the same bounds as calls are posted; made and used on one thread."""

    def __init__(self) -> None:
        self._exchanges = Exchanges(DEFAULT_SECONDS)

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
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise OSError(type(fault).__name__) from fault
        return answer.status_code, answer.headers, content

    def close(self) -> None:
        """Closes the connection."""
        self._exchanges.transport.close()


class Exchanges:
    """Sends requests and reads their answers, one after the other, each within one time and number of bytes.

    Args:
        timeout: The most seconds for one.
        transport: Sends requests; by default over the network, through the proxies of the environment. Another one has
            to keep to the timeout itself until its answer's body begins.

    Attributes:
        ends_at: The monotonic time by which each of them has to be over, if its timeout would be later.
    """

    def __init__(self, timeout: float, transport: httpx.BaseTransport | None = None) -> None:
        self.ends_at = float("inf")
        self._timeout = timeout
        self._allowance = Allowance()
        self.transport = _network(self._allowance) if transport is None else transport
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


class _ByProxy(httpx.BaseTransport):
    """Sends requests with a client, which alone knows which of them go through a proxy of the environment."""

    def __init__(self, allowance: Allowance) -> None:
        self._http = httpx.Client()
        for transport in _transports(self._http):
            bound(transport, allowance)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._http.send(request, stream=True, follow_redirects=False)

    def close(self) -> None:
        self._http.close()


def _network(allowance: Allowance) -> httpx.BaseTransport:
    if getproxies().keys() - {"no"}:
        return _ByProxy(allowance)
    transport = httpx.HTTPTransport()
    bound(transport, allowance)
    return transport


def _transports(client: httpx.Client) -> list[object]:
    """Returns what a client sends requests with: itself, and by the proxies that it has found."""
    private = vars(client)
    return [one for one in (private.get("_transport"), *private.get("_mounts", {}).values()) if one is not None]


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
