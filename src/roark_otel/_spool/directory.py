"""The files of one directory of the spool: which there are, how many bytes they may have, and who has which."""

from __future__ import annotations

import logging
import os
import time
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._safety.guard import log_once
from roark_otel._spool import disk, locks, rejected
from roark_otel._spool.census import MAX_OLDEST, SpoolItem, scan
from roark_otel._spool.claims import Claim, Gone, Held, Spooled
from roark_otel._spool.faults import FROM_MEMORY, FullError, log_fault
from roark_otel._spool.file import FILE_FORMAT, Content, Damaged, Newer, Readable, from_bytes, to_bytes
from roark_otel._spool.folder import Folder
from roark_otel._spool.id_hash import id_at
from roark_otel._spool.inventory import Inventory
from roark_otel._spool.names import Stage, file_name, parse_file_name, path_of
from roark_otel._spool.recent import RecentFiles
from roark_otel._spool.rejected import Aside

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from roark_otel._spool.census import Census, OwnFile
    from roark_otel._spool.id_hash import IdHash

MEASURE_SECONDS = 10.0
"""How long a count of the directory is used; what this process does in that time is added to it."""

MEASURE_STEPS = 32
"""The most steps of a count that a call waits for."""


_CLAIMED = (Stage.READY, Stage.TRIED, Stage.WAITING, Stage.LATE, Stage.OPEN)
"""Ready before tried, so that a call that is tried meanwhile is not missed; and before waiting and open: a process that
died as it gave a call its recording, or finished it, has left both."""


