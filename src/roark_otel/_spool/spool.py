"""The spool: the directory in which finished calls wait, one file per call, until Roark has them.

A file's name tells whose call it is, the hash of the external id and the root span's id, and how far it has come:

    NAME.waiting.jsonl    lacks a recording URL
    NAME.ready.jsonl      may be sent once its header's `not_before` is over
    NAME.tried.jsonl      an attempt was made, which may have created the call
    NAME-N.late.jsonl     tool invocations to append to a call that was sent
    rejected/NAME.jsonl   will not be sent; NAME.reason.json beside it says why

Many processes share a directory. Whoever changes or sends a file holds its lock. Where the disk takes no call, some are
kept in memory; they are lost with the process.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections import OrderedDict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from typing_extensions import assert_never

from roark_otel._safety.guard import log_once
from roark_otel._spool import disk
from roark_otel._spool.body import merged, recording_of, with_recording
from roark_otel._spool.file import SENDABLE, Damaged, Header, Newer, Readable, Stage, from_bytes, to_bytes
from roark_otel._spool.memory import SpoolMemory

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from pathlib import Path

MAX_BYTES = 1024**3
"""So many bytes of calls may wait on disk."""

MEASURE_SECONDS = 10.0
"""How long a measurement of the directory holds; what this process adds meanwhile is added to it."""

MAX_REMEMBERED = 10_000
"""So many calls that left the spool are remembered."""

PATIENCE_SECONDS = 0.5
"""How long a new version of a call waits for whoever has its file: to attach a recording takes a moment only."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A call in the spool, claimed. `tried`: an earlier attempt may have created it."""

    name: str
    stage: Stage
    header: Header
    body: bytes

    @property
    def tried(self) -> bool:
        """Whether an earlier attempt may have created it."""
        return self.stage is Stage.TRIED


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else has it at the moment, or it cannot be read at the moment."""


@dataclass(frozen=True, slots=True)
class Gone:
    """It is not there, or nothing that this version can send."""


Claim: TypeAlias = "Spooled | Held | Gone"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the spool, by its name only. `since`: when it was written, in seconds since the epoch."""

    name: str
    stage: Stage
    size: int
    since: float


@dataclass(frozen=True, slots=True)
class Saved:
    """The call is on disk, or in memory where the disk took none."""

    name: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The call is in place of an earlier version of it. `stage`: a recording that was attached meanwhile stays."""

    name: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class TooLate:
    """The call is being sent, or has been: it can no longer be replaced."""

    name: str


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Neither disk nor memory took the call."""

    name: str


Put: TypeAlias = "Saved | Replaced | TooLate | NoRoom"


class FullError(OSError):
    """The directory holds as many bytes as it may."""


