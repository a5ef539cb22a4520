"""Processes that trace conversations, spool calls and are killed. Everything here runs in a process of its own."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any

from support.talks import talk_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def processor_for(url: str, spool_dir: Path | None, **arguments: Any) -> Any:
    """Makes a processor that waits only briefly."""
    from roark_otel import RoarkSpanProcessor

    given = {"linger_seconds": 0.02, "recording_url": "https://example.com/a.wav", "http_timeout_seconds": 5.0}
    return RoarkSpanProcessor(**{"api_key": "k", "base_url": url, "spool_dir": spool_dir, **given, **arguments})


def talk(provider: Any, external_id: str, words: str = "Hello.", **attributes: str) -> None:
    """Traces a conversation of one sentence."""
    with provider.get_tracer("app").start_as_current_span("call") as span:
        span.set_attributes({"roark.external_id": external_id, "roark.conversation.root": True, **attributes})
        span.add_event("roark.transcript", {"role": "agent", "text": words})


def write_calls(url: str, spool_dir: Path, log: Path, name: str, count: int = 1_000_000) -> None:
    """Traces conversations until it is killed. Logs each call that it begins to spool, and each that it has spooled."""
    from opentelemetry.sdk.trace import TracerProvider

    from roark_otel._spool.claims import Saved
    from roark_otel._spool.open_calls import OpenCalls
    from roark_otel._spool.spool import Spool

    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    put, save = Spool.put, OpenCalls.save

    def saved_open(self: Any, *arguments: Any) -> Any:
        os.write(file, f"begun {arguments[1].external_id}\n".encode())
        return save(self, *arguments)

    def logged(self: Any, *arguments: Any) -> Any:
        external_id = arguments[1].external_id
        os.write(file, f"begun {external_id}\n".encode())
        found = put(self, *arguments)
        if isinstance(found, Saved):
            os.write(file, f"saved {external_id}\n".encode())
        return found

    Spool.put = logged  # type: ignore[method-assign, assignment]
    OpenCalls.save = saved_open  # type: ignore[method-assign, assignment]
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor_for(url, spool_dir))
    for number in range(count):
        talk(provider, f"{name}-{number}")
        time.sleep(0.02)
    provider.force_flush()


def spool_and_die(url: str, spool_dir: Path, api_key: str, words: str) -> None:
    """Leaves two calls in the spool: `call-2`, which lacks its recording, and `call-1`, which has one but is not sent.

    The process dies as soon as the second of them is on disk, as one that is killed.
    """
    from opentelemetry.sdk.trace import TracerProvider

    from roark_otel._spool.names import Stage
    from roark_otel._spool.spool import Spool

    for name in [name for name in os.environ if name.startswith(("ROARK_", "OTEL_"))]:
        del os.environ[name]
    put = Spool.put

    def dying(self: Any, *arguments: Any) -> Any:
        found = put(self, *arguments)
        if arguments[-1] is Stage.READY:
            os._exit(0)
        return found

    Spool.put = dying  # type: ignore[method-assign, assignment]
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor_for(url, spool_dir, api_key=api_key, recording_url=None))
    talk(provider, "call-2", words)
    provider.force_flush()
    talk(provider, "call-1", words, **{"roark.recording_url": "https://example.com/1.wav"})
    provider.force_flush()


def drain(url: str, spool_dir: Path, **arguments: Any) -> None:
    """Delivers the calls in the spool, until it is killed."""
    kept = processor_for(url, spool_dir, **arguments)
    while kept.stats().delivered >= 0:
        time.sleep(0.1)


def warm_up() -> None:
    """Imports everything that is imported late: another user may not be able to read the interpreter's files."""
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(shutdown_on_exit=False)
    processor = processor_for("http://127.0.0.1:9", None, api_key="warm", spool="memory")
    provider.add_span_processor(processor)
    talk(provider, "warm")
    deadline = time.monotonic() + 30
    while processor.stats().retried < 1 and time.monotonic() < deadline:
        processor.force_flush(100)


def report(pipe: Any, user: int, group: int, action: Any, *arguments: Any) -> None:
    """Runs an action as another user, and sends back what it returns."""
    warm_up()
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    pipe.send(action(*arguments))
    os._exit(0)  # an exit would wait for a Roark that does not answer


