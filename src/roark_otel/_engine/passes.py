"""Reads the groups that are due, and says what came of them."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from typing_extensions import assert_never

from roark_otel._engine.acceptance import Accepted
from roark_otel._engine.ended import Ended, KeptEnds, as_it_was, let_go, read_again
from roark_otel._engine.notices import notify
from roark_otel._engine.written import NOTHING_SAVED, Saving, Written
from roark_otel._model.rows import SPAN
from roark_otel._open.verdicts import GoesOn, Over, Pass
from roark_otel._safety.guard import guarded
from roark_otel._safety.late_imports import importing
from roark_otel._safety.threads import beside_hub
from roark_otel._spool.rejected import UNANSWERED

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from roark_otel._assembly.assemble import Rules
    from roark_otel._assembly.outcomes import Outcome, Ready, Withheld
    from roark_otel._capture.inbox import Entry
    from roark_otel._capture.open_rows import OpenRows
    from roark_otel._engine.acceptance import Acceptance
    from roark_otel._engine.calls import Calls
    from roark_otel._model.rows import Row
    from roark_otel._model.stats import Tally
    from roark_otel._model.steps import Pause
    from roark_otel._open.groups import Groups
    from roark_otel._open.verdicts import Verdict
    from roark_otel._privacy.redaction import Answers
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
        acceptance: What says which conversations are taken.
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
        acceptance: Acceptance,
        pause: Pause,
    ) -> None:
        self._groups = groups
        self._open_spans = open_spans
        self._make_rules = make_rules
        self._make_calls = make_calls
        self._spool = spool
        self._tally = tally
        self._acceptance = acceptance
        self._pause = pause
        self._rules: Rules | None = None
        self._calls: Calls | None = None
        self._kept = KeptEnds()
        self._saved: dict[int, tuple[str, ...]] = {}
        self._answers: dict[int, Answers] = {}

    @guarded(False)
    def prepare(self) -> bool:
        """Imports what passes need, unless that is done. Returns whether it is: an app may be out of files."""
        self._ready()
        return True

    @property
    def is_ready(self) -> bool:
        """Whether everything is imported that a pass needs."""
        return self._calls is not None

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
        is_kept = one.number in self._kept and not one.closing
        if is_kept and (kept := self._kept.take(one.number, self._state(one.number))):
            self._groups.settle(one, [self._put(ended, one) for ended in kept], now)
            return True
        began = time.thread_time()
        outcomes, around = self._assemble(one)
        verdicts = [self._deal(outcome, one) for outcome in outcomes]
        let_go(outcomes, self._pause)
        self._groups.took(one.number, time.thread_time() - began)
        self._groups.settle(one, verdicts, now, around)
        return True

    def _assemble(self, one: Pass) -> tuple[list[Outcome], frozenset[int]]:
        """Returns what a pass finds, and the ids of the open spans around that it has read."""
        rules = self._rules_of(one.number)
        from roark_otel._assembly.assemble import Surroundings, assemble

        number, (crowded, taken) = one.number, self._around(one.number)
        inside, around = self._open_rows(number)
        surroundings = Surroundings(crowded, taken, closing=one.closing)
        batches = chain(self._groups.rows(number), (inside, around))
        outcomes = assemble(batches, rules, surroundings)
        return outcomes, frozenset(int(row[SPAN]) for row in around if row[SPAN])

    def _around(self, number: int) -> tuple[frozenset[int], frozenset[str]]:
        """Returns the traces of a group that show others, and the resources' ids that it may not take."""
        places = self._groups.places
        group = places.by_number[number]
        return places.crowded(group), places.taken_resource_ids(group)

    def _rules_of(self, number: int) -> Rules:
        """Returns the rules, with what the app's hook has answered about a group so far."""
        rules = self._ready()[0]
        if rules.redaction.hook is None:
            return rules
        answers = self._answers.setdefault(number, {})
        return replace(rules, redaction=rules.redaction.remembering(answers))

    # What goes on

    @guarded(Saving(is_whole=False, bytes=0))
    def save(self, number: int) -> Saving:
        """Saves what a group is by now, as one call for each conversation in it."""
        calls = self._ready()[1]
        from roark_otel._assembly.outcomes import Ready

        has_ended = self._groups.places.by_number[number].has_ended
        began = time.thread_time()
        outcomes, _ = self._assemble(Pass(number, closing=not has_ended))
        self._groups.took(number, time.thread_time() - began)
        found = [
            self._ended(outcome, number)
            for outcome in outcomes
            if isinstance(outcome, Ready) and self._accepted(outcome) is Accepted.YES
        ]
        several = len(outcomes)
        let_go(outcomes, self._pause)
        written = {each.call.name: calls.save(each.call) for each in found if isinstance(each.call, Written)}
        self._drop_saved(number, written)
        self._saved[number] = tuple(written)
        if has_ended and len(found) == several:
            self._kept.keep(number, self._state(number), found)
        return sum(written.values(), NOTHING_SAVED)

    def _state(self, number: int) -> object:
        """Returns what a pass over a group depends on; None if spans of it are open, which may change."""
        if any(map(self._open_spans.has_open, self._groups.numbers(number))):
            return None
        group = self._groups.places.by_number[number]
        return group.numbers, len(group.log), self._around(number)

    def forget(self, number: int) -> None:
        """Lets go of what is remembered of a group that is closed, and what was saved of it and is not a call."""
        self._kept.take(number, None)
        self._answers.pop(number, None)
        self._drop_saved(number)
        names = self._saved.pop(number, ())
        if (made := self._groups.made(number)) is not None:
            names = *names, self._spool.name_of(made.external_id, made.file_span_id)
        for name in names:
            self._ready()[1].forget(name)

    def _drop_saved(self, number: int, kept: Container[str] = ()) -> None:
        """Removes what was saved of a group under names that it no longer has."""
        for name in self._saved.get(number, ()):
            if name not in kept:
                self._ready()[1].drop(name)

    def _ready(self) -> tuple[Rules, Calls]:
        if self._rules is None or self._calls is None:
            self._rules, self._calls = beside_hub(self._make)
        return self._rules, self._calls

    def _make(self) -> tuple[Rules, Calls]:
        with importing():
            from roark_otel._assembly import late  # noqa: F401  # pyright: ignore[reportUnusedImport]

            return self._make_rules(), self._make_calls()

    def _open_rows(self, number: int) -> tuple[list[Row], list[Row]]:
        inside: list[Entry] = []
        around: list[Entry] = []
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
                return self._choose(outcome, one)
        assert_never(outcome)

    def _accepted(self, ready: Ready) -> Accepted:
        return self._acceptance.of(ready.conversation.external_id, ready.attributes)

    def _choose(self, ready: Ready, one: Pass) -> Verdict:
        """Puts a call into the spool, if the conversation is taken here."""
        accepted = self._accepted(ready)
        if accepted is Accepted.YES:
            return self._put(self._ended(ready, one.number), one)
        if accepted is Accepted.NO:
            if self._acceptance.is_news(ready.conversation.external_id):
                self._tally.add("declined")
        elif isinstance((ended := self._ended(ready, one.number)).call, Written):
            self._ready()[1].set_aside(ended.call, UNANSWERED)
        return Over(ready.spans, ready.conversation.external_id)

    def _withhold(self, outcome: Withheld) -> Verdict:
        if outcome.reason:
            self._tally.add(outcome.reason)
            notify(outcome.reason, outcome.external_id, "")
        return Over(outcome.spans, outcome.external_id)

    def _ended(self, ready: Ready, number: int) -> Ended:
        """Returns a conversation with its call, under the name that this already has in the spool."""
        conversation, known = ready.conversation, self._groups.made(number)
        if known is not None and known.external_id == conversation.external_id:
            conversation = replace(conversation, file_span_id=known.file_span_id)
        return Ended.of(ready, conversation, self._ready()[1])

    def _put(self, ended: Ended, one: Pass) -> Verdict:
        calls = self._ready()[1]
        rests = not (ended.is_strong or one.closing)
        if not isinstance(ended.call, Written):
            calls.leave_out(ended.made, ended.call.reason)
            waits = False
        elif one.is_reopened:
            waits = calls.hold_back(ended.call)
        else:
            waits = calls.put(ended.call, one.quiet if rests else 0.0)
        return ended.over(rests=rests, waits=waits)

    @guarded(None)
    def _read_late(self, number: int) -> None:
        rules, calls = self._ready()
        from roark_otel._assembly.late import assemble_late

        made = self._groups.made(number)
        rows, all_rows = self._groups.late_rows(number)
        if made is None:
            return
        again = None if all_rows is None else read_again(all_rows, made, rules, self._around(number)[0])
        late = assemble_late(rows, made.external_id, rules, is_framework=made.is_framework)
        if not calls.add_late(as_it_was(late, made), again):
            self._groups.kept.drop(number)
