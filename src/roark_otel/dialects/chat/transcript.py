"""What was said, once, from many spans that repeat it.

1. A model is asked with a history and answers. The same message stands in the history of every later span, so messages
   are known by their words: a history that holds the same words for the third time shows that they were said three
   times, and when it was first shown is when they were said.
2. An answer was said when its span ended. A span around another one repeats what that one answered.
3. What an agent says in a history although no span answered it was said before that history was shown; where it is the
   beginning of an answer that no history holds, it is as much of that answer as was heard.
4. Where histories forget (a window, a service that keeps them itself) words that the model is asked again, after an
   agent has spoken, were said again.

Kept are the words, once, and a few numbers for each span; never a history.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from roark_otel.dialects.chat.answers import SHIFT, Answers, as_heard
from roark_otel.dialects.chat.recital import AGENT, CUSTOMER, Said, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel.dialects.chat.answers import Answered, Shown
    from roark_otel.dialects.chat.recital import Recital, Span

_MASK = (1 << 64) - 1
_MAX_PLACE = (1 << SHIFT) - 1
_NO_ANSWER_SOONER_NS = 200_000_000
"""A person takes longer to speak after an agent did; another model that is asked the same does not."""


class _Asked(NamedTuple):
    start_ns: int
    digest: int
    has_agent: bool
    line: str


class Transcript:
    """Gathers what was said, in any order of spans."""

    __slots__ = ("_answers", "_asked", "_asks", "_lines", "_shown", "_span_ids")

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._shown: dict[str, list[int]] = {}
        self._answers = Answers()
        # Columns, because a call may have thousands of spans: 32 bytes for each.
        self._asks = array("Q")
        self._asked: list[str] = []
        self._span_ids: dict[int, int] = {}

    def ask(self, start_ns: int, recital: Recital, lines: Iterable[str], span_id: int = 0) -> None:
        """A model was asked with a history, of which `lines` are what `recital` does not have yet.

        `span_id`: the span that has the history. Of two that began at the same time it is not known which one it is.
        """
        if self._span_ids.setdefault(start_ns, span_id) != span_id:
            self._span_ids[start_ns] = 0
        for text in lines:
            line, place = self._known(text), min(recital.length, _MAX_PLACE)
            self._show(line, recital.add(line), (start_ns << SHIFT) | place)
        if recital.last and recital.last[0] == CUSTOMER:
            self._asks.extend((start_ns, recital.digest & _MASK, recital.has_agent))
            self._asked.append(recital.last)

    def answer(self, span: Span, recital: Recital, texts: Iterable[str], agent: str | None) -> None:
        """A model answered; `recital` is what it was asked with. A span that is still open may answer again."""
        digest = recital.digest & _MASK if recital.has_agent else 0
        self._answers.add(span, digest, [self._known(AGENT + text) for text in texts], agent)

    def customer_lines(self) -> list[tuple[int, str]]:
        """What histories show of the customer: since when, and the line, in order of time."""
        shown = ((at >> SHIFT, line) for line, times in self._shown.items() if line[0] == CUSTOMER for at in times)
        return sorted(shown)

    def said(self) -> list[Said]:
        """Everything that was said so far, in order."""
        answered, shown = self._agent_said()
        spoken_ns = sorted([one.at_ns for one in answered] + [at >> SHIFT for at, _ in shown])
        return in_order([*answered, *self._in_rank([*shown, *self._customer_said(spoken_ns)])])

    def __bool__(self) -> bool:
        return bool(self._lines)

    def _known(self, line: str) -> str:
        return self._lines.setdefault(line, line)

    def _show(self, line: str, occurrence: int, at: int) -> None:
        """Notes that a history shows a line this often, and since when."""
        times = self._shown.setdefault(line, [])
        if occurrence > len(times):
            times.extend([at] * (occurrence - len(times)))
        elif at < times[occurrence - 1]:
            times[occurrence - 1] = at

    def _agent_said(self) -> tuple[list[Said], list[Shown]]:
        """What agents answered, and what only a history shows."""
        answers = self._answers.own()
        by_line: dict[str, list[Answered]] = {}
        for one in sorted(answers, key=lambda one: one.start_ns):
            by_line.setdefault(one.line, []).append(one)
        missing: list[Shown] = []
        confirmed: set[Answered] = set()
        for line, times in self._shown.items():
            if line[0] == AGENT:
                left = by_line.get(line, [])[::-1]
                for at in times:
                    if left and left[-1].start_ns <= at >> SHIFT:
                        confirmed.add(left.pop())
                    else:
                        missing.append((at, line))
        return as_heard(answers, confirmed, sorted(missing))

    def _customer_said(self, spoken_ns: list[int]) -> Iterator[Shown]:
        """Sweeps over what histories showed and what models were asked, in the order of time."""
        read: dict[str, list[int]] = {}
        seen: set[int] = set()
        for at, line, asked in self._customer_events():
            times = read.setdefault(line, [])
            if isinstance(asked, int):
                is_new = len(times) < asked
            else:
                is_new = not (asked.has_agent and asked.digest in seen) and _again(times, asked, spoken_ns)
                seen.add(asked.digest)
            if is_new:
                times.append(at >> SHIFT)
                yield at, line

    def _in_rank(self, shown: Iterable[Shown]) -> Iterator[Said]:
        """Lines that a history was the first to show: said when it was shown, a nanosecond apart in the order shown."""
        ranks: dict[int, int] = {}
        for at, line in sorted(shown):
            start_ns = at >> SHIFT
            rank = ranks[start_ns] = ranks.get(start_ns, -1) + 1
            span_id = self._span_ids.get(start_ns, 0)
            yield Said(start_ns + rank, line[0] == AGENT, line[1:], start_ns, span_id=span_id)

    def _customer_events(self) -> list[tuple[int, str, int | _Asked]]:
        """Every line since it was shown that often, and every question, which comes after what its span showed."""
        events: list[tuple[int, str, int | _Asked]] = [
            (at, line, count)
            for line, times in self._shown.items()
            if line[0] == CUSTOMER
            for count, at in enumerate(times, 1)
        ]
        rows = zip(*[iter(self._asks)] * 3, strict=True)
        for (start_ns, digest, has_agent), line in zip(rows, self._asked, strict=True):
            asked = _Asked(start_ns, digest, bool(has_agent), line)
            events.append(((start_ns << SHIFT) | _MAX_PLACE, line, asked))
        return sorted(events, key=_event_order)


def _event_order(event: tuple[int, str, int | _Asked]) -> tuple[int, str, int]:
    at, line, source = event
    return at, line, source if isinstance(source, int) else _MAX_PLACE + source.has_agent


def _again(times: list[int], asked: _Asked, spoken_ns: list[int]) -> bool:
    """Whether an agent has answered since the words were last said, long enough ago for a person to say them again."""
    if not times or times[-1] >= asked.start_ns:
        return False
    before = bisect_left(spoken_ns, asked.start_ns - _NO_ANSWER_SOONER_NS)
    return before > 0 and spoken_ns[before - 1] > times[-1]
