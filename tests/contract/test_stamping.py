"""Ids that are written on spans, so that traces link as a whole, and what a call says where that came too late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import roark_otel
from support.helpers import ID, App, by_id, customer_said, words

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox


def traced(url: str, **arguments: Any) -> tuple[App, InMemorySpanExporter]:
    app = App(url, **arguments)
    exporter = InMemorySpanExporter()
    app.provider.add_span_processor(SimpleSpanProcessor(exporter))
    return app, exporter


def ids(exporter: InMemorySpanExporter) -> list[Any]:
    """Returns the ids that spans carry, in the order in which the spans ended."""
    return [found[ID] for span in exporter.get_finished_spans() if ID in (found := span.attributes or {})]


def stamped(exporter: InMemorySpanExporter) -> dict[str, Any]:
    """Returns the names of the spans that carry an id, and the id."""
    found = [(span.name, span.attributes or {}) for span in exporter.get_finished_spans()]
    return {name: attributes[ID] for name, attributes in found if ID in attributes}


def unlinked(sandbox: Sandbox) -> dict[str, bool]:
    return {name: "roark_unlinked" in call["properties"] for name, call in by_id(sandbox.calls()).items()}


def test_an_id_under_another_key(sandbox: Sandbox) -> None:
    """Found at the start, it is written on the same span under our own key: Roark knows no other."""
    app, exporter = traced(sandbox.url, external_id_keys=["app.call"])
    with app.tracer.start_as_current_span("call", attributes={"app.call": "call-1"}) as root:
        customer_said(root, "Hello?")
        app.tracer.start_span("turn", attributes={"app.call": "call-1"}).end()
    assert app.processor.force_flush()
    assert stamped(exporter) == {"call": "call-1"}
    assert unlinked(sandbox) == {"call-1": False}


def test_an_id_under_another_key_that_comes_later(sandbox: Sandbox) -> None:
    """It is written when the next span of the trace starts, if the root is still open."""
    app, exporter = traced(sandbox.url, external_id_keys=["app.call"])
    with app.tracer.start_as_current_span("call", attributes={"roark.interface_type": "WEB"}) as root:
        app.tracer.start_span("before").end()
        root.set_attribute("app.call", "call-1")
        customer_said(root, "Hello?")
        app.tracer.start_span("turn", attributes={"roark.property.a": 1}).end()
    assert app.processor.force_flush()
    assert stamped(exporter) == {"call": "call-1"}
    assert unlinked(sandbox) == {"call-1": False}


def test_an_id_that_comes_too_late(sandbox: Sandbox) -> None:
    """Without a span after it, it cannot be written: the call says that its trace is not linked."""
    app, exporter = traced(sandbox.url, external_id_keys=["app.call"])
    with app.tracer.start_as_current_span("call") as root:
        customer_said(root, "Hello?")
        root.set_attribute("app.call", "call-1")
    assert app.processor.force_flush()
    assert stamped(exporter) == {}
    assert unlinked(sandbox) == {"call-1": True}


def test_one_trace_of_several_is_not_linked(sandbox: Sandbox) -> None:
    """A conversation of many traces is linked if each of them shows the id."""
    app, _ = traced(sandbox.url, external_id_keys=["app.call"])
    app.conversation("call-1", "First.")
    with app.tracer.start_as_current_span("late") as late:
        customer_said(late, "Second.")
        late.set_attribute("app.call", "call-1")
    app.conversation("call-2", "First.")
    app.conversation("call-2", "Second.")
    assert app.processor.force_flush()
    assert unlinked(sandbox) == {"call-1": True, "call-2": False}


def test_two_conversations_in_one_trace(sandbox: Sandbox) -> None:
    """Each gets its id on its first span: a server's span may be above both."""
    app, exporter = traced(sandbox.url)
    with app.tracer.start_as_current_span("server"):
        for number in (1, 2):
            with (
                roark_otel.call_attributes(external_id=f"call-{number}"),
                app.tracer.start_as_current_span(f"socket {number}") as span,
            ):
                customer_said(span, f"of {number}")
                app.tracer.start_span("turn").end()
    assert app.processor.force_flush()
    assert stamped(exporter) == {"socket 1": "call-1", "socket 2": "call-2"}
    assert unlinked(sandbox) == {"call-1": False, "call-2": False}


