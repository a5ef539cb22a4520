"""What later histories have in another way than the model was asked with it.

1. A model may be asked before the customer is done, and again when more was said: those are the same words. So may it
   be with what was heard wrongly first, or with a prompt around the words: a later history has other words in their
   place, with the answer that they got.
2. Of two answers to one question, given at the same time, a later history has the one that was spoken.

Where in a history a line stands is known by what comes before it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roark_otel.dialects.chat.answers import Answered

_ENDS: Final = " .,;:!?\u2026-"
"""What stands at the end of words that go on otherwise."""

_AHEAD: Final = 16
"""The most that is looked at of what came after a question, where all have the same before them, or nothing."""


class Ask(NamedTuple):
    """A model was asked, with a line of the customer last.

    `before` and `digest` are what the history is known by without that line and with it. `number`: how often the line
    stands in it. `place`: where the line stands.
    """

    start_ns: int
    digest: int
    has_agent: bool
    before: int
    number: int
    place: int
    span_id: int
    line: str


class Settled(NamedTuple):
    """What a history has after `before`: a line of the customer, for the `number`th time, and the agent's after it."""

    start_ns: int
    before: int
    number: int
    line: str
    answer: str


class Replaced:
    """Compares what models were asked with what later histories have in its place."""

    def __init__(self, asks: Iterable[Ask], settled: Iterable[Settled], answers: Sequence[Answered]) -> None:
        self._asks: defaultdict[int, list[Ask]] = defaultdict(list)
        for ask in sorted(asks):
            self._asks[ask.before].append(ask)
        self._settled: defaultdict[int, list[Settled]] = defaultdict(list)
        for held in sorted(settled):
            self._settled[held.before].append(held)
        self._ends_ns = sorted(one.end_ns for one in answers)
        self._of_span: defaultdict[int, list[Answered]] = defaultdict(list)
        for one in answers:
            self._of_span[one.span_id].append(one)

    def asks(self) -> Iterator[tuple[Ask, Settled | None]]:
        """Yields what did not stay as it was asked, with what is in its place; None if another one has it as well."""
        for before, asks in self._asks.items():
            settled = self._settled.get(before, ())
            if len({one.line for one in (*asks, *settled)}) < 2:
                continue
            for index, ask in enumerate(asks):
                first = bisect_right(settled, ask.start_ns, key=lambda one: one.start_ns)
                after = settled[first : first + _AHEAD]
                if any(self._goes_on(ask, later) for later in (*asks[index + 1 : index + 1 + _AHEAD], *after)):
                    yield ask, None
                elif found := next((one for one in after if self._is_rewritten(ask, one)), None):
                    yield ask, found

    def answers(self, confirmed: set[Answered]) -> set[Answered]:
        """Returns the answers that were not spoken, of those that no history has."""
        found: set[Answered] = set()
        for before, settled in self._settled.items():
            asks = self._asks.get(before, ())
            several = {one for ask in asks for one in self._of_span.get(ask.span_id, ())}
            lines = {one.answer for one in settled}
            spoken = sorted((one for one in several if one.line in lines), key=lambda one: one[:6])[:_AHEAD]
            if spoken and len(several) > 1:
                left = several - confirmed - set(spoken)
                found |= {one for one in left if any(_at_once(one, other) for other in spoken)}
        return found

    def _goes_on(self, ask: Ask, later: Ask | Settled) -> bool:
        """Whether the customer went on with the words, and no agent spoke in between."""
        if later.start_ns <= ask.start_ns or len(later.line) <= len(ask.line):
            return False
        words = ask.line.rstrip(_ENDS)
        if len(words) < 2 or not later.line.casefold().startswith(words.casefold()):
            return False
        spoken = bisect_left(self._ends_ns, later.start_ns) - bisect_right(self._ends_ns, ask.start_ns)
        return spoken == 0 and (bool(self._ends_ns) or ask.has_agent)

    def _is_rewritten(self, ask: Ask, later: Settled) -> bool:
        return later.line != ask.line and any(
            one.line.startswith(later.answer) for one in self._of_span.get(ask.span_id, ())
        )


def _at_once(one: Answered, other: Answered) -> bool:
    return one.span_id != other.span_id and one.start_ns < other.end_ns and other.start_ns < one.end_ns
