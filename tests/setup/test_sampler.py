"""RoarkSampler: conversations are recorded for their calls although their traces are sampled out."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan

import roark_otel
from roark_otel import RoarkSampler
from roark_otel._setup.sampler import sampler_from_argument
from support.helpers import ID, App, agent_said, customer_said, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.sandbox import Sandbox

OFF: dict[str, Sampler] = {
    "ratio 0": TraceIdRatioBased(0.0),
    "parent-based ratio 0": ParentBasedTraceIdRatio(0.0),
    "parent-based always-off": DEFAULT_OFF,
    "always-off": ALWAYS_OFF,
}
"""Samplers that drop everything."""


def sampled_app(url: str, delegate: Sampler, **arguments: Any) -> tuple[App, InMemorySpanExporter]:
    app = App(url, provider={"sampler": RoarkSampler(delegate)}, **arguments)
    exporter = InMemorySpanExporter()
    app.provider.add_span_processor(SimpleSpanProcessor(exporter))
    return app, exporter


def by_attribute(app: App) -> None:
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1", "roark.property.tier": "gold"}) as root:
        customer_said(root, "Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")


def by_call_attributes(app: App) -> None:
    with (
        roark_otel.call_attributes(external_id="call-1", properties={"tier": "gold"}),
        app.tracer.start_as_current_span("call") as root,
    ):
        customer_said(root, "Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")


def by_conversation(app: App) -> None:
    with roark_otel.conversation("call-1", tracer_provider=app.provider, properties={"tier": "gold"}) as call:
        call.customer_said("Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")


def by_key_of_its_own(app: App) -> None:
    with app.tracer.start_as_current_span("call", attributes={"app.call": "call-1"}) as root:
        root.set_attribute("roark.property.tier", "gold")
        customer_said(root, "Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")


def with_explicit_contexts(app: App) -> None:
    """As Pipecat does: the parent is only a span context, which shows nothing but the trace id."""
    root = app.tracer.start_span("call", context.Context(), attributes={ID: "call-1", "roark.property.tier": "gold"})
    customer_said(root, "Hello?")
    above = trace.set_span_in_context(NonRecordingSpan(root.get_span_context()), context.Context())
    turn = app.tracer.start_span("turn", above)
    agent_said(turn, "Hello.")
    turn.end()
    root.end()


WAYS = [by_attribute, by_call_attributes, by_conversation, by_key_of_its_own, with_explicit_contexts]


@pytest.mark.parametrize("delegate", OFF)
@pytest.mark.parametrize("talk", WAYS)
def test_a_call_is_made_and_nothing_exported(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, delegate: str, talk: Callable[[App], None]
) -> None:
    """However the id is given at the start, the call is whole, attributes included, and exporters see no span."""
    monkeypatch.setenv("ROARK_EXTERNAL_ID_KEYS", "app.call")
    app, exporter = sampled_app(sandbox.url, OFF[delegate])
    talk(app)
    assert app.processor.force_flush()
    assert [(call["externalId"], words(call), call["properties"]["tier"]) for call in sandbox.calls()] == [
        ("call-1", ["Hello?", "Hello."], "gold")
    ]
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize("delegate", OFF)
def test_other_traces_stay_dropped(sandbox: Sandbox, delegate: str) -> None:
    """Other spans are not recorded before, during or after a conversation."""
    app, _ = sampled_app(sandbox.url, OFF[delegate])
    elsewhere = context.Context()
    assert not app.tracer.start_span("before", elsewhere).is_recording()
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}):
        assert not app.tracer.start_span("meanwhile", elsewhere).is_recording()
        assert not app.tracer.start_span("meanwhile", elsewhere, attributes={"a": 1}).is_recording()
    assert not app.tracer.start_span("after", elsewhere).is_recording()


def test_headers_stay_unsampled(sandbox: Sandbox) -> None:
    """Services that the app calls still sample the trace out."""
    app, _ = sampled_app(sandbox.url, DEFAULT_OFF)
    headers: dict[str, str] = {}
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}):
        propagate.inject(headers)
    assert int(headers["traceparent"].rpartition("-")[2], 16) & trace.TraceFlags.SAMPLED == 0


def test_baggage_counts(sandbox: Sandbox) -> None:
    """A span with its id from baggage is recorded; alone it is a fragment, with a root that takes it, it is a call."""
    app, _ = sampled_app(sandbox.url, ALWAYS_OFF, id_from_baggage=True)
    parent = baggage.set_baggage(ID, "call-1", context.Context())
    with app.tracer.start_as_current_span("call", parent, attributes={"roark.conversation.root": True}) as root:
        customer_said(root, "Hello?")
    with app.tracer.start_as_current_span("fragment", baggage.set_baggage(ID, "call-2", context.Context())) as span:
        customer_said(span, "Hello?")
        assert span.is_recording()
    app.close()
    assert [(call["externalId"], words(call)) for call in sandbox.calls()] == [("call-1", ["Hello?"])]
    assert app.processor.stats().fragments == 1


def test_below_a_parent_that_was_sampled_out_elsewhere(sandbox: Sandbox) -> None:
    """The server's span was dropped before the id was known: the conversation below it is recorded."""
    app, exporter = sampled_app(sandbox.url, DEFAULT_OFF)
    with app.tracer.start_as_current_span("websocket") as request:
        assert not request.is_recording()
        by_attribute(app)
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?", "Hello."]]
    assert exporter.get_finished_spans() == ()


