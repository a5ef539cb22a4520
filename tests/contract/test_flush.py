"""Flush and shutdown: in time, with a true answer, and only of what is due."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import set_span_in_context

import roark_otel
from support.answering import Answer, AnsweringServer, created
from support.helpers import ID, App, Threads, by_id, customer_said, wait_until, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from roark_otel.sandbox import Sandbox


class SlowExporter(SpanExporter):
    """An exporter whose backend answers when the test says so."""

    def __init__(self) -> None:
        self.answers = threading.Event()

    def export(self, _: Sequence[ReadableSpan]) -> SpanExportResult:
        self.answers.wait(60)
        return SpanExportResult.SUCCESS


def test_slow_exporter_before_ours(sandbox: Sandbox) -> None:
    """The SDK's flush waits for an exporter registered before ours; our own delivers meanwhile. Both answer truly."""
    exporter = SlowExporter()
    app = App(sandbox.url)
    processors = app.provider._active_span_processor
    batch = BatchSpanProcessor(exporter)
    processors._span_processors = (batch, *processors._span_processors)
    app.conversation("call-1", "Hello?")
    answers: list[bool] = []
    flush = threading.Thread(target=lambda: answers.append(app.provider.force_flush(1)))
    flush.start()
    try:
        assert roark_otel.force_flush(120_000) is True
        assert set(by_id(sandbox.calls())) == {"call-1"}
    finally:
        exporter.answers.set()
        flush.join()
    assert answers == [False]
    batch.shutdown()


def test_flush_honours_its_timeout() -> None:
    """A Roark that does not answer takes the time that it was given, and flush returns False; later it returns True."""
    answers = threading.Event()

    def answer(_: Any) -> Answer:
        answers.wait(60)
        return created()

    with AnsweringServer(then=answer) as roark:
        app = App(roark.url)
        app.conversation("call-1", "Hello?")
        assert app.processor.force_flush(300) is False
        assert not answers.is_set()  # it came back although the server still thinks
        answers.set()
        assert app.processor.force_flush() is True
        app.close()


def test_call_that_waits_for_its_recording_is_not_due(sandbox: Sandbox) -> None:
    """A flush returns True, because it can do nothing about such a call."""
    app = App(sandbox.url, recording_url=None)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush() is True
    assert app.processor.stats().awaiting_recording == 1
    assert sandbox.calls() == []


def test_shutdown_closes_idle_conversations(sandbox: Sandbox) -> None:
    """It waits for the linger; a conversation with activity in that time goes on, and is whole in the end."""
    app = App(sandbox.url, linger_seconds=0.5, exit_timeout_seconds=30)
    silent = app.tracer.start_span("call", attributes={ID: "silent"})
    customer_said(silent, "Hello?")
    talking = app.tracer.start_span("call", attributes={ID: "talking"})
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.05):
            app.tracer.start_span("turn", set_span_in_context(talking)).end()

    thread = threading.Thread(target=talk)
    thread.start()
    app.provider.shutdown()
    over.set()
    thread.join()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {"silent": ["Hello?"]}
    assert sandbox.calls()[0]["properties"]["roark_incomplete"] is True
    customer_said(talking, "I am still here.")
    talking.end()
    assert app.processor.force_flush()
    assert words(by_id(sandbox.calls())["talking"]) == ["I am still here."]
    silent.end()


def test_spans_after_a_shutdown_before_the_first_span(sandbox: Sandbox) -> None:
    """Frameworks shut down a provider that goes on: each conversation wakes the threads, which then end again."""
    threads = Threads()
    app = App(sandbox.url, linger_seconds=0, quiet_seconds=0)
    app.provider.shutdown()
    for number in range(2):
        app.conversation(f"call-{number}", "Hello?")
        wait_until(lambda number=number: len(sandbox.calls()) == number + 1, 60)  # type: ignore[misc]
        wait_until(lambda: not threads.names(), 60)


@pytest.mark.parametrize("has_parts", [True, False], ids=["SDK's span", "unknown span"])
def test_root_that_the_app_lets_go_of(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, has_parts: bool) -> None:
    """It can never end: after the linger its call is delivered as incomplete, long before the idle time."""
    app = App(sandbox.url, linger_seconds=0.1, quiet_seconds=0)
    if not has_parts:  # an SDK with other private attributes than those we know: public ones have to do
        monkeypatch.setattr("roark_otel._capture.branches.parts_of", lambda _: (None, None))
    root = app.tracer.start_span("call", attributes={ID: "call-1"})
    below = set_span_in_context(root)
    customer_said(root, "Hello?")
    app.tracer.start_span("turn", below).end()
    customer_said(root, "Is anybody there?")
    del root, below
    gc.collect()
    wait_until(lambda: bool(sandbox.calls()), 30)
    (call,) = sandbox.calls()
    assert words(call) == (["Hello?", "Is anybody there?"] if has_parts else ["Hello?"])
    assert call["properties"]["roark_incomplete"] is True
