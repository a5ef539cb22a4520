"""Spans become traces: a file has a span when it ended, children first, and a conversation is read from its start."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from roark_otel._model import times
from roark_otel._model.joining import joins
from roark_otel._model.rows import Kind
from roark_otel._sources.recorded import bare_start, captured_at_end, captured_row, identity_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._model.rows import SpanView
    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._sources.recorded import RecordedSpan

Entry: TypeAlias = "tuple[Any, ...]"
"""The number of a group, the resource, None, and a row: what capture leaves in the inbox."""

QUIET_SECONDS: Final = 60.0
"""How long after its last span ended a trace in which no parent is missing counts as whole."""

MAX_HELD_SPANS: Final = 200_000
"""The most spans that are held. Beyond it, the trace that has been quiet longest is read as it is."""


@dataclass(slots=True)
class Gathered:
    """The spans of one trace.

    `first_byte` is the place of the first one in the file; `touched` is when the last one ended, in seconds since the
    epoch.
    """

    first_byte: int
    touched: float = 0.0
    spans: dict[int, RecordedSpan] = field(default_factory=dict["int", "RecordedSpan"])

    def is_whole(self) -> bool:
        """Returns whether each span's parent is here, or in another process."""
        return all(
            span.has_remote_parent or span.record.parent_id is None or span.record.parent_id in self.spans
            for span in self.spans.values()
        )


class Gathering:
    """Holds spans until their trace is whole.

    Args:
        patience: How long to wait for the missing parents of a trace, in seconds of the spans' own time.
    """

    def __init__(self, patience: float) -> None:
        self._patience = max(patience, QUIET_SECONDS)
        self._traces: OrderedDict[int, Gathered] = OrderedDict()
        self._held = 0
        self.now = 0.0
        """The time of the latest span so far, in seconds since the epoch."""

    def __len__(self) -> int:
        """Returns the number of traces that are held."""
        return len(self._traces)

    def add(self, spans: Iterable[RecordedSpan], first_byte: int) -> None:
        """Takes in the spans at this place of the file. Ignores one that came before."""
        for span in spans:
            record = span.record
            trace = self._traces.setdefault(record.trace_id, Gathered(first_byte))
            self._held += record.span_id not in trace.spans
            trace.spans.setdefault(record.span_id, span)
            ended = _ended(record)
            trace.touched = max(trace.touched, self.now if ended is None else ended)
            self.now = max(self.now, trace.touched)
            self._traces.move_to_end(record.trace_id)

    def due(self) -> Iterator[Gathered]:
        """Yields, and lets go of, the traces that are whole, were waited for long enough, or find no more room."""
        for trace_id, trace in list(self._traces.items()):
            quiet = self.now - trace.touched
            if quiet >= self._patience or (quiet >= QUIET_SECONDS and trace.is_whole()):
                yield self._let_go(trace_id)
        while self._held > MAX_HELD_SPANS:
            yield self._let_go(next(iter(self._traces)))

    def rest(self, *, whole_only: bool) -> Iterator[Gathered]:
        """Yields, and lets go of, all other traces, at the end of the file."""
        for trace_id, trace in list(self._traces.items()):
            if trace.is_whole() or not whole_only:
                yield self._let_go(trace_id)

    def first_byte(self) -> int | None:
        """Returns the place in the file of the first span that is still held; None if none is."""
        return min((trace.first_byte for trace in self._traces.values()), default=None)

    def _let_go(self, trace_id: int) -> Gathered:
        trace = self._traces.pop(trace_id)
        self._held -= len(trace.spans)
        return trace


@dataclass(slots=True)
class _Branch:
    """Where the spans below one belong, as capture would have known it."""

    number: int
    external_id: object
    strength: int | None


def entries(trace: Gathered, vocabulary: Vocabulary, numbers: Iterator[int]) -> list[Entry]:
    """Returns a trace as capture would have left it in the inbox: its branches, then its spans in the order of ends.

    Args:
        trace: The spans.
        vocabulary: What the dialects know together.
        numbers: The numbers of groups that are not in use.
    """
    started: dict[int, tuple[int, int]] = {}
    in_order = sorted(trace.spans.values(), key=lambda span: _started(span.record, trace, started))
    branches: dict[int, _Branch] = {}
    home: _Branch | None = None
    opened: list[Entry] = []
    spans: list[tuple[int, int, Entry]] = []
    for span in in_order:
        record = span.record
        identity = identity_of(record.scope, record.name, record.attributes, vocabulary)
        own_id, strength = identity
        around = branches.get(record.parent_id or 0)
        branch = around or home
        if branch is None or own_id is not None or strength is not None:
            branch = _branch(around, own_id, strength, numbers)
            opened.append(
                (branch.number, record.resource, None, *captured_row(Kind.OPEN, bare_start(record), identity))
            )
        home = home or branch
        branches[record.span_id] = branch
        entry = (branch.number, record.resource, None, *captured_at_end(record, identity, vocabulary))
        spans.append((record.end_ns or record.start_ns, -started[record.span_id][1], entry))
    spans.sort(key=lambda one: one[:2])
    return [*opened, *(entry for *_, entry in spans)]


def _branch(around: _Branch | None, own_id: object, strength: int | None, numbers: Iterator[int]) -> _Branch:
    if around is None or not joins(around.external_id, around.strength, own_id, strength):
        return _Branch(next(numbers), own_id, strength)
    around.external_id = around.external_id if own_id is None else own_id
    around.strength = strength if around.strength is None else max(around.strength, strength or 0)
    return around


def shows_id(trace: Gathered, vocabulary: Vocabulary, *, auto_ids: bool) -> bool:
    """Returns whether a trace has an external id, or may be given one. Without, it is not a conversation."""
    return any(
        vocabulary.external_id(record.attributes) is not None
        or vocabulary.external_id(record.resource) is not None
        or (auto_ids and vocabulary.is_root(record.scope, record.name))
        for record in (span.record for span in trace.spans.values())
    )


def _ended(record: SpanView) -> float | None:
    """Returns when a span ended, or else started, in seconds since the epoch; None if neither time can be right."""
    found_ns = (times.time_ns(value) for value in (record.end_ns, record.start_ns))
    return next((found / 1e9 for found in found_ns if found), None)


def _started(record: SpanView, trace: Gathered, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Returns when a span started, not before those above it, and their number. A trace may be deep, or circular."""
    path = [record]
    seen = {record.span_id}
    while path[-1].span_id not in known:
        above = trace.spans.get(path[-1].parent_id or 0)
        if above is None or above.record.span_id in seen:
            known[path[-1].span_id] = path[-1].start_ns, 0
            break
        seen.add(above.record.span_id)
        path.append(above.record)
    for span, parent in zip(path[-2::-1], path[:0:-1], strict=True):
        at, depth = known[parent.span_id]
        known[span.span_id] = max(span.start_ns, at), depth + 1
    return known[record.span_id]
