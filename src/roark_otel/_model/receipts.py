"""Receipts: what became of one attempt to deliver a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Delivered:
    """Roark has the call. `already`: an earlier attempt had created it, and its id is not known."""

    call_id: str | None
    already: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Roark will never take this body; it is kept for inspection. `fields`: those that the answer names, as paths."""

    status: int
    reason: str
    fields: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The key, the permission, the credits or the address is at fault, not the call: everything waits."""

    status: int


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Later may work.

    `after`: seconds to wait, where Roark asked for a time, else None; `why`: a status or an error's type name; `alone`:
    it may be the trouble of this call only, and the others are tried.
    """

    after: float | None
    why: str
    alone: bool = False


Receipt: TypeAlias = "Delivered | Rejected | Refused | TryAgain"
