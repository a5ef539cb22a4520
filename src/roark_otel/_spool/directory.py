"""The files of one directory of the spool: which there are, how many bytes they may have, and who has which."""

from __future__ import annotations

import logging
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._safety.guard import log_once
from roark_otel._spool import disk, rejected
from roark_otel._spool.claims import Claim, Gone, Held, Spooled
from roark_otel._spool.file import Damaged, Newer, Readable, from_bytes, to_bytes
from roark_otel._spool.names import Stage, file_name, parse_file_name
from roark_otel._spool.rejected import Aside

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

MEASURE_SECONDS = 10.0
"""How long a measurement of the directory is used; what this process adds in that time is added to it."""


@dataclass(frozen=True, slots=True)
class SpoolItem:
    """A call in the spool, without its content. `size` in bytes; `since`: when it was written, in epoch seconds."""

    name: str
    stage: Stage
    size: int
    since: float


class FullError(OSError):
    """The directory has as many bytes as it may have, or calls are kept in memory only."""


def path_of(directory: Path, name: str, stage: Stage) -> Path:
    """Returns the path of a call's file in a stage."""
    return directory / file_name(name, stage)


def scan(directory: Path, stages: Iterable[Stage] = Stage) -> list[SpoolItem]:
    """Returns the files in these stages, in no order. Reads none."""
    wanted = tuple(stages)

    def parse(text: str) -> tuple[str, Stage] | None:
        parsed = parse_file_name(text)
        return parsed if parsed and parsed[1] in wanted else None

    found = disk.stat_files(directory, parse)
    return [SpoolItem(name, stage, status.st_size, status.st_mtime) for (name, stage), status in found]


class SpoolDirectory:
    """A directory of the spool, as one process uses it.

    Args:
        path: The directory. It is made when the first call comes.
        max_bytes: How many bytes of calls may wait there.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._bytes = 0
        self._measure_at = float("-inf")
        self._ignored: set[str] = set()

    def file(self, name: str, stage: Stage) -> Path:
        """Returns the path of a call's file in a stage."""
        return path_of(self.path, name, stage)

    def has(self, name: str, stage: Stage) -> bool:
        """Returns whether a call is in this stage."""
        return disk.exists(self.file(name, stage))

    def items(self, stages: Iterable[Stage] = Stage) -> list[SpoolItem]:
        """Returns the calls in these stages, in no order."""
        found = scan(self.path, stages)
        return [item for item in found if item.name not in self._ignored] if self._ignored else found

    def ignore(self, name: str) -> None:
        """Leaves a call out of `items` from now on: this process can do nothing more for it."""
        self._ignored.add(name)

    def save(self, call: Spooled) -> None:
        """Writes the file of a call that is new to its stage.

        Raises:
            FullError: if the directory would get more bytes than it may have.
            OSError: if the disk does not take it.
        """
        path, content = self.file(call.name, call.stage), to_bytes(call.header, call.body)
        disk.refuse_link(self.path)
        if (now := time.monotonic()) >= self._measure_at:
            self._bytes = sum(item.size for item in self.items())
            # A directory of very many files is measured less often: one part of the time in fifty.
            self._measure_at = now + max(MEASURE_SECONDS, 50 * (time.monotonic() - now))
        if self._bytes + len(content) > self._max_bytes:
            raise FullError(0, f"ROARK_SPOOL_MAX_BYTES={self._max_bytes}")
        disk.write_file(path, content)
        self._bytes += len(content)

    @contextmanager
    def claim(self, name: str, stages: Iterable[Stage]) -> Generator[Claim]:
        """Claims a call in one of these stages: no other thread or process can until the block ends."""
        wanted, tried = {*stages}, self.file(name, Stage.TRIED)
        for stage in (Stage.TRIED, Stage.READY, Stage.WAITING, Stage.LATE):
            if stage in wanted:
                # A courier that held the file until now may have marked it as tried.
                with disk.locked(self.file(name, stage), tried) as file:
                    if not isinstance(file, disk.Absent):
                        yield self._claimed(name, stage, file)
                        return
        yield Gone()

    def _claimed(self, name: str, stage: Stage, file: disk.Locked | disk.InUse | disk.Inaccessible) -> Claim:
        match file:
            case disk.Locked(path, content):
                is_moved = path != self.file(name, stage)
                return self._readable(Stage.TRIED if is_moved else stage, name, path, content)
            case disk.InUse():
                return Held()
            case disk.Inaccessible(fault):
                whose = "a file of another user" if isinstance(fault, PermissionError) else "a file"
                log_fault(str(self.path), fault, f"{whose} cannot be read")
                return Held()
        assert_never(file)

    def _readable(self, stage: Stage, name: str, path: Path, content: bytes) -> Spooled | Gone:
        parsed = from_bytes(content)
        match parsed:
            case Readable(header, body):
                return Spooled(name, stage, header, body)
            case Newer():
                self.ignore(name)
                return Gone()
            case Damaged():
                log_once(
                    logging.WARNING, (name,), "the spool file %s cannot be read; it is set aside in rejected/", name
                )
                with suppress(OSError):
                    rejected.set_aside(self.path, name, path, Aside(0, "damaged"))
                return Gone()
        assert_never(parsed)

    def mark_tried(self, name: str) -> None:
        """Marks a claimed call that is ready as one that was tried.

        Raises:
            OSError: if the disk does not take the mark.
        """
        self.file(name, Stage.READY).rename(self.file(name, Stage.TRIED))
        disk.sync_directory(self.path)

    def remove(self, call: Spooled) -> None:
        """Removes a claimed call, whether or not it has been marked as tried since.

        Raises:
            OSError: if the disk does not take that. Then it is ignored.
        """
        for stage in {Stage.TRIED, call.stage}:
            try:
                self.file(call.name, stage).unlink()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                self.ignore(call.name)
                raise

    def set_aside(self, call: Spooled, why: Aside) -> None:
        """Moves a claimed call to the rejected ones.

        Raises:
            OSError: if the disk does not take that.
        """
        stage = Stage.TRIED if self.has(call.name, Stage.TRIED) else call.stage
        rejected.set_aside(self.path, call.name, self.file(call.name, stage), why)

    def touch(self, name: str) -> None:
        """Notes on a waiting call's file that a process still looks after it."""
        with suppress(OSError, NotImplementedError):
            os.utime(self.file(name, Stage.WAITING), follow_symlinks=False)


def log_fault(place: str, fault: OSError | None, outcome: str) -> None:
    """Logs once what a fault of the disk means for calls. `fault`: None where memory is full."""
    why = f"{type(fault).__name__} {fault.strerror or ''}".strip() if fault else "memory"
    log_once(logging.ERROR, (place, outcome), "the spool %s failed (%s); %s", place, why, outcome)
