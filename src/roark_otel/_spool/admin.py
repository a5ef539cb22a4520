"""What a person changes in a spool that processes work on: send again, set aside, delete. Needs no key.

Every change is made under the lock of the file, so that no file changes while a courier sends it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import assert_never

from roark_otel._spool import locks, rejected
from roark_otel._spool.body import fields_of, recording_of
from roark_otel._spool.file import Readable, from_bytes
from roark_otel._spool.names import CallName, Stage, path_of
from roark_otel._spool.owner import has_living_owner
from roark_otel._spool.rejected import Aside

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Done:
    """It was done."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The file does not exist, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Busy:
    """A process is sending it right now."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """It came after its call was sent, and Roark takes only tool invocations then."""


Change: TypeAlias = "Done | Missing | Busy | TooLate"


def retry(directory: Path, name: str) -> Change:
    """Moves a rejected call back, as one that was never tried; without a recording it waits for one."""
    with locks.locked(rejected.rejected_path(directory, name)) as file:
        match file:
            case locks.Locked(_, content):
                call = from_bytes(content)
                if not isinstance(call, Readable):
                    return Missing()
                if CallName.parse(name).late and "toolInvocations" not in fields_of(call.body):
                    return TooLate()
                rejected.bring_back(directory, name, _first_stage(name, call.body))
                return Done()
            case locks.InUse():
                return Busy()
            case locks.Absent() | locks.Inaccessible():
                return Missing()
        assert_never(file)


def _first_stage(name: str, body: bytes) -> Stage:
    if CallName.parse(name).late:
        return Stage.LATE
    return Stage.READY if recording_of(body) else Stage.WAITING


def reject(directory: Path, name: str, reason: str) -> Change:
    """Sets a waiting call aside, so that it is not sent.

    Raises:
        OSError: if writing fails.
    """
    for stage in Stage:
        if stage is Stage.OPEN and has_living_owner(path_of(directory, name, stage)):
            return Busy()
        with locks.locked(path_of(directory, name, stage)) as file:
            match file:
                case locks.Locked(path):
                    rejected.set_aside(directory, name, path, Aside(0, reason))
                    return Done()
                case locks.InUse():
                    return Busy()
                case locks.Inaccessible():
                    return Missing()
                case locks.Absent():
                    continue
            assert_never(file)
    return Missing()


def purge_rejected(directory: Path) -> int:
    """Deletes all calls that were rejected. Returns how many there were."""
    count = 0
    for one in rejected.rejected_files(directory):
        with suppress(OSError):
            rejected.purge(directory, one.name)
            count += 1
    return count
