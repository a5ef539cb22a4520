"""What is known of the key behind each directory of a spool, in a file beside them, which never holds the key itself.

`keys/NAME` is about the directory NAME. A directory without one was made by a version that kept none: whether its key
was ever accepted is then unknown.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from roark_otel._model.formats import without_user
from roark_otel._spool import disk
from roark_otel._spool.folder import write_file
from roark_otel._spool.listing import directories

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "keys"
"""Its name in the root of a spool."""

MAX_SERVICES = 50
"""The most service names that are remembered for a key."""

REFUSED_KEY = frozenset({401, 403})
"""The statuses with which Roark refuses a key, and not the address or the credits."""


class Acceptance(Enum):
    """Whether Roark has ever accepted a key."""

    NEVER = "never"
    ONCE = "once"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a key.

    Args:
        address: The base URL that its calls are for; empty until an answer came.
        acceptance: Whether Roark has ever accepted it.
        services: The `service.name`s of the calls that it has delivered; empty for calls without one.
        answer: The last answer, a status or the name of an error; empty if there was none.
        answered_at: When it came, in epoch seconds.
    """

    address: str = ""
    acceptance: Acceptance = Acceptance.UNKNOWN
    services: tuple[str, ...] = ()
    answer: str = ""
    answered_at: float = 0.0

    @property
    def is_refused(self) -> bool:
        """Whether Roark's last answer refused the key."""
        return self.answer.isdigit() and int(self.answer) in REFUSED_KEY

    @property
    def is_orphaned(self) -> bool:
        """Whether its calls go to the key that takes its place: Roark refuses it, and has never accepted it."""
        return self.is_refused and self.acceptance is Acceptance.NEVER

    def has_delivered(self, address: str, service: str) -> bool:
        """Returns whether this key has delivered calls of a service at an address."""
        return self.address == address and service in self.services

    def accepted(self, service: str | None) -> Record:
        """Returns the record of a key that Roark accepts; `service`: of a call that it has delivered."""
        services = self.services
        if service is not None and service not in services and len(services) < MAX_SERVICES:
            services = (*services, service)
        return replace(self, acceptance=Acceptance.ONCE, services=services)


def begin(directory: Path) -> None:
    """Notes that a directory has just been made: Roark has never accepted its key. An older record stays."""
    with suppress(OSError):
        if not _path(directory).exists():
            _write(directory, Record(acceptance=Acceptance.NEVER))


def read(directory: Path) -> Record:
    """Returns the record of a directory, as far as there is one that can be read."""
    try:
        found: Any = json.loads(disk.read_path(_path(directory)) or b"{}")
        return Record(
            address=without_user(_text(found.get("address", ""))),
            acceptance=Acceptance(found.get("acceptance", "unknown")),
            services=tuple(str(one) for one in found.get("services", ()))[:MAX_SERVICES],
            answer=_text(found.get("answer", ""))[:100],
            answered_at=float(found.get("answered_at", 0.0)),
        )
    except (ValueError, AttributeError, TypeError, RecursionError, OverflowError):
        return Record()


def _text(value: object) -> str:
    """Returns a text that this package may have written: commands and logs show it as it is."""
    if not isinstance(value, str) or not value.isprintable():
        raise TypeError("not a text")
    return value


def write(directory: Path, record: Record) -> None:
    """Writes a record; nothing happens where that fails."""
    with suppress(OSError):
        _write(directory, record)


def of_probe(record: Record, address: str, service: str) -> Record:
    """Returns the record of a key that Roark has answered a question with, which was about no call."""
    return replace(record.accepted(service), address=address, answer="200")


def others(root: Path, own: Path) -> dict[Path, Record]:
    """Returns the other directories of a spool with their records."""
    return {directory: read(directory) for directory in directories(root) if directory != own}


def _write(directory: Path, record: Record) -> None:
    folder = directory.parent / FOLDER
    disk.refuse_foreign(folder)
    disk.refuse_link(folder)
    fields = {**asdict(record), "acceptance": record.acceptance.value}
    write_file(folder / directory.name, json.dumps(fields).encode())


def _path(directory: Path) -> Path:
    return directory.parent / FOLDER / directory.name