def end_in_a_locked_directory(url: str, spool_dir: Path) -> dict[str, Any]:
    """Ends a conversation while what was saved of it cannot be removed. Returns how many such files there are when."""
    from opentelemetry.sdk.trace import TracerProvider

    def saved() -> list[Path]:
        return list(spool_dir.rglob("*.open.jsonl"))

    provider = TracerProvider(shutdown_on_exit=False)
    processor = processor_for(url, spool_dir)
    provider.add_span_processor(processor)
    about: dict[str, Any] = {"roark.external_id": "call-1", "roark.conversation.root": True}
    with provider.get_tracer("app").start_as_current_span("call", attributes=about) as span:
        span.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
        deadline = time.monotonic() + 60
        while not saved() and time.monotonic() < deadline:
            time.sleep(0.05)
        directory = saved()[0].parent
        directory.chmod(0o500)
    flushed, meanwhile = processor.force_flush(60_000), len(saved())
    directory.chmod(0o700)
    processor.shutdown()
    return {"flushed": flushed, "meanwhile": meanwhile, "after": len(saved())}


def spool_one_call(
    url: str, spool_dir: Path | None, external_id: str, environment: dict[str, str | None] | None = None, wait: int = 0
) -> dict[str, Any]:
    """Traces one conversation, flushes, and waits until `wait` calls are delivered."""
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


def converse(
    url: str, spool_dir: Path, log: Path, name: str, shape: str, conversations: int, entries: int, pause: float
) -> None:
    """Has conversations of a shape open, says something in one after the other, and ends each after `entries`.

    It logs what is on an ended span, and which roots have ended, each with the time. It goes on until it is killed.
    """
    from opentelemetry.sdk.trace import TracerProvider

    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(*words: object) -> None:
        os.write(file, f"{' '.join(map(str, words))} {time.time()}\n".encode())

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor_for(url, spool_dir, linger_seconds=2.0, quiet_seconds=1.0))
    begun = 0
    open_talks: dict[str, tuple[Any, Iterator[int]]] = {}
    while True:
        while len(open_talks) < conversations:
            external_id, begun = f"{name}-{begun}", begun + 1
            # Some are nearly over when they begin, so that not all of them end at once.
            one = talk_of(shape, provider, external_id, begun * entries // 7 % entries)
            open_talks[external_id] = one, one.sentences()
        for external_id, (one, sentences) in list(open_talks.items()):
            said = next(sentences)
            note("said", external_id, said)
            if said + 1 >= entries:
                one.root.end()
                note("ended", external_id, "-")
                del open_talks[external_id]
            time.sleep(pause)


class Errors(logging.Handler):
    """The lines that were logged at ERROR."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def spool_and_leave(url: str, spool_dir: Path) -> dict[str, Any]:
    """Traces two conversations, flushes, and ends as a process does."""
    from opentelemetry.sdk.trace import TracerProvider

    from roark_otel._engine.leftovers import report_what_is_left
    from roark_otel._safety import guard

    guard._last_logged.clear()  # what the warm-up logged
    errors = Errors()
    logging.getLogger("roark_otel").addHandler(errors)
    provider = TracerProvider(shutdown_on_exit=False)
    processor = processor_for(url, spool_dir)
    provider.add_span_processor(processor)
    talk(provider, "call-1")
    talk(provider, "call-2")
    flushed = processor.force_flush(3_000)
    stats = processor.stats()
    report_what_is_left(processor._engine, is_last=True)
    return {
        "flushed": flushed,
        "delivered": stats.delivered,
        "spooled": stats.spooled,
        "errors": errors.lines,
    }


def attach_in_memory(url: str, spool_dir: Path) -> dict[str, Any]:
    """Attaches recordings to a call that waits in memory, and to one that is yet to come."""
    from opentelemetry.sdk.trace import TracerProvider

    from roark_otel import attach_recording

    provider = TracerProvider(shutdown_on_exit=False)
    processor = processor_for(url, spool_dir, recording_url=None)
    provider.add_span_processor(processor)
    talk(provider, "call-1")
    processor.force_flush(60_000)
    attached = [type(attach_recording(name, "https://example.com/1.wav")).__name__ for name in ("call-1", "call-2")]
    talk(provider, "call-2")
    processor.force_flush(60_000)
    deadline = time.monotonic() + 60
    while processor.stats().delivered < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    return {"attached": attached, "delivered": processor.stats().delivered}
