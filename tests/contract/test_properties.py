"""What is true of any conversation with real spans: ends come in any order, garbage costs only itself."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from roark_otel import attributes
from roark_otel._engine import registry
from roark_otel._linking.link import NotLinkable
from roark_otel._model.call import Call, UnrecordedCall
from roark_otel._open.schedule import Waits
from roark_otel.dialects import DIALECTS
from support.conversations import (
    GARBAGE_ATTRIBUTES,
    GARBAGE_EVENTS,
    QUICK,
    THOROUGH,
    WITH_SDK,
    Begun,
    Spans,
    conversations,
    row,
)
from support.conversations import bodies as assembled
from support.helpers import ID, NEVER, App, agent_said, customer_said
from support.live import Finished, Live

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence
    from pathlib import Path

    from roark_otel._model.rows import SpanView

DIRECTORIES = count()


# Without threads and files: real spans through capture and groups, which are read when they are due.


def bodies(spans: Spans, ends: Iterable[SpanView], *, processors: int = 1) -> list[bytes]:
    """Returns the bodies of the calls of spans that end in this order, each in its last version."""
    live = Live(DIALECTS, Waits(linger=2.0), processors=processors)
    for start in spans.starts:
        live.start(
            start.span_id,
            start.parent_id,
            trace_id=start.trace_id,
            external_id=start.external_id,
            marked=start.marked,
            start_ns=start.start_ns,
        )
        live.now += 0.01
    for view in ends:
        finish(live.spans.pop(view.span_id), view)
        live.drain()
        live.now += 0.01
    calls: dict[tuple[str, int], bytes] = {}
    for seconds in (3.0, 100.0, 20_000.0, 40_000.0):
        for output in live.after(seconds):
            if isinstance(output, Finished) and not isinstance(output.linked, NotLinkable):
                found = output.conversation
                calls[found.external_id, found.file_span_id] = output.linked.to_json()
    return [calls[key] for key in sorted(calls)]


def finish(span: Any, view: SpanView, *, without: Container[str] = ()) -> None:
    """Sets what is on a span at its end, and ends it."""
    span.set_attributes({key: value for key, value in view.attributes.items() if key not in without})
    for event in view.events:
        span.add_event(event.name, event.attributes, event.time_ns)
    if view.error:
        span.set_status(Status(StatusCode.ERROR))
    span.end(view.end_ns)


def check_order(spans: Spans) -> None:
    assert bodies(spans, spans.ends) == bodies(spans, spans.shuffled)


@given(conversations())
@QUICK
def test_order_of_ends_does_not_matter(spans: Spans) -> None:
    """For given span times any order of ends within the linger gives the same call, byte by byte."""
    check_order(spans)


@pytest.mark.long
@given(conversations())
@THOROUGH
def test_order_of_ends_does_not_matter_at_length(spans: Spans) -> None:
    """The same, for longer."""
    check_order(spans)


@given(conversations())
@QUICK
def test_spans_seen_twice(spans: Spans) -> None:
    """A span that two processors captured is taken once."""
    assert bodies(spans, spans.ends) == bodies(spans, spans.ends, processors=2)


@given(conversations())
@QUICK
def test_live_spans_make_the_call_of_their_rows(spans: Spans) -> None:
    """What comes of spans one after the other is what `assemble` makes of all their rows at once."""
    assert bodies(spans, spans.shuffled) == assembled([row(view) for view in spans.ends])


# The real SDK: the processor, its threads and its spool, without a recording and so without HTTP.


class FixedIds(IdGenerator):
    """The same ids in every run."""

    def __init__(self, starts: Sequence[Begun]) -> None:
        self._traces = iter([start.trace_id for start in starts if start.parent_id is None])
        self._spans = iter([start.span_id for start in starts])

    def generate_trace_id(self) -> int:
        return next(self._traces)

    def generate_span_id(self) -> int:
        return next(self._spans)


def spooled(directory: Path) -> list[bytes]:
    """Returns the bodies that wait in a spool."""
    return [path.read_bytes().split(b"\n")[1] for path in sorted(directory.rglob("*.jsonl"))]


def from_sdk(directory: Path, found: Spans, ends: Iterable[SpanView]) -> list[bytes]:
    """Returns what the processor puts into its spool for the same spans."""
    app = App(
        "http://127.0.0.1:9",
        provider={"id_generator": FixedIds(found.starts)},
        recording_url=None,
        spool_dir=directory,
        quiet_seconds=NEVER,
    )
    spans: dict[int, Any] = {}
    for start in found.starts:
        context = set_span_in_context(spans[start.parent_id]) if start.parent_id in spans else None
        at_start: dict[str, Any] = {ID: start.external_id} if start.external_id else {}
        if start.marked:
            at_start[attributes.CONVERSATION_ROOT] = True
        spans[start.span_id] = app.tracer.start_span("span", context, attributes=at_start, start_time=start.start_ns)
    for view in ends:
        finish(spans[view.span_id], view, without={attributes.RECORDING_URL})
    assert app.processor.force_flush(60_000)
    app.close()
    bodies = spooled(directory)
    registry.discard_all()  # thousands of examples must not leave as many engines, whose calls wait
    return bodies


@given(conversations())
@WITH_SDK
def test_order_of_ends_does_not_matter_to_the_processor(tmp_path: Path, spans: Spans) -> None:
    """The same through the real SDK, down to the bytes in the spool."""
    one = from_sdk(tmp_path / str(next(DIRECTORIES)), spans, spans.ends)
    other = from_sdk(tmp_path / str(next(DIRECTORIES)), spans, spans.shuffled)
    assert one == other


def check_garbage(directory: Path, fields: dict[str, Any], events: list[Any], *, on_root: bool) -> None:
    app = App("http://127.0.0.1:9", recording_url=None, spool_dir=directory)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "A good word.")
        child = app.tracer.start_span("turn")
        bad = root if on_root else child
        for key, value in fields.items():
            bad.set_attribute(key, value)
        for name, found, at in events:
            bad.add_event(name, found, at)
        child.end()
        agent_said(root, "The last word.")
    assert app.processor.force_flush(60_000)
    app.close()
    (body,) = spooled(directory)
    registry.discard_all()
    said = [entry["text"] for entry in json.loads(body).get("transcript", [])]
    assert "A good word." in said
    assert "The last word." in said
    model = Call if b'"recordingUrl"' in body else UnrecordedCall
    assert model.model_validate_json(body).to_json() == body


@given(GARBAGE_ATTRIBUTES, GARBAGE_EVENTS, st.booleans())
@settings(WITH_SDK, max_examples=100)
def test_garbage_costs_only_itself(tmp_path: Path, fields: dict[str, Any], events: list[Any], on_root: bool) -> None:
    """Whatever is in an attribute or event, the rest of the call arrives."""
    check_garbage(tmp_path / str(next(DIRECTORIES)), fields, events, on_root=on_root)


@pytest.mark.long
@given(GARBAGE_ATTRIBUTES, GARBAGE_EVENTS, st.booleans())
@settings(WITH_SDK, max_examples=3_000)
def test_garbage_costs_only_itself_at_length(
    tmp_path: Path,
    fields: dict[str, Any],
    events: list[Any],
    on_root: bool,
) -> None:
    """The same, for longer."""
    check_garbage(tmp_path / str(next(DIRECTORIES)), fields, events, on_root=on_root)
