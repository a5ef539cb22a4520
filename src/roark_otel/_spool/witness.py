"""Since when the wall clock can be believed: it may jump by days, and the files of a spool are as old as it says.

Two clocks are compared at each look: the wall clock, and that of the machine, which only goes on. Where they went apart
the wall clock has jumped, and what was before counts no longer. Both times are kept in the spool, so that a jump is
noticed that came while no process ran; after the machine has started anew, nothing is known of the time before.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roark_otel._spool import disk
from roark_otel._spool.folder import write_file
from roark_otel._spool.records import FOLDER

if TYPE_CHECKING:
    from roark_otel._model.clock import Clock

JUMP_SECONDS = 60.0
"""The two clocks may go apart by this between two looks before it counts as a jump."""

KEEP_SECONDS = 60.0
"""How often the times are written down."""

_NAME = "clock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class _Look:
    """Both clocks at a look, in seconds, since when the wall clock is believed, and the machine's start."""

    wall: float
    monotonic: float
    believed_since: float
    boot: str


class Witness:
    """Compares the clocks for one spool.

    Args:
        root: The root of the spool; None without a disk.
        clock: Supplies both times.
    """

    def __init__(self, root: Path | None, clock: Clock) -> None:
        self._root = root
        self._clock = clock
        self._last: _Look | None = None
        self._kept_at = float("-inf")

    def believed_since(self) -> float:
        """Compares the clocks. Returns since when the wall clock is believed, in epoch seconds; 0 for always."""
        wall, monotonic = self._clock.time(), self._clock.monotonic()
        last = self._last or _read(self._root)
        since = 0.0
        if last is not None:
            apart = (wall - last.wall) - (monotonic - last.monotonic)
            is_same = last.boot == _boot() and abs(apart) <= JUMP_SECONDS
            since = last.believed_since if is_same else wall
        self._last = _Look(wall, monotonic, since, _boot())
        return since

    def ago(self, seconds: float) -> float:
        """Returns the time this long ago, in epoch seconds; 0 if the wall clock has jumped since."""
        at = self._clock.time() - seconds
        return at if self.believed_since() <= at else 0.0

    def keep(self) -> None:
        """Writes the times of the last look down, now and then."""
        last = self._last
        if self._root is None or last is None or last.monotonic - self._kept_at < KEEP_SECONDS:
            return
        self._kept_at = last.monotonic
        fields = {
            "wall": last.wall,
            "monotonic": last.monotonic,
            "believed_since": last.believed_since,
            "boot": last.boot,
        }
        with suppress(OSError):
            disk.refuse_foreign(self._root / FOLDER)
            disk.refuse_link(self._root / FOLDER)
            write_file(self._root / FOLDER / _NAME, json.dumps(fields).encode())


def _read(root: Path | None) -> _Look | None:
    if root is None:
        return None
    try:
        found: Any = json.loads(disk.read_path(root / FOLDER / _NAME) or b"")
        times = [float(found[name]) for name in ("wall", "monotonic", "believed_since")]
        return _Look(times[0], times[1], times[2], str(found["boot"]))
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""  # elsewhere a machine's clock that went back shows that it has started anew
