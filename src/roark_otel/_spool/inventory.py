"""How many calls a directory of the spool holds, without looking: own ones exactly, the others' as last counted.

The files of other processes are as the last census found them, less what this process has done with them since.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from roark_otel._spool.census import Census, Counts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roark_otel._spool.census import OwnFile
    from roark_otel._spool.names import Stage


class Inventory:
    """The files of one directory in numbers, for the threads of one process."""

    def __init__(self) -> None:
        self._own: dict[str, OwnFile] = {}
        self._counts = Counts()
        self._others = Counts()
        self._ignored: set[str] = set()
        self._lock = threading.Lock()

    def total(self) -> Counts:
        """Returns what is in the directory."""
        with self._lock:
            own, others = self._counts, self._others
            oldest = next(iter(self._own.values()), (None, 0, 0.0))[2]
        return own + others + Counts(oldest=oldest)

    # What this process does

    def get(self, name: str) -> OwnFile | None:
        """Returns what is known of a file of this process; None if it is another's, or not there."""
        return self._own.get(name)

    def put(self, name: str, file: OwnFile | None) -> None:
        """Notes that a file of this process is there like this; None that it is not."""
        with self._lock:
            self._drop(name)
            if file is not None:
                self._own[name] = file
                self._counts = self._counts.with_one(file[0], file[1])

    def rewrote(self, name: str, stage: Stage, size: int, before: Stage) -> None:
        """Notes that this process changed a call, whoever wrote it; one that leaves a stage is removed from it next."""
        if (own := self._own.get(name)) is not None:
            self.put(name, (stage, size, own[2]))
        elif stage is not before:
            with self._lock:
                self._others = self._others.with_one(stage, size)

    def renamed(self, name: str, stage: Stage) -> None:
        """Notes that a call is in another stage that may be sent, too."""
        with self._lock:
            if (entry := self._own.get(name)) is not None:
                self._own[name] = stage, entry[1], entry[2]

    def removed(self, name: str, stage: Stage, size: int) -> None:
        """Notes that a call has left this stage."""
        with self._lock:
            if name not in self._own:
                self._others = self._others.with_one(stage, size, -1)
            elif self._own[name][0] is stage:
                self._drop(name)

    def set_aside(self, size: int) -> None:
        """Notes that there is a rejected call more."""
        with self._lock:
            self._others = self._others.with_rejected(size)

    def ignore(self, name: str) -> None:
        """Leaves a call out from now on: this process can do nothing more for it."""
        with self._lock:
            self._ignored.add(name)
            self._drop(name)

    def forget(self, name: str) -> None:
        """Notes that another process took a call."""
        with self._lock:
            self._drop(name)

    def _drop(self, name: str) -> None:
        if (entry := self._own.pop(name, None)) is not None:
            self._counts = self._counts.with_one(entry[0], entry[1], -1)

    # What a census finds

    def is_counted(self, name: str) -> bool:
        """Returns whether a census counts this call: this process counts its own itself."""
        return name not in self._own and name not in self._ignored

    def is_ignored(self, name: str) -> bool:
        """Returns whether this process can do nothing more for a call."""
        return name in self._ignored

    def census(self, directory: Path | None, is_known: Callable[[str], bool], room: tuple[int, int]) -> Census:
        """Begins to count a directory; the arguments are those of a `Census`."""
        with self._lock:
            own = dict(self._own)
        return Census(directory, self.is_counted, is_known, own, room)

    def take_in(self, census: Census) -> None:
        """Takes the others' files from a census, and forgets those of this process that a whole one did not find."""
        found: dict[str, Stage] = dict(census.present.keys())
        with self._lock:
            self._others = census.counts
        if not census.is_whole:
            return
        for name, file in census.own.items():
            stage = found.get(name)
            if stage is not file[0] and self._own.get(name) == file:
                self.put(name, None if stage is None else (stage, file[1], file[2]))
