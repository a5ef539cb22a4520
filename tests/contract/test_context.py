"""Ids from the surroundings of a span: call_attributes, and baggage."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import set_span_in_context

from roark_otel import call_attributes
from support.helpers import ID, App, agent_said, by_id, customer_said, words

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from roark_otel.sandbox import Sandbox


def exported(app: App) -> InMemorySpanExporter:
    """What other processors of the same provider see."""
    exporter = InMemorySpanExporter()
    app.provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def stamped(exporter: InMemorySpanExporter) -> dict[str, Any]:
    """Returns the names of the spans that carry an id, and the id."""
    found = [(span.name, span.attributes or {}) for span in exporter.get_finished_spans()]
    return {name: attributes[ID] for name, attributes in found if ID in attributes}


def test_call_attributes(sandbox: Sandbox) -> None:
    """Spans that start inside are of the call; what it says of the call is in it."""
    app = App(sandbox.url, recording_url=None)
    with (
        call_attributes(
            external_id="call-1",
            recording_url="https://example.com/1.wav",
            stereo_recording_url="https://example.com/stereo.wav",
            interface_type="phone",
            call_direction="outbound",
            agent_name="Ada",
            agent_custom_id="agent-1",
            customer_phone_number="+15550100",
            properties={"tier": "gold", "attempt": 2, "vip": True, "score": 0.5},
        ),
        app.tracer.start_as_current_span("call") as root,
    ):
        customer_said(root, "Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (call["externalId"], words(call)) == ("call-1", ["Hello?", "Hello."])
    assert (call["recordingUrl"], call["stereoRecordingUrl"]) == (
        "https://example.com/1.wav",
        "https://example.com/stereo.wav",
    )
    assert (call["interfaceType"], call["callDirection"]) == ("PHONE", "OUTBOUND")
    assert call["agent"] == {"name": "Ada", "customId": "agent-1"}
    assert call["customer"] == {"phoneNumberE164": "+15550100"}
    found = {name: call["properties"][name] for name in ("tier", "attempt", "vip", "score")}
    assert found == {"tier": "gold", "attempt": 2, "vip": True, "score": 0.5}


def test_first_span_of_each_trace_is_stamped(sandbox: Sandbox) -> None:
    """The id is written on the first span of each trace inside, so that the trace links; on no other span."""
    app = App(sandbox.url)
    exporter = exported(app)
    with call_attributes(external_id="call-1"):
        for trace in ("one", "two"):
            with app.tracer.start_as_current_span(f"{trace} root") as root:
                customer_said(root, trace)
                app.tracer.start_span(f"{trace} child").end()
    with app.tracer.start_as_current_span("outside"):
        pass
    assert stamped(exporter) == {"one root": "call-1", "two root": "call-1"}
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert words(call) == ["one", "two"]
    assert "roark_unlinked" not in call["properties"]


def test_span_with_an_id_is_not_stamped(sandbox: Sandbox) -> None:
    """A span's own id holds against that of call_attributes."""
    app = App(sandbox.url)
    exporter = exported(app)
    with call_attributes(external_id="context", properties={"tier": "gold"}):
        app.conversation("own", "Hello?")
    assert stamped(exporter) == {"call": "own"}
    assert app.processor.force_flush()
    assert [(call["externalId"], call["properties"]["tier"]) for call in sandbox.calls()] == [("own", "gold")]


def test_call_attributes_inside_an_open_span(sandbox: Sandbox) -> None:
    """Where a request's span is open already, the first span inside carries the id."""
    app = App(sandbox.url)
    exporter = exported(app)
    with app.tracer.start_as_current_span("request"), call_attributes(external_id="call-1"):
        call = app.tracer.start_span("call")
        customer_said(call, "Hello?")
        call.end()
    assert stamped(exporter) == {"call": "call-1"}
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def test_nested_call_attributes(sandbox: Sandbox) -> None:
    """The inner one adds to the outer one and wins over it; after it the outer one holds again."""
    app = App(sandbox.url)
    with call_attributes(external_id="call-1", properties={"tier": "gold", "step": "outer"}):
        with call_attributes(properties={"step": "inner"}), app.tracer.start_as_current_span("inner") as inner:
            customer_said(inner, "Inside.")
        with call_attributes(external_id="call-2"), app.tracer.start_as_current_span("other") as other:
            customer_said(other, "Somebody else.")
        with app.tracer.start_as_current_span("outer") as outer:
            customer_said(outer, "Outside.")
    assert app.processor.force_flush()
    calls = by_id(sandbox.calls())
    assert {name: words(call) for name, call in calls.items()} == {
        "call-1": ["Inside.", "Outside."],
        "call-2": ["Somebody else."],
    }
    assert {name: call["properties"]["tier"] for name, call in calls.items()} == {"call-1": "gold", "call-2": "gold"}


