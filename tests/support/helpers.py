"""What several test modules share: an app that traces into a sandbox, and what came of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import opentelemetry.sdk.version
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span, Tracer

Json = dict[str, Any]

ID = "roark.external_id"
RECORDING = "https://example.com/recording.wav"
KEY = "test-key"
T0 = 1_795_348_364_000_000_000
MS = 1_000_000
SECOND = 1_000 * MS
NEVER = 3_600.0
"""A wait that no test waits for: what happens before it, a flush did."""

SDK = tuple(int(part) for part in opentelemetry.sdk.version.__version__.split(".")[:2])
TAKES_ANY_VALUE = SDK >= (1, 45)
"""Whether attributes may be mappings, mixed lists, bytes and None; before, the SDK drops those or makes them text."""


class App:
    """An app that is traced: a tracer provider with a processor of ours, which waits for nothing but a flush."""

    def __init__(
        self,
        url: str,
        *,
        resource: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> None:
        self.provider = TracerProvider(resource=Resource(resource or {}), shutdown_on_exit=False, **(provider or {}))
        self.processor = RoarkSpanProcessor(
            **{
                "api_key": KEY,
                "base_url": url,
                "recording_url": RECORDING,
                "linger_seconds": NEVER,
                "quiet_seconds": NEVER,
                **arguments,
            }
        )
        self.provider.add_span_processor(self.processor)
        self.tracer: Tracer = self.provider.get_tracer("app")

    def conversation(self, external_id: Any, *words: str, **attributes: Any) -> None:
        """A whole conversation: one span, on which the customer says these words."""
        with self.tracer.start_as_current_span("call", attributes={ID: external_id, **attributes}) as root:
            for word in words:
                customer_said(root, word)

    def close(self) -> None:
        """Shuts down, so that conversations left open are given up: nothing is waited for."""
        self.processor._settings = self.processor._settings.with_arguments(linger_seconds=0)
        self.provider.shutdown()


def customer_said(span: Span, text: str, at: int | None = None, **more: Any) -> None:
    """The customer says something on a span."""
    span.add_event("roark.transcript", {"role": "customer", "text": text, **more}, timestamp=at)


def agent_said(span: Span, text: str, at: int | None = None, **more: Any) -> None:
    """The agent says something on a span."""
    span.add_event("roark.transcript", {"role": "agent", "text": text, **more}, timestamp=at)


def words(call: Json) -> list[str]:
    """What was said in a call, in order."""
    return [entry["text"] for entry in call.get("transcript", ())]


def by_id(calls: list[Json]) -> dict[str, Json]:
    """Calls by external id; each must be there once."""
    found = {call["externalId"]: call for call in calls}
    assert len(calls) == len(found)
    return found


class Threads:
    """The threads that this package has started since; those of earlier tests may still be on their way out."""

    def __init__(self) -> None:
        self._before = set(threading.enumerate())

    def names(self) -> list[str]:
        """The names of those that run."""
        ours = [thread for thread in threading.enumerate() if thread.name.startswith("roark-otel")]
        return [thread.name for thread in ours if thread not in self._before]


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for what another thread does; that it never does it fails the test."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)
