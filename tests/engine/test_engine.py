"""The life of an engine: what keeps it, and what is left of it."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from roark_otel._engine import process, registry
from support import processes
from support.answering import Answer, AnsweringServer
from support.helpers import ID, App, Threads, by_id, customer_said, wait_until, words

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.trace import Span

    from roark_otel.sandbox import Sandbox


def busy(url: str, spool: str) -> tuple[App, Span]:
    """An app with a call that Roark does not take, one that waits for its recording, and an open conversation."""
    app = App(url, recording_url=None, spool=spool)
    app.conversation("call-1", "Hello?", **{"roark.recording_url": "https://example.com/1.wav"})
    app.conversation("call-2", "Hello?")
    root = app.tracer.start_span("call", attributes={ID: "call-3"})
    customer_said(root, "Hello?")
    assert not app.processor.force_flush(300)
    wait_until(lambda: app.processor.stats().finished == 2)
    return app, root


@pytest.mark.parametrize("spool", ["disk", "memory"])
def test_discard_leaves_nothing_behind(spool: str, tmp_path: Path) -> None:
    threads = Threads()
    with AnsweringServer(then=Answer(503)) as server:
        app, root = busy(server.url, spool)
        before = app.processor.stats()
        assert (before.open_conversations, before.spooled, before.awaiting_recording) == (1, 1, 1)

        registry.discard_all()

        wait_until(lambda: not threads.names())
        after = app.processor.stats()
        assert (after.open_conversations, after.spooled, after.awaiting_recording) == (0, 0, 0)
        assert list((tmp_path / "spool").rglob("*.jsonl")) == []
        asked = len(server.seen)
        assert app.processor.force_flush()
        assert len(server.seen) == asked
        root.end()


def test_an_engine_is_as_new_after_discard(sandbox: Sandbox) -> None:
    app = App(sandbox.url)
    app.conversation("call-1", "Hello?")

    registry.discard_all()
    app.conversation("call-2", "Hello again?")

    assert app.processor.force_flush()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {"call-2": ["Hello again?"]}


def test_a_span_wakes_an_idle_engine(sandbox: Sandbox) -> None:
    """Without a flush: its threads wait for nothing but a span."""
    app = App(sandbox.url, linger_seconds=0, quiet_seconds=0)
    for number in range(3):
        app.conversation(f"call-{number}", "Hello?")
        wait_until(lambda number=number: len(sandbox.calls()) == number + 1, 60)  # type: ignore[misc]
        wait_until(lambda: app.processor.stats().open_conversations == 0)


def test_a_thread_with_something_to_deliver_keeps_its_engine() -> None:
    """Until then exit hooks find it, although no processor and no provider is left."""
    with AnsweringServer(then=Answer(503)) as server:
        app = App(server.url, exit_timeout_seconds=0.1, linger_seconds=0)
        app.conversation("call-1", "Hello?")
        engine = weakref.ref(app.processor._engine)
        app.provider.shutdown()
        del app
        gc.collect()

        assert engine() in process.living()
        registry.discard_all()
        wait_until(lambda: gc.collect() >= 0 and engine() is None)


def test_calls_of_a_processor_that_is_gone_are_reported_at_exit(tmp_path: Path) -> None:
    script = (
        processes.PROVIDER.replace("processor_that()", "processor_that(exit_timeout_seconds=1, linger_seconds=0)")
        + """
import gc
begin("call-1").end()
provider.shutdown()
del processor, provider, tracer
gc.collect()
"""
    )
    with AnsweringServer(then=Answer(503)) as server:
        error = processes.run(tmp_path, script, server.url).stderr

    assert "1 that Roark has not taken yet" in error
