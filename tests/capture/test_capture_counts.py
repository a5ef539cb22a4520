"""What a span costs the app's thread, in counts: reads of its attributes, and what of it is held afterwards."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import set_span_in_context

from roark_otel._capture.stamping import MAX_LOOKS
from roark_otel._model.rows import Kind
from roark_otel.dialects import DIALECTS
from support.live import Captures, Live, open_ids, sizes
from support.shapes import PLAIN, WORDS, fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span


class Counting(SpanProcessor):
    """Hands spans to a capture, and counts meanwhile what is read of them."""

    def __init__(self, live: Live) -> None:
        self._captures = Captures(live.capture)
        self.reads: Counter[str] = Counter()
        self.look_ups = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        with_counts(self, span)
        try:
            self._captures.on_start(span, parent_context)
        finally:
            without_counts(span)

    def on_end(self, span: ReadableSpan) -> None:
        with_counts(self, span)
        try:
            self._captures.on_end(span)
        finally:
            without_counts(span)


class _Values(dict[str, Any]):
    """Attributes that count how often one is looked up, or all are gone through."""

    by: Counting

    def __getitem__(self, key: str) -> Any:
        self.by.look_ups += 1
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.by.look_ups += 1
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.by.look_ups += 1
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self.by.look_ups += 1
        return super().__iter__()

    def keys(self) -> Any:
        self.by.look_ups += 1 - len(self)  # it is copied: one step for a dictionary, and for this one a look-up each
        return super().keys()

    def values(self) -> Any:
        self.by.look_ups += 1
        return super().values()


def with_counts(counting: Counting, span: Any) -> None:
    """From here on, reads of a span and of its attributes are counted."""
    known = type(span)

    class Read(known):  # type: ignore[misc, valid-type]
        def __getattribute__(self, name: str) -> Any:
            if name != "__class__":
                counting.reads[name] += 1
            return super().__getattribute__(name)

    values = _Values(span._attributes._dict)
    values.by = counting
    span._attributes._dict = values
    span.__class__ = Read


def without_counts(span: Any) -> None:
    """They are counted no more."""
    span.__class__ = type(span).__mro__[1]
    span._attributes._dict = dict(span._attributes._dict.items())


def counted(
    scope: str, event: str | None, *, inside: bool, job: bool = False, id_keys: Sequence[str] = ()
) -> dict[str, tuple[int, int]]:
    """Returns the reads of attributes of a span, and those in its dictionary, at its start and at its end."""
    live = Live(DIALECTS, processors=0, id_keys=id_keys)
    counting = Counting(live)
    live.provider({}).add_span_processor(counting)
    if job:
        live.start(9, scope=scope, name="job_entrypoint")
        live.start(1, 9, scope=scope, name="agent_session", external_id="a")
        for span_id in range(10, 10 + MAX_LOOKS):
            live.start(span_id, 1)
    elif inside:
        live.start(1, external_id="a")
    else:
        live.start(1)
    found: dict[str, tuple[int, int]] = {}
    for span_id in (2, 3):  # the names of the first one's attributes are news
        counting.reads.clear()
        counting.look_ups = 0
        live.start(span_id, 1, scope=scope, attributes={"app.early": True})
        found["start"] = counting.reads.total(), counting.look_ups
        for name, value in PLAIN.attributes.items():
            live.set(span_id, name, value)
        for _ in range(3 if event else 0):
            live.spans[span_id].add_event(event or "", {"role": "agent", "text": WORDS})
        counting.reads.clear()
        counting.look_ups = 0
        live.end(span_id)
        found["end"] = counting.reads.total(), counting.look_ups
    return found


@pytest.mark.parametrize(
    ("scope", "event", "inside", "start", "end"),
    [
        pytest.param("app", "roark.transcript", True, (4, 2), (12, 3), id="own"),
        pytest.param("livekit-agents", "app.event", True, (4, 2), (12, 3), id="livekit"),
        pytest.param("app", "app.event", True, (4, 2), (5, 1), id="foreign, in a conversation's trace"),
        pytest.param("app", "app.event", False, (4, 1), (4, 1), id="foreign"),
    ],
)
def test_reads_of_a_span(scope: str, event: str, inside: bool, start: tuple[int, int], end: tuple[int, int]) -> None:
    """The span's attributes in Python are read this often at most, and those of the trace looked up or gone through."""
    found = counted(scope, event, inside=inside)
    for now, most in ((found["start"], start), (found["end"], end)):
        assert now[0] <= most[0]
        assert now[1] <= most[1]


def test_reads_of_a_span_in_a_session_below_its_job() -> None:
    """A branch that joined the one around it costs its spans no more, once the job's span is not waited for."""
    found = counted("livekit-agents", "app.event", inside=True, job=True)
    assert found == counted("livekit-agents", "app.event", inside=True)


