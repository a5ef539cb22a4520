"""Sends all that came on to a further OTLP endpoint, as far as that keeps up: senders never wait for it.

What waits is in memory, up to a limit. Who must not lose anything there has the Collector send to both.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from roark_otel._safety.guard import log_once
from roark_otel._safety.threads import Mailbox
from roark_otel._safety.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._delivery.http_stack import httpx

MAX_FORWARDED_BYTES: Final = 64 * 1024 * 1024
"""The most bytes of requests that wait to be sent on."""

TRIES: Final = 5
_TRANSIENT: Final = frozenset({429, 502, 503, 504})
_WARNING: Final = 30


class Forwarding:
    """Sends requests on.

    Args:
        url: The base URL of the endpoint; requests go to `/v1/traces` below it.
        headers: Sent with each request, such as a key.
        seconds: The longest that a request may take.
    """

    def __init__(self, url: str, headers: Mapping[str, str], seconds: float) -> None:
        self._url = f"{url.rstrip('/')}/v1/traces"
        self._headers = headers
        self._seconds = seconds
        self._waiting: Mailbox[tuple[bytes, str] | None] = Mailbox()
        self._bytes = 0
        self.sent = self.lost = 0
        self._client: httpx.Client | None = None
        self.worker = Worker("roark-otel-forwarding", self._round, self._waiting.has_some)

    def __call__(self, request: bytes, content_type: str) -> None:
        """Takes a request, unpacked. It is lost if too much waits already."""
        if self._bytes + len(request) > MAX_FORWARDED_BYTES:
            self._lose("too much waits for it")
            return
        self._bytes += len(request)
        self._waiting.put((request, content_type))

    def stop(self, seconds: float) -> None:
        """Sends what waits, at most for these seconds."""
        self.worker.retire()
        self._waiting.put(None)
        deadline = time.monotonic() + seconds
        while self.worker.is_running and time.monotonic() < deadline:
            time.sleep(0.01)

    def _round(self) -> None:
        one = self._waiting.get(None)
        if one is None:
            return
        request, content_type = one
        try:
            self._send(request, content_type)
        finally:
            self._bytes -= len(request)

    def _send(self, request: bytes, content_type: str) -> None:
        from roark_otel._delivery.http_stack import httpx

        if self._client is None:
            self._client = httpx.Client(timeout=self._seconds, headers=dict(self._headers))
        why = ""
        for number in range(TRIES):
            try:
                answer = self._client.post(self._url, content=request, headers={"content-type": content_type})
            except httpx.HTTPError as fault:
                why = type(fault).__name__
            else:
                if answer.is_success:
                    self.sent += 1
                    return
                why = str(answer.status_code)
                if answer.status_code not in _TRANSIENT:
                    break
            time.sleep(min(8.0, 0.5 * 2**number))
        self._lose(why)

    def _lose(self, why: str) -> None:
        self.lost += 1
        log_once(_WARNING, (), "requests are not sent on to the further endpoint and are lost there (%s)", why)
