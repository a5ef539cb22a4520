"""Processes that talk, spool and are killed. Everything here runs in a process of its own."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def processor_for(url: str, spool_dir: Path | None, **arguments: Any) -> Any:
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

    from roark_otel._spool.spool import Saved, Spool

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


def warm_up() -> None:
    """Has everything imported that is imported late: another user may not reach the interpreter's files."""
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(shutdown_on_exit=False)
    processor = processor_for("http://127.0.0.1:9", None, api_key="warm", spool="memory")
    provider.add_span_processor(processor)
    talk(provider, "warm")
    deadline = time.monotonic() + 30
    while processor.stats().retried < 1 and time.monotonic() < deadline:
        processor.force_flush(100)


def report(pipe: Any, user: int, group: int, action: Any, *arguments: Any) -> None:
    """Does something as another user, and says what it answers."""
    warm_up()
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    pipe.send(action(*arguments))
    os._exit(0)  # an exit would wait for a Roark that does not answer


def spool_one_call(
    url: str, spool_dir: Path | None, external_id: str, environment: dict[str, str | None] | None = None, wait: int = 0
) -> dict[str, Any]:
    """One conversation, flushed; and waits until so many calls are delivered."""
    from opentelemetry.sdk.trace import TracerProvider

    for name, value in (environment or {}).items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    provider = TracerProvider(shutdown_on_exit=False)
    processor = processor_for(url, spool_dir, http_timeout_seconds=30.0)
    provider.add_span_processor(processor)
    talk(provider, external_id)
    flushed = processor.force_flush(2_000)
    deadline = time.monotonic() + 30
    while processor.stats().delivered < wait and time.monotonic() < deadline:
        time.sleep(0.05)
    stats = processor.stats()
    return {"flushed": flushed, "delivered": stats.delivered, "spooled": stats.spooled}
