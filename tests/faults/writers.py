"""Processes that talk, spool and are killed. Everything here runs in a process of its own."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def processor_for(url: str, spool_dir: Path, **arguments: Any) -> Any:
    """A processor that waits for little."""
    from roark_otel import RoarkSpanProcessor

    given = {"linger_seconds": 0.02, "recording_url": "https://example.com/a.wav", "http_timeout_seconds": 5.0}
    return RoarkSpanProcessor(**{"api_key": "k", "base_url": url, "spool_dir": spool_dir, **given, **arguments})


def talk(provider: Any, external_id: str, words: str = "Hello.") -> None:
    """A conversation of one sentence."""
    with provider.get_tracer("app").start_as_current_span("call") as span:
        span.set_attributes({"roark.external_id": external_id, "roark.conversation.root": True})
        span.add_event("roark.transcript", {"role": "agent", "text": words})


def write_calls(url: str, spool_dir: Path, log: Path, name: str, count: int = 1_000_000) -> None:
    """Has conversations until it is killed. What it means to spool, and what it has spooled, goes into a log."""
    from opentelemetry.sdk.trace import TracerProvider

    from roark_otel.spool import Saved, Spool

    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    put = Spool.put

    def logged(self: Any, *arguments: Any) -> Any:
        external_id = arguments[1].external_id
        os.write(file, f"begun {external_id}\n".encode())
        found = put(self, *arguments)
        if isinstance(found, Saved):
            os.write(file, f"saved {external_id}\n".encode())
        return found

    Spool.put = logged  # type: ignore[method-assign]
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor_for(url, spool_dir))
    for number in range(count):
        talk(provider, f"{name}-{number}")
        time.sleep(0.02)
    provider.force_flush()


def drain(url: str, spool_dir: Path, **arguments: Any) -> None:
    """Delivers what is in the spool, until it is killed."""
    kept = processor_for(url, spool_dir, **arguments)
    while kept.stats().delivered >= 0:
        time.sleep(0.1)
