"""Spans become traces: a file has a span when it ended, children first, and a conversation is read from its start."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model import reading
from roark_otel._model.spans import Entry, SpanGone, SpanRecord, SpanStart
from roark_otel.attributes import CONVERSATION_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._model.vocabulary import Vocabulary

QUIET_SECONDS: Final = 60.0
"""How long after its last span ended a trace in which no parent is missing counts as whole."""

MAX_HELD_SPANS: Final = 200_000
"""The most spans that are held. Beyond it, the trace that has been quiet longest is read as it is."""


class RecordedSpan(NamedTuple):
    """A span of a file, and whether its parent is in another process, so that it need not be waited for."""

    record: SpanRecord
    has_remote_parent: bool = False


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


def entries(trace: Gathered, vocabulary: Vocabulary) -> list[Entry]:
    """Returns a trace as capture would have left it in the inbox: starts and ends in the order of their times.

    A child never starts before its parent, whatever the clocks of two machines say.
    """
    started: dict[int, tuple[int, int]] = {}
    steps: list[tuple[int, bool, int, Entry]] = []
    for span in trace.spans.values():
        record = span.record
        at, depth = _started(record, trace, started)
        steps.append((at, False, depth, _start(record, trace, vocabulary)))
        if record.end_ns is not None:
            steps.append((max(at, record.end_ns), True, -depth, _end(record, vocabulary)))
    return [entry for *_, entry in sorted(steps, key=lambda step: step[:3])]


def shows_id(trace: Gathered, vocabulary: Vocabulary, *, auto_ids: bool) -> bool:
    """Returns whether a trace has an external id, or may be given one. Without, it is not a conversation."""
    return any(
        vocabulary.external_id(record.attributes) is not None
        or vocabulary.external_id(record.resource) is not None
        or (auto_ids and vocabulary.is_root(record.scope, record.name))
        for record in (span.record for span in trace.spans.values())
    )


def _ended(record: SpanRecord) -> float | None:
    """Returns when a span ended, or else started, in seconds since the epoch; None if neither time can be right."""
    times = (reading.time_ns(value) for value in (record.end_ns, record.start_ns))
    return next((found / 1e9 for found in times if found), None)


def _started(record: SpanRecord, trace: Gathered, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
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


def _start(record: SpanRecord, trace: Gathered, vocabulary: Vocabulary) -> SpanStart:
    return SpanStart(
        trace_id=record.trace_id,
        span_id=record.span_id,
        parent_id=record.parent_id,
        scope=record.scope,
        name=record.name,
        start_ns=record.start_ns,
        local_root=record.parent_id not in trace.spans,
        external_id=vocabulary.external_id(record.attributes),
        marked=record.attributes.get(CONVERSATION_ROOT) is True,
        resource=record.resource,
    )


def _end(record: SpanRecord, vocabulary: Vocabulary) -> Entry:
    is_relevant = (
        record.error
        or record.scope in vocabulary.scopes
        or any(vocabulary.is_relevant(name) for name in record.attributes)
        or any(vocabulary.is_relevant(event.name) for event in record.events)
    )
    return record if is_relevant else SpanGone(record.trace_id, record.span_id, record.end_ns or record.start_ns)
