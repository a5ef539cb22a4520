"""The files of one directory of the spool: which there are, how many bytes they may have, and who has which."""

from __future__ import annotations

import logging
import os
import time
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._safety.guard import log_once
from roark_otel._spool import disk, rejected
from roark_otel._spool.claims import Claim, Gone, Held, Spooled
from roark_otel._spool.file import FILE_FORMAT, Content, Damaged, Newer, Readable, from_bytes, to_bytes
from roark_otel._spool.folder import Folder
from roark_otel._spool.names import Stage, file_name, parse_file_name
from roark_otel._spool.recent import RecentFiles
from roark_otel._spool.rejected import Aside

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

MEASURE_SECONDS = 10.0
"""How long a measurement of the directory is used; what this process adds in that time is added to it."""


_CLAIMED = (Stage.READY, Stage.TRIED, Stage.WAITING, Stage.LATE)
"""Ready before tried, so that a call that is tried meanwhile is not missed; and before waiting: a process that died as
it gave a call its recording has left both."""


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
        self._folder = Folder(path)
        self._recent = RecentFiles()

    def file(self, name: str, stage: Stage) -> Path:
        """Returns the path of a call's file in a stage."""
        return path_of(self.path, name, stage)

    def has(self, name: str, stage: Stage) -> bool:
        """Returns whether a call is in this stage."""
        return self._folder.has(file_name(name, stage))

    def has_version(self, call: Spooled) -> bool:
        """Returns whether an earlier version of a call is in any stage. Of late tool invocations there is none."""
        # In the order in which a call goes through them, so that one that goes on meanwhile is not missed.
        stages = () if call.stage is Stage.LATE else (Stage.WAITING, Stage.READY, Stage.TRIED)
        return any(self.has(call.name, stage) for stage in stages)

    def items(self, stages: Iterable[Stage] = Stage) -> list[SpoolItem]:
        """Returns the calls in these stages, in no order."""
        self._folder.refresh()
        found = scan(self.path, stages)
        return [item for item in found if item.name not in self._ignored] if self._ignored else found

    def ignore(self, name: str) -> None:
        """Leaves a call out of `items` from now on: this process can do nothing more for it."""
        self._ignored.add(name)

    def save(self, call: Spooled) -> None:
        """Writes the file of a call that is new to its stage.

        Raises:
            FullError: if the directory would get more bytes than it may have.
            OSError: if writing fails.
        """
        content = to_bytes(call.header, call.body)
        if (now := time.monotonic()) >= self._measure_at:
            self._bytes = sum(item.size for item in self.items())
            # A directory of very many files is measured less often: one part of the time in fifty.
            self._measure_at = now + max(MEASURE_SECONDS, 50 * (time.monotonic() - now))
        if self._bytes + len(content) > self._max_bytes:
            raise FullError(0, f"ROARK_SPOOL_MAX_BYTES={self._max_bytes}")
        self._write(call, content)
        self._bytes += len(content)

    def rewrite(self, call: Spooled) -> None:
        """Replaces the file of a claimed call in its stage, whatever room there is.

        Raises:
            OSError: if writing fails.
        """
        self._write(call, to_bytes(call.header, call.body))

    def _write(self, call: Spooled, content: bytes) -> None:
        status = self._folder.write(file_name(call.name, call.stage), content)
        if call.header.format == FILE_FORMAT:
            self._recent.put(call.name, status, Readable(call.header, call.body))

    def together(self) -> AbstractContextManager[None]:
        """Has the names of all files that this thread saves in the block put on the disk at its end, at once."""
        return self._folder.together()

    @contextmanager
    def claim(self, name: str, stages: Iterable[Stage]) -> Generator[Claim]:
        """Claims a call in one of these stages: no other thread or process can until the block ends."""
        wanted, tried = tuple(stages), file_name(name, Stage.TRIED)
        for stage in _CLAIMED:
            if stage not in wanted:
                continue
            # A courier that held the file until now may have marked it as tried.
            file = self._folder.lock(file_name(name, stage), tried)
            match file:
                case disk.Absent():
                    continue
                case disk.Opened():
                    try:
                        yield self._read(name, Stage.TRIED if file.is_renamed else stage, file)
                    finally:
                        os.close(file.file)
                case disk.InUse():
                    yield Held()
                case disk.Inaccessible(fault):
                    yield self._unreadable(fault)
                case _:
                    assert_never(file)
            return
        yield Gone()

    def _unreadable(self, fault: OSError) -> Held:
        whose = "a file of another user" if isinstance(fault, PermissionError) else "a file"
        log_fault(str(self.path), fault, f"{whose} cannot be read")
        return Held()

    def _read(self, name: str, stage: Stage, file: disk.Opened) -> Claim:
        content: Content | None = self._recent.take(name, file.status)
        if content is None:
            try:
                content = from_bytes(disk.read(file.file, file.status))
            except OSError as fault:
                return self._unreadable(fault)
        match content:
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
                    rejected.set_aside(self.path, name, self.file(name, stage), Aside(0, "damaged"))
                return Gone()
        assert_never(content)

    def mark_tried(self, name: str) -> None:
        """Marks a claimed call that is ready as one that was tried.

        Raises:
            OSError: if writing the mark fails.
        """
        self._folder.rename(file_name(name, Stage.READY), file_name(name, Stage.TRIED))

    def remove(self, call: Spooled) -> None:
        """Removes a claimed call, whether or not it has been marked as tried since.

        Raises:
            OSError: if writing fails. Then it is ignored.
        """
        try:
            if call.stage is Stage.LATE or not self.unlink(call.name, Stage.TRIED):
                self.unlink(call.name, call.stage)
        except OSError:
            self.ignore(call.name)
            raise

    def unlink(self, name: str, stage: Stage) -> bool:
        """Deletes a call's file in a stage. Returns whether there was one.

        Raises:
            OSError: if it cannot.
        """
        return self._folder.unlink(file_name(name, stage))

    def set_aside(self, call: Spooled, why: Aside) -> None:
        """Moves a claimed call to the rejected ones.

        Raises:
            OSError: if writing fails.
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
