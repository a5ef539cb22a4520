"""Receipts: the outcome of one attempt to deliver a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Delivered:
    """Roark has the call. `already`: an earlier attempt created it, so its id is unknown."""

    call_id: str | None
    already: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Roark will never accept this body; it is kept for inspection. `fields`: the paths that the answer names."""

    status: int
    reason: str
    fields: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The key, its permissions, the credits or the address are wrong, not the call: every call waits."""

    status: int


@dataclass(frozen=True, slots=True)
class TryAgain:
    """A later attempt may succeed.

    Args:
        after: The seconds that Roark asked to wait, or None.
        why: The HTTP status, or the type name of the error.
        alone: Whether the failure may concern this call only, so that other calls are tried.
    """

    after: float | None
    why: str
    alone: bool = False


Receipt: TypeAlias = "Delivered | Rejected | Refused | TryAgain"
