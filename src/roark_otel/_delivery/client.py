"""The client: makes one request to Roark and reads the outcome. The only module that knows httpx."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

import httpx
from opentelemetry import context as otel_context

from roark_otel._delivery.answers import append_receipt, is_listing, receipt
from roark_otel._model.receipts import TryAgain

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from roark_otel._model.receipts import Receipt

MAX_ANSWER_BYTES = 1024 * 1024
"""The most of an answer that is read."""


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
        # Following a redirect would send the key to another address.
        self._http = httpx.Client(
            base_url=base_url, headers=headers, timeout=timeout, transport=transport, follow_redirects=False
        )

    def create_call(self, body: bytes, *, tried: bool) -> Receipt:
        """Posts a call once.

        Args:
            body: The call as JSON.
            tried: Whether an earlier attempt may have created it.
        """
        return self._post("/v1/call", body, partial(receipt, tried=tried))

    def append_tools(self, call_id: str, body: bytes) -> Receipt:
        """Appends tool invocations to a call that Roark has. Roark skips those that it has already.

        Args:
            call_id: Roark's id for the call.
            body: JSON with at most 500 `toolInvocations`.
        """
        return self._post(f"/v1/call/{quote(call_id, safe='')}/tool-invocations", body, append_receipt)

    def _post(self, path: str, body: bytes, meaning: Callable[..., Receipt]) -> Receipt:
        token = otel_context.attach(_suppressed())
        try:
            with self._http.stream("POST", path, content=body, headers={"content-type": "application/json"}) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                content = _beginning_of(answer, time.monotonic() + self._timeout)
        except httpx.HTTPError as fault:
            # This request alone may have broken the connection; if none can be made, other calls cannot make one.
            is_broken = isinstance(fault, (httpx.ReadError, httpx.WriteError, httpx.ProtocolError, httpx.DecodingError))
            return TryAgain(None, type(fault).__name__, alone=is_broken)
        finally:
            otel_context.detach(token)
        return meaning(answer.status_code, headers, content, now=datetime.now(timezone.utc))

    def probe(self) -> Probe:
        """Lists one call, which changes nothing, to find out whether Roark answers and accepts the key."""
        token = otel_context.attach(_suppressed())
        try:
            with self._http.stream("GET", "/v1/call", params={"limit": 1}) as answer:
                content = _beginning_of(answer, time.monotonic() + self._timeout)
        except httpx.HTTPError as fault:
            return Unreachable(type(fault).__name__)
        finally:
            otel_context.detach(token)
        return Probed(answer.status_code, is_listing(content))

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()


def _beginning_of(answer: httpx.Response, deadline: float) -> bytes:
    content = bytearray()
    for chunk in answer.iter_bytes():
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
