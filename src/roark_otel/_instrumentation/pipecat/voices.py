"""When the customer's voice was heard, and which of it belongs to some words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_NS_PER_CHARACTER: Final = 1_000_000_000 // 18
"""How long a character takes at the least. A stretch shorter than its words holds only the last of them."""

_PAUSE_NS: Final = 2_000_000_000
"""Speech that pauses for less than this goes on."""

_STALE_NS: Final = 15_000_000_000
"""Words come within this time of the speech: a voice before that was a cough, or was not transcribed."""

_SAME_NS: Final = 300_000_000
"""Two beginnings within this time are one."""

_MOST: Final = 64


@dataclass(slots=True)
class Stretch:
    """A stretch of voice. `turn` counts the customer's turns: a pause within one does not divide what is said."""

    start_ns: int
    turn: int
    end_ns: int | None = None


class Voice:
    """The stretches of voice that one source measured, and that no words were found for yet."""

    __slots__ = ("_open", "_stretches")

    def __init__(self) -> None:
        self._stretches: list[Stretch] = []
        self._open: Stretch | None = None

    @property
    def is_open(self) -> bool:
        """Whether a voice is heard."""
        return self._open is not None

    @property
    def is_waiting(self) -> bool:
        """Whether there are stretches that no words were found for."""
        return bool(self._stretches)

    def began(self, start_ns: int, turn: int) -> Stretch | None:
        """Notes that a voice was heard. Returns None if that is known: several processors report the same."""
        if self._open is not None:
            if start_ns - self._open.start_ns < _SAME_NS:
                return None
            self.ended(start_ns)  # its end was lost
        self._open = Stretch(start_ns, turn)
        self._stretches.append(self._open)
        del self._stretches[:-_MOST]
        return self._open

    def ended(self, end_ns: int) -> None:
        """Notes that the voice fell silent."""
        if self._open is not None:
            self._open.end_ns = max(end_ns, self._open.start_ns)
            self._open = None

    def forget(self, stretch: Stretch) -> None:
        """Drops a stretch whose words are known already."""
        if stretch in self._stretches:
            self._stretches.remove(stretch)

    def take(self, at_ns: int, length: int, *, is_late: bool) -> list[Stretch]:
        """Takes the stretches of some words, in order. Those before them had none.

        Args:
            at_ns: When the words were known.
            length: How many characters they have. They need some time: one word is not all that was said in several
                stretches, one of which may have been a cough.
            is_late: The words come from a speech-to-speech model, which may know them after its reply began. The
                customer may be saying the next ones by then.
        """
        found = [one for one in self._stretches if one.start_ns <= at_ns and at_ns - (one.end_ns or at_ns) < _STALE_NS]
        if is_late and len(found) > 1 and found[-1].end_ns is None and found[-1].turn != found[-2].turn:
            found.pop()
        if not found:
            return []
        first, lasted_ns = len(found) - 1, _lasted_ns(found[-1], at_ns)
        while first and lasted_ns < length * _NS_PER_CHARACTER and _goes_on(found[first - 1], found[first]):
            first -= 1
            lasted_ns += _lasted_ns(found[first], at_ns)
        last_ns = found[-1].start_ns
        self._stretches = [one for one in self._stretches if one.start_ns > last_ns]
        return found[first:]


def _lasted_ns(stretch: Stretch, at_ns: int) -> int:
    return (stretch.end_ns or at_ns) - stretch.start_ns


def _goes_on(one: Stretch, other: Stretch) -> bool:
    """Returns whether both may be of one sentence."""
    return one.turn == other.turn and other.start_ns - (one.end_ns or other.start_ns) < _PAUSE_NS