def test_baggage_is_never_written(sandbox: Sandbox) -> None:
    """A fragment's spans with the id on them would make it an owner."""
    app, exporter = traced(sandbox.url)
    with app.tracer.start_as_current_span("tool server", baggage.set_baggage(ID, "call-1")) as span:
        customer_said(span, "Hello?")
        app.tracer.start_span("turn").end()
    app.close()
    assert stamped(exporter) == {}
    assert (sandbox.calls(), app.processor.stats().fragments) == ([], 1)


@pytest.mark.parametrize("external_id", ["", "x" * 256, 7])
def test_what_is_not_an_id_is_never_written(sandbox: Sandbox, external_id: Any) -> None:
    app, exporter = traced(sandbox.url, external_id_keys=["app.call"])
    with app.tracer.start_as_current_span("call", attributes={"app.call": external_id}) as root:
        customer_said(root, "Hello?")
        app.tracer.start_span("turn").end()
    app.close()
    assert (stamped(exporter), sandbox.calls()) == ({}, [])


def pipecat(app: App, external_id: str | None, word: str) -> None:
    """A pipeline's conversation: what it is called is set right after the start."""
    tracer = app.provider.get_tracer("pipecat.turn")
    root = tracer.start_span("conversation")
    root.set_attribute("conversation.id", "conv-1")
    if external_id is not None:
        root.set_attribute(ID, external_id)
    turn = tracer.start_span("turn", trace.set_span_in_context(root))
    stt = app.provider.get_tracer("pipecat").start_span("stt", trace.set_span_in_context(turn))
    stt.set_attributes({"transcript": word, "is_final": True})
    stt.end()
    turn.end()
    root.end()


def test_an_own_id_of_pipecat(sandbox: Sandbox) -> None:
    """With ROARK_AUTO_EXTERNAL_ID: the name that Pipecat gives is the id, on its root, so that the trace links."""
    app, exporter = traced(sandbox.url, auto_external_id=True)
    pipecat(app, None, "Hello?")
    assert app.processor.force_flush()
    assert stamped(exporter) == {"conversation": "conv-1"}
    assert unlinked(sandbox) == {"conv-1": False}


def test_no_own_id_where_there_is_another(sandbox: Sandbox) -> None:
    app, exporter = traced(sandbox.url, auto_external_id=True)
    pipecat(app, "call-1", "Hello?")
    with roark_otel.call_attributes(external_id="call-2"):
        pipecat(app, None, "Hello?")
    assert app.processor.force_flush()
    assert ids(exporter) == ["call-1", "call-2"]
    assert set(by_id(sandbox.calls())) == {"call-1", "call-2"}


def test_no_own_id_unless_it_is_asked_for(sandbox: Sandbox) -> None:
    app, exporter = traced(sandbox.url)
    pipecat(app, None, "Hello?")
    assert app.processor.force_flush()
    assert (stamped(exporter), sandbox.calls()) == ({}, [])
    resource, other = traced(sandbox.url, auto_external_id=True, api_key="other", resource={ID: "call-2"})
    pipecat(resource, None, "Hello?")
    assert resource.processor.force_flush()
    assert stamped(other) == {}


def test_own_ids_of_two_livekit_sessions_in_one_trace(sandbox: Sandbox) -> None:
    """Each session of a room has an id of its own, on its own span."""
    app, exporter = traced(sandbox.url, auto_external_id=True)
    tracer = app.provider.get_tracer("livekit-agents")
    roots: list[str] = []
    with app.tracer.start_as_current_span("job"):
        for number in (1, 2):
            with tracer.start_as_current_span("agent_session") as session:
                session.set_attribute("lk.room_sid", "RM_1")
                roots.append(f"RM_1-{session.get_span_context().span_id:016x}")
                tracer.start_span("user_turn", attributes={"lk.user_transcript": f"of {number}"}).end()
    assert app.processor.force_flush()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        roots[0]: ["of 1"],
        roots[1]: ["of 2"],
    }
    assert sorted(ids(exporter)) == sorted(roots)
    assert set(unlinked(sandbox).values()) == {False}
