"""The client: makes one request to Roark and reads the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from roark_otel._delivery.answers import append_receipt, is_listing, receipt
from roark_otel._delivery.exchanges import FAILURES, Exchanges
from roark_otel._delivery.http_stack import httpx
from roark_otel._delivery.unpacking import ACCEPTED
from roark_otel._model.receipts import TryAgain

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from roark_otel._model.receipts import Receipt

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
        headers = {
            "authorization": f"Bearer {api_key.get_secret_value()}",
            "user-agent": "roark-otel",
            "accept-encoding": ACCEPTED,
        }
        if project_id:
            headers["x-roark-project-id"] = project_id
        self._exchanges = Exchanges(base_url, timeout, transport)
        # It only builds requests: to send one through it would take as long again as to send it.
        sends = self._exchanges.transport
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout, transport=sends, trust_env=False)
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
        except FAILURES as fault:
            # This request alone may have broken the connection; if none can be made, other calls cannot make one.
            is_broken = isinstance(fault, (httpx.ReadError, httpx.WriteError, httpx.ProtocolError, httpx.DecodingError))
            return TryAgain(None, type(fault).__name__, alone=is_broken)
        return meaning(answer.status_code, answer.headers, content, now=datetime.now(timezone.utc))

    def probe(self) -> Probe:
        """Lists one call, which changes nothing, to find out whether Roark answers and accepts the key."""
        try:
            answer, content = self._exchanges.send(self._http.build_request("GET", "/v1/call", params={"limit": 1}))
        except FAILURES as fault:
            return Unreachable(type(fault).__name__)
        return Probed(answer.status_code, is_listing(content))

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()
