"""Which reports are of one tool use. Of all that reports have, an id says least: a conversation may have it again.

Some models number their calls anew in each answer, so that the same id comes again with other arguments, or with the
same ones; others give none. A call and its result come apart, late, or in the other order. So

1. reports of one id are of one use where they complete each other: nothing that both say differs, and no more than one
   has an outcome. A second outcome is that of another use;
2. of several calls with one id, those made last are answered, in their order, by the results that follow them.

`repeats` is about what two sources report.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.moments import CALLS_AGENT, ToolUse, Unanswered
from roark_otel._model.steps import in_steps, no_pause

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._model.steps import Pause

_LOOK_BACK: Final = 64
"""The most calls of one id among which a result looks for its own."""


class Half(NamedTuple):
    """A report of a use that may have another half. `is_result`: it only says what came of a use."""

    use: ToolUse
    is_result: bool


def is_answered(use: ToolUse) -> bool:
    """Returns whether it is known what came of a use."""
    return not isinstance(use.outcome, Unanswered)


def agree(one: ToolUse, other: ToolUse) -> bool:
    """Returns whether nothing that both reports say of what was used differs."""
    same_name = not one.name or not other.name or one.name == other.name
    return same_name and (not one.parameters or not other.parameters or one.parameters == other.parameters)


def joined(one: ToolUse, other: ToolUse) -> ToolUse:
    """Joins two reports of one use: the values of the first, and those of the second where the first has none."""
    return replace(
        one,
        name=one.name or other.name,
        end_ns=other.end_ns if one.end_ns is None else one.end_ns,
        parameters=one.parameters or other.parameters,
        outcome=one.outcome if is_answered(one) else other.outcome,
        call_id=one.call_id or other.call_id,
        description=one.description or other.description,
        agent=other.agent if one.agent == CALLS_AGENT else one.agent,
        span_id=one.span_id or other.span_id,
    )


def completed(first: ToolUse, last: ToolUse) -> ToolUse:
    """Joins two halves: the first begins, the last ends, each fills in what the other lacks; the last result counts."""
    use = joined(first, last)
    ends_ns = [end_ns for end_ns in (first.end_ns, last.end_ns) if end_ns is not None]
    if is_answered(last):
        use = replace(use, outcome=last.outcome)
        ends_ns.append(last.start_ns)
    return replace(use, end_ns=max(first.start_ns, *ends_ns) if ends_ns else None)


def uses_of_halves(halves: Iterable[Half], pause: Pause = no_pause) -> list[ToolUse]:
    """Returns the uses that one source reports, each once, and those without an id as they are.

    Args:
        halves: Its reports, in the order of time.
        pause: Called after every few.
    """
    found: list[ToolUse] = []
    by_id: dict[str, list[Half]] = {}
    for half in in_steps(halves, pause):
        if half.use.call_id is None:
            found.append(half.use)
        else:
            by_id.setdefault(half.use.call_id, []).append(half)
    for several in by_id.values():
        if len(several) == 1:
            found.append(several[0].use)
        else:
            made = Sequences.of(several, pause)
            found += [*together(made.found), *made.unclaimed]
    return found


class Sequences:
    """Reports that may be of one use, put together run by run: calls, and then what answers them."""

    def __init__(self) -> None:
        self.found: list[ToolUse] = []
        self.unclaimed: list[ToolUse] = []
        self._calls: list[ToolUse] = []
        self._answers: list[Half] = []

    @classmethod
    def of(cls, halves: Iterable[Half], pause: Pause = no_pause) -> Sequences:
        """Puts reports together, given in the order of time.

        `found` has the uses, and `unclaimed` the results that are of none of them, in the order of time.
        """
        made = cls()
        for half in in_steps(halves, pause):
            made._take(half)
        made._end_run()
        made.found.sort(key=lambda use: use.start_ns)
        made._claim_what_came_too_soon()
        return made

    def _take(self, half: Half) -> None:
        if half.is_result or is_answered(half.use):
            self._answers.append(half)
            return
        if self._answers:
            self._end_run()
        self._calls.append(half.use)

    def _end_run(self) -> None:
        calls, answers, self._calls, self._answers = self._calls, self._answers, [], []
        last_first = len(answers) <= len(calls)
        left: list[Half] = []
        for half in reversed(answers) if last_first else answers:
            index = _of_call(calls, half.use, last_first=last_first)
            if index is None:
                left.append(half)
            else:
                self.found.append(completed(calls.pop(index), half.use))
        self.found += calls
        for half in reversed(left) if last_first else left:
            self._take_alone(half)

    def _take_alone(self, half: Half) -> None:
        """Takes in a report of a result whose call is not in its run."""
        if not half.is_result:
            self.found.append(half.use)
        elif self.found and _may_be_one(self.found[-1], half.use):
            self.found[-1] = completed(self.found[-1], half.use)  # a use that was answered again
        else:
            self.unclaimed.append(half.use)

    def _claim_what_came_too_soon(self) -> None:
        """Gives each result that clocks which differ put before its call to that call."""
        results = self.unclaimed[::-1]
        for index, use in enumerate(self.found):
            if results and not is_answered(use) and _may_be_one(use, results[-1]):
                self.found[index] = completed(use, results.pop())
        self.unclaimed = results[::-1]


def _of_call(calls: Sequence[ToolUse], answer: ToolUse, *, last_first: bool) -> int | None:
    """Returns the index of the call that a result answers; None if there is none."""
    size = len(calls)
    near = range(size - 1, max(-1, size - 1 - _LOOK_BACK), -1) if last_first else range(min(size, _LOOK_BACK))
    return next((index for index in near if _may_be_one(calls[index], answer)), None)


def _may_be_one(call: ToolUse, answer: ToolUse) -> bool:
    same_id = call.call_id is None or answer.call_id is None or call.call_id == answer.call_id
    return same_id and agree(call, answer)


def together(uses: Iterable[ToolUse]) -> list[ToolUse]:
    """Joins the uses of one id that follow one another and complete each other: a call reported again is the same."""
    found: list[ToolUse] = []
    for use in uses:
        if found and _is_again(found[-1], use):
            found[-1] = completed(found[-1], use)
        else:
            found.append(use)
    return found


def _is_again(before: ToolUse, use: ToolUse) -> bool:
    if not agree(before, use):
        return False
    if is_answered(before) and is_answered(use):
        return (before.start_ns, before.end_ns, before.outcome) == (use.start_ns, use.end_ns, use.outcome)
    if is_answered(before):
        return use.start_ns <= (before.start_ns if before.end_ns is None else before.end_ns)
    return is_answered(use) or before.end_ns is None or use.start_ns <= before.end_ns
