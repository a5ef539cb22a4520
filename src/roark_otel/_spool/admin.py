"""What a person does with a spool, beside the processes that work on it: look, retry, set aside, purge, take over.

A spool's root (`ROARK_SPOOL_DIR`) holds a directory for each base URL and project. The functions here need no key.
Every change is made under the lock of the file, so that nothing is taken from under a courier.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._spool import disk
from roark_otel._spool.body import recording_of
from roark_otel._spool.file import Damaged, Header, Newer, Readable, Stage, from_bytes

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

REJECTED = "rejected"
"""The folder of a directory for what will not be sent."""

ADOPT_AFTER_SECONDS = 60.0
"""Files of a sibling that are younger are not warned of: somebody works on them."""

_STAGES = {stage.value: stage for stage in Stage}
_BODY = ".jsonl"
_REASON = ".reason.json"


@dataclass(frozen=True, slots=True)
class InStage:
    """A file that waits or is sent."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Aside:
    """A file in `rejected/`. `status` is Roark's, 0 if Roark was not asked; `reason` is a word of ours or fields."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the spool. `header` is None where it is damaged or of a newer version; `since` in epoch seconds."""

    path: Path
    name: str
    state: InStage | Aside
    header: Header | None
    size: int
    since: float

    @property
    def external_id(self) -> str | None:
        """Whose call it is."""
        return None if self.header is None else self.header.external_id


@dataclass(frozen=True, slots=True)
class Measure:
    """A directory in numbers. `oldest_seconds`: the age of the oldest file that is not rejected, 0 if there is none."""

    sendable: int = 0
    awaiting_recording: int = 0
    rejected: int = 0
    bytes: int = 0
    rejected_bytes: int = 0
    oldest_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """It was done."""


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such file, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody is sending it right now."""


Change: TypeAlias = "Done | Missing | Busy"


def directories(root: Path) -> list[Path]:
    """The directories of a spool's root that hold, or held, calls."""
    with suppress(OSError):
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink() and _is_ours(path))
    return []


def _is_ours(directory: Path) -> bool:
    return len(directory.name) == 16 and all(letter in "0123456789abcdef" for letter in directory.name)


def listed(directory: Path) -> list[Listed]:
    """Every file of a directory with its header, the oldest first; those in `rejected/` with their reason."""
    found = [
        *(_listed(path, name, InStage(stage)) for path, name, stage in _waiting(directory)),
        *(_listed(path, name, reason_in(path.with_name(name + _REASON))) for path, name in _rejected(directory)),
    ]
    return sorted((one for one in found if one is not None), key=lambda one: (one.since, one.name))


def measure(directory: Path) -> Measure:
    """How many files of a directory wait for what, their bytes and the age of the oldest. Reads no file."""
    waiting = [(stage, about) for path, _, stage in _waiting(directory) if (about := _stat(path)) is not None]
    rejected = [about for path, _ in _rejected(directory) if (about := _stat(path)) is not None]
    now = time.time()
    oldest = min((about.st_mtime for _, about in waiting), default=now)
    return Measure(
        sendable=sum(1 for stage, _ in waiting if stage is not Stage.WAITING),
        awaiting_recording=sum(1 for stage, _ in waiting if stage is Stage.WAITING),
        rejected=len(rejected),
        bytes=sum(about.st_size for _, about in waiting),
        rejected_bytes=sum(about.st_size for about in rejected),
        oldest_seconds=max(0.0, now - oldest),
    )


def siblings(root: Path, own: Path) -> dict[Path, int]:
    """The other directories of a root in which calls have waited for a while, and how many in each."""
    counts: dict[Path, int] = {}
    for directory in directories(root):
        if directory != own:
            old = [path for path, _, _ in _waiting(directory) if _is_left(path)]
            counts |= {directory: len(old)} if old else {}
    return counts


def body(path: Path) -> bytes | None:
    """The body of a file as it is or was sent; None if it cannot be read."""
    match _content(path):
        case Readable(_, found):
            return found
        case _:
            return None


def retry(directory: Path, name: str) -> Change:
    """Has a rejected call sent again, as one that was never tried; without a recording it waits for one."""
    path = directory / REJECTED / f"{name}{_BODY}"
    with _locked(path) as content:
        if not isinstance(content, Readable):
            return Busy() if content is None and disk.exists(path) else Missing()
        path.rename(directory / f"{name}{stage_of(name, content).value}")
        path.with_name(name + _REASON).unlink(missing_ok=True)
        disk.sync_directory(directory)
    return Done()


