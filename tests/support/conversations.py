"""Conversations in which anything may be, for properties that hold of all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from roark_otel import attributes
from roark_otel._assembly.assemble import Rules, Surroundings, assemble
from roark_otel._assembly.outcomes import Ready
from roark_otel._assembly.routes import Routes
from roark_otel._linking.defaults import Defaults
from roark_otel._linking.link import NotLinkable
from roark_otel._model.rows import Kind, Row, SpanEvent, SpanView, Strength, as_captured, row_of
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open.rows_in import RowsIn, row_of_exact
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import Redaction
from roark_otel.dialects import DIALECTS
from support.helpers import ID, MS, T0

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hypothesis.strategies import DrawFn, SearchStrategy

    from roark_otel.types import Dialect

RELAXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=RELAXED)
THOROUGH = settings(max_examples=5_000, deadline=None, suppress_health_check=RELAXED)
WITH_SDK = settings(max_examples=25, deadline=None, suppress_health_check=RELAXED)


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
class Begun:
    """What is set of a span when it starts."""

    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    external_id: str | None = None
    marked: bool = False


@dataclass(frozen=True)
class Spans:
    """The spans of a conversation in the order of their starts, and an order of their ends."""

    starts: tuple[Begun, ...]
    ends: tuple[SpanView, ...]
    shuffled: tuple[SpanView, ...]


@st.composite
def conversations(draw: DrawFn, times: SearchStrategy[int] = TIMES) -> Spans:
    """Trees of spans of one id, which one topmost span or a few spans carry, from the start or only at the end.

    At most one span is marked: two marked roots are two conversations.
    """
    starts: list[Begun] = []
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
            Begun(
                trace_id=trace_id,
                span_id=span_id,
                parent_id=above.span_id if above else None,
                start_ns=start_ns,
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


# What `assemble` makes of them.


def rules(dialects: tuple[Dialect, ...] = DIALECTS, faults: list[None] | None = None) -> Rules:
    """Returns rules that read these dialects; each fault of a reader is added to `faults`."""
    return Rules(
        vocabulary=Vocabulary(dialects),
        routes=Routes(dialects),
        defaults=Defaults(),
        redaction=Redaction(Patterns(())),
        auto_ids=False,
        warn=lambda _: None,
        count_fault=lambda: None if faults is None else faults.append(None),
    )


RULES = rules()
EXACT = RowsIn(RULES.vocabulary)


def row(view: SpanView, kind: Kind = Kind.ENDED) -> Row:
    """Returns the row that capture would leave of a span, made exact."""
    strength = Strength.MARKED if view.attributes.get(attributes.CONVERSATION_ROOT) is True else None
    return row_of_exact(
        EXACT.exact(as_captured(row_of(kind, view, own_id=view.attributes.get(ID), strength=strength)), T0)
    )


def bodies(*batches: Iterable[Row], closing: bool = True, by: Rules = RULES) -> list[bytes]:
    """Returns the bodies of the calls in batches of rows."""
    outcomes = assemble(batches, by, Surroundings(closing=closing))
    found = [one.linked for one in outcomes if isinstance(one, Ready)]
    return sorted(one.to_json() for one in found if not isinstance(one, NotLinkable))
