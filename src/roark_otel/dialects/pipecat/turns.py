"""Pipecat's turns: an exchange each, from the customer's first word to the end of the agent's reply.

A turn ends when the customer speaks again after the agent began to, or 2.5 s after the agent fell silent, or when the
call ends. Pipecat calls it interrupted in the first case if the agent still spoke, and always in the last one.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from roark_otel.dialects.pipecat.stretches import Turn

_MS = 1_000_000
SILENCE_NS = 2_500 * _MS
"""How long the agent is silent before a timer closes its turn."""

_CLOSED_BY_TIMER_NS = 500 * _MS
"""A turn that was open for longer than it lasted was closed by the timer; by the clock both differ by some ms."""

_END_SILENCE_NS = 2_000 * _MS
"""How much silence Pipecat plays after everything else before a conversation ends, unless it was cancelled."""


class Closed(Enum):
    """What closed a turn."""

    NOT_YET = "it goes on, or nothing shows it"
    BY_TIMER = "the agent was silent for a while"
    BY_BARGE_IN = "the customer spoke while the agent did"
    BY_CUSTOMER = "the customer spoke after the agent did"
    BY_HANG_UP = "the call ended"


# Python 3.11 takes ten times as long for a member as for a name.
NOT_YET: Final = Closed.NOT_YET
BY_TIMER: Final = Closed.BY_TIMER
BY_BARGE_IN: Final = Closed.BY_BARGE_IN
BY_CUSTOMER: Final = Closed.BY_CUSTOMER
BY_HANG_UP: Final = Closed.BY_HANG_UP


class Turns:
    """The turns of a conversation.

    Args:
        turns: The turns, by start.
        ended_ns: When the conversations around them ended.
    """

    __slots__ = ("_ended_ns", "any_latency", "first_id", "get", "hung_up_ns")

    def __init__(self, turns: Sequence[Turn], ended_ns: Iterable[int]) -> None:
        self.get: Callable[[int], Turn | None] = {turn.span_id: turn for turn in turns}.get
        """Returns the turn of this id."""
        self._ended_ns = max(ended_ns, default=None)
        self.first_id: int | None = turns[0].span_id if turns else None
        self.any_latency: bool = any(turn.latency_ns is not None for turn in turns)
        last = turns[-1] if turns else None
        self.hung_up_ns: int | None = last.end_ns if last and last.interrupted and not _by_timer(last) else None
        """When the call was ended, if that closed a turn: what is generated after it may not be played."""

    @property
    def played_until_ns(self) -> int | None:
        """Until when the agent still spoke after the call was ended."""
        if self._ended_ns is None or self.hung_up_ns is None:
            return None
        until_ns = self._ended_ns - _END_SILENCE_NS
        return until_ns if until_ns > self.hung_up_ns + 100 * _MS else None

    @property
    def is_silent_at_the_end(self) -> bool:
        """Whether nothing but the silence was played after the call was ended."""
        if self._ended_ns is None or self.hung_up_ns is None:
            return False
        return abs(self._ended_ns - self.hung_up_ns - _END_SILENCE_NS) <= 100 * _MS

    @property
    def is_cancelled(self) -> bool:
        """Whether the call ended at once: what was not played by then never was."""
        if self._ended_ns is None or self.hung_up_ns is None:
            return False
        return self._ended_ns - self.hung_up_ns < _END_SILENCE_NS * 3 // 4

    def closed(self, turn: Turn) -> Closed:
        """Returns what closed a turn."""
        if turn.end_ns is None:
            return NOT_YET
        if _by_timer(turn):
            return BY_TIMER
        if turn.end_ns == self.hung_up_ns:
            return BY_HANG_UP
        return BY_BARGE_IN if turn.interrupted else BY_CUSTOMER


def spoken_until_ns(turn: Turn) -> int:
    """Returns when the agent fell silent in a turn that the timer closed."""
    return turn.start_ns + (turn.lasted_ns or 0)


def _by_timer(turn: Turn) -> bool:
    if turn.end_ns is None or turn.lasted_ns is None:
        return False
    return turn.end_ns - turn.start_ns - turn.lasted_ns > _CLOSED_BY_TIMER_NS
