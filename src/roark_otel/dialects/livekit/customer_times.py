"""When a turn of the customer's was spoken: of the speech in it, what had its words."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from roark_otel.dialects.livekit.turns import CustomerTurn, Interval

_PAUSE_NS: Final = 3_000_000_000
"""LiveKit takes words for a turn after so much silence, unless the app lets it wait for longer."""

_NS_PER_CHARACTER: Final = 1_000_000_000 // 18
"""How long a character takes at the least."""


def spoken_times(turn: CustomerTurn, speeches: Collection[Interval]) -> tuple[int, int]:
    """Returns when a turn was spoken, from when to when, of several speeches in it."""
    spoken = sorted(speeches)
    if turn.heard_ns is not None:
        # A blip of noise opens a turn too early: speech without a word before the next speech does not count.
        spoken = spoken[max(0, bisect_right([one.start_ns for one in spoken], turn.heard_ns) - 1) :]
    elif turn.text:  # before 1.8.4 nothing says when words were recognised
        spoken = _after_pauses(spoken, len(turn.text) * _NS_PER_CHARACTER)
    return spoken[0].start_ns, max([one.end_ns for one in spoken])


def _after_pauses(spoken: list[Interval], lasts_ns: int) -> list[Interval]:
    """Returns the speech behind the last long pause in it that is long enough for all the words, all if none is."""
    behind_ns = 0
    for place in range(len(spoken) - 1, 0, -1):
        behind_ns += spoken[place].end_ns - spoken[place].start_ns
        if behind_ns >= lasts_ns and spoken[place].start_ns - spoken[place - 1].end_ns > _PAUSE_NS:
            return spoken[place:]
    return spoken
