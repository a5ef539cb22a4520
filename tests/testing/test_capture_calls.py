"""Calls are captured in memory, whenever and however the app made its processor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from roark_otel import RoarkSpanProcessor, call_attributes, conversation, force_flush, get_processor, start_conversation
from roark_otel.testing import CapturedCall, CapturedCalls, Tool, capture_calls
from roark_otel.testing.spans import SeenSpan
from support.answering import AnsweringServer
from support.helpers import ID, KEY, MS, RECORDING, T0

if TYPE_CHECKING:
    from opentelemetry import trace

MARKED = "roark.conversation.root"


def app(**arguments: Any) -> trace.Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(RoarkSpanProcessor(**arguments))
    return provider.get_tracer("app")


def talk(tracer: trace.Tracer, external_id: str = "call-1", answer_ms: int = 300) -> None:
    """A question, a tool and an answer, with times of their own."""
    about: dict[str, Any] = {ID: external_id, MARKED: True}
    root = tracer.start_span("call", attributes=about, start_time=T0)
    asked: dict[str, Any] = {"role": "customer", "text": "Where is A-17?", "duration_ms": 1_000}
    root.add_event("roark.transcript", asked, T0)
    found: dict[str, Any] = {
        "name": "find_order",
        "parameters": '{"order_id": "A-17"}',
        "result": '{"status": "shipped"}',
    }
    root.add_event("roark.tool_invocation", {**found, "id": "1", "duration_ms": 200}, T0 + 1_050 * MS)
    said: dict[str, Any] = {"role": "agent", "text": "It was shipped.", "duration_ms": 1_000}
    root.add_event("roark.transcript", said, T0 + (1_000 + answer_ms) * MS)
    root.end(T0 + 3_000 * MS)


def test_a_call_is_there_at_once_and_says_what_it_is() -> None:
    with capture_calls() as calls:
        talk(app())
        call = calls.one()

    assert call.said == [("customer", "Where is A-17?"), ("agent", "It was shipped.")]
    assert call.tools == [Tool("find_order", {"order_id": "A-17"}, {"status": "shipped"})]
    assert [one.ms for one in call.answers] == [300]
    assert call.interruptions == []
    assert "recordingUrl" not in call.body
    assert [span.name for span in call.spans] == ["call"]
    assert call.outline() == (
        'customer: Where is A-17?\n  find_order(order_id="A-17") -> {"status": "shipped"}\nagent: It was shipped.\n'
    )


def test_a_processor_of_before_is_captured_and_goes_on_afterwards() -> None:
    with AnsweringServer() as server:
        tracer = app(api_key=KEY, base_url=server.url, recording_url=RECORDING)
        with capture_calls() as calls:
            talk(tracer)
            assert calls.one().body["recordingUrl"] == RECORDING
        assert server.seen == []

        talk(tracer, "call-2")
        assert force_flush(60_000)

        assert len(server.seen) == 1


def test_one_without_a_key_is_captured_and_is_inert_afterwards() -> None:
    tracer = app()
    with capture_calls() as calls:
        talk(tracer)
        assert calls.one().external_id == "call-1"
    assert get_processor() is None

    with capture_calls() as calls:
        talk(tracer, "call-2")
        assert calls.one("call-2").external_id == "call-2"


def test_no_call_is_explained_in_the_order_in_which_one_looks() -> None:
    with capture_calls() as calls:
        tracer = app()
        with call_attributes(external_id="call-7"):
            opened = tracer.start_span("session", attributes={MARKED: True})
        tracer.start_span("turn").end()
        with tracer.start_as_current_span("speech") as lost:
            lost.add_event("roark.transcript", {"role": "agent", "text": "Hello?"})
        with pytest.raises(AssertionError) as failed:
            calls.one()
        opened.end()

    lines = str(failed.value).splitlines()
    assert lines[:3] == ["expected one call, got 0", "", "calls: 0"]
    heads = [line for line in lines if line and not line.startswith(" ")]
    assert heads[2].startswith("conversations that have not ended: 1.")
    assert heads[3].startswith("spans without an id: start the session inside roark_otel.call_attributes")
    assert any(line.startswith("  call-7: open for ") and "'session'" in line for line in lines)
    assert "  1 x speech of app" in lines
    assert heads[-1].startswith("numbers: ")


def test_without_a_processor_it_says_so() -> None:
    with capture_calls() as calls, pytest.raises(AssertionError, match="none reached a RoarkSpanProcessor"):
        calls.one()


def test_spans_of_a_provider_without_a_processor_are_listed() -> None:
    """Also where others reached a processor: half of an app may use the wrong provider."""
    other = TracerProvider(shutdown_on_exit=False).get_tracer("agent")
    before = type(other).start_span
    with capture_calls() as calls:
        tracer = app()
        tracer.start_span("ours").end()
        for _ in range(2):
            with other.start_as_current_span("turn", attributes={ID: "call-1"}):
                pass
        other.start_span("under way")
        TracerProvider(sampler=ALWAYS_OFF).get_tracer("agent").start_span("dropped").end()
        late = TracerProvider(shutdown_on_exit=False)
        begun = late.get_tracer("late").start_span("begun before its processor")
        late.add_span_processor(RoarkSpanProcessor())
        begun.end()
        with pytest.raises(AssertionError) as failed:
            calls.one()

    lines = str(failed.value).splitlines()
    at = lines.index("spans of a tracer provider that has no RoarkSpanProcessor: add one to it")
    assert lines[at + 1 :] == [
        "  2 x turn of agent",
        "  1 x under way of agent",
        "spans that a sampler dropped, so that no processor was given them: 1",
    ]
    assert "  1 x ours of app" in lines
    assert type(other).start_span is before


def test_spans_of_a_provider_without_a_processor_alone_are_listed() -> None:
    with capture_calls() as calls:
        TracerProvider(shutdown_on_exit=False).get_tracer("agent").start_span("turn").end()
        with pytest.raises(AssertionError) as failed:
            calls.one()

    assert "spans: none reached a RoarkSpanProcessor\n" in str(failed.value)
    assert "add one to it\n  1 x turn of agent" in str(failed.value)
    assert "either the test started no span" not in str(failed.value)


def test_spans_that_a_sampler_drops_are_counted() -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(RoarkSpanProcessor())
    with capture_calls() as calls:
        talk(provider.get_tracer("agent"))
        with pytest.raises(AssertionError) as failed:
            calls.one()

    assert "spans that a sampler dropped, so that no processor was given them: 1" in str(failed.value)
    assert "has no RoarkSpanProcessor" not in str(failed.value)


def test_what_replaces_a_method_meanwhile_stays() -> None:
    tracers: Any = Tracer
    before = tracers.start_span

    def instrumented(*arguments: Any, **named: Any) -> Any:
        return before(*arguments, **named)

    try:
        with capture_calls():
            tracers.start_span = instrumented
        assert tracers.start_span is instrumented
    finally:
        tracers.start_span = before


def test_a_slow_answer_fails_with_what_ran_meanwhile() -> None:
    with capture_calls() as calls:
        talk(app(), answer_ms=950)
        call = calls.one()

    call.answers.within(ms=950)
    with pytest.raises(AssertionError) as failed:
        call.answers.within(ms=800)
    message = str(failed.value)
    assert message.startswith("1 of 1 answer took more than 800 ms\n\n  customer: Where is A-17?\n  agent after 950 ms")
    assert "200 ms  tool find_order" in message


@pytest.mark.parametrize("ms", [float("nan"), -1, -0.5, -float("inf")])
def test_what_is_no_time_is_no_bound(ms: Any) -> None:
    with capture_calls() as calls:
        talk(app())
        call = calls.one()

    with pytest.raises(ValueError, match="ms must be a time"):
        call.answers.within(ms=ms)


def test_a_call_without_a_measured_answer_is_no_proof() -> None:
    with capture_calls() as calls:
        handle = start_conversation("call-1", tracer_provider=_provider())
        handle.agent_said("Hello?")
        handle.end()
        call = calls.one()

    with pytest.raises(AssertionError, match="no answer was measured"):
        call.answers.within(ms=800)


def test_an_answer_to_words_without_an_end_was_not_measured() -> None:
    """They last until the answer: that is no wait of 0 ms."""
    with capture_calls() as calls:
        with conversation("call-1", tracer_provider=_provider()) as handle:
            handle.customer_said("Where is A-17?")
            handle.agent_said("It was shipped.")
        call = calls.one()

    assert list(call.answers) == []


def _provider() -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(RoarkSpanProcessor())
    return provider


def test_on_an_event_loop_it_is_awaited() -> None:
    async def main(calls: CapturedCalls) -> None:
        talk(app())
        with pytest.raises(RuntimeError, match="await aone"):
            calls.one()
        assert (await calls.aone()).external_id == "call-1"

    with capture_calls() as calls:
        asyncio.run(main(calls))


def test_calls_that_nothing_looks_at_are_known() -> None:
    with capture_calls() as calls:
        tracer = app()
        talk(tracer)
        talk(tracer, "call-2")
        calls.one("call-1")
        assert [one.external_id for one in calls.unseen()] == ["call-2"]
        with pytest.raises(AssertionError, match="expected one call, got 2"):
            calls.one()
        calls.ignore_rest()
        assert calls.unseen() == []
        assert [one.external_id for one in calls] == ["call-1", "call-2"]


def test_a_loop_over_calls_is_over_all_that_have_ended() -> None:
    """Checks in a loop over no calls would pass, whatever the calls are."""
    for look in (list, lambda calls: [calls[0], calls[-1]], lambda calls: calls[:], CapturedCalls.unseen):
        with capture_calls() as calls:
            tracer = app()
            talk(tracer)
            talk(tracer, "call-2")
            assert [one.external_id for one in look(calls)] == ["call-1", "call-2"]

    with capture_calls() as calls:
        talk(app())
        assert len(calls) == 1
        talk(app(), "call-2")
        assert len(calls) == 2


def test_on_an_event_loop_calls_that_are_not_made_yet_are_not_none() -> None:
    async def main(calls: CapturedCalls) -> None:
        talk(app())
        for look in (len, list, bool, lambda calls: calls[0], CapturedCalls.unseen):
            with pytest.raises(RuntimeError, match="await afinish"):
                look(calls)
        await calls.afinish()
        assert [one.external_id for one in calls] == ["call-1"]

    with capture_calls() as calls:
        asyncio.run(main(calls))


@pytest.mark.parametrize("is_on_loop", [False, True])
def test_calls_are_there_after_the_block(is_on_loop: bool) -> None:
    def block() -> CapturedCalls:
        with capture_calls() as calls:
            talk(app())
        return calls

    async def on_loop() -> CapturedCalls:
        calls = block()
        assert (await calls.aone()).external_id == "call-1"
        return calls

    calls = asyncio.run(on_loop()) if is_on_loop else block()

    assert calls.one().said[0] == ("customer", "Where is A-17?")
    assert "delivered=1" in calls.explanation()


def test_one_call_is_not_the_first_of_several_with_its_id() -> None:
    """Roark refuses the second, so an app that uses an id again would lose it."""
    with capture_calls() as calls:
        tracer = app()
        talk(tracer)
        talk(tracer, "call-2")
        assert calls.one("call-1").answers[0].ms == 300
        talk(tracer, answer_ms=900)

        with pytest.raises(AssertionError, match="expected one call of 'call-1', got 1, and 1 more that Roark would"):
            calls.one("call-1")
        assert calls.one("call-2").answers[0].ms == 300

    with pytest.raises(AssertionError, match="and 1 more that Roark would refuse"):
        calls.one("call-1")


def test_a_call_has_the_spans_of_all_its_traces() -> None:
    """A check of no span would pass. The app may have a property of its own that is called `trace_id`."""
    with capture_calls() as calls:
        tracer = app()
        for name in ("first", "second"):
            about: dict[str, Any] = {ID: "call-1", MARKED: True, "roark.property.trace_id": "of the app"}
            tracer.start_span(name, attributes=about, start_time=T0).end(T0 + MS)
        talk(tracer, "call-2")
        call = calls.one("call-1")

        assert call.properties["trace_id"] == "of the app"
        assert sorted(span.name for span in call.spans) == ["first", "second"]
        assert [span.name for span in calls.one("call-2").spans] == ["call"]


def test_a_second_capture_at_the_same_time_fails_at_once() -> None:
    with capture_calls(), pytest.raises(RuntimeError, match="captured already"), capture_calls():
        pass

    with capture_calls() as calls:
        assert list(calls) == []


def test_a_call_is_a_page_too() -> None:
    with capture_calls() as calls:
        tracer = app()
        talk(tracer)
        call = calls.one()

    (span,) = call.document()["spans"]
    assert (span["kind"], span["startMs"], span["endMs"]) == ("internal", 0.0, 3_000.0)
    assert span["status"] == {"code": "unset", "message": ""}
    assert [(one["name"], one["atMs"]) for one in span["events"]] == [
        ("roark.transcript", 0.0),
        ("roark.tool_invocation", 1_050.0),
        ("roark.transcript", 1_300.0),
    ]
    page = call.html()
    assert page.startswith("<!doctype html>")
    assert "Where is A-17?" in page
    assert "data:audio/ogg;base64,T2dnUw==" in call.html(sound=b"OggS")


def test_spans_that_this_package_wrote_for_itself_are_in_no_waterfall_and_on_no_page() -> None:
    """Unless an entry names one, because the app's exporters get them as well."""
    ours = SeenSpan("customer_said", "roark_otel.pipecat", 1, 0xAB, None, T0 + 1_100 * MS, T0 + 1_200 * MS)
    theirs = SeenSpan("llm", "pipecat", 1, 0xAC, None, T0 + 1_100 * MS, T0 + 1_200 * MS)
    with capture_calls() as calls:
        talk(app(), answer_ms=950)
        body = calls.one().body

    call = CapturedCall(body, (ours, theirs))
    with pytest.raises(AssertionError) as failed:
        call.answers.within(ms=800)
    assert "llm (pipecat)" in str(failed.value)
    assert "customer_said" not in str(failed.value)
    assert [one["name"] for one in call.document()["spans"]] == ["llm"]

    said = [{**body["transcript"][0], "payload": {"span_id": f"{0xAB:016x}"}}]
    named = CapturedCall({**body, "transcript": said}, (ours, theirs))
    assert [one["name"] for one in named.document()["spans"]] == ["customer_said", "llm"]
