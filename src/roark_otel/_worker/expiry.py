"""When to look at a name again: an index by time, in the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._worker.state import drop_list, element_key, elements, length_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel._worker.state import PartitionState

_SWEPT: Final = "x"
_PARTS: Final = 16
MIN_STEP_MS: Final = 250
MAX_STEP_MS: Final = 60_000


class Expiry:
    """Names by the step of time at which they are looked at again. All times are of the log, in ms.

    Args:
        shortest_ms: The shortest wait of a name.
        longest_ms: The longest one.
    """

    def __init__(self, shortest_ms: int, longest_ms: int) -> None:
        self.step_ms: int = min(MAX_STEP_MS, max(MIN_STEP_MS, shortest_ms // _PARTS))
        self._longest = longest_ms // self.step_ms + 2
        self._lengths: dict[int, int] = {}
        self._swept: int | None = None

    def load(self, now_ms: int, state: PartitionState) -> None:
        """Finds what an earlier owner of the state has planned."""
        now = now_ms // self.step_ms
        written = state.get_bytes(_SWEPT)
        self._swept = now - 1 if written is None else int(written[1:])
        self._lengths = {}
        if written is None:
            return
        for step in range(self._swept + 1, max(now, self._swept) + self._longest + 1):
            if length := length_of(self._name(step), state):
                self._lengths[step] = length

    def plan(self, name: str, at_ms: int, state: PartitionState) -> int:
        """Has a name looked at again at this time or soon after. Returns the step, which distinguishes plans."""
        step = max(at_ms // self.step_ms + 1, (self._swept or 0) + 1)
        length = self._lengths.get(step, 0)
        state.set_bytes(element_key(self._name(step), length), b"N" + name.encode())
        self._lengths[step] = length + 1
        if length == 0 and state.get_bytes(_SWEPT) is None:
            self._note(state)
        return step

    def due(self, now_ms: int, state: PartitionState) -> Iterator[tuple[str, int]]:
        """Yields the names whose time has come, and the steps at which they were planned."""
        now = now_ms // self.step_ms
        for step in sorted(step for step in self._lengths if step <= now):
            length = self._lengths.pop(step)
            self._swept = max(step, self._swept or 0)
            found = [name[1:].decode() for name in elements(self._name(step), length, state)]
            drop_list(self._name(step), length, state)
            for name in found:
                yield name, step
            self._note(state)

    def _note(self, state: PartitionState) -> None:
        state.set_bytes(_SWEPT, b"X%d" % (self._swept or 0))

    def _name(self, step: int) -> str:
        return f"{_SWEPT}/{step}"
