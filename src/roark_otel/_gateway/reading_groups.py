"""Reads a group that is due: what becomes of each conversation in it. It writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._assembly.assemble import Surroundings, assemble
from roark_otel._assembly.late import assemble_late
from roark_otel._assembly.outcomes import Open, Ready, Withheld
from roark_otel._engine.ended import Ended, as_it_was
from roark_otel._gateway.framing import framed, request_of_span, spans_in
from roark_otel._model.rows import KIND, OWN_ID, SPAN, STRENGTH, TRACE, Kind
from roark_otel._open.group import Made
from roark_otel._sources.otlp.decode import decode
from roark_otel._sources.otlp.limits import UnreadableRequest
from roark_otel._sources.otlp.request import is_json, reading, spans_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from roark_otel._assembly.assemble import Rules
    from roark_otel._engine.calls import Calls
    from roark_otel._gateway.store import ClosedCall
    from roark_otel._gateway.trace_group import DueGroup
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.rows import Row
    from roark_otel._open.rows_in import RowsIn

_RESOURCE = int(Kind.RESOURCE)


@dataclass(frozen=True, slots=True)
class EndedHere:
    """A conversation that is over, with its call or why it has none, the ids of its spans, and its traces.

    `earlier`: what is known of another call of its id, or of its own if a process was killed while it spooled that.
    """

    ended: Ended
    spans: frozenset[int]
    traces: tuple[bytes, ...]
    earlier: ClosedCall | None


@dataclass(frozen=True, slots=True)
class LateHere:
    """What came late for a conversation that is over, and the ids of these spans.

    `conversation`: the conversation with only what came late; None if it has made no call.
    """

    closed: ClosedCall
    conversation: FinishedConversation | None
    spans: frozenset[int]
    traces: tuple[bytes, ...]


@dataclass(slots=True)
class ReadGroup:
    """What was found in a group.

    Attributes:
        due: The group.
        ended: The conversations that are over.
        late: What came late for earlier ones.
        over: The ids of which nothing is open any more.
        patient: The ids of the conversations that go on.
        counted: Conversations without a call, by the counters of `Stats`.
        lost: How many spans could not be read.
    """

    due: DueGroup
    ended: list[EndedHere] = field(default_factory=list[EndedHere])
    late: list[LateHere] = field(default_factory=list[LateHere])
    over: set[str | None] = field(default_factory=set["str | None"])
    patient: set[str | None] = field(default_factory=set["str | None"])
    counted: list[str] = field(default_factory=list[str])
    lost: int = 0


class GroupReader:
    """Reads groups.

    Args:
        rules: How calls are assembled.
        rows_in: Makes rows exact.
        calls: What writes calls.
        closed: Returns the conversation of an id that is over, if there is one.
        closed_ids: Returns the ids of conversations that are over and had spans in some traces.
    """

    def __init__(
        self,
        rules: Rules,
        rows_in: RowsIn,
        calls: Calls,
        closed: Callable[[str], ClosedCall | None],
        closed_ids: Callable[[Iterable[bytes]], set[str]],
    ) -> None:
        self._rules = rules
        self._rows_in = rows_in
        self._calls = calls
        self._closed = closed
        self._closed_ids = closed_ids

    def read(self, due: DueGroup, requests: Sequence[bytes]) -> ReadGroup:
        """Reads the requests of a group."""
        found = ReadGroup(due)
        batches = [self._rows(request, found) for request in requests]
        rows = [row for batch in batches for row in batch if row[KIND] != _RESOURCE]
        if (only := self._only_late(due, rows)) is not None:
            self._add_late(found, only, batches, rows)
            found.over |= {None, only.external_id}
        else:
            self._assemble(found, batches, rows, requests)
        open_ids = due.ripe - found.over
        found.over |= due.expired if not due.is_closing else due.ripe
        found.patient |= open_ids - found.over
        return found

    def _rows(self, request: bytes, found: ReadGroup) -> list[Row]:
        try:
            return decode(request, self._rules.vocabulary, self._rows_in)
        except UnreadableRequest:
            return [row for one in _alone(request) for row in self._rows_of_one(one, found)]

    def _rows_of_one(self, request: bytes, found: ReadGroup) -> list[Row]:
        try:
            return decode(request, self._rules.vocabulary, self._rows_in)
        except UnreadableRequest:
            found.lost += 1
            return []

    # What is late

    def _only_late(self, due: DueGroup, rows: list[Row]) -> ClosedCall | None:
        """Returns the conversation that is over and that all of these spans belong to; None if there is none."""
        shown = {row[OWN_ID] for row in rows if isinstance(row[OWN_ID], str)}
        ids = self._closed_ids(due.traces) | {one for one in shown if self._closed(one) is not None}
        if len(ids) != 1 or not shown <= ids:
            return None
        closed = self._closed(next(iter(ids)))
        if closed is None or closed.closed is None:
            return None
        has_new_root = any(row[STRENGTH] is not None and row[SPAN] not in closed.spans for row in rows)
        return None if has_new_root else closed

    def _add_late(self, found: ReadGroup, closed: ClosedCall, batches: list[list[Row]], rows: list[Row]) -> None:
        new = frozenset(row[SPAN] for row in rows) - closed.spans
        if not new:
            return
        if not closed.name:  # it made no call, and makes none now
            found.late.append(LateHere(closed, None, new, _traces(rows)))
            return
        made = Made(*closed.made)
        late = [row for batch in batches for row in batch if row[KIND] == _RESOURCE or row[SPAN] in new]
        conversation = as_it_was(
            assemble_late(late, closed.external_id, self._rules, is_framework=made.is_framework), made
        )
        found.late.append(LateHere(closed, conversation, new, _traces(rows)))

    # What is not

    def _assemble(self, found: ReadGroup, batches: list[list[Row]], rows: list[Row], requests: Sequence[bytes]) -> None:
        due = found.due
        around = Surroundings(closing=due.is_closing or bool(due.expired))
        for outcome in assemble(batches, self._rules, around):
            match outcome:
                case Ready():
                    self._deal(found, outcome, batches, rows, requests)
                case Withheld(external_id, reason, _):
                    if due.is_closing or external_id in due.expired:
                        found.counted += [reason] if reason else []
                        found.over.add(external_id)
                case Open():
                    pass
                case _:
                    assert_never(outcome)
        if None in due.ripe and any(one.ended.made.external_id not in due.ripe for one in found.ended):
            found.over.add(None)  # the conversation that got its id from elsewhere
        if None in due.ripe and len(due.ripe) > 1 and found.over >= due.ripe - {None}:
            found.over.add(None)  # a root without an id was theirs

    def _deal(
        self,
        found: ReadGroup,
        ready: Ready,
        batches: list[list[Row]],
        rows: list[Row],
        requests: Sequence[bytes],
    ) -> None:
        due, external_id = found.due, ready.conversation.external_id
        own = rows if ready.spans is None else [row for row in rows if row[SPAN] in ready.spans]
        closed = self._closed(external_id)
        is_interrupted = closed is not None and closed.closed is None
        is_new = ready.is_strong and (closed is None or ready.conversation.root_span_id not in closed.spans)
        if closed is not None and not is_interrupted and not is_new:
            self._add_late(found, closed, batches, own)
            found.over.add(external_id)
            return
        is_ripe = external_id in due.ripe or (None in due.ripe and not _shows(own, external_id))
        if not (is_ripe or due.is_closing):
            return
        is_expired = due.is_closing or external_id in due.expired
        if not (ready.is_strong or is_expired) and _lacks_parent(own, requests):
            return
        conversation = ready.conversation
        if closed is not None and is_interrupted:
            conversation = replace(conversation, file_span_id=Made(*closed.made).file_span_id)
        ended = Ended.of(ready, conversation, self._calls)
        spans = frozenset(row[SPAN] for row in own)
        found.ended.append(EndedHere(ended, spans, _traces(own), closed))
        found.over.add(external_id)


def _alone(request: bytes) -> Iterator[bytes]:
    """Yields a request for each span of a protobuf request, of which one cannot be read."""
    if is_json(request):
        yield request
        return
    with reading():
        for resource, scope, span in spans_in(framed(request)):
            yield request_of_span(request, resource, scope, span)


def _shows(rows: Iterable[Row], external_id: str) -> bool:
    return any(row[OWN_ID] == external_id for row in rows)


def _traces(rows: Iterable[Row]) -> tuple[bytes, ...]:
    return tuple({row[TRACE].to_bytes(16, "big"): None for row in rows})


def _lacks_parent(rows: Sequence[Row], requests: Sequence[bytes]) -> bool:
    """Returns whether the parent of a span that could be the root has not come, and is in the same process.

    Where no span shows an id, any could be.
    """
    shown = {(row[TRACE], row[SPAN]) for row in rows if row[OWN_ID] is not None}
    own = shown or {(row[TRACE], row[SPAN]) for row in rows}
    here: set[tuple[int, int]] = set()
    awaited: set[tuple[int, int]] = set()
    for request in requests:
        try:
            spans = spans_of(request)
        except UnreadableRequest:
            continue
        for record, has_remote_parent in spans:
            here.add((record.trace_id, record.span_id))
            if record.parent_id and not has_remote_parent and (record.trace_id, record.span_id) in own:
                awaited.add((record.trace_id, record.parent_id))
    return not awaited <= here
