"""What an instrumentation hears becomes a part of the call, and reaches no exporter of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from roark_otel import RoarkSpanProcessor
from roark_otel._instrumentation.heard_spans import HeardSpans, said, used
from roark_otel.dialects.heard import names
from support.helpers import ID, KEY, MS, RECORDING

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

PRIVATE = "my card is in the blue drawer"
GREETING = "Hello, who is it?"
RESULT = "two keys and a stamp"
HEARD = (GREETING, PRIVATE, RESULT, "look")
"""What only an observer had: words of both sides, arguments and result of a tool, and its name."""


def hold(sandbox: Sandbox, **settings: object) -> InMemorySpanExporter:
    """Holds a conversation of Pipecat's whose own spans have no word, and of which an observer heard two."""
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(
        RoarkSpanProcessor(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, **settings)  # type: ignore[arg-type]
    )
    provider.add_span_processor(SimpleSpanProcessor(exported))
    heard = HeardSpans("pipecat", provider)
    root = provider.get_tracer("pipecat.turn").start_span("conversation", attributes={ID: "call-1"})
    within = trace.set_span_in_context(root, Context())
    start_ns = root.start_time  # type: ignore[attr-defined]

    heard.write(names.AGENT_SAID, said(GREETING), start_ns, start_ns + 500 * MS, within=within)
    heard.write(names.CUSTOMER_SAID, said(PRIVATE), start_ns + 700 * MS, start_ns + 900 * MS, within=within)
    tool = used("look", "call_0", {"drawer": PRIVATE}, {"found": RESULT})
    heard.write(names.TOOL_USED, tool, start_ns + 910 * MS, start_ns + 950 * MS, within=within)
    root.end(start_ns + 1000 * MS)
    provider.shutdown()
    return exported


def everything(exported: InMemorySpanExporter) -> str:
    """All that an exporter got, as JSON."""
    return "".join(span.to_json() for span in exported.get_finished_spans())


def test_what_was_heard_is_in_the_call_and_nowhere_else(sandbox: Sandbox) -> None:
    exported = hold(sandbox)

    call = sandbox.call("call-1")
    assert [
        (one["role"], one["text"], one["startOffsetMs"], one["endOffsetMs"]) for one in call.body["transcript"]
    ] == [
        ("AGENT", GREETING, 0, 500),
        ("CUSTOMER", PRIVATE, 700, 900),
    ]
    assert [(one["name"], one["parameters"], one["result"]) for one in call.body["toolInvocations"]] == [
        ("look", {"drawer": PRIVATE}, {"found": RESULT})
    ]
    assert [span.name for span in exported.get_finished_spans()] == ["conversation"]
    assert ID in everything(exported)
    assert not [words for words in HEARD if words in everything(exported)]


def test_for_a_gateway_it_is_written_as_spans_of_the_app(sandbox: Sandbox) -> None:
    exported = hold(sandbox, instrumentation_spans=True)

    assert [span.name for span in exported.get_finished_spans()] == [
        "agent_said",
        "customer_said",
        "tool_used",
        "conversation",
    ]
    assert all(words in everything(exported) for words in HEARD)
    assert len(sandbox.call("call-1").body["transcript"]) == 2


@pytest.mark.parametrize("as_spans", [False, True])
def test_without_content_the_names_of_tools_are_left(sandbox: Sandbox, *, as_spans: bool) -> None:
    exported = hold(sandbox, instrumentation_spans=as_spans, capture_content=False)

    body = sandbox.call("call-1").body
    assert "transcript" not in body
    assert [(one["name"], one["parameters"], one["result"]) for one in body["toolInvocations"]] == [("look", {}, "")]
    assert not [words for words in HEARD if words in everything(exported) and words != "look"]


def test_the_limits_of_the_apps_spans_are_not_those_of_what_is_heard(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7")
    hold(sandbox)

    assert sandbox.call("call-1").body["transcript"][1]["text"] == PRIVATE


@pytest.mark.parametrize("as_spans", [False, True])
@pytest.mark.parametrize("first", [True, False])
def test_it_goes_to_no_project_that_has_nothing_of_the_conversation(
    sandbox: Sandbox, *, first: bool, as_spans: bool
) -> None:
    receipts: list[object] = []

    def other() -> TracerProvider:
        provider = TracerProvider()
        provider.add_span_processor(
            RoarkSpanProcessor(
                api_key="rk_other",
                base_url=sandbox.url,
                recording_url=RECORDING,
                instrumentation_spans=as_spans,
                on_receipt=lambda _, receipt: receipts.append(receipt),
            )
        )
        return provider

    exported = InMemorySpanExporter()
    provider = TracerProvider()
    others = [other()] if first else []
    provider.add_span_processor(
        RoarkSpanProcessor(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, capture_content=False)
    )
    provider.add_span_processor(SimpleSpanProcessor(exported))
    others = others or [other()]
    heard = HeardSpans("pipecat", provider)
    root = provider.get_tracer("pipecat.turn").start_span("conversation", attributes={ID: "call-1"})
    within, about = trace.set_span_in_context(root, Context()), Resource({ID: "call-1"})
    start_ns = root.start_time  # type: ignore[attr-defined]
    tool = used("look", "call_0", {"drawer": PRIVATE})

    heard.write(names.CUSTOMER_SAID, said(PRIVATE), start_ns, start_ns + MS, within=within, resource=about)
    heard.write(names.TOOL_USED, tool, start_ns, start_ns + MS, within=within, resource=about)
    root.end(start_ns + 1000 * MS)
    others[0].shutdown()
    provider.shutdown()

    assert receipts == []
    assert [one["name"] for one in sandbox.call("call-1").body["toolInvocations"]] == ["look"]
    assert [span.name for span in exported.get_finished_spans()] == ["conversation"]
    assert not [words for words in (PRIVATE, "look") if words in everything(exported)]
