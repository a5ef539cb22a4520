"""What a claim to a call can come to, and what becomes of a call that is put into the spool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._spool.names import CallName, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._spool.file import Header


@dataclass(frozen=True, slots=True)
class Spooled:
    """A call in the spool, claimed; or late tool invocations for one."""

    name: str
    stage: Stage
    header: Header
    body: bytes

    @property
    def tried(self) -> bool:
        """Whether an earlier attempt may have created it."""
        return self.stage is Stage.TRIED

    @property
    def call_name(self) -> str:
        """The name of the call itself: for late tool invocations, that of the call to append them to."""
        return str(CallName.parse(self.name).call)


@dataclass(frozen=True, slots=True)
class Held:
    """Another thread or process holds the call, or its file cannot be read right now."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The spool has no such call, or none that this version can send."""


Claim: TypeAlias = "Spooled | Held | Gone"


@dataclass(frozen=True, slots=True)
class Saved:
    """The call is on disk, or in memory where the disk took none."""

    name: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The call has replaced an earlier version. `stage`: a recording that was attached to that one in between stays."""

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


@dataclass(frozen=True, slots=True)
class SetAside:
    """The call is in `rejected/`, below this directory."""

    directory: Path


@dataclass(frozen=True, slots=True)
class StillThere:
    """The call cannot be moved out of this directory, where a later process tries it again."""

    directory: Path


@dataclass(frozen=True, slots=True)
class Lost:
    """The call was in memory, and no disk takes it."""


Rejection: TypeAlias = "SetAside | StillThere | Lost"
