"""What models answered: each answer once, and as it was heard."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from roark_otel.dialects.chat.recital import Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel.dialects.chat.recital import Span

Shown: TypeAlias = "tuple[int, str]"
"""When a history was the first to show a line, as `Transcript` counts; and the line."""

SHIFT = 20
"""The time of what a history shows, times 2 to this, plus the line's place in it."""

_COLUMNS = 5
_RECENT = 16


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


def as_heard(answers: list[Answered], confirmed: set[Answered], missing: list[Shown]) -> tuple[list[Said], list[Shown]]:
    """The answers as they were heard, and what only a history shows.

    Args:
        answers: All answers, by their ends.
        confirmed: Those that a history holds word for word.
        missing: What agents say in histories although no model answered it, by time.
    """
    unconfirmed = [one for one in answers if one not in confirmed]
    heard: dict[Answered, str] = {}
    others: list[Shown] = []
    for at, line in missing:
        before = bisect_right(unconfirmed, at >> SHIFT, key=lambda one: one.end_ns)
        recent = reversed(unconfirmed[max(0, before - _RECENT) : before])
        whole = next((one for one in recent if one.line != line and one.line.startswith(line)), None)
        if whole is None:
            others.append((at, line))
        else:
            heard[whole] = line
            unconfirmed.remove(whole)
    return [_as_said(one, heard.get(one)) for one in answers], others


def _as_said(answered: Answered, heard: str | None) -> Said:
    return Said(
        at_ns=answered.end_ns + answered.place,
        by_agent=True,
        text=(heard or answered.line)[1:],
        asked_ns=answered.start_ns,
        agent=answered.agent,
        interrupted=heard is not None,
        span_id=answered.span_id,
    )


def _inner_first(one: Answered) -> tuple[int, int, int, int, str, str]:
    return one.end_ns, -one.start_ns, one.span_id, one.place, one.line, one.agent or ""


def _repeats(one: Answered, before: Answered) -> bool:
    """Whether an answer is the one that a span inside gave, or that the same history led to before."""
    around = one.start_ns <= before.start_ns and before.end_ns <= one.end_ns
    return around or (one.digest != 0 and one.digest == before.digest)