def test_an_id_that_comes_after_the_start_is_too_late(sandbox: Sandbox) -> None:
    """A span that a sampler dropped cannot be brought back: README names the frameworks that this concerns."""
    app, _ = sampled_app(sandbox.url, ALWAYS_OFF)
    with app.tracer.start_as_current_span("call") as root:
        root.set_attribute(ID, "call-1")
        customer_said(root, "Hello?")
    app.close()
    assert sandbox.calls() == []


def test_a_sampled_span_is_unchanged(sandbox: Sandbox) -> None:
    """If the delegate exports a span, its decision and its attributes are kept."""

    class Marking(Sampler):
        def should_sample(self, *_: Any, **__: Any) -> SamplingResult:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, {"sampler.rule": "all"})

        def get_description(self) -> str:
            return "Marking"

    app, exporter = sampled_app(sandbox.url, Marking())
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}):
        pass
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == {"sampler.rule": "all"}
    assert app.provider.sampler.get_description() == "RoarkSampler{Marking}"


def test_half_of_the_traces(sandbox: Sandbox) -> None:
    """At a ratio of one half every call is made, and about half of the traces are exported."""
    app, exporter = sampled_app(sandbox.url, ParentBased(TraceIdRatioBased(0.5)))
    for number in range(100):
        app.conversation(f"call-{number}", "Hello?")
    assert app.processor.force_flush()
    assert len(sandbox.calls()) == 100
    assert 20 <= len(exporter.get_finished_spans()) <= 80


def test_the_kill_switch_switches_it_off_too(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROARK_OBSERVABILITY_ENABLED", "false")
    app, _ = sampled_app(sandbox.url, ALWAYS_OFF)
    assert not app.tracer.start_span("call", attributes={ID: "call-1"}).is_recording()


@pytest.mark.parametrize("delegate", [None, 0.5, "always_off", ParentBased])
def test_a_delegate_that_is_not_a_sampler(delegate: Any) -> None:
    with pytest.raises(ValueError, match="delegate: must be a sampler"):
        RoarkSampler(delegate)


# From the environment


@pytest.mark.parametrize(
    ("argument", "description"),
    [
        (None, DEFAULT_ON.get_description()),
        ("", DEFAULT_ON.get_description()),
        ("0.25", ParentBasedTraceIdRatio(0.25).get_description()),
        ("0", ParentBasedTraceIdRatio(0.0).get_description()),
        ("always_on", ALWAYS_ON.get_description()),
        ("Always_Off", ALWAYS_OFF.get_description()),
        ("parentbased_always_off", DEFAULT_OFF.get_description()),
        ("traceidratio:0.5", TraceIdRatioBased(0.5).get_description()),
        (" parentbased_traceidratio:1 ", ParentBasedTraceIdRatio(1.0).get_description()),
    ],
)
def test_the_argument(argument: str | None, description: str, said: pytest.LogCaptureFixture) -> None:
    assert sampler_from_argument(argument).get_description() == f"RoarkSampler{{{description}}}"
    assert said.records == []


@pytest.mark.parametrize("argument", ["2", "-1", "half", "nan", "traceidratio", "traceidratio:", "always_off:0.5", ":"])
def test_an_invalid_argument_is_logged_and_the_default_is_used(argument: str, said: pytest.LogCaptureFixture) -> None:
    assert DEFAULT_ON.get_description() in sampler_from_argument(argument).get_description()
    (warning,) = said.records
    assert warning.levelno == logging.WARNING
    assert "OTEL_TRACES_SAMPLER_ARG" in warning.getMessage()


def test_the_sdk_finds_it_by_name(sandbox: Sandbox) -> None:
    """OTEL_TRACES_SAMPLER=roark, in a process that the SDK configures from its environment."""
    program = """
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
_OTelSDKConfigurator().configure(auto_instrumentation_version="1")
from opentelemetry import trace
from roark_otel import RoarkSpanProcessor, conversation
trace.get_tracer_provider().add_span_processor(RoarkSpanProcessor(recording_url="https://example.com/a.wav"))
assert not trace.get_tracer("app").start_span("other").is_recording()
with conversation("call-1") as call:
    call.customer_said("Hello?")
print(trace.get_tracer_provider().sampler.get_description())
"""
    environment = os.environ | {
        "ROARK_API_KEY": "key",
        "ROARK_BASE_URL": sandbox.url,
        "OTEL_TRACES_SAMPLER": "roark",
        "OTEL_TRACES_SAMPLER_ARG": "0",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("RoarkSampler{ParentBased")
    assert [(call["externalId"], words(call)) for call in sandbox.calls()] == [("call-1", ["Hello?"])]
