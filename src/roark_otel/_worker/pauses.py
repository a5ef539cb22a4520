"""The time of a partition's log, which stands still for a while after a pause.

Workers tick, so that a log in which nothing comes for long was without brokers, or without workers. Senders have kept
spans meanwhile and send them again, later than the first tick: conversations wait for these as they wait for any span.

State of a partition:

    p            the time of its last record, about; and after a pause, where the time stands, and until when
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from roark_otel._worker.state import PartitionState

WRITTEN_MS: Final = 5_000
"""How far the time that is in the state may be behind."""

_KEY: Final = "p"
_WRITTEN: Final = Struct(">cQQQ")


class Pauses:
    """The pauses of one partition. All times are in ms of log time.

    Args:
        longest: The longest time without a record that is no pause: as long as partitions take to move.
        hold: How long the time stands still after one.
    """

    def __init__(self, longest: int, hold: int) -> None:
        self._longest = longest
        self._hold = hold
        self._last_ms = self._held_ms = self._until_ms = self._written_ms = 0

    def load(self, state: PartitionState) -> None:
        """Begins with a state that another worker may have written."""
        written = state.get_bytes(_KEY)
        self._last_ms, self._held_ms, self._until_ms = (0, 0, 0) if written is None else _WRITTEN.unpack(written)[1:]
        self._written_ms = self._last_ms

    def time(self, at_ms: int, state: PartitionState) -> int:
        """Returns the time that has come with a record of this time."""
        is_pause = bool(self._last_ms) and at_ms - self._last_ms > self._longest + WRITTEN_MS
        if is_pause:
            self._held_ms, self._until_ms = self._last_ms, at_ms + self._hold
        self._last_ms = max(self._last_ms, at_ms)
        if is_pause or at_ms >= self._written_ms + WRITTEN_MS:
            self._written_ms = at_ms
            state.set_bytes(_KEY, _WRITTEN.pack(b"P", self._last_ms, self._held_ms, self._until_ms))
        return at_ms if at_ms >= self._until_ms else self._held_ms
