"""What a pass over the rows of a group found of each conversation in them, as far as that decides what stays open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from roark_otel._open.group import Made


@dataclass(frozen=True, slots=True)
class GoesOn:
    """The conversation has not ended."""


@dataclass(frozen=True, slots=True)
class Over:
    """The conversation has ended, or is closed whatever it does.

    Args:
        spans: The ids of its spans; None if all rows of the group are its.
        external_id: Its id, if it has one.
        origin: Where the id came from.
        rests: Whether a further root may join it, because its roots are implied.
        call: The call that was made of it; None if none was.
    """

    spans: frozenset[int] | None
    external_id: str | None = None
    origin: int = 0
    rests: bool = False
    call: Made | None = None


Verdict: TypeAlias = "GoesOn | Over"


@dataclass(frozen=True, slots=True)
class Pass:
    """A group is due to be read.

    Args:
        number: Its number.
        closing: Whether what has not ended is closed, as incomplete.
        quiet: How many seconds a call rests whose root is implied.
        is_late: Whether only what came late is read, after the call was made.
        is_at_once: Whether a flush asked for it, so that its call is not to rest any longer.
        is_rest_over: Whether the quiet time is over, so that the call in the spool is final as it is.
        is_reopened: Whether a further root began while the call rested in the spool: it is to be held back.
    """

    number: int
    closing: bool = False
    quiet: float = 0.0
    is_late: bool = False
    is_at_once: bool = False
    is_rest_over: bool = False
    is_reopened: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The trace is over, and capture can forget it."""

    trace_id: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The group is closed, and capture can forget its number."""

    number: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something to count and to log. `kind` is a counter of `Stats`, to which `number` is added."""

    kind: str
    external_id: str | None
    detail: str = ""
    number: int = 1


Output: TypeAlias = "Forgotten | Closed | Noticed"
