"""The spool: the directory in which finished calls wait, one file per call, until Roark has them.

A file's name tells whose call it is, the hash of the external id and the root span's id, and how far it has come:

    NAME.waiting.jsonl    lacks a recording URL
    NAME.ready.jsonl      may be sent once its header's `not_before` is over
    NAME.tried.jsonl      an attempt was made, which may have created the call

Where the disk takes no call, some are kept in memory; they are lost with the process.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import assert_never

from roark_otel.guard import say
from roark_otel.spoolfile import (
    Damaged,
    Header,
    Newer,
    Readable,
    Stage,
    from_bytes,
    lock,
    make_directory,
    to_bytes,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

MAX_IN_MEMORY = 1_000
"""So many calls are kept in memory when the disk takes none."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A call in the spool."""

    name: str
    header: Header
    body: bytes
    tried: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """The call is on disk, or in memory where the disk took none."""

    name: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The call is on disk, in place of an earlier version of it."""

    name: str


@dataclass(frozen=True, slots=True)
class TooLate:
    """The call's file is being sent, or has been: it can no longer be replaced."""

    name: str


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Neither disk nor memory took the call."""

    name: str


Put: TypeAlias = "Saved | Replaced | TooLate | NoRoom"


class Spool:
    """The finished calls of one base URL and project.

    Args:
        directory: Where the files are. It is made when the first call comes, for the user alone; one that is there
            keeps its mode.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._memory: dict[str, Spooled] = {}

    def put(self, name: str, header: Header, body: bytes, stage: Stage) -> Put:
        """Saves a call, in place of an earlier version of it that nobody has begun to send."""
        if _exists(self._path(name, Stage.TRIED)):
            return TooLate(name)
        # Whoever sends the earlier version holds its lock, and would remove the new one with it.
        with self._opened(name, Stage.READY) as file:
            # One that was tried meanwhile has moved: it is no longer ours to replace, though the lock is free again.
            if file is not None and not (lock(file) and _is_at(self._path(name, Stage.READY), file)):
                return TooLate(name)
            known = file is not None or _exists(self._path(name, Stage.WAITING))
            try:
                write(self._path(name, stage), to_bytes(header, body))
            except OSError as fault:
                return self._keep_in_memory(Spooled(name, header, body, tried=False), stage, fault)
            for other in {Stage.WAITING, Stage.READY} - {stage}:
                self._path(name, other).unlink(missing_ok=True)
        return Replaced(name) if known else Saved(name)

    def names(self, stages: Iterable[Stage]) -> list[str]:
        """The names of the calls in these stages, the oldest first."""
        ends = tuple(stage.value for stage in stages)
        found: list[tuple[float, str]] = []
        with suppress(OSError), os.scandir(self.directory) as entries:
            for entry in entries:
                if entry.name.endswith(ends) and entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        found.append((entry.stat().st_mtime, entry.name.split(".", 1)[0]))
        in_memory = [name for name in self._memory if Stage.READY in stages]
        return [name for _, name in sorted(found)] + in_memory

    @contextmanager
    def claim(self, name: str) -> Generator[Spooled | None]:
        """A call to be sent, which nobody else may send or replace meanwhile; None if somebody does, or it is gone."""
        if name in self._memory:
            yield self._memory[name]
            return
        for stage in (Stage.TRIED, Stage.READY):
            with self._opened(name, stage) as file:
                if file is not None:
                    yield self._read(file, name) if lock(file) else None
                    return
        yield None

    def mark_tried(self, call: Spooled) -> None:
        """Notes that an attempt is about to be made: from now on a 409 may be its own doing."""
        if call.name in self._memory:
            self._memory[call.name] = replace(call, tried=True)
        elif not call.tried:
            self._path(call.name, Stage.READY).rename(self._path(call.name, Stage.TRIED))

    def remove(self, call: Spooled) -> None:
        """Removes a call that Roark has."""
        self._memory.pop(call.name, None)
        for stage in (Stage.TRIED, Stage.READY):
            with suppress(FileNotFoundError, NotADirectoryError):
                self._path(call.name, stage).unlink()

    def withdraw(self, name: str) -> None:
        """Removes a call that nobody has begun to send, because it is not to be sent any more."""
        with self._opened(name, Stage.READY) as file:
            if file is not None and not (lock(file) and _is_at(self._path(name, Stage.READY), file)):
                return
            self._memory.pop(name, None)
            for stage in (Stage.READY, Stage.WAITING):
                with suppress(FileNotFoundError, NotADirectoryError):
                    self._path(name, stage).unlink()

    def reject(self, call: Spooled, status: int, reason: str) -> None:
        """Moves a call that Roark will not take to `rejected/`, with the reason beside it."""
        aside = self.directory / "rejected"
        kept = aside / f"{call.name}.jsonl"
        try:
            make_directory(aside)
            self._set_aside(call, kept)
            write(aside / f"{call.name}.reason.json", json.dumps({"status": status, "reason": reason}).encode())
        except OSError as fault:
            # What is on disk stays there, and a later process tries it again; what is only in memory is lost.
            self._memory.pop(call.name, None)
            self._complain(fault, "a call that Roark will not take cannot be set aside")
        else:
            self.remove(call)

    def _set_aside(self, call: Spooled, kept: Path) -> None:
        for stage in (Stage.TRIED, Stage.READY):
            if _exists(self._path(call.name, stage)):
                self._path(call.name, stage).rename(kept)  # a full disk takes that too
                return
        write(kept, to_bytes(call.header, call.body))

    @contextmanager
    def _opened(self, name: str, stage: Stage) -> Generator[int | None]:
        """The file of a call in this stage; None if there is none, or something that is no file of ours."""
        try:
            file = os.open(self._path(name, stage), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except OSError:
            yield None
            return
        try:
            yield file
        finally:
            os.close(file)

    def _read(self, file: int, name: str) -> Spooled | None:
        """A file that is locked. Whoever held the lock before may have tried, replaced or removed it."""
        if os.fstat(file).st_nlink == 0:
            return None
        with os.fdopen(os.dup(file), "rb") as reader:
            content = from_bytes(reader.read())
        match content:
            case Readable(header, body):
                return Spooled(name, header, body, tried=_is_at(self._path(name, Stage.TRIED), file))
            case Newer():
                return None
            case Damaged():
                say(logging.WARNING, (name,), "roark_otel: the spool file %s cannot be read; it is left alone", name)
                return None
        assert_never(content)

    def _keep_in_memory(self, call: Spooled, stage: Stage, fault: OSError) -> Put:
        if len(self._memory) >= MAX_IN_MEMORY or stage is Stage.WAITING:
            self._complain(fault, "calls are lost")
            return NoRoom(call.name)
        self._complain(fault, "calls are delivered from memory, and lost with this process")
        self._memory[call.name] = call
        return Saved(call.name)

    def _complain(self, fault: OSError, outcome: str) -> None:
        message = "roark_otel: cannot write to the spool %s (%s); %s"
        say(logging.ERROR, (str(self.directory), outcome), message, self.directory, type(fault).__name__, outcome)

    def _path(self, name: str, stage: Stage) -> Path:
        return self.directory / f"{name}{stage.value}"


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _is_at(path: Path, file: int) -> bool:
    """Whether an open file is the one at this path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except OSError:
        return False
