"""The stages of a process without its threads: recorded traces go in, calls come out, on the caller's thread."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Final, TypeAlias

from typing_extensions import assert_never

from roark_otel._assembly.assemble import Rules, Surroundings, assemble
from roark_otel._assembly.missing_words import warn_of_each_kind
from roark_otel._assembly.outcomes import Open, Outcome, Ready, Withheld
from roark_otel._assembly.routes import Routes
from roark_otel._linking.link import NotLinkable, Recorded, Unrecorded
from roark_otel._model.rows import KIND, TRACE, Kind
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open.groups import Groups
from roark_otel._open.rows_in import RowsIn
from roark_otel._open.schedule import Waits
from roark_otel._open.verdicts import Closed, Forgotten, GoesOn, Noticed, Over, Pass, Verdict
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import Redaction
from roark_otel._safety.guard import guarded
from roark_otel._sources.made import CallWithoutRecording, FailedCall, ReadyCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roark_otel._model.dialect import Dialect, Unreadable
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._replay.gathering import Entry
    from roark_otel._settings.settings import Settings

MAX_IDS: Final = 100_000
"""The most external ids that are remembered, so that no second call of one is sent."""

_KIND_OF_ENTRY: Final = 3 + KIND


Made: TypeAlias = "ReadyCall | CallWithoutRecording | FailedCall"


class Pipeline:
    """Makes calls of the conversations in recorded spans.

    A fault costs the entry, the reader or the conversation in which it occurs. It is logged, and counted as `faults`.

    Args:
        settings: How calls are made.
        dialects: The dialects that are read, the highest first.
    """

    def __init__(self, settings: Settings, dialects: Sequence[Dialect]) -> None:
        self.vocabulary = Vocabulary(dialects, settings.external_id_keys, auto_ids=settings.auto_external_id)
        self.numbers: Iterator[int] = count(1)
        """The numbers of groups that are not in use."""
        self.counts: Counter[str] = Counter()
        """Conversations that made no call, by the counters of `Stats`; and `faults`."""
        self.open_traces: set[int] = set()
        """The traces with a conversation that is not closed."""
        self._groups = Groups(self.vocabulary, RowsIn(self.vocabulary), _waits(settings))
        self._rules = Rules(
            vocabulary=self.vocabulary,
            routes=Routes(dialects),
            defaults=replace(settings.defaults(), names_heard_spans=settings.payload_span_ids),  # they are in the file
            redaction=Redaction(Patterns(settings.replaced)),
            auto_ids=settings.auto_external_id,
            warn=self._count_unreadable,
            count_fault=self._count_fault,
            report_missing=warn_of_each_kind(),
        )
        self._never_ended: dict[int, list[Entry]] = {}
        self._ids: OrderedDict[str, int] = OrderedDict()
        self._now = 0.0

    def take(self, entries: Iterable[Entry], now: float) -> None:
        """Takes in the entries of a trace, at this time of the spans in seconds."""
        self._now = max(self._now, now)
        for entry in entries:
            self.open_traces.add(entry[3 + TRACE])
            if entry[_KIND_OF_ENTRY] == Kind.OPEN:
                self._never_ended.setdefault(entry[0], []).append(entry)
            if not self._take(entry):
                self._count_fault()

    def pass_time(self, now: float) -> Iterator[Made]:
        """Closes what is due at this time of the spans, after all traces that are whole by then were taken in."""
        self._now = max(self._now, now)
        self._groups.expire(self._now, lambda _: False)
        yield from self._made()

    def end(self) -> Iterator[Made]:
        """Closes everything, at the end of the spans."""
        self._groups.schedule.flush()
        yield from self._made()
        self._groups.schedule.close_idle(self._now, 0.0)
        yield from self._made()
        self.open_traces.clear()

    # As on the assembler's thread, nothing that raises ends the whole

    @guarded(False)
    def _take(self, entry: Entry) -> bool:
        self._groups.take(entry, self._now, time.time_ns())
        return True

    def _made(self) -> Iterator[Made]:
        while (one := self._groups.next_due(self._now)) is not None:
            if not one.is_late:  # a call that was made is sent already, and what comes late is not added to it
                yield from self._read(one)
        for output in self._groups.outputs():
            match output:
                case Noticed(kind, number=number):
                    self.counts[kind] += number
                case Forgotten(trace_id):
                    self.open_traces.discard(trace_id)
                case Closed(number):
                    self._never_ended.pop(number, None)
                case _:
                    assert_never(output)

    def _read(self, one: Pass) -> list[Made]:
        outcomes = self._assembled(one)
        if outcomes is None:
            self._count_fault()
            external_id = self._groups.places.by_number[one.number].external_id
            self._groups.settle(replace(one, closing=True), [], self._now)
            return [] if external_id is None else [FailedCall(external_id)]
        made: list[Made] = []
        verdicts: list[Verdict] = []
        for outcome in outcomes:
            verdicts.append(_verdict(outcome))
            match outcome:
                case Withheld(_, reason) if reason:
                    self.counts[reason] += 1
                case Ready():
                    made += self._call(outcome)
                case Open() | Withheld():
                    pass
                case _:
                    assert_never(outcome)
        self._groups.settle(one, verdicts, self._now)
        return made

    @guarded(None)
    def _assembled(self, one: Pass) -> list[Outcome]:
        places = self._groups.places
        group = places.by_number[one.number]
        around = Surroundings(places.crowded(group), places.taken_resource_ids(group), closing=one.closing)
        never_ended = [entry for number in group.numbers for entry in self._never_ended.get(number, ())]
        open_rows = self._groups.open_rows(never_ended, time.time_ns())
        return assemble([open_rows, *self._groups.rows(one.number)], self._rules, around)

    def _call(self, ready: Ready) -> list[Made]:
        linked, external_id = ready.linked, ready.conversation.external_id
        match linked:
            case NotLinkable(reason):
                self.counts[reason] += 1
                return []
            case Recorded() | Unrecorded() if self._is_duplicate(ready.conversation):
                self.counts["duplicates"] += 1
                return []
            case Recorded():
                return [ReadyCall(external_id, linked.to_json(), linked.turns, linked.tools)]
            case Unrecorded():
                return [CallWithoutRecording(external_id, linked.to_json())]
        assert_never(linked)

    def _is_duplicate(self, conversation: FinishedConversation) -> bool:
        """Returns whether another conversation of the id has made a call."""
        first = self._ids.setdefault(conversation.external_id, conversation.file_span_id)
        if len(self._ids) > MAX_IDS:
            self._ids.popitem(last=False)
        return first != conversation.file_span_id

    def _count_fault(self) -> None:
        self.counts["faults"] += 1

    def _count_unreadable(self, _found: Unreadable) -> None:
        self.counts["unreadable"] += 1


def _verdict(outcome: Outcome) -> Verdict:
    match outcome:
        case Open():
            return GoesOn()
        case Withheld(external_id, _, spans):
            return Over(spans, external_id)
        case Ready():
            return Over(outcome.spans, outcome.conversation.external_id, outcome.origin)
    assert_never(outcome)


def _waits(settings: Settings) -> Waits:
    # In a file, linger and quiet time are one wait, so that a call is finished once.
    return Waits(
        settings.linger_seconds + settings.quiet_seconds,
        0.0,
        settings.idle_timeout_seconds,
        settings.max_conversations,
    )
