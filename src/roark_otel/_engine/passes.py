"""Reads the groups that are due, and says what came of them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from typing_extensions import assert_never

from roark_otel._engine.notices import notify
from roark_otel._model.rows import SPAN
from roark_otel._open.group import Made
from roark_otel._open.verdicts import GoesOn, Over
from roark_otel._safety.guard import guarded
from roark_otel._safety.late_imports import importing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._assembly.assemble import Rules
    from roark_otel._assembly.outcomes import Outcome, Ready, Withheld
    from roark_otel._capture.inbox import Captured
    from roark_otel._capture.open_rows import OpenRows
    from roark_otel._engine.calls import Calls
    from roark_otel._linking.link import Linked
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.rows import Row
    from roark_otel._model.stats import Tally
    from roark_otel._model.steps import Pause
    from roark_otel._open.groups import Groups
    from roark_otel._open.verdicts import Pass, Verdict
    from roark_otel._spool.spool import Spool

MADE_TOGETHER: Final = 64
"""The most calls that share one sync of the spool's directory."""


class Passes:
    """Runs passes over the rows of groups.

    Args:
        groups: What is open.
        open_spans: Reads spans that are open.
        make_rules: Makes the rules by which calls are assembled, and imports what reads conversations.
        make_calls: Makes what spools calls.
        spool: Where calls are put.
        tally: What counts what makes no call.
        pause: Called after each pass, so that other threads may run.
    """

    def __init__(
        self,
        groups: Groups,
        open_spans: OpenRows,
        make_rules: Callable[[], Rules],
        make_calls: Callable[[], Calls],
        spool: Spool,
        tally: Tally,
        pause: Pause,
    ) -> None:
        self._groups = groups
        self._open_spans = open_spans
        self._make_rules = make_rules
        self._make_calls = make_calls
        self._spool = spool
        self._tally = tally
        self._pause = pause
        self._rules: Rules | None = None
        self._calls: Calls | None = None

    @guarded(None)
    def prepare(self) -> None:
        """Imports what passes need, the first time that it is called: neither a first call nor an exit waits for it."""
        self._ready()

    def run_due(self, now: float, deadline: float = float("inf")) -> bool:
        """Reads some of what is due, and begins nothing after the deadline. Returns whether more may be due.

        Calls that are made together share one sync of the spool's directory, and are handed on when it was made.
        """
        one: Pass | None = None
        with self._spool.together():
            for _ in range(MADE_TOGETHER):
                if time.monotonic() >= deadline or (one := self._groups.next_due(now)) is None:
                    one = None
                    break
                self._run(one, now)
                self._pause()
        if self._calls is not None:
            self._calls.hand_on()
        return one is not None

    @guarded(None)
    def _run(self, one: Pass, now: float) -> None:
        """Reads a group, puts its calls into the spool, and lets go of what is over."""
        if one.is_late:
            self._read_late(one.number)
            return
        if not self._read(one, now):
            self._groups.settle(replace(one, closing=True, is_reopened=False), [], now)  # a fault: it costs this one

    @guarded(False)
    def _read(self, one: Pass, now: float) -> bool:
        with importing():
            from roark_otel._assembly.assemble import Surroundings, assemble

        rules, groups = self._ready()[0], self._groups
        inside, around = self._open_rows(one.number)
        group = groups.places.by_number[one.number]
        surroundings = Surroundings(
            groups.places.crowded(group), groups.places.taken_resource_ids(group), closing=one.closing
        )
        began = time.thread_time()
        batches = [*groups.rows(one.number), inside, around]
        outcomes = assemble(batches, rules, surroundings)
        verdicts = [self._deal(outcome, one) for outcome in outcomes]
        groups.took(one.number, time.thread_time() - began)
        groups.settle(one, verdicts, now, frozenset(int(row[SPAN]) for row in around if row[SPAN]))
        return True

    def _ready(self) -> tuple[Rules, Calls]:
        if self._rules is None or self._calls is None:
            with importing():
                self._rules, self._calls = self._make_rules(), self._make_calls()
        return self._rules, self._calls

    def _open_rows(self, number: int) -> tuple[list[Row], list[Row]]:
        inside: list[Captured] = []
        around: list[Captured] = []
        for each in self._groups.numbers(number):
            below, above = self._open_spans.of(each)
            inside += below
            around += above
        now_ns = time.time_ns()
        return self._groups.open_rows(inside, now_ns), self._groups.open_rows(around, now_ns)

    def _deal(self, outcome: Outcome, one: Pass) -> Verdict:
        from roark_otel._assembly.outcomes import Open, Ready, Withheld

        match outcome:
            case Open():
                return GoesOn()
            case Withheld():
                return self._withhold(outcome)
            case Ready():
                return self._put(outcome, one)
        assert_never(outcome)

    def _withhold(self, outcome: Withheld) -> Verdict:
        if outcome.reason:
            self._tally.add(outcome.reason)
            notify(outcome.reason, outcome.external_id, "")
        return Over(outcome.spans, outcome.external_id)

    def _put(self, ready: Ready, one: Pass) -> Verdict:
        calls = self._ready()[1]
        conversation = ready.conversation
        known = self._groups.made(one.number)
        if known is not None and known.external_id == conversation.external_id:
            conversation = replace(conversation, file_span_id=known.file_span_id)
        rests = not (ready.is_strong or one.closing)
        rest = calls.hold_seconds if one.is_reopened else one.quiet if rests else 0.0
        waits = calls.put(conversation, ready.linked, rest)
        made = Made(
            conversation.external_id,
            conversation.trace_id,
            conversation.root_span_id,
            conversation.file_span_id,
            conversation.started_ns,
            ready.is_framework,
            waits,
        )
        return Over(ready.spans, conversation.external_id, ready.origin, rests, made)

    @guarded(None)
    def _read_late(self, number: int) -> None:
        with importing():
            from roark_otel._assembly.late import assemble_late

        rules, calls = self._ready()
        made = self._groups.made(number)
        rows, all_rows = self._groups.late_rows(number)
        if made is None:
            return
        again = None if all_rows is None else self._read_again(number, made, all_rows)
        late = assemble_late(rows, made.external_id, rules, is_framework=made.is_framework)
        if not calls.add_late(_as_it_was(late, made), again):
            self._groups.kept.drop(number)

    @guarded(None)
    def _read_again(self, number: int, made: Made, batches: Iterable[list[Row]]) -> Linked | None:
        """Reads all rows of a call. Returns what it is with those that came late; None if it is not the same call."""
        from roark_otel._assembly.assemble import Surroundings, assemble
        from roark_otel._assembly.outcomes import Ready

        crowded = self._groups.places.crowded(self._groups.places.by_number[number])
        for outcome in assemble(batches, self._ready()[0], Surroundings(crowded, closing=True)):
            if isinstance(outcome, Ready) and _is_same(outcome.conversation, made):
                return outcome.linked
        return None


def _is_same(conversation: FinishedConversation, made: Made) -> bool:
    return (conversation.external_id, conversation.root_span_id, conversation.started_ns) == (
        made.external_id,
        made.root_span_id,
        made.started_ns,
    )


def _as_it_was(late: FinishedConversation, made: Made) -> FinishedConversation:
    """Returns the conversation as it was when its call was made, with the moments that came late only."""
    return replace(
        late,
        trace_id=made.trace_id,
        root_span_id=made.root_span_id,
        file_span_id=made.file_span_id,
        started_ns=made.started_ns,
    )