def test_reads_of_a_span_under_further_id_keys() -> None:
    """Each set of further keys is gone through in one step."""
    (start, end), (start_before, end_before) = (
        tuple(counted("app", "roark.transcript", inside=True, id_keys=keys).values())
        for keys in (("app.session", "app.call"), ())
    )
    assert (start[0], end[0]) == (start_before[0], end_before[0])
    assert (start[1], end[1]) == (start_before[1] + 1, end_before[1] + 1)


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        pytest.param(1, 0, id="one before each child's end"),
        pytest.param(12, 0, id="up to the SDK's limit"),
        pytest.param(13, 1, id="over it"),
        pytest.param(30, 2, id="twice over it"),
    ],
)
def test_rows_of_the_events_of_an_open_root(said: int, rows: int) -> None:
    """They are in the root's own row at its end, and before that in one for each 128 that the SDK would drop."""
    live = Live(DIALECTS, is_eager=False)
    live.start(1, external_id="a")
    for span_id in range(2, 12):
        live.say(1, *(f"Word {number}." for number in range(said)), first=said * span_id)
        live.start(span_id, 1)
        live.end(span_id, "A word of the child's.")
    kinds = Counter(entry[3] for entry in live.inbox.entries if isinstance(entry, tuple))
    assert kinds == Counter({Kind.OPEN: 1, Kind.ENDED: 10, Kind.EVENTS: rows})


class Remembers(SpanProcessor):
    """Holds weak references to what the SDK hands out at a span's end."""

    def __init__(self) -> None:
        self.ended: list[weakref.ref[Any]] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended += [weakref.ref(span), weakref.ref(span._attributes), weakref.ref(span._events)]
        self.ended += [weakref.ref(event) for event in span._events]


@pytest.mark.parametrize("marked", [True, False])
def test_nothing_of_the_sdk_outlives_a_span(marked: bool) -> None:
    """Without a collection, and before the assembler took its row: what is kept are values, not the span."""
    live = Live(DIALECTS, is_eager=False)
    live.start(1, external_id="a", marked=marked)
    remembers = Remembers()
    live.provider({}).add_span_processor(remembers)
    gc.disable()
    try:
        for span_id in (2, 3):
            span = live.start(span_id, 1)
            fill(live, PLAIN, span_id)
            remembers.ended.append(weakref.ref(span))
            del span
            live.end(span_id)
        remembers.ended.append(weakref.ref(live.spans[1]))
        live.end(1, "The last words.")
        assert len(live.inbox) >= 3
        assert len(remembers.ended) == 2 * 7 + 1 + 4
        assert [one() for one in remembers.ended if one() is not None] == []
    finally:
        gc.enable()


def test_a_span_that_is_let_go_of_is_freed_at_once() -> None:
    """Open spans are held weakly, so that one which never ends takes nothing with it."""
    live = Live(DIALECTS, is_eager=False)
    live.start(1, external_id="a")
    gc.disable()
    try:
        held = [weakref.ref(live.start(span_id, 1)) for span_id in (2, 3)]
        held.append(weakref.ref(live.spans[1]))
        for span_id in (2, 3, 1):
            live.let_go(span_id)
        assert [one() for one in held if one() is not None] == []
        assert open_ids(live) == []
    finally:
        gc.enable()


@pytest.mark.parametrize("context", [{}, {"roark.agent.name": "Ada"}], ids=["plain", "with call_attributes"])
def test_spans_that_never_end_are_not_remembered(context: dict[str, str]) -> None:
    """Below a root that stays open, what the app has let go of is forgotten at the next look."""
    live = Live(DIALECTS)
    live.start(1, external_id="a")
    before = sizes(live)
    for span_id in range(2, 302, 3):
        live.start(span_id, 1, context=context)
        live.start(span_id + 1, span_id, external_id="b")
        live.start(span_id + 2, span_id + 1)
        for one in (span_id, span_id + 1, span_id + 2):
            live.let_go(one)
    assert sizes(live)["branch.below"] >= 100
    live.after(0.0)
    after = sizes(live)
    assert (
        (after["branch.below"], after["branch.places"]) == (before["branch.below"], before["branch.places"]) == (0, 0)
    )


def test_a_row_is_a_copy() -> None:
    """Whatever another processor does with an ended span afterwards is not in its row."""
    live = Live(DIALECTS, is_eager=False)

    class Mutates(SpanProcessor):
        def on_end(self, span: Any) -> None:
            span._attributes._dict.clear()
            for event in span._events._dq:
                event._attributes._dict["text"] = "[gone]"
            span._events._dq.clear()

    live.start(1, external_id="a", marked=True)
    live.provider({}).add_span_processor(Mutates())
    live.start(2, 1, attributes={"roark.agent.name": "Ada"})
    live.end(2, "A word.")
    row = live.inbox.entries[-1]
    assert isinstance(row, tuple)
    attributes, (name, _, said) = row[-2:]
    assert (attributes["roark.agent.name"], name, said["text"]) == ("Ada", "roark.transcript", "A word.")


def test_nothing_of_a_foreign_span_is_kept() -> None:
    """A span of no conversation leaves neither an entry nor a reference."""
    live = Live(DIALECTS, is_eager=False)
    remembers = Remembers()
    tracer = live.tracer({}, "app")
    live.provider({}).add_span_processor(remembers)
    root: Any = tracer.start_span("request")
    child: Any = tracer.start_span("query", set_span_in_context(root), attributes={"db.system": "x"})
    child.end()
    root.end()
    assert (len(live.inbox), live.branches.homes) == (0, {})
