"""What other threads send to the courier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._delivery.errands import Sweep

if TYPE_CHECKING:
    from roark_otel._delivery.resolver import ResolverAnswer
    from roark_otel._safety.answer import Answer


@dataclass(frozen=True, slots=True)
class Offer:
    """A call of this process is in the spool, to be sent after this many seconds."""

    name: str
    delay: float


@dataclass(frozen=True, slots=True)
class Await:
    """A call of this process waits in the spool for its recording."""

    name: str


@dataclass(frozen=True, slots=True)
class Attach:
    """Gives calls in memory of this external id a recording, and scans the directory."""

    external_id: str
    url: str
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Flush:
    """Another thread waits for one attempt at each due call; `done` is set after it."""

    done: Answer
    sweep: Sweep = Sweep.FLUSH


@dataclass(frozen=True, slots=True)
class Wake:
    """Ends the thread's wait."""


Message: TypeAlias = "Offer | Await | Attach | Flush | Wake | ResolverAnswer"
