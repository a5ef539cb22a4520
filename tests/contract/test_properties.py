"""What is true of any conversation: ends come in any order, offsets are sorted, garbage costs only itself."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Status, StatusCode, set_span_in_context
from roark_otel._conversation.machine import Conversations, Waits
from roark_otel._conversation.outputs import Finished

from roark_otel import attributes
from roark_otel._linking.defaults import Defaults
from roark_otel._linking.link import NotLinkable, link
from roark_otel._model.call import Call, UnrecordedCall
from roark_otel._model.dialect import separated
from roark_otel._model.rows import SpanEvent, SpanStart, SpanView
from roark_otel._model.vocabulary import OpenSpans, Vocabulary
from roark_otel.dialects import DIALECTS
from support.helpers import ID, MS, NEVER, T0, App, agent_said, customer_said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hypothesis.strategies import DrawFn, SearchStrategy

RELAXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=RELAXED)
THOROUGH = settings(max_examples=5_000, deadline=None, suppress_health_check=RELAXED)
WITH_SDK = settings(max_examples=25, deadline=None, suppress_health_check=RELAXED)

DIRECTORIES = count()


# Conversations of one id, in one or two traces. Few times and words, so that ties are likely.

TIMES = st.integers(0, 12).map(lambda ms: T0 + ms * MS)
CALL_IDS = st.sampled_from(["1", "2"])

FACTS: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "roark.property.tier": st.sampled_from(["gold", "silver", 3, True, 0.5]),
        "roark.agent.name": st.sampled_from(["Ada", "Eve"]),
        "roark.agent.custom_id": st.sampled_from(["agent-1", "agent-2"]),
        "roark.agent.prompt": st.just("Be kind."),
        "roark.customer.label": st.sampled_from(["speaker-1", "speaker-2"]),
        "roark.customer.phone_number": st.sampled_from(["+15550100", "+15550101"]),
        "roark.ended_status": st.sampled_from(["AGENT_ENDED_CALL", "CUSTOMER_ENDED_CALL"]),
        "roark.call_direction": st.sampled_from(["INBOUND", "OUTBOUND"]),
        "roark.recording_url": st.sampled_from(["https://example.com/1.wav", "https://example.com/2.wav"]),
        "roark.started_at": st.just("2026-11-22T18:32:44.002Z"),
        "roark.livekit_room_id": st.sampled_from(["RM_1", "RM_2"]),
    },
)

UTTERANCES = st.fixed_dictionaries(
    {"role": st.sampled_from(["agent", "customer"]), "text": st.sampled_from(["Yes.", "No."])},
    optional={
        "duration_ms": st.integers(0, 6),
        "language_code": st.sampled_from(["en", "de"]),
        "interrupted": st.booleans(),
        "customer.label": st.sampled_from(["speaker-1", "speaker-2"]),
        "agent.custom_id": st.sampled_from(["agent-1", "agent-2"]),
        "payload": st.sampled_from(['{"score": 1}', '{"score": 2}']),
    },
)

TOOLS = st.fixed_dictionaries(
    {"name": st.sampled_from(["lookup", "book"])},
    optional={
        "id": CALL_IDS,
        "parameters": st.sampled_from(["{}", '{"n": 1}', '{"n": 2}']),
        "result": st.sampled_from(["done", '{"ok": true}', "[1]"]),
        "error": st.just("no"),
        "duration_ms": st.integers(0, 6),
    },
)

HALVES = st.fixed_dictionaries({"name": st.just("lookup"), "id": CALL_IDS})
RESULTS = st.fixed_dictionaries({"id": CALL_IDS, "result": st.sampled_from(["a", "b"])})
EXCEPTIONS = st.fixed_dictionaries({"exception.type": st.sampled_from(["ValueError", "CancelledError"])})

EVENTS: SearchStrategy[SpanEvent] = st.one_of(
    st.builds(SpanEvent, st.just("roark.transcript"), TIMES, UTTERANCES),
    st.builds(SpanEvent, st.just("roark.tool_invocation"), TIMES, TOOLS),
    st.builds(SpanEvent, st.just("roark.tool_call"), TIMES, HALVES),
    st.builds(SpanEvent, st.just("roark.tool_result"), TIMES, RESULTS),
    st.builds(SpanEvent, st.just("exception"), TIMES, EXCEPTIONS),
)


@dataclass(frozen=True)
class Spans:
    """The spans of a conversation in the order of their starts, and an order of their ends."""

    starts: tuple[SpanStart, ...]
    ends: tuple[SpanView, ...]
    shuffled: tuple[SpanView, ...]


@st.composite
def conversations(draw: DrawFn, times: SearchStrategy[int] = TIMES) -> Spans:
    """Trees of spans of one id, which one topmost span or a few spans carry, from the start or only at the end.

    At most one span is marked: two marked roots are two conversations.
    """
    starts: list[SpanStart] = []
    ends: list[SpanView] = []
    is_marked = False
    for number in range(draw(st.integers(1, 6))):
        above = draw(st.sampled_from([None, *starts])) if starts else None
        trace_id = draw(st.integers(1, 2)) if above is None else above.trace_id
        start_ns = max(draw(times), above.start_ns if above else 0)
        end_ns = max(draw(times), start_ns)
        fields = draw(FACTS)
        has_id = not starts or (above is None and draw(st.booleans())) or draw(st.integers(0, 5)) == 0
        if has_id:
            fields[ID] = "call-1"
        marked = has_id and not is_marked and draw(st.integers(0, 5)) == 0
        is_marked = is_marked or marked
        if marked:
            fields[attributes.CONVERSATION_ROOT] = True
        at_start = draw(st.booleans())
        span_id = draw(st.sampled_from([100 + number, 100 - number]))
        starts.append(
            SpanStart(
                trace_id=trace_id,
                span_id=span_id,
                parent_id=above.span_id if above else None,
                scope="app",
                name="span",
                start_ns=start_ns,
                local_root=above is None,
                external_id="call-1" if has_id and at_start else None,
                marked=marked and at_start,
            )
        )
        ends.append(
            SpanView(
                trace_id=trace_id,
                span_id=span_id,
                parent_id=above.span_id if above else None,
                scope="app",
                name="span",
                start_ns=start_ns,
                end_ns=end_ns,
                attributes=fields,
                events=tuple(draw(st.lists(EVENTS, max_size=4))),
                error=draw(st.integers(0, 3)) == 0,
            )
        )
    in_time = sorted(range(len(starts)), key=lambda index: (starts[index].start_ns, index))
    return Spans(
        tuple(starts[index] for index in in_time),
        tuple(sorted(ends, key=lambda record: record.end_ns or 0)),
        tuple(draw(st.permutations(ends))),
    )


def bodies(starts: Iterable[SpanStart], ends: Iterable[SpanView]) -> list[bytes]:
    """Returns the bodies of the calls of spans, each in its last version."""
    vocabulary = Vocabulary(DIALECTS, (), OpenSpans(attributes=lambda _: {}, record=lambda _: None))
    state = Conversations(
        vocabulary,
        lambda: tuple((one.name, one.reader(lambda _: None)) for one in separated(DIALECTS)),
        Waits(linger=2.0),
    )
    now = 0.0
    entries: list[SpanStart | SpanView] = [*starts, *ends]
    for entry in entries:
        state.take(entry, now)
        now += 0.01
    for later in (3.0, 100.0, 20_000.0, 40_000.0):
        state.expire(now + later)
    calls: dict[tuple[str, int], bytes] = {}
    for output in state.outputs():
        if isinstance(output, Finished):
            linked = link(output.conversation, Defaults())
            if not isinstance(linked, NotLinkable):
                calls[output.conversation.external_id, output.conversation.file_span_id] = linked.to_json()
    return [calls[key] for key in sorted(calls)]


def check_order(spans: Spans) -> None:
    assert bodies(spans.starts, spans.ends) == bodies(spans.starts, spans.shuffled)


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


def test_late_id_above_a_span_that_has_ended() -> None:
    """The topmost span is the root also where its id came after the end of one below, which began at the same time."""
    called = SpanEvent("roark.tool_call", T0, {"name": "lookup"})
    below = SpanView(1, 98, 100, "app", "span", T0, T0, {ID: "call-1", "roark.agent.name": "Ada"})
    top = SpanView(1, 100, None, "app", "span", T0, T0 + MS, {ID: "call-1"}, (called,))
    other = SpanView(1, 101, 100, "app", "span", T0, T0, {"roark.agent.name": "Eve"})
    starts = [SpanStart(one.trace_id, one.span_id, one.parent_id, "app", "span", T0) for one in (top, below, other)]
    assert bodies(starts, [top, below, other]) == bodies(starts, [below, other, top])


@given(conversations())
@QUICK
def test_spans_seen_twice(spans: Spans) -> None:
    """A span that two processors captured is taken once."""
    twice = [entry for entry in spans.starts for _ in range(2)]
    assert bodies(spans.starts, spans.ends) == bodies(twice, [record for record in spans.ends for _ in range(2)])


@given(conversations(st.integers(-(10**19), 10**19)))
@QUICK
def test_offsets_are_in_order(spans: Spans) -> None:
    """Offsets are at least 0 and sorted by start, and nothing ends before it starts, whatever the spans' times."""
    for body in bodies(spans.starts, spans.shuffled):
        call = json.loads(body)
        for timed in (call.get("transcript", []), call.get("toolInvocations", [])):
            starts = [one["startOffsetMs"] for one in timed]
            assert all(start >= 0 for start in starts)
            assert all(one <= other for one, other in pairwise(starts))
            assert all(one.get("endOffsetMs", one["startOffsetMs"]) >= one["startOffsetMs"] for one in timed)


