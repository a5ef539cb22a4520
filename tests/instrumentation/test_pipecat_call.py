"""What was heard is written into Pipecat's own conversation, or into one of its own, and never into an exporter."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from roark_otel import RoarkSpanProcessor, call_attributes
from roark_otel._instrumentation.pipecat.agent import Spoken
from roark_otel._instrumentation.pipecat.call import Call
from roark_otel._instrumentation.pipecat.customer import Said
from roark_otel._instrumentation.pipecat.tools import Use
from support.helpers import ID, KEY, MS, RECORDING, T0

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

SAID = [("AGENT", "Hello?", 100, 500), ("CUSTOMER", "my card is in the blue drawer", 700, 900)]


class Traced:
    """An app with an exporter, a processor of ours, and Pipecat's tracing context of one pipeline."""

    def __init__(self, sandbox: Sandbox, *, sampler: Any = None, **settings: Any) -> None:
        self.exported = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **({} if sampler is None else {"sampler": sampler}))
        self.provider.add_span_processor(
            RoarkSpanProcessor(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, **settings)
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self.exported))
        self.root: trace.Span | None = None

    def get_conversation_context(self) -> Context | None:
        """As Pipecat's: there is none before the conversation begins."""
        return None if self.root is None else trace.set_span_in_context(self.root, Context())

    def begin(self, **attributes: str) -> None:
        self.root = self.provider.get_tracer("pipecat.turn").start_span("conversation", start_time=T0)
        self.root.set_attributes(attributes)

    def hear(self, call: Call) -> None:
        call.begin(T0)
        for role, text, start, end in SAID:
            times = T0 + start * MS, T0 + end * MS
            if role == "AGENT":
                call.spoke(Spoken(text, *times, is_interrupted=False, agent=None))
            else:
                call.said(Said(text, *times))
        call.used(Use("look", "1", {"drawer": "blue"}, None, T0 + 910 * MS, T0 + 950 * MS, {"found": "a card"}))
        call.end(T0 + 1_000 * MS, {"ended_status": "CUSTOMER_ENDED_CALL"})

    def end(self) -> None:
        if self.root is not None:
            self.root.end(T0 + 3_000 * MS)
        self.provider.shutdown()


def transcript(body: Any) -> list[tuple[str, str, int, int]]:
    return [(one["role"], one["text"], one["startOffsetMs"], one["endOffsetMs"]) for one in body["transcript"]]


def test_with_tracing_it_is_part_of_pipecats_conversation(sandbox: Sandbox) -> None:
    app = Traced(sandbox)
    call = Call({}, None, app)
    app.begin(**{ID: "call-1"})
    app.hear(call)
    app.end()

    (body,) = sandbox.calls()
    assert body["externalId"] == "call-1"
    assert transcript(body) == SAID
    assert [(one["name"], one["parameters"], one["result"]) for one in body["toolInvocations"]] == [
        ("look", {"drawer": "blue"}, {"found": "a card"})
    ]
    assert body["endedStatus"] == "CUSTOMER_ENDED_CALL"
    assert [span.name for span in app.exported.get_finished_spans()] == ["conversation"]


def test_without_tracing_it_is_a_conversation_of_its_own(sandbox: Sandbox) -> None:
    app = Traced(sandbox)
    app.hear(Call({ID: "call-1", "roark.property.shop": "Lakeside"}, None, None))
    app.end()

    (body,) = sandbox.calls()
    assert body["externalId"] == "call-1"
    assert transcript(body) == SAID
    assert body["properties"]["framework"] == "pipecat"
    assert body["properties"]["shop"] == "Lakeside"
    assert body["endedStatus"] == "CUSTOMER_ENDED_CALL"
    assert "roark_incomplete" not in body["properties"]
    assert app.exported.get_finished_spans() == ()


def test_the_id_comes_from_the_context_too(sandbox: Sandbox) -> None:
    app = Traced(sandbox)
    with call_attributes(external_id="call-2", properties={"shop": "Lakeside"}):
        app.hear(Call({}, None, None))
    app.end()

    (body,) = sandbox.calls()
    assert (body["externalId"], body["properties"]["shop"]) == ("call-2", "Lakeside")
    assert transcript(body) == SAID


@pytest.mark.parametrize("known", ["conversation-7", None])
def test_an_id_is_made_of_pipecats_own_where_that_is_asked_for(sandbox: Sandbox, known: str | None) -> None:
    app = Traced(sandbox, auto_external_id=True)
    app.hear(Call({}, known, None))
    app.end()

    (body,) = sandbox.calls()
    assert body["externalId"] == known or known is None
    assert len(body["externalId"]) > 10
    assert transcript(body) == SAID


