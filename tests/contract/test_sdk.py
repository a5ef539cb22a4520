"""The SDK around the processor: limits, samplers, switches, several of everything, flush and shutdown."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult

import roark_otel
from roark_otel import RoarkSpanProcessor
from roark_otel._capture import branches
from support.helpers import ID, KEY, NEVER, RECORDING, App, Threads, agent_said, by_id, customer_said, wait_until, words

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

EVENTS = 300
LIMIT = 128


class RecordOnly(Sampler):
    """Spans are recorded and not exported."""

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        attributes = kwargs.get("attributes") or (args[4] if len(args) > 4 else None)
        return SamplingResult(Decision.RECORD_ONLY, attributes)

    def get_description(self) -> str:
        return "RecordOnly"


class Flusher(SpanProcessor):
    """Flushes at the end of every root, as those for serverless platforms do."""

    def __init__(self, processor: RoarkSpanProcessor) -> None:
        self._processor = processor

    def on_end(self, span: ReadableSpan) -> None:
        if span.parent is None:
            assert self._processor.force_flush()


@pytest.fixture(name="threads")
def _threads() -> Threads:
    return Threads()


def sentences(number: int) -> list[str]:
    return [f"Sentence {index}." for index in range(number)]


# Limits


@pytest.mark.parametrize("every", [1, 10, LIMIT], ids="child every {} events".format)
def test_events_over_the_limit_with_children(sandbox: Sandbox, every: int) -> None:
    """What the SDK drops of a root's events was read at its children's ends: nothing is lost."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        for index, text in enumerate(sentences(EVENTS)):
            customer_said(root, text)
            if index % every == every - 1:
                app.tracer.start_span("child").end()
        assert isinstance(root, ReadableSpan)
        assert len(root.events) == LIMIT
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert words(call) == sentences(EVENTS)
    assert "roark_dropped_events" not in call["properties"]


def test_events_over_the_limit_without_children(sandbox: Sandbox) -> None:
    """Two hundred a second for a minute, in one burst: all of them are read before they are dropped."""
    app = App(sandbox.url)
    app.conversation("call-1", *sentences(12_000))
    assert app.processor.force_flush(300_000)
    (call,) = sandbox.calls()
    assert words(call) == sentences(12_000)
    assert "roark_dropped_events" not in call["properties"]


def test_events_over_the_limit_of_a_span_below(sandbox: Sandbox) -> None:
    """A span that is no root keeps the last of them, and the call says how many are missing."""
    app = App(sandbox.url)
    call_span = app.tracer.start_as_current_span("call", attributes={ID: "call-1"})
    with call_span, app.tracer.start_as_current_span("turn") as turn:
        for text in sentences(EVENTS):
            customer_said(turn, text)
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert words(call) == sentences(EVENTS)[-LIMIT:]
    assert call["properties"]["roark_dropped_events"] == EVENTS - LIMIT


@pytest.fixture(name="another_sdk")
def _another_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SDK whose lists of events are not those that we know."""
    monkeypatch.setattr(branches, "watch", lambda *_: None)


@pytest.mark.usefixtures("another_sdk")
def test_events_over_the_limit_of_another_sdk(sandbox: Sandbox) -> None:
    """Without a child's end they cannot be read in time: the call says how many are missing."""
    app = App(sandbox.url)
    app.conversation("call-1", *sentences(EVENTS))
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert words(call) == sentences(EVENTS)[-LIMIT:]
    assert call["properties"]["roark_dropped_events"] == EVENTS - LIMIT


@pytest.mark.usefixtures("another_sdk")
def test_events_over_the_limit_in_between(sandbox: Sandbox) -> None:
    """A child that ends too late saves what is left, and the call gives the exact gap."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        for index, text in enumerate(sentences(EVENTS)):
            customer_said(root, text)
            if index in {9, 199}:
                app.tracer.start_span("child").end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    expected = [*sentences(EVENTS)[:10], *sentences(EVENTS)[200 - LIMIT :]]
    assert words(call) == expected
    assert call["properties"]["roark_dropped_events"] == EVENTS - len(expected)


def test_foreign_events_over_the_limit(sandbox: Sandbox) -> None:
    """Foreign events that the SDK drops are not counted as lost events of the conversation."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")
        app.tracer.start_span("child").end()
        for index in range(EVENTS):
            root.add_event(f"app.event.{index % 3}")
            if index % 100 == 99:
                app.tracer.start_span("child").end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert words(call) == ["Hello?"]
    assert "roark_dropped_events" not in call["properties"]