@given(conversations())
@QUICK
def test_body_is_read_as_it_was_written(spans: Spans) -> None:
    """A body that becomes a model and a body again loses and changes nothing."""
    for body in bodies(spans.starts, spans.ends):
        model = Call if b'"recordingUrl"' in body else UnrecordedCall
        assert model.model_validate_json(body).to_json() == body


# The real SDK: the processor, its threads and its spool, without a recording and so without HTTP.


class FixedIds(IdGenerator):
    """The same ids in every run."""

    def __init__(self, starts: Sequence[SpanStart]) -> None:
        self._traces = iter([start.trace_id for start in starts if start.local_root])
        self._spans = iter([start.span_id for start in starts])

    def generate_trace_id(self) -> int:
        return next(self._traces)

    def generate_span_id(self) -> int:
        return next(self._spans)


def spooled(directory: Path) -> list[bytes]:
    """Returns the bodies that wait in a spool."""
    return [path.read_bytes().split(b"\n")[1] for path in sorted(directory.rglob("*.jsonl"))]


def from_sdk(directory: Path, starts: Sequence[SpanStart], ends: Sequence[SpanView]) -> list[bytes]:
    """Returns what the processor puts into its spool for the same spans."""
    app = App(
        "http://127.0.0.1:9",
        provider={"id_generator": FixedIds(starts)},
        recording_url=None,
        spool_dir=directory,
        quiet_seconds=NEVER,
    )
    spans: dict[int, Any] = {}
    for start in starts:
        context = set_span_in_context(spans[start.parent_id]) if start.parent_id in spans else None
        at_start: dict[str, Any] = {ID: start.external_id} if start.external_id else {}
        if start.marked:
            at_start[attributes.CONVERSATION_ROOT] = True
        spans[start.span_id] = app.tracer.start_span("span", context, attributes=at_start, start_time=start.start_ns)
    for record in ends:
        span = spans[record.span_id]
        fields = {key: value for key, value in record.attributes.items() if key != attributes.RECORDING_URL}
        span.set_attributes(fields)
        for event in record.events:
            span.add_event(event.name, event.attributes, event.time_ns)
        if record.error:
            span.set_status(Status(StatusCode.ERROR))
        span.end(record.end_ns)
    assert app.processor.force_flush(5_000)
    app.close()
    return spooled(directory)


