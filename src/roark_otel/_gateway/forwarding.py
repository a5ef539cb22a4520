"""Sends all that came on to a further OTLP endpoint, as far as that keeps up: senders never wait for it.

What waits is in memory, up to a limit. Who must not lose anything there has the Collector send to both.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from roark_otel._delivery.exchanges import Posting
from roark_otel._safety.guard import log_once, logger
from roark_otel._safety.threads import Mailbox
from roark_otel._safety.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_FORWARDED_BYTES: Final = 64 * 1024 * 1024
"""The most bytes of requests that wait to be sent on."""

TRIES: Final = 5
_TAKEN: Final = range(200, 300)
_TRANSIENT: Final = frozenset({429, 502, 503, 504})


class Forwarding:
    """Sends requests on.

    Args:
        url: The base URL of the endpoint; requests go to `/v1/traces` below it.
        headers: Sent with each request, such as a key.
        seconds: The longest that a request may take.

    Raises:
        Misconfigured: if the environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, url: str, headers: Mapping[str, str], seconds: float) -> None:
        self._url = f"{url.rstrip('/')}/v1/traces"
        self._headers = headers
        self._seconds = seconds
        self._posting = Posting(self._url)
        self._waiting: Mailbox[tuple[bytes, str] | None] = Mailbox()
        self._counting = threading.Lock()
        self._bytes = self._requests = 0
        self._lost = 0
        self.worker = Worker("roark-otel-forwarding", self._round, self._waiting.has_some)

    def __call__(self, request: bytes, content_type: str) -> None:
        """Takes a request, unpacked. It is lost if too much waits already."""
        with self._counting:
            has_room = self._bytes + len(request) <= MAX_FORWARDED_BYTES
            if has_room:
                self._bytes += len(request)
                self._requests += 1
            else:
                self._lost += 1
        if has_room:
            self._waiting.put((request, content_type))
        else:
            _warn("too much waits for it")

    def stop(self, seconds: float) -> None:
        """Sends what waits, at most for these seconds, and says how much was lost in all."""
        self.worker.retire()
        self._waiting.put(None)
        deadline = time.monotonic() + seconds
        while self.worker.is_running and time.monotonic() < deadline:
            time.sleep(0.01)
        with self._counting:
            lost = self._lost + self._requests
        if lost:
            logger.warning("%d requests were not sent on to the further endpoint, and are lost there", lost)

    def _round(self) -> None:
        one = self._waiting.get(None)
        if one is None:
            return
        request, content_type = one
        is_sent = False
        try:
            is_sent = self._send(request, content_type)
        finally:
            with self._counting:
                self._bytes -= len(request)
                self._requests -= 1
                self._lost += not is_sent

    def _send(self, request: bytes, content_type: str) -> bool:
        headers = {**self._headers, "content-type": content_type}
        why = ""
        for number in range(TRIES):
            try:
                status, _, _ = self._posting.post(self._url, headers, request, self._seconds)
            except OSError as fault:
                why = str(fault)
            else:
                if status in _TAKEN:
                    return True
                why = str(status)
                if status not in _TRANSIENT:
                    break
            time.sleep(min(8.0, 0.5 * 2**number))
        _warn(why)
        return False


def _warn(why: str) -> None:
    log_once(logging.WARNING, (), "requests are not sent on to the further endpoint and are lost there (%s)", why)