class Spool:
    """The finished calls of one base URL and project.

    Args:
        directory: Where the files are. It is made when the first call comes, for the user alone; one that is there
            keeps its mode. None: in memory, by choice.
        max_bytes: How many bytes of calls may wait there; those in `rejected/` do not count.
    """

    def __init__(self, directory: Path | None, max_bytes: int = MAX_BYTES) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._memory = SpoolMemory()
        self._measure_at = float("-inf")
        self._bytes = 0
        self._left: OrderedDict[str, str | None] = OrderedDict()
        self._left_alone: set[str] = set()

    @property
    def place(self) -> str:
        """Where the calls are, for people."""
        return "memory" if self.directory is None else str(self.directory)

    # What comes in

    def put(self, name: str, header: Header, body: bytes, stage: Stage) -> Put:
        """Saves a call, in place of an earlier version of it that nobody has begun to send."""
        if name in self._left or self._memory.is_final(name):
            return TooLate(name)
        if self.directory is None or name in self._memory:
            return self._put_in_memory(name, header, body, stage)
        if disk.exists(self._path(name, Stage.TRIED)):
            return TooLate(name)
        # Whoever sends the earlier version holds its lock, and would remove the new one with it.
        with self._own_version(name) as earlier:
            if isinstance(earlier, Held) or name in self._left:  # it may have been delivered while this waited for it
                return TooLate(name)
            if stage is Stage.WAITING and isinstance(earlier, Spooled) and (url := recording_of(earlier.body)):
                stage, body = Stage.READY, with_recording(body, url)  # one that was attached to the earlier version
            try:
                self._write(name, header, body, stage)
            except OSError as fault:
                if isinstance(earlier, Spooled):
                    # In memory too it would be there twice; what is on disk is less, and safe.
                    self._complain(fault, "what came late is not added to a call")
                    return Replaced(name, earlier.stage)
                return self._put_in_memory(name, header, body, stage, fault)
            # Nothing else is removed: from the moment that it has its name, a new file may be given its recording, and
            # what is ready then is this very call.
            if stage is Stage.READY and isinstance(earlier, Spooled):
                with suppress(OSError):
                    self._path(name, Stage.WAITING).unlink()
        return Replaced(name, stage) if isinstance(earlier, Spooled) else Saved(name)

    def _put_in_memory(self, name: str, header: Header, body: bytes, stage: Stage, fault: OSError | None = None) -> Put:
        known = name in self._memory
        if not self._memory.put(name, header, body, stage):
            self._complain(fault, "there is no room in memory either, and calls are lost")
            return NoRoom(name)
        if fault is not None:
            self._complain(fault, "calls are delivered from memory, and lost with this process")
        return Replaced(name, stage) if known else Saved(name)

    def merge(self, name: str, late: Mapping[str, Any]) -> Spooled | None:
        """Adds fields that came late to a call that waits. Returns it as it is now; None if it is too late for that."""
        with self._own_version(name) as call:
            if not isinstance(call, Spooled):
                return None
            body = merged(call.body, late)
            stage = Stage.READY if recording_of(body) else Stage.WAITING
            try:
                self.rewrite(call, call.header, body, stage)
            except OSError as fault:
                self._complain(fault, "what came late is not added to a call")
                return None
            return replace(call, stage=stage, body=body)

    def put_aside(self, name: str, header: Header, body: bytes, reason: str) -> None:
        """Keeps a call that is not to be sent in `rejected/`, with the reason beside it."""
        if self.directory is not None:
            try:
                self._keep_rejected(name, to_bytes(header, body), 0, reason)
            except OSError as fault:
                self._complain(fault, "a call that is not sent cannot be set aside")

    def _write(self, name: str, header: Header, body: bytes, stage: Stage) -> None:
        path, content = self._path(name, stage), to_bytes(header, body)
        disk.refuse_link(path.parent)
        if (now := time.monotonic()) >= self._measure_at:
            self._bytes = sum(entry.size for entry in self._on_disk(Stage))
            # A directory of very many files is measured less often: one part of the time in fifty.
            self._measure_at = now + max(MEASURE_SECONDS, 50 * (time.monotonic() - now))
        if self._bytes + len(content) > self._max_bytes:
            raise FullError(0, f"ROARK_SPOOL_MAX_BYTES={self._max_bytes}")
        disk.write(path, content)
        self._bytes += len(content)

    @contextmanager
    def _own_version(self, name: str) -> Generator[Claim]:
        """An earlier version of a call that may be replaced; Held if it is being sent or was tried."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self.claim(name, (Stage.READY, Stage.WAITING)) as earlier:
                # One that was tried meanwhile has moved: it is no longer ours to replace.
                was_tried = self.directory is not None and disk.exists(self._path(name, Stage.TRIED))
                if was_tried or not isinstance(earlier, Held) or time.monotonic() > deadline:
                    yield Held() if was_tried else earlier
                    return
            time.sleep(0.01)

    # What is there

    def entries(self, stages: Iterable[Stage] = tuple(Stage)) -> list[Entry]:
        """The files in these stages and the calls in memory, the oldest first."""
        wanted = tuple(stages)
        kept = [Entry(name, one.stage, len(one.body), one.since) for name, one in self._memory.items(wanted)]
        return sorted([*self._on_disk(wanted), *kept], key=lambda entry: (entry.since, entry.name))

    def names(self, stages: Iterable[Stage]) -> list[str]:
        """The names of the calls in these stages, the oldest first."""
        return [entry.name for entry in self.entries(stages)]

    def names_in_memory(self, stage: Stage) -> list[str]:
        """The names of the calls in memory in this stage."""
        return [name for name, _ in self._memory.items((stage,))]

    def _on_disk(self, stages: Iterable[Stage]) -> list[Entry]:
        found: list[Entry] = []
        if self.directory is None:
            return found
        by_end = {stage.value: stage for stage in stages}
        with suppress(OSError), os.scandir(self.directory) as files:
            for file in files:
                name, dot, end = file.name.partition(".")
                stage = by_end.get(f".{end}") if name and dot else None
                if stage is None or name in self._left_alone:
                    continue
                with suppress(OSError):
                    if file.is_file(follow_symlinks=False):
                        about = file.stat(follow_symlinks=False)
                        found.append(Entry(name, stage, about.st_size, about.st_mtime))
        return found

    def call_id(self, name: str) -> str | None:
        """Roark's id of a call that this process delivered, if it is known."""
        return self._left.get(name)

    # Claims

    @contextmanager
    def claim(self, name: str, stages: Iterable[Stage] = SENDABLE) -> Generator[Claim]:
        """A call in one of these stages, which nobody else may send or replace meanwhile."""
        if name in self._memory:
            with self._memory.claim(name, stages) as kept:
                yield Held() if kept is None else Spooled(name, kept.stage, kept.header, kept.body)
            return
        wanted = [stage for stage in (Stage.TRIED, Stage.READY, Stage.WAITING, Stage.LATE) if stage in set(stages)]
        for stage in wanted if self.directory is not None else ():
            try:
                file = disk.open_file(self._path(name, stage))
            except PermissionError as fault:
                self._complain(fault, "a file of another user cannot be read")
                yield Held()
                return
            if file is not None:
                try:
                    yield self._read(file, name, stage) if disk.lock(file) else Held()
                finally:
                    os.close(file)
                return
        yield Gone()

    def _read(self, file: int, name: str, stage: Stage) -> Claim:
        """A file that is locked. Whoever held the lock before may have tried, replaced or removed it."""
        if not disk.is_at(self._path(name, stage), file):
            stage = Stage.TRIED
            if not disk.is_at(self._path(name, stage), file):
                return Gone()
        try:
            content = from_bytes(disk.read(file))
        except OSError as fault:
            self._complain(fault, "a file cannot be read")
            return Held()
        match content:
            case Readable(header, body):
                return Spooled(name, stage, header, body)
            case Newer():
                self._left_alone.add(name)
                return Gone()
            case Damaged():
                self._set_damaged_aside(name, stage)
                return Gone()
        assert_never(content)

    def _set_damaged_aside(self, name: str, stage: Stage) -> None:
        message = "the spool file %s cannot be read; it is set aside in rejected/"
        log_once(logging.WARNING, (name,), message, name)
        with suppress(OSError):
            self._move_to_rejected(name, stage, 0, "damaged")

    # What a claimed call comes to

    def mark_tried(self, call: Spooled) -> bool:
        """Notes that an attempt is about to be made: from now on a 409 may be its own doing.

        Returns:
            Whether the disk took the note. Sent without it, the call's own 409 would be taken for somebody else's id.
        """
        if call.name in self._memory:
            self._memory.mark_tried(call.name)
        elif call.stage is Stage.READY and self.directory is not None:
            try:
                self._path(call.name, Stage.READY).rename(self._path(call.name, Stage.TRIED))
            except OSError as fault:
                self._complain(fault, "calls that are on it wait until it can be written")
                return False
            disk.sync_directory(self.directory)
        return True

    def rewrite(self, call: Spooled, header: Header, body: bytes, stage: Stage) -> None:
        """Puts a changed call in the place of one that is claimed and was not tried.

        Raises:
            OSError: if the disk does not take it; then nothing has changed.
        """
        if call.name in self._memory:
            self._memory.put(call.name, header, body, stage)
            return
        disk.write(self._path(call.name, stage), to_bytes(header, body))
        if stage is not call.stage:
            self._path(call.name, call.stage).unlink(missing_ok=True)

    def remove(self, call: Spooled, call_id: str | None = None) -> None:
        """Removes a call that Roark has, under this id if it is known."""
        self._remember(call.name, call_id)
        if call.name in self._memory:
            self._memory.remove(call.name)
            return
        for stage in {Stage.TRIED, call.stage}:
            try:
                self._path(call.name, stage).unlink()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as fault:
                self._left_alone.add(call.name)  # it is marked as tried, so the next process hears that it is there
                self._complain(fault, "a call that was delivered cannot be removed")

    def withdraw(self, name: str) -> None:
        """Removes a call that nobody has begun to send, because it is not to be sent any more."""
        with self._own_version(name) as call:
            if name in self._memory:
                self._memory.remove(name)
            elif isinstance(call, Spooled):
                with suppress(FileNotFoundError, NotADirectoryError):
                    self._path(name, call.stage).unlink()

    def reject(self, call: Spooled, status: int, reason: str) -> None:
        """Moves a call that will not be sent to `rejected/`, with the reason beside it."""
        self._remember(call.name, None)
        try:
            if call.name in self._memory:
                self._keep_rejected(call.name, to_bytes(call.header, call.body), status, reason)
            else:
                stage = Stage.TRIED if disk.exists(self._path(call.name, Stage.TRIED)) else call.stage
                self._move_to_rejected(call.name, stage, status, reason)
        except OSError as fault:
            # What is on disk stays there, and a later process tries it again; what is only in memory is lost.
            self._left_alone.add(call.name)
            self._complain(fault, "a call that Roark will not take cannot be set aside")
        self._memory.remove(call.name)

    def touch(self, name: str) -> None:
        """Says that this process still looks after a waiting call."""
        with suppress(OSError, NotImplementedError):
            if self.directory is not None:
                os.utime(self._path(name, Stage.WAITING), follow_symlinks=False)

    def clean(self) -> None:
        """Removes temporary files that processes left when they died."""
        if self.directory is not None:
            disk.clean(self.directory)

    def _remember(self, name: str, call_id: str | None) -> None:
        self._left[name] = call_id
        if len(self._left) > MAX_REMEMBERED:
            self._left.popitem(last=False)

    def _move_to_rejected(self, name: str, stage: Stage, status: int, reason: str) -> None:
        aside = self._rejected()
        with suppress(OSError):  # a full disk still takes the move
            self._write_reason(aside, name, status, reason)
        self._path(name, stage).rename(aside / f"{name}.jsonl")

    def _keep_rejected(self, name: str, content: bytes, status: int, reason: str) -> None:
        aside = self._rejected()
        self._write_reason(aside, name, status, reason)
        disk.write(aside / f"{name}.jsonl", content)

    def _write_reason(self, aside: Path, name: str, status: int, reason: str) -> None:
        disk.write(aside / f"{name}.reason.json", json.dumps({"status": status, "reason": reason}).encode())

    def _rejected(self) -> Path:
        if self.directory is None:
            raise FullError(0, "nothing is kept on disk")
        aside = self.directory / "rejected"
        disk.refuse_link(aside)
        disk.make_directory(aside)
        return aside

    def _complain(self, fault: OSError | None, outcome: str) -> None:
        message = "trouble with the spool %s (%s); %s"
        why = f"{type(fault).__name__} {fault.strerror or ''}".strip() if fault else "memory"
        log_once(logging.ERROR, (self.place, outcome), message, self.place, why, outcome)

    def _path(self, name: str, stage: Stage) -> Path:
        if self.directory is None:
            raise FullError(0, "nothing is kept on disk")
        return self.directory / f"{name}{stage.value}"
