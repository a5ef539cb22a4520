"""What becomes of a request, and one that waits to hear of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Received:
    """A request is in the store, as far as it is of conversations. `rejected`: how many spans cannot be read."""

    spans: int
    stored: int
    rejected: int
    why: str


@dataclass(frozen=True, slots=True)
class NeverReadable:
    """A request can never be read."""

    why: str


@dataclass(frozen=True, slots=True)
class ComeAgain:
    """A request cannot be taken now. `after`: in how many seconds to send it again."""

    after: int
    why: str


Reception: TypeAlias = "Received | NeverReadable | ComeAgain"
"""What becomes of a request."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for the keeper. `answer` is called on its thread; only its first call counts."""

    request: bytes
    answer: Callable[[Reception], None]
