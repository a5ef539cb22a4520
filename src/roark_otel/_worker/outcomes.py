"""What is sent off to become a call, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Away:
    """A conversation that is over, as it is handed to `posting`.

    Args:
        external_id: Its id.
        pieces: How many elements of its state it is made of.
        requests: The requests that have its spans.
        recording_url: Its recording, if that came by itself.
        tombstone: What is remembered of the call of this id that was delivered already.
        is_sure: Whether a marked or a framework's root has ended.
        is_idle: Whether it has been idle for so long that it is taken as it is.
        is_late: Whether a call of its id was delivered before any of this came.
        may_use_fallback: Whether it has waited for its recording.
        now_ms: The time of the log.
    """

    external_id: str
    pieces: int
    requests: tuple[bytes, ...]
    recording_url: str | None
    tombstone: bytes | None
    is_sure: bool
    is_idle: bool
    is_late: bool
    may_use_fallback: bool
    now_ms: int


@dataclass(frozen=True, slots=True)
class DoneWith:
    """Roark has it. `tombstone`: what is remembered of it, for what comes late and for what comes again."""

    tombstone: bytes


@dataclass(frozen=True, slots=True)
class NoneOfIt:
    """It makes no call, and nothing is remembered of it."""


@dataclass(frozen=True, slots=True)
class Dead:
    """It is never to be sent. `body`: what is kept of it; `tombstone`: as in `DoneWith`."""

    external_id: str
    reason: str
    body: bytes
    tombstone: bytes


@dataclass(frozen=True, slots=True)
class StillOpen:
    """It has not ended, after all."""


@dataclass(frozen=True, slots=True)
class LacksRecording:
    """It lacks its recording."""


@dataclass(frozen=True, slots=True)
class TryLater:
    """Roark could not take it: it is sent again."""


Result: TypeAlias = "DoneWith | NoneOfIt | Dead | StillOpen | LacksRecording | TryLater"
