"""What was said, once, from many spans that repeat it.

1. A model is asked with a history and answers. The same message stands in the history of every later span, so messages
   are known by their words: a history that holds the same words for the third time shows that they were said three
   times, and when it was first shown is when they were said.
2. An answer was said when its span ended. A span around another one repeats what that one answered.
3. What an agent says in a history although no span answered it was said before that history was shown; where it is the
   beginning of an answer that no history holds, it is as much of that answer as was heard.
4. Of what a model was asked with, or answered, later histories may have something else: see `replaced`.
5. Where histories forget (a window, a service that keeps them itself) words that the model is asked again, after an
   agent has spoken, were said again.

Kept are the words, once, and a few numbers for each span; never a history.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from roark_otel.dialects.chat.answers import SHIFT, Answers, as_heard
from roark_otel.dialects.chat.recital import AGENT, CUSTOMER, Said, in_order, squeezed
from roark_otel.dialects.chat.replaced import Ask, Replaced, Settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from roark_otel.dialects.chat.answers import Answered, Shown
    from roark_otel.dialects.chat.recital import Recital, Span

_MASK = (1 << 64) - 1
_MAX_PLACE = (1 << SHIFT) - 1
_NO_ANSWER_SOONER_NS = 200_000_000
"""A person takes longer to speak after an agent did; another model that is asked the same does not."""


class _Read(NamedTuple):
    before: int
    number: int
    place: int
    line: str


class Transcript:
    """Gathers what was said, in any order of spans."""

    __slots__ = (
        "_answers",
        "_asked",
        "_asks",
        "_lines",
        "_settled",
        "_settled_lines",
        "_shown",
        "_span_ids",
        "_written",
    )

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._written: dict[str, str] = {}
        self._shown: dict[str, list[int]] = {}
        self._answers = Answers()
        # Columns, because a call may have thousands of spans: 120 bytes for each.
        self._asks = array("Q")
        self._asked: list[str] = []
        self._settled = array("Q")
        self._settled_lines: list[str] = []
        self._span_ids: dict[int, int] = {}

    def ask(self, start_ns: int, recital: Recital, lines: Iterable[str], span_id: int = 0) -> None:
        """A model was asked with a history, of which `lines` are what `recital` does not have yet.

        `span_id`: the span that has the history. Of two that began at the same time it is not known which one it is.
        """
        if self._span_ids.setdefault(start_ns, span_id) != span_id:
            self._span_ids[start_ns] = 0
        read: list[_Read] = []
        before = _last_of(recital)
        for text in lines:
            line, digest, place = self._known(text), recital.digest & _MASK, min(recital.length, _MAX_PLACE)
            read.append(_Read(digest, recital.add(line), place, line))
        is_asked = recital.last is not None and recital.last[0] == CUSTOMER
        for one in read[:-1] if is_asked else read:
            _show(self._shown, one.line, one.number, (start_ns << SHIFT) | one.place)
        self._settle(start_ns, [*before, *read])
        for last in _last_of(recital) if is_asked else ():
            digests = recital.digest & _MASK, recital.has_agent, last.before
            self._asks.extend((start_ns, *digests, last.number, last.place, span_id))
            self._asked.append(self._known(last.line))

    def answer(self, span: Span, recital: Recital, texts: Iterable[str], agent: str | None) -> None:
        """A model answered; `recital` is what it was asked with. A span that is still open may answer again."""
        digest = recital.digest & _MASK if recital.has_agent else 0
        self._answers.add(span, digest, [self._known(AGENT + text) for text in texts], agent)

    def customer_lines(self) -> list[tuple[int, str]]:
        """What histories show of the customer: since when, and the line, in order of time."""
        asks, replaced = self._compared(self._answers.own())
        lines = self._customer_shown(asks, dict(replaced.asks())).items()
        return sorted((at >> SHIFT, line) for line, times in lines for at in times)

    def said(self) -> list[Said]:
        """Everything that was said so far, in order."""
        answers = self._answers.own()
        asks, replaced = self._compared(answers)
        others = dict(replaced.asks())
        answered, shown = self._agent_said(answers, replaced)
        spoken_ns = sorted([one.at_ns for one in answered] + [at >> SHIFT for at, _ in shown])
        customer = self._customer_said([one for one in asks if one not in others], asks, others, spoken_ns)
        return in_order([*answered, *self._in_rank([*shown, *customer])])

    def __bool__(self) -> bool:
        return bool(self._lines)

    def _known(self, text: str) -> str:
        """The line as it is compared. Of several ways to write it the longest counts."""
        line = squeezed(text)
        line = self._lines.setdefault(line, line)
        if text != line:
            self._written[line] = max(text, self._written.get(line, text), key=lambda one: (len(one), one))
        return line

    def _settle(self, start_ns: int, read: Sequence[_Read]) -> None:
        """Notes what the customer said last before an agent did, where a history has both."""
        for index in range(len(read) - 2, -1, -1):
            one, after = read[index], read[index + 1].line
            if one.line[0] == CUSTOMER and after[0] == AGENT:
                self._settled.extend((start_ns, one.before, one.number))
                self._settled_lines.extend((one.line, after))
                return

    def _compared(self, answers: Sequence[Answered]) -> tuple[list[Ask], Replaced]:
        rows = zip(*[iter(self._asks)] * 7, strict=True)
        asks = [
            Ask(start_ns, digest, bool(has_agent), before, number, place, span_id, line)
            for (start_ns, digest, has_agent, before, number, place, span_id), line in zip(
                rows, self._asked, strict=True
            )
        ]
        numbers, lines = (
            zip(*[iter(self._settled)] * 3, strict=True),
            zip(*[iter(self._settled_lines)] * 2, strict=True),
        )
        return asks, Replaced(asks, (Settled(*one, *two) for one, two in zip(numbers, lines, strict=True)), answers)

    def _agent_said(self, answers: list[Answered], replaced: Replaced) -> tuple[list[Said], list[Shown]]:
        """What agents answered, and what only a history shows."""
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
        unspoken = replaced.answers(confirmed)
        spoken = [one for one in answers if one not in unspoken]
        return as_heard(spoken, confirmed, sorted(missing), self._written)

    def _customer_shown(self, asks: Iterable[Ask], others: Mapping[Ask, Settled | None]) -> dict[str, list[int]]:
        """Since when histories show each line of the customer this often, the lines that models were asked with too."""
        shown = {line: times.copy() for line, times in self._shown.items() if line[0] == CUSTOMER}
        for ask in asks:
            other = others.get(ask, ask)
            if other is not None:
                _show(shown, other.line, other.number, (ask.start_ns << SHIFT) | ask.place)
        return shown

    def _customer_said(
        self, kept: list[Ask], asks: list[Ask], others: Mapping[Ask, Settled | None], spoken_ns: list[int]
    ) -> Iterator[Shown]:
        """Sweeps over what histories showed and what models were asked, in the order of time."""
        read: dict[str, list[int]] = {}
        seen: set[int] = set()
        for at, line, asked in _customer_events(self._customer_shown(asks, others), kept):
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
            words = self._written.get(line, line)[1:]
            yield Said(start_ns + rank, line[0] == AGENT, words, start_ns, span_id=span_id)


def _last_of(recital: Recital) -> list[_Read]:
    """The last line of a history, if it has any."""
    if recital.last is None:
        return []
    number, place = recital.counts[recital.last], min(recital.length - 1, _MAX_PLACE)
    return [_Read(recital.before & _MASK, number, place, recital.last)]


def _show(shown: dict[str, list[int]], line: str, number: int, at: int) -> None:
    """Notes that a history shows a line this often, and since when."""
    times = shown.setdefault(line, [])
    if number > len(times):
        times.extend([at] * (number - len(times)))
    elif at < times[number - 1]:
        times[number - 1] = at


def _customer_events(shown: Mapping[str, list[int]], asks: Iterable[Ask]) -> list[tuple[int, str, int | Ask]]:
    """Every line since it was shown that often, and every question, which comes after what its span showed."""
    events: list[tuple[int, str, int | Ask]] = [
        (at, line, count) for line, times in shown.items() for count, at in enumerate(times, 1)
    ]
    events += [((one.start_ns << SHIFT) | _MAX_PLACE, one.line, one) for one in asks]
    return sorted(events, key=_event_order)


def _event_order(event: tuple[int, str, int | Ask]) -> tuple[int, str, int]:
    at, line, source = event
    return at, line, source if isinstance(source, int) else _MAX_PLACE + source.has_agent


def _again(times: list[int], asked: Ask, spoken_ns: list[int]) -> bool:
    """Whether an agent has answered since the words were last said, long enough ago for a person to say them again."""
    if not times or times[-1] >= asked.start_ns:
        return False
    before = bisect_left(spoken_ns, asked.start_ns - _NO_ANSWER_SOONER_NS)
    return before > 0 and spoken_ns[before - 1] > times[-1]
