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

    How long a step is depends on the waits, which are settings. So the state says how long it was, and one that has
    steps of another length is planned anew.

    Args:
        shortest_ms: The shortest wait of a name.
    """

    def __init__(self, shortest_ms: int) -> None:
        self.step_ms: int = min(MAX_STEP_MS, max(MIN_STEP_MS, shortest_ms // _PARTS))
        self._lengths: dict[int, int] = {}
        self._swept = self._last = 0

    def load(self, now_ms: int, state: PartitionState) -> None:
        """Finds what an earlier owner of the state has planned."""
        self._lengths = {}
        self._swept = self._last = now_ms // self.step_ms - 1
        written = state.get_bytes(_SWEPT)
        if written is None:
            return
        swept, last, step_ms = map(int, written[1:].split(b"/"))
        found = {step: length for step in range(swept + 1, last + 1) if (length := length_of(_name(step), state))}
        if step_ms == self.step_ms:
            self._lengths, self._swept, self._last = found, swept, last
        else:
            self._plan_anew(found, step_ms, state)

    def _plan_anew(self, found: dict[int, int], step_ms: int, state: PartitionState) -> None:
        names: list[tuple[str, int]] = []
        for step, length in found.items():
            names += [(name[1:].decode(), step * step_ms) for name in elements(_name(step), length, state)]
            drop_list(_name(step), length, state)
        self._note(state)
        for name, at_ms in names:
            self.plan(name, at_ms, state)

    def plan(self, name: str, at_ms: int, state: PartitionState) -> int:
        """Has a name looked at again at this time or soon after. Returns the step, which distinguishes plans."""
        step = max(at_ms // self.step_ms + 1, self._swept + 1)
        length = self._lengths.get(step, 0)
        state.set_bytes(element_key(_name(step), length), b"N" + name.encode())
        self._lengths[step] = length + 1
        if step > self._last or state.get_bytes(_SWEPT) is None:
            self._last = max(step, self._last)
            self._note(state)
        return step

    def due(self, now_ms: int, state: PartitionState) -> Iterator[tuple[str, int]]:
        """Yields the names whose time has come, and the steps at which they were planned."""
        now = now_ms // self.step_ms
        for step in sorted(step for step in self._lengths if step <= now):
            length = self._lengths.pop(step)
            self._swept = max(step, self._swept)
            found = [name[1:].decode() for name in elements(_name(step), length, state)]
            drop_list(_name(step), length, state)
            for name in found:
                yield name, step
            self._note(state)
        if not self._lengths:  # so that after hours without a name the next owner need not look at each step of them
            self._swept = max(now, self._swept)

    def _note(self, state: PartitionState) -> None:
        """Notes up to which step all is done, which is the last one that has something, and how long a step is."""
        state.set_bytes(_SWEPT, b"X%d/%d/%d" % (self._swept, self._last, self.step_ms))


def _name(step: int) -> str:
    return f"{_SWEPT}/{step}"
