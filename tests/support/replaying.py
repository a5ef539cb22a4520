"""Recorded spans replayed through the real SDK: what a processor really sees of a framework."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from roark_otel import RoarkSpanProcessor
from support.helpers import wait_until
from support.paths import SNAPSHOTS, SPANS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import SpanProcessor

    from roark_otel.sandbox import Sandbox

RECORDING = "https://example.com/recording.wav"

Json = dict[str, Any]

FRAMEWORKS = sorted(
    path.relative_to(SPANS).as_posix().removesuffix(".truth.json")
    for folder in ("livekit", "livekit-js", "pipecat", "realtime", "gen_ai")
    for path in (SPANS / folder).glob("*.truth.json")
)
"""Every dump of which is known what was really said, such as `livekit/NAME`."""


class RecordedIds(IdGenerator):
    """Gives the ids that it was told last."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


def load(dump: str) -> list[Json]:
    """The spans of a dump below `tests/spans`, such as `livekit/NAME`; those that never ended have no `on_end_seq`."""
    spans: list[Json] = json.loads((SPANS / f"{dump}.json").read_text(encoding="utf-8"))
    never = SPANS / f"{dump}.never_ended.json"
    return spans + (json.loads(never.read_text(encoding="utf-8")) if never.exists() else [])


def truths(dump: str) -> list[Json]:
    """What was really said and done in each conversation of a dump, as its framework recorded it.

    One without an `externalId` of its own has its resource's, or one that `delivered` gives it.
    """
    told: list[Json] = json.loads((SPANS / f"{dump}.truth.json").read_text(encoding="utf-8"))["conversations"]
    for number, conversation in enumerate(told, 1):
        conversation.setdefault("externalId", _resource_id(dump) or f"{Path(dump).name}-{number}")
    return told


def _resource_id(dump: str) -> str | None:
    return next((span["resource"].get("roark.external_id") for span in load(dump) if span.get("resource")), None)


def replay(spans: list[Json], processor: SpanProcessor, add: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Gives a processor the callbacks of a recording in their order, with the recorded ids, times and attributes.

    Args:
        spans: The spans of a dump.
        processor: Who hears of them.
        add: Hex span id to attributes that the span has from its start on.
    """
    ids = RecordedIds()
    resource = Resource(next((span["resource"] for span in spans if span.get("resource")), {}))
    unset = SpanLimits.UNSET
    limits = SpanLimits(max_attributes=unset, max_events=unset, max_span_attributes=unset)
    provider = TracerProvider(resource=resource, id_generator=ids, span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    starts = [(span["on_start_seq"], 0, span) for span in spans]
    ends = [(span["on_end_seq"], 1, span) for span in spans if span.get("on_end_seq") is not None]
    live: dict[str, trace.Span] = {}
    for _, is_end, span in sorted(starts + ends, key=lambda moment: moment[:2]):
        if is_end:
            _end(live.pop(span["span_id"]), span)
        else:
            live[span["span_id"]] = _start(provider, ids, span, (add or {}).get(span["span_id"], {}))


def _start(provider: TracerProvider, ids: RecordedIds, span: Json, added: Mapping[str, Any]) -> trace.Span:
    ids.trace_id, ids.span_id = int(span["trace_id"], 16), int(span["span_id"], 16)
    scope = span.get("scope") or {}
    early = span.get("attributes_at_start") or ()
    known = {key: _value(value) for key, value in span["attributes"].items() if key in early}
    return provider.get_tracer(scope.get("name") or "", scope.get("version") or None).start_span(
        span["name"],
        context=_parent(span),
        kind=SpanKind[span.get("kind") or "INTERNAL"],
        attributes={**known, **added},
        start_time=span["start_ns"],
    )


def _end(live: trace.Span, span: Json) -> None:
    early = span.get("attributes_at_start") or ()
    live.set_attributes({key: _value(value) for key, value in span["attributes"].items() if key not in early})
    for event in span.get("events") or ():
        told = {key: _value(value) for key, value in (event.get("attributes") or {}).items()}
        live.add_event(event["name"], told, event["ts_ns"])
    status = span.get("status") or {}
    if (status.get("code") or "UNSET") != "UNSET":
        live.set_status(Status(StatusCode[status["code"]], status.get("description")))
    live.end(span["end_ns"])


def _parent(span: Json) -> Context:
    if not span.get("parent_span_id"):
        return Context()
    parent = SpanContext(
        int(span["trace_id"], 16), int(span["parent_span_id"], 16), is_remote=False, trace_flags=TraceFlags(1)
    )
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def arrived(dump: str) -> list[Json]:
    """Returns the bodies that arrive when a dump is replayed, from the file that `recorded/test_wire.py` proves."""
    bodies: list[Json] = json.loads((SNAPSHOTS / f"{dump.replace('/', '-')}.json").read_text(encoding="utf-8"))
    return bodies


def delivered(dump: str, sandbox: Sandbox) -> dict[str, Json]:
    """The bodies that arrive at the sandbox when a dump is replayed, by external id."""
    nobody_told = not any(
        "roark.external_id" in {**span["attributes"], **(span.get("resource") or {})} for span in load(dump)
    )
    ids = {one["rootSpanId"]: {"roark.external_id": one["externalId"]} for one in truths(dump) if nobody_told}
    processor = RoarkSpanProcessor(api_key="k", base_url=sandbox.url, recording_url=RECORDING)
    replay(load(dump), processor, ids)
    assert processor.force_flush(120_000)
    wait_until(lambda: processor.stats().delivered >= len(truths(dump)), 30)
    return {str(body["externalId"]): dict(body) for body in sandbox.calls()}
