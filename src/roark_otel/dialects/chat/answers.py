"""What models answered: each answer once, and as it was heard."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from roark_otel.dialects.chat.recital import AGENT, Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from roark_otel.dialects.chat.recital import Span

Shown: TypeAlias = "tuple[int, str]"
"""When a history was the first to show a line, as `Transcript` counts; and the line."""

SHIFT = 20
"""The time of what a history shows, times 2 to this, plus the line's place in it."""

_COLUMNS = 5
_RECENT = 16

_NOTE: Final = r"[\[(<*]{1,2}[^\[\]()<>*]{0,40}(?:interrupt|cut off)[^\[\]()<>*]{0,40}[\])>*]{1,2}"
_MARK: Final = re.compile(rf"\s*(?:\.\.\.|\u2026|--?|\u2013|\u2014)?\s*(?:{_NOTE})?$", re.IGNORECASE)
"""What apps write at the end of words that were cut short: `...`, a dash, `[interrupted]`."""


class Answered(NamedTuple):
    """An answer. `digest`: what its history is known by, 0 where no agent speaks in it."""

    end_ns: int
    start_ns: int
    span_id: int
    place: int
    digest: int
    line: str
    agent: str | None


class Answers:
    """Gathers answers, in any order of spans."""

    __slots__ = ("_agents", "_columns", "_lines", "_open")

    def __init__(self) -> None:
        # Columns, because a call may have thousands of spans: 60 bytes for each.
        self._columns = array("Q")
        self._lines: list[str] = []
        self._agents: list[str | None] = []
        self._open: dict[int, list[Answered]] = {}

    def add(self, span: Span, digest: int, lines: Iterable[str], agent: str | None) -> None:
        """A span answered; one that is still open may answer again."""
        if span.end_ns is None:
            start_ns = span.start_ns
            places = enumerate(lines)
            self._open[span.span_id] = [
                Answered(start_ns, start_ns, span.span_id, place, digest, line, agent) for place, line in places
            ]
            return
        for place, line in enumerate(lines):
            self._columns.extend((span.end_ns, span.start_ns, span.span_id, place, digest))
            self._lines.append(line)
            self._agents.append(agent)

    def own(self) -> list[Answered]:
        """The answers without those that a span around the answering one, or the same question again, repeats."""
        found: dict[str, list[Answered]] = {}
        for one in sorted(set(self._all()), key=_inner_first):
            said = found.setdefault(one.line, [])
            if not any(_repeats(one, before) for before in reversed(said)):
                said.append(one)
        return sorted((one for said in found.values() for one in said), key=_inner_first)

    def _all(self) -> Iterator[Answered]:
        rows = zip(*[iter(self._columns)] * _COLUMNS, strict=True)
        for row, line, agent in zip(rows, self._lines, self._agents, strict=True):
            end_ns, start_ns, span_id, place, digest = row
            yield Answered(end_ns, start_ns, span_id, place, digest, line, agent)
        ended = set(self._columns[2::_COLUMNS]) if self._open else set[int]()
        for span_id, answers in self._open.items():
            if span_id not in ended:
                yield from answers


def as_heard(
    answers: list[Answered], confirmed: set[Answered], missing: list[Shown], written: Mapping[str, str]
) -> tuple[list[Said], list[Shown]]:
    """The answers as they were heard, and what only a history shows.

    Args:
        answers: All answers, by their ends.
        confirmed: Those that a history holds word for word.
        missing: What agents say in histories although no model answered it, by time.
        written: Lines as they are written, where that is not with one blank between words.
    """
    found = _Hearing([one for one in answers if one not in confirmed])
    others = [(at, line) for at, line in missing if not found.finds(at >> SHIFT, line)]
    return [_as_said(one, found.heard.get(one), written) for one in answers], others


class _Hearing:
    """Finds answers in what histories hold: cut short, in several messages, or several in one.

    `heard`: the lines that were heard of answers that a history does not have as they are.
    """

    def __init__(self, unconfirmed: list[Answered]) -> None:
        self.heard: dict[Answered, str] = {}
        self._unconfirmed = unconfirmed
        self._last: tuple[Answered, int] | None = None

    def finds(self, shown_ns: int, line: str) -> bool:
        """Whether a line is of known answers; then they are no longer looked for."""
        if self._last is not None and self._last[1] == shown_ns and self._goes_on(self._last[0], line[1:]):
            return True
        upto = bisect_right(self._unconfirmed, shown_ns, key=lambda one: one.end_ns)
        recent = self._unconfirmed[max(0, upto - _RECENT) : upto]
        cut = _without_mark(line)
        whole = next((one for one in reversed(recent) if one.line != line and one.line.startswith(cut)), None)
        if whole is not None:
            self._take(whole, cut)
            self._last = whole, shown_ns
            return True
        return any(self._holds(recent[index:], cut) for index in range(len(recent) - 1))

    def _goes_on(self, whole: Answered, words: str) -> bool:
        """Whether a message goes on with an answer that the one before it began."""
        heard = self.heard[whole]
        rest = whole.line[len(heard) :]
        if not rest.lstrip().startswith(words):
            return False
        self.heard[whole] = heard + rest[: len(rest) - len(rest.lstrip()) + len(words)]
        return True

    def _holds(self, several: list[Answered], line: str) -> bool:
        """Whether a message holds several answers, one after the other, the last as far as it was heard."""
        rest, taken = line[1:], list[Answered]()
        for one in several:
            words = one.line[1:]
            if not rest.startswith(words) and not (taken and words.startswith(rest)):
                return False
            taken.append(one)
            if len(rest) <= len(words):
                break
            rest = rest[len(words) :].lstrip()
        else:
            return False
        for one in taken:
            self._take(one, one.line if one is not taken[-1] else AGENT + rest)
        return True

    def _take(self, one: Answered, line: str) -> None:
        self.heard[one] = line
        self._unconfirmed.remove(one)


def _without_mark(line: str) -> str:
    """A line without the mark that an app puts where it was cut short."""
    words = _MARK.sub("", line)
    return words if len(words) > 1 else line


def _as_said(answered: Answered, heard: str | None, written: Mapping[str, str]) -> Said:
    is_whole = heard is None or heard == answered.line
    return Said(
        at_ns=answered.end_ns + answered.place,
        by_agent=True,
        text=written.get(answered.line, answered.line)[1:] if is_whole else (heard or "")[1:],
        asked_ns=answered.start_ns,
        agent=answered.agent,
        interrupted=not is_whole,
        span_id=answered.span_id,
    )


def _inner_first(one: Answered) -> tuple[int, int, int, int, str, str]:
    return one.end_ns, -one.start_ns, one.span_id, one.place, one.line, one.agent or ""


def _repeats(one: Answered, before: Answered) -> bool:
    """Whether an answer is the one that a span inside gave, or that the same history led to before."""
    around = one.start_ns <= before.start_ns and before.end_ns <= one.end_ns
    return around or (one.digest != 0 and one.digest == before.digest)