def test_async_call_attributes(sandbox: Sandbox) -> None:
    """Two tasks at the same time have each their own."""
    app = App(sandbox.url)

    async def call(external_id: str, met: asyncio.Event, meet: asyncio.Event) -> None:
        async with call_attributes(external_id=external_id):
            with app.tracer.start_as_current_span("call") as root:
                met.set()
                await meet.wait()
                await asyncio.create_task(turn(external_id))
                agent_said(root, f"to {external_id}")

    async def turn(external_id: str) -> None:
        with app.tracer.start_as_current_span("turn") as span:
            customer_said(span, f"of {external_id}")

    async def both() -> None:
        one, two = asyncio.Event(), asyncio.Event()
        await asyncio.gather(call("call-1", one, two), call("call-2", two, one))

    asyncio.run(both())
    assert app.processor.force_flush()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        name: [f"of {name}", f"to {name}"] for name in ("call-1", "call-2")
    }


def livekit(app: App) -> Tracer:
    return app.provider.get_tracer("livekit-agents")


def session(app: App, text: str) -> None:
    """Makes the spans of a LiveKit session, with the tracer of LiveKit's name."""
    tracer = livekit(app)
    with tracer.start_as_current_span("agent_session"):
        tracer.start_span("user_turn", attributes={"lk.user_transcript": text}).end()


def test_framework_root_inside_call_attributes(sandbox: Sandbox) -> None:
    """LiveKit's session, which no app starts itself, gets the id, is stamped with it and ends the call."""
    app = App(sandbox.url)
    exporter = exported(app)
    with call_attributes(external_id="call-1"):
        session(app, "Hello?")
    assert stamped(exporter) == {"agent_session": "call-1"}
    assert app.processor.force_flush()
    assert [(call["externalId"], words(call)) for call in sandbox.calls()] == [("call-1", ["Hello?"])]


def test_framework_root_below_a_span_of_the_app(sandbox: Sandbox) -> None:
    """The session below a job's span belongs to the call, and its end makes it although the job goes on."""
    app = App(sandbox.url)
    with call_attributes(external_id="call-1"):
        job = app.tracer.start_span("job")
        with app.tracer.start_as_current_span("entry"):
            session(app, "Hello?")
    assert app.processor.force_flush()
    assert [(call["externalId"], words(call)) for call in sandbox.calls()] == [("call-1", ["Hello?"])]
    job.end()


def test_late_id_above_an_open_framework_root(sandbox: Sandbox) -> None:
    """The end of a request above does not end the session below, although the request got the same id meanwhile."""
    app = App(sandbox.url)
    tracer = livekit(app)
    with app.tracer.start_as_current_span("request") as request:
        running = tracer.start_span("agent_session", attributes={ID: "call-1"})
        request.set_attribute(ID, "call-1")
    assert app.processor.force_flush()
    assert sandbox.calls() == []
    below = set_span_in_context(running)
    tracer.start_span("user_turn", below, attributes={"lk.user_transcript": "Hello?"}).end()
    running.end()
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def test_framework_root_without_an_id(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """A session that nothing names makes no call; it is counted, and the warning says what to set."""
    app = App(sandbox.url)
    session(app, "Hello?")
    assert app.processor.force_flush()
    assert (sandbox.calls(), app.processor.stats().no_id) == ([], 1)
    assert "set the attribute roark.external_id" in said.text


def test_call_attributes_as_baggage() -> None:
    """The id goes to other processes only where it is asked to."""
    with call_attributes(external_id="call-1"):
        assert baggage.get_all() == {}
    with call_attributes(external_id="call-1", as_baggage=True):
        assert baggage.get_all() == {ID: "call-1"}
    assert baggage.get_all() == {}


def test_call_attributes_without_a_processor() -> None:
    """Nothing happens, and an exception inside passes through."""
    before = context.get_current()
    with pytest.raises(ZeroDivisionError), call_attributes(external_id="call-1"):
        raise ZeroDivisionError
    assert context.get_current() == before


def test_call_attributes_and_baggage_own_the_call(sandbox: Sandbox) -> None:
    """The process that sets the id owns the call although the same id is in its baggage."""
    app = App(sandbox.url)
    with call_attributes(external_id="call-1", as_baggage=True), app.tracer.start_as_current_span("call") as root:
        customer_said(root, "Hello?")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def with_baggage(external_id: str) -> context.Context:
    return baggage.set_baggage(ID, external_id)


def test_fragment(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """Spans that have their id only from baggage make no call: they are counted, with one warning."""
    app = App(sandbox.url)
    for number in range(3):
        with app.tracer.start_as_current_span("tool server", with_baggage(f"call-{number}")) as span:
            customer_said(span, "Words of a fragment.")
    app.close()
    assert (sandbox.calls(), app.processor.stats().fragments) == ([], 3)
    warnings = [record.message for record in said.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "only from baggage" in warnings[0]
    assert "Words" not in warnings[0]


def test_owner_with_baggage(sandbox: Sandbox) -> None:
    """A span that sets an id of its own makes the process the owner, whatever baggage says."""
    app = App(sandbox.url)
    for external_id, attributes in (("call-1", {}), ("call-2", {"roark.conversation.root": True})):
        about: dict[str, Any] = {ID: external_id, **attributes}
        with app.tracer.start_as_current_span("call", with_baggage("call-3"), attributes=about) as span:
            customer_said(span, "Hello?")
    assert app.processor.force_flush()
    assert set(by_id(sandbox.calls())) == {"call-1", "call-2"}