class SpoolDirectory:
    """A directory of the spool, as one process uses it.

    Args:
        path: The directory. It is made when the first call comes.
        max_bytes: How many bytes of calls may wait there.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.inventory = Inventory()
        self._max_bytes = max_bytes
        self._measure_at = float("-inf")
        self._folder = Folder(path)
        self._recent = RecentFiles()

    @property
    def is_new(self) -> bool:
        """Whether this process made it."""
        return self._folder.is_new

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
        """Returns the calls in these stages, in no order; none if the directory cannot be used."""
        self._folder.refresh()
        found = [] if self._folder.fault() else scan(self.path, stages)
        return [item for item in found if not self.inventory.is_ignored(item.name)]

    def names_of(self, external_id: str, ids: IdHash) -> list[str]:
        """Returns the names of the calls of an external id; none if the directory cannot be used."""
        names = [] if self._folder.fault() else disk.names(self.path)
        found = [parsed for text in names if (parsed := parse_file_name(text))]
        is_its = ids.finder(external_id)
        return sorted({name for name, stage in found if is_its(name, partial(id_at, self.file(name, stage)))})

    def census(
        self, is_known: Callable[[str], bool] = lambda _: False, room: tuple[int, int] = (MAX_OLDEST, MAX_OLDEST)
    ) -> Census:
        """Begins to count the directory; `take_in` ends it. The arguments are those of a `Census`."""
        self._folder.refresh()
        fault = self._folder.fault()
        if fault is not None:
            log_fault(str(self.path), fault, FROM_MEMORY)
        return self.inventory.census(
            None if fault else self.path,
            lambda name: self.inventory.is_ignored(name) or is_known(name),
            room,
        )

    def take_in(self, census: Census) -> None:
        """Takes over what a finished census has counted."""
        if not census.has_failed:
            self.inventory.take_in(census)
            self._measure_at = time.monotonic() + MEASURE_SECONDS

    def save(self, call: Spooled) -> None:
        """Writes the file of a call that is new to its stage.

        Raises:
            FullError: if the directory would get more bytes than it may have.
            OSError: if writing fails.
        """
        content = to_bytes(call.header, call.body)
        self._find_room(len(content))
        before = self.inventory.get(call.name)
        file: OwnFile | None = (call.stage, len(content), before[2] if before else time.time())
        self.inventory.put(call.name, file)
        try:
            self._write(call, content)
        except OSError:
            file = before
            raise
        finally:  # again: the directory may have been counted before the file had its name
            self.inventory.put(call.name, file)

    def make(self) -> None:
        """Makes the directory, if there is none.

        Raises:
            OSError: if it cannot be made, or cannot be used.
        """
        if fault := self._folder.fault():
            raise fault
        if not disk.exists(self.path):
            self._folder.make()

    def save_open(self, call: Spooled) -> None:
        """Writes the file of a conversation that goes on, in place of an earlier one. It is not synced.

        Raises:
            FullError: if the directory would get more bytes than it may have.
            OSError: if writing fails.
        """
        content = to_bytes(call.header, call.body)
        self._find_room(len(content))
        self._folder.write_unsynced(file_name(call.name, Stage.OPEN), content)

    def _find_room(self, size: int) -> None:
        """Raises `FullError` if the directory would get more bytes than it may have."""
        if time.monotonic() >= self._measure_at:
            self.measure()
        if self.inventory.total().bytes + size > self._max_bytes:
            raise FullError(0, f"ROARK_SPOOL_MAX_BYTES={self._max_bytes}")

    def measure(self) -> None:
        """Counts the directory, unless it has too many files: then this is left to the courier."""
        self._measure_at = time.monotonic() + MEASURE_SECONDS
        census = self.census()
        if any(census.step() for _ in range(MEASURE_STEPS)):
            self.take_in(census)

    def rewrite(self, call: Spooled, before: Stage) -> None:
        """Replaces the file of a claimed call, whatever room there is.

        Args:
            call: The call as it is to be.
            before: The stage that it was in. If it is another, its file there remains.

        Raises:
            OSError: if writing fails.
        """
        content = to_bytes(call.header, call.body)
        self._write(call, content)
        self.inventory.rewrote(call.name, call.stage, len(content), before)

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
                case locks.Absent():
                    continue
                case locks.Opened():
                    try:
                        yield self._read(name, Stage.TRIED if file.is_renamed else stage, file)
                    finally:
                        os.close(file.file)
                case locks.InUse():
                    yield Held()
                case locks.Inaccessible(fault):
                    yield self._unreadable(fault)
                case _:
                    assert_never(file)
            return
        yield Gone()

    def _unreadable(self, fault: OSError) -> Held:
        whose = "a file of another user" if isinstance(fault, PermissionError) else "a file"
        log_fault(str(self.path), fault, f"{whose} cannot be read")
        return Held()

    def _read(self, name: str, stage: Stage, file: locks.Opened) -> Claim:
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
                self.inventory.ignore(name)
                return Gone()
            case Damaged():
                log_once(
                    logging.WARNING, (name,), "the spool file %s cannot be read; it is set aside in rejected/", name
                )
                with suppress(OSError):
                    rejected.set_aside(self.path, name, self.file(name, stage), Aside(0, "damaged"))
                    self._count_as_rejected(name, stage, file.status.st_size)
                return Gone()
        assert_never(content)

    def mark_tried(self, name: str) -> None:
        """Marks a claimed call that is ready as one that was tried.

        Raises:
            OSError: if writing the mark fails.
        """
        self._folder.rename(file_name(name, Stage.READY), file_name(name, Stage.TRIED))
        self.inventory.renamed(name, Stage.TRIED)

    def remove(self, call: Spooled) -> None:
        """Removes a claimed call, whether or not it has been marked as tried since.

        Raises:
            OSError: if writing fails. Then it is ignored.
        """
        try:
            if call.stage is Stage.LATE or not self.unlink(call.name, Stage.TRIED, len(call.body)):
                self.unlink(call.name, call.stage, len(call.body))
        except OSError:
            self.inventory.ignore(call.name)
            raise

    def unlink(self, name: str, stage: Stage, size: int = 0) -> bool:
        """Deletes a call's file in a stage, of about `size` bytes. Returns whether there was one.

        Raises:
            OSError: if it cannot.
        """
        was_there = self._folder.unlink(file_name(name, stage))
        if was_there:
            self.inventory.removed(name, stage, size)
        return was_there

    def set_aside(self, call: Spooled, why: Aside) -> None:
        """Moves a claimed call to the rejected ones.

        Raises:
            OSError: if writing fails.
        """
        stage = Stage.TRIED if self.has(call.name, Stage.TRIED) else call.stage
        rejected.set_aside(self.path, call.name, self.file(call.name, stage), why)
        self._count_as_rejected(call.name, stage, len(call.body))

    def _count_as_rejected(self, name: str, stage: Stage, size: int) -> None:
        self.inventory.removed(name, stage, size)
        self.inventory.set_aside(size)

    def touch(self, name: str) -> None:
        """Notes on a waiting call's file that a process still looks after it."""
        with suppress(OSError, NotImplementedError):
            os.utime(self.file(name, Stage.WAITING), follow_symlinks=False)