def stage_of(name: str, content: Readable) -> Stage:
    """The stage in which a call begins anew."""
    if name.count("-") > 1:
        return Stage.LATE
    return Stage.READY if recording_of(content.body) else Stage.WAITING


def reject(directory: Path, name: str, reason: str) -> Change:
    """Sets a call that waits aside, so that it is not sent."""
    path = next((path for path, found, _ in _waiting(directory) if found == name), None)
    if path is None:
        return Missing()
    with _locked(path) as content:
        if content is None:
            return Busy()
        aside = directory / REJECTED
        disk.refuse_link(aside)
        disk.write(aside / f"{name}{_REASON}", json.dumps({"status": 0, "reason": reason}).encode())
        path.rename(aside / f"{name}{_BODY}")
    return Done()


def purge_rejected(directory: Path) -> int:
    """Deletes everything in `rejected/`. Returns how many calls that were."""
    count = 0
    for path, name in _rejected(directory):
        with suppress(OSError):
            path.unlink()
            path.with_name(name + _REASON).unlink(missing_ok=True)
            count += 1
    return count


def adopt(directory: Path, source: Path) -> int:
    """Takes over the calls that wait in another directory, and what was rejected there. Returns how many.

    A call that is being sent stays, as one does whose name is taken here.
    """
    disk.make_directory(directory)
    count = 0
    for path, _, _ in _waiting(source):
        with _locked(path) as content:
            if content is not None and not disk.exists(directory / path.name):
                path.rename(directory / path.name)
                count += 1
    for path, name in _rejected(source):
        aside = directory / REJECTED
        disk.make_directory(aside)
        if not disk.exists(aside / path.name):
            with suppress(OSError):
                path.with_name(name + _REASON).rename(aside / (name + _REASON))
            path.rename(aside / path.name)
            count += 1
    disk.sync_directory(directory)
    return count


def _waiting(directory: Path) -> Iterator[tuple[Path, str, Stage]]:
    for path in _files(directory):
        name, _, end = path.name.partition(".")
        if name and (stage := _STAGES.get(f".{end}")) is not None:
            yield path, name, stage


def _rejected(directory: Path) -> Iterator[tuple[Path, str]]:
    if not (directory / REJECTED).is_symlink():
        for path in _files(directory / REJECTED):
            if path.name.endswith(_BODY):
                yield path, path.name.removesuffix(_BODY)


def _files(directory: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(directory) as entries:
        yield from [Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)]


def _listed(path: Path, name: str, state: InStage | Aside) -> Listed | None:
    about = _stat(path)
    if about is None:
        return None
    match _content(path):
        case Readable(header, _):
            return Listed(path, name, state, header, about.st_size, about.st_mtime)
        case _:
            return Listed(path, name, state, None, about.st_size, about.st_mtime)


def reason_in(path: Path) -> Aside:
    """What a file of a reason says."""
    try:
        told = json.loads(_bytes(path) or b"{}")
        return Aside(int(told.get("status", 0)), str(told.get("reason", "unknown"))[:1_000])
    except (ValueError, AttributeError, TypeError, RecursionError):
        return Aside(0, "unknown")


def _content(path: Path) -> Readable | Newer | Damaged:
    return Damaged() if (found := _bytes(path)) is None else from_bytes(found)


def _bytes(path: Path) -> bytes | None:
    try:
        file = disk.open_file(path)
        if file is None:
            return None
        try:
            return disk.read(file)
        finally:
            os.close(file)
    except OSError:
        return None


@contextmanager
def _locked(path: Path) -> Generator[Readable | Newer | Damaged | None]:
    """What a file says, while nobody else may have it; None if somebody has, or it is gone."""
    file = None
    with suppress(OSError):
        file = disk.open_file(path)
    if file is None:
        yield None
        return
    try:
        yield from_bytes(disk.read(file)) if disk.lock(file) and disk.is_at(path, file) else None
    finally:
        os.close(file)


def _is_left(path: Path) -> bool:
    about = _stat(path)
    return about is not None and time.time() - about.st_mtime > ADOPT_AFTER_SECONDS


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat(follow_symlinks=False)
    except OSError:
        return None