def test_raised_limit(sandbox: Sandbox) -> None:
    """An app that raises the limit loses nothing, children or not."""
    app = App(sandbox.url, provider={"span_limits": SpanLimits(max_events=1_000)})
    app.conversation("call-1", *sentences(EVENTS))
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert words(call) == sentences(EVENTS)
    assert "roark_dropped_events" not in call["properties"]


# Samplers and switches


def test_sampled_out(sandbox: Sandbox, threads: Threads) -> None:
    """What the sampler drops never reaches a processor: no call, no thread, and nothing raised."""
    app = App(sandbox.url, provider={"sampler": ALWAYS_OFF})
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert (sandbox.calls(), threads.names()) == ([], [])


def test_below_a_span_that_was_sampled_out(sandbox: Sandbox) -> None:
    """A recorded span below one that is not recorded is a local root of its own."""
    app = App(sandbox.url)
    dropped = App(sandbox.url, provider={"sampler": ALWAYS_OFF})
    with dropped.tracer.start_as_current_span("request"):
        context = trace.set_span_in_context(trace.INVALID_SPAN)
        with app.tracer.start_as_current_span("call", context, attributes={ID: "call-1"}) as root:
            customer_said(root, "Hello?")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def test_record_only(sandbox: Sandbox) -> None:
    """Spans that are recorded but not exported make calls all the same."""
    app = App(sandbox.url, provider={"sampler": RecordOnly()})
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def test_sdk_disabled(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, threads: Threads) -> None:
    """With OTEL_SDK_DISABLED there is not a span, and no thread starts."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    app = App(sandbox.url)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    app.provider.shutdown()
    assert (sandbox.calls(), threads.names()) == ([], [])


def inert(app: App, threads: Threads) -> None:
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush() is True
    app.provider.shutdown()
    assert threads.names() == []
    assert app.processor.stats() == roark_otel.types.Stats()


def test_no_key(sandbox: Sandbox, said: pytest.LogCaptureFixture, threads: Threads) -> None:
    """Without a key the processor only warns, once for any number of processors."""
    for _ in range(3):
        inert(App(sandbox.url, api_key=None), threads)
    warnings = [record.message for record in said.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "ROARK_API_KEY" in warnings[0]


@pytest.mark.parametrize("off", ["false", "FALSE", "0", "no", "off"])
def test_kill_switch(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture, off: str, threads: Threads
) -> None:
    """The kill switch turns everything off, silently, whatever else is set."""
    monkeypatch.setenv("ROARK_OBSERVABILITY_ENABLED", off)
    inert(App(sandbox.url), threads)
    inert(App(sandbox.url, api_key=None), threads)
    assert said.records == []


# Several of everything


def test_two_providers(sandbox: Sandbox) -> None:
    """Two providers, each with a processor, share one conversation: its spans of both are in one call."""
    one, two = App(sandbox.url), App(sandbox.url)
    with one.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")
        with two.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")
    two.conversation("call-2", "Somebody else.")
    assert roark_otel.force_flush()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "call-1": ["Hello?", "Hello."],
        "call-2": ["Somebody else."],
    }
    assert roark_otel.stats().delivered == 2


def test_two_processors_of_one_provider(sandbox: Sandbox) -> None:
    """Zero-code plus code: a span that two processors see is taken once."""
    app = App(sandbox.url)
    second = RoarkSpanProcessor(
        api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, linger_seconds=NEVER, quiet_seconds=NEVER
    )
    app.provider.add_span_processor(second)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        for text in sentences(EVENTS):
            customer_said(root, text)
            app.tracer.start_span("child").end()
        root.add_event("roark.tool_invocation", {"name": "lookup", "parameters": "{}"})
    assert app.provider.force_flush()
    (call,) = sandbox.calls()
    assert (words(call), len(call["toolInvocations"])) == (sentences(EVENTS), 1)
    assert (second.stats().finished, second.stats().delivered, second.stats().late_spans) == (1, 1, 0)


def test_flush_between_two_processors(sandbox: Sandbox) -> None:
    """The call is delivered before the second processor sees the end of its root: still one call, nothing rejected."""
    app = App(sandbox.url)
    app.provider.add_span_processor(Flusher(app.processor))
    app.provider.add_span_processor(
        RoarkSpanProcessor(
            api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, linger_seconds=NEVER, quiet_seconds=NEVER
        )
    )
    app.conversation("call-1", "Hello?")
    app.close()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]
    assert (app.processor.stats().delivered, app.processor.stats().rejected) == (1, 0)


def test_two_projects(sandbox: Sandbox) -> None:
    """Processors of two keys are two engines: each sends the call with its own key."""
    app = App(sandbox.url)
    other = RoarkSpanProcessor(
        api_key="other-key", base_url=sandbox.url, project_id="other", recording_url=RECORDING, quiet_seconds=NEVER
    )
    app.provider.add_span_processor(other)
    app.conversation("call-1", "Hello?")
    assert roark_otel.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"], ["Hello?"]]
    assert (app.processor.stats().delivered, other.stats().delivered) == (1, 1)


def test_conflicting_settings(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """Of conflicting settings the first ones apply, with one warning."""
    app = App(sandbox.url, agent_name="First")
    for name in ("Second", "Third"):
        app.provider.add_span_processor(RoarkSpanProcessor(api_key=KEY, base_url=sandbox.url, agent_name=name))
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [call["agent"]["name"] for call in sandbox.calls()] == ["First"]
    assert len([record for record in said.records if "has other settings" in record.message]) == 1


# Flush and shutdown


def test_flush_closes_no_open_conversation(sandbox: Sandbox) -> None:
    """A flush in the middle of a call delivers nothing of it, and says that nothing was due."""
    app = App(sandbox.url)
    root = app.tracer.start_span("call", attributes={ID: "call-1"})
    customer_said(root, "Hello?")
    assert app.provider.force_flush() is True
    assert app.processor.force_flush(1_000) is True
    assert (sandbox.calls(), app.processor.stats().open_conversations) == ([], 1)
    agent_said(root, "Hello.")
    root.end()
    assert roark_otel.force_flush(10_000) is True
    assert [words(call) for call in sandbox.calls()] == [["Hello?", "Hello."]]


def test_flush_before_any_span(sandbox: Sandbox, threads: Threads) -> None:
    """There is nothing to wait for, and no thread to start."""
    app = App(sandbox.url)
    assert app.processor.force_flush() is True
    assert threads.names() == []


def test_flush_from_many_threads(sandbox: Sandbox) -> None:
    """Each thread that flushes gets an answer, and each call is sent once."""
    app = App(sandbox.url)
    app.conversation("call-1", "Hello?")
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(app.processor.force_flush())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def test_shutdown_delivers(sandbox: Sandbox, threads: Threads) -> None:
    """A shutdown flushes, and afterwards no thread is left."""
    app = App(sandbox.url)
    app.conversation("call-1", "Hello?")
    app.provider.shutdown()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]
    wait_until(lambda: threads.names() == [])


def test_provider_shut_down_twice(sandbox: Sandbox) -> None:
    """The second time changes nothing; the processor of another provider goes on."""
    app, other = App(sandbox.url), App(sandbox.url)
    app.conversation("call-1", "Hello?")
    app.provider.shutdown()
    app.provider.shutdown()
    app.processor.shutdown()
    other.conversation("call-2", "Hello?")
    assert other.processor.force_flush()
    assert set(by_id(sandbox.calls())) == {"call-1", "call-2"}
    assert roark_otel.stats().delivered == 2


def test_spans_after_shutdown(sandbox: Sandbox) -> None:
    """Frameworks shut down the provider of an app that goes on: its spans still make calls."""
    app = App(sandbox.url)
    app.provider.shutdown()
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    app.provider.shutdown()
    app.conversation("call-2", "Hello?")
    assert app.processor.force_flush()
    assert set(by_id(sandbox.calls())) == {"call-1", "call-2"}


def test_processor_after_shutdown(sandbox: Sandbox) -> None:
    """When the last processor is shut down a later one gets an engine of its own, with its own settings."""
    App(sandbox.url, agent_name="First").provider.shutdown()
    app = App(sandbox.url, agent_name="Second")
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [call["agent"]["name"] for call in sandbox.calls()] == ["Second"]


def test_provider_is_left_alone(threads: Threads) -> None:
    """A processor without a conversation costs no thread."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(RoarkSpanProcessor(api_key=KEY, recording_url=RECORDING))
    with provider.get_tracer("app").start_as_current_span("request") as span:
        span.add_event("app.event")
    assert provider.force_flush()
    provider.shutdown()
    assert threads.names() == []
