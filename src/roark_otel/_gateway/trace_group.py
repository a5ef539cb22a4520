"""A group of traces that one conversation connects, and what says that it is due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class PieceArrival(NamedTuple):
    """What is remembered of a piece: its number in the store, its trace, its size, and what it shows."""

    number: int
    trace: bytes
    size: int
    shown: tuple[tuple[str | None, int | None], ...]
    resource_id: str | None


class GroupWaits(NamedTuple):
    """The waits in seconds of accepting time, the most groups that may be open, and the most bytes of them."""

    settle: float
    quiet: float
    idle: float
    groups: int
    bytes: int


class DueGroup(NamedTuple):
    """A group that is due.

    Attributes:
        number: Its number.
        traces: Its traces.
        last: The number of its last piece: what comes later is not read with it.
        ripe: The ids of the conversations that are due; None among them for one without an id.
        expired: Those among them that had no span for the idle time, and are closed as they are.
        is_closing: Whether everything in it is closed, as it is.
    """

    number: int
    traces: tuple[bytes, ...]
    last: int
    ripe: frozenset[str | None]
    expired: frozenset[str | None]
    is_closing: bool


@dataclass(slots=True)
class ShownConversation:
    """What a group knows of one external id, or of a root without one.

    Attributes:
        touched: When the last span came that counts for it.
        has_root: Whether a marked or a framework's root has come.
        is_patient: Whether a pass found that it lacks a parent, or is not over.
    """

    touched: float
    has_root: bool = False
    is_patient: bool = False


@dataclass(slots=True, eq=False)
class TraceGroup:
    """The traces that one conversation connects."""

    number: int
    touched: float
    traces: dict[bytes, None] = field(default_factory=dict[bytes, None])
    several: dict[str | None, ShownConversation] = field(default_factory=dict["str | None", ShownConversation])
    resource_ids: set[str] = field(default_factory=set[str])
    last: int = 0
    size: int = 0
    is_late: bool = False
    is_read: bool = False
    read_size: int = 0
    queued: float = float("inf")

    @property
    def named(self) -> list[str]:
        """The external ids that its spans show."""
        return [one for one in self.several if one is not None]

    @property
    def is_known(self) -> bool:
        """Whether it is a conversation, and not only spans that may get an id."""
        return bool(self.several) and not self.is_late