@given(conversations())
@WITH_SDK
def test_order_of_ends_does_not_matter_to_the_processor(tmp_path: Path, spans: Spans) -> None:
    """The same through the real SDK, down to the bytes in the spool."""
    one = from_sdk(tmp_path / str(next(DIRECTORIES)), spans.starts, spans.ends)
    other = from_sdk(tmp_path / str(next(DIRECTORIES)), spans.starts, spans.shuffled)
    assert one == other


class Strange:
    """A value that no attribute should have."""

    def __repr__(self) -> str:
        return "strange"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**18, 10**40),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3),
    st.binary(max_size=10),
    st.sampled_from(
        ["", " ", "true", "{", "[]", '{"a": NaN}', "1e999", "9" * 5_000, math.inf, Strange(), "[" * 10_000]
    ),
)
GARBAGE: SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=12,
)
KEYS = sorted(
    {value for name, value in vars(attributes).items() if name.isupper()}
    - {attributes.EXTERNAL_ID, attributes.SKIP, attributes.PREFIX}
)
EVENT_KEYS = [
    "role", "text", "duration_ms", "language_code", "interrupted", "payload", "agent.custom_id", "agent.roark_id",
    "customer.label", "customer.phone_number", "name", "id", "parameters", "result", "error", "description",
]  # fmt: skip
EVENT_NAMES = [name for name in KEYS if name.startswith(("roark.transcript", "roark.tool_"))]

GARBAGE_ATTRIBUTES = st.dictionaries(
    st.one_of(st.sampled_from(KEYS), st.text(max_size=10).map("roark.property.".__add__), st.text(max_size=10)),
    GARBAGE,
    max_size=6,
).filter(lambda found: not {attributes.EXTERNAL_ID, attributes.SKIP} & set(found))
GARBAGE_EVENTS = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(EVENT_NAMES), GARBAGE),
        st.dictionaries(st.sampled_from([*EVENT_KEYS, *(f"roark.{key}" for key in EVENT_KEYS)]), GARBAGE, max_size=6),
        st.one_of(st.none(), TIMES, GARBAGE),
    ),
    max_size=4,
)


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
    assert app.processor.force_flush(5_000)
    app.close()
    (body,) = spooled(directory)
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