def test_two_pipelines_are_two_calls(sandbox: Sandbox) -> None:
    app = Traced(sandbox)
    calls = [Call({ID: f"call-{number}"}, None, None) for number in (1, 2)]
    for call in calls:
        call.begin(T0)
    for number, call in enumerate(calls):
        call.said(Said(f"I am {number}", T0, T0 + 100 * MS))
    for call in calls:
        call.end(T0 + 200 * MS, {})
    app.end()

    assert [[one["text"] for one in sandbox.call(f"call-{number}").body["transcript"]] for number in (1, 2)] == [
        ["I am 0"],
        ["I am 1"],
    ]


def test_where_pipecats_conversation_is_of_no_provider_it_is_one_of_its_own(sandbox: Sandbox) -> None:
    """Pipecat traces, but the app has no tracer provider: its span is not recorded, and has no id."""
    app = Traced(sandbox)
    nowhere = SimpleNamespace(get_conversation_context=lambda: trace.set_span_in_context(trace.INVALID_SPAN, Context()))
    app.hear(Call({ID: "call-1"}, None, nowhere))
    app.end()

    (body,) = sandbox.calls()
    assert transcript(body) == SAID


def test_a_conversation_that_the_app_does_not_sample_is_not_heard(sandbox: Sandbox) -> None:
    app = Traced(sandbox, sampler=ALWAYS_OFF, auto_external_id=True)
    app.begin()
    app.hear(Call({ID: "call-1"}, None, app))
    app.end()

    assert sandbox.calls() == []


def test_content_off_leaves_names_and_times_of_tools(sandbox: Sandbox) -> None:
    app = Traced(sandbox, capture_content=False)
    app.hear(Call({ID: "call-1"}, None, None))
    app.end()

    (body,) = sandbox.calls()
    assert "transcript" not in body
    assert [(one["name"], one["parameters"], one["result"]) for one in body["toolInvocations"]] == [("look", {}, "")]
    assert [(one["startOffsetMs"], one["endOffsetMs"]) for one in body["toolInvocations"]] == [(910, 950)]


@pytest.mark.parametrize(
    ("facts", "expected"), [({"silent_agent": True}, []), ({}, ["Never played."])], ids=["silent", "deaf"]
)
def test_a_pipeline_that_was_silent_says_nothing_that_spans_may_have(
    sandbox: Sandbox, facts: dict[str, bool], expected: list[str]
) -> None:
    """Unless the observer knew no output of it: then it may have been deaf."""
    app = Traced(sandbox)
    app.begin(**{ID: "call-1"})
    call = Call({}, None, app)
    call.begin(T0)
    call.end(T0 + 1_000 * MS, facts)
    tts = app.provider.get_tracer("pipecat").start_span(
        "tts", app.get_conversation_context(), attributes={"text": "Never played."}, start_time=T0
    )
    tts.end(T0 + 100 * MS)
    app.end()

    (body,) = sandbox.calls()
    assert [one["text"] for one in body.get("transcript", [])] == expected


def test_what_spans_measured_stands_at_what_was_heard(sandbox: Sandbox) -> None:
    app = Traced(sandbox)
    app.begin(**{ID: "call-1"})
    tracer, within = app.provider.get_tracer("pipecat"), app.get_conversation_context()
    for name, start, end, attributes in (
        ("tts", 60, 200, {"text": "Hello? Who is there?", "metrics.ttfb": 0.04}),
        ("stt", 700, 1_100, {"transcript": SAID[1][1], "metrics.ttfb": 0.2}),
    ):
        span = tracer.start_span(name, within, attributes=attributes, start_time=T0 + start * MS)  # type: ignore[arg-type]
        span.end(T0 + end * MS)
    app.hear(Call({}, None, app))
    app.end()

    (body,) = sandbox.calls()
    assert transcript(body) == SAID
    assert [one["payload"] for one in body["transcript"]] == [{"tts_ttfb_ms": 40}, {"stt_ttfb_ms": 200}]


def test_a_pipeline_that_never_started_is_no_call(sandbox: Sandbox) -> None:
    app = Traced(sandbox, auto_external_id=True)
    Call({ID: "call-1"}, None, None).end(T0, {})
    Call({ID: "call-2"}, None, app).end(T0, {"ended_status": "CUSTOMER_ENDED_CALL"})
    app.end()

    assert sandbox.calls() == []


def test_a_conversation_that_has_ended_gets_no_second_root(sandbox: Sandbox) -> None:
    """Nothing was heard of it while it went on, and its context is gone."""
    app = Traced(sandbox)
    call = Call({ID: "call-1"}, None, app)
    call.begin(T0)
    app.begin(**{ID: "call-1"})
    call.begin(T0 + 1 * MS)
    root, app.root = app.root, None
    call.end(T0 + 1_000 * MS, {"ended_status": "CUSTOMER_ENDED_CALL"})
    app.root = root
    app.end()

    (body,) = sandbox.calls()
    assert body["endedStatus"] == "CUSTOMER_ENDED_CALL"
