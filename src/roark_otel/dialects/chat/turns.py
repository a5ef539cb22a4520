"""Turns that one span holds whole: what was asked when it began, and what was answered when it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roark_otel.dialects.chat.recital import Said, texts
from roark_otel.dialects.chat.shapes import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel.dialects.chat.recital import Span
    from roark_otel.dialects.chat.shapes import Message


class _Turn(NamedTuple):
    start_ns: int
    end_ns: int
    is_open: bool
    said: tuple[Said, ...]


class Turns:
    """Gathers turns, in any order of spans."""

    __slots__ = ("_turns",)

    def __init__(self) -> None:
        self._turns: dict[int, _Turn] = {}

    def __bool__(self) -> bool:
        return any(turn.said for turn in self._turns.values())

    def read(self, span: Span, asked: Iterable[Message], answered: Iterable[Message], agent: str | None) -> None:
        """Takes in a turn; an open one yields to itself when it has ended.

        Of a history that comes along only what the customer said last is new, and of one that comes back only what the
        agent said last.
        """
        known = self._turns.get(span.span_id)
        if span.end_ns is None and known is not None and not known.is_open:
            return
        end_ns = span.start_ns if span.end_ns is None else span.end_ns
        span_id = span.span_id
        questions = texts(_after_last(Role.AGENT, asked))
        answers = texts(_after_last(Role.CUSTOMER, answered))
        start_ns = span.start_ns
        asked_said = [Said(start_ns + at, False, one, start_ns, span_id=span_id) for at, one in enumerate(questions)]
        answered_said = [
            Said(end_ns + at, True, one, start_ns, agent, span_id=span_id) for at, one in enumerate(answers)
        ]
        self._turns[span_id] = _Turn(start_ns, end_ns, span.end_ns is None, (*asked_said, *answered_said))

    def forget(self) -> None:
        """Lets go of all turns."""
        self._turns.clear()

    def said(self) -> Iterator[Said]:
        """What was said; a turn inside another one is an agent asking an agent."""
        outer_end_ns = -1
        for turn in sorted(self._turns.values(), key=_outer_first):
            if turn.end_ns > outer_end_ns:
                outer_end_ns = turn.end_ns
                yield from turn.said


def _outer_first(turn: _Turn) -> tuple[int, int, list[str]]:
    return turn.start_ns, -turn.end_ns, [one.text for one in turn.said]


def _after_last(role: Role, messages: Iterable[Message]) -> list[Message]:
    found: list[Message] = []
    for one in messages:
        if one.role is role:
            found.clear()
        else:
            found.append(one)
    return found
