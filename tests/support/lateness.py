"""How late an event loop was: a busy machine makes everything that is measured on it late."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Waits = Sequence[tuple[float, float]]

_TICK, _LATE, _AROUND = 0.01, 0.05, 1.0
_CUSTOMER_START, _AGENT_END = 0.05, 0.3

MOST = 0.1
"""No time is allowed more seconds than these for a busy machine."""

T = TypeVar("T")


class TooBusyError(AssertionError):
    """A time is off, and the loop was so late around it that this may be why."""


class Slack(NamedTuple):
    """What is allowed a time because the loop was late around it, and how late that was, in seconds."""

    seconds: float
    late: float

    def expect(self, is_so: bool, what: str) -> None:
        """Asserts something about times for which `seconds` were allowed.

        Raises:
            TooBusyError: It is not so, and the loop was later than is ever allowed.
        """
        if not is_so and self.late > MOST:
            raise TooBusyError(f"{what}; the loop was {self.late:.3f} s late around it")
        assert is_so, what


async def watch(waits: list[tuple[float, float]]) -> None:
    """Notes when the event loop was late, and by how much, until it is cancelled."""
    while True:
        due = time.time() + _TICK
        await asyncio.sleep(_TICK)
        if (late := time.time() - due) > _LATE:
            waits.append((due, late))


class Stretch(Protocol):
    """Something that took time, in Unix seconds."""

    @property
    def start(self) -> float:
        """When it began."""

    @property
    def end(self) -> float:
        """When it was over."""


class Named(Stretch, Protocol):
    """A stretch of which it is known what it was."""

    @property
    def what(self) -> str:
        """What was said or used."""


def slack(waits: Waits, one: Stretch, other: Stretch) -> Slack:
    """Returns what is allowed for the lateness from a second before two stretches to a second after them."""
    start, end = min(one.start, other.start) - _AROUND, max(one.end, other.end) + _AROUND
    late = 2 * sum(wait for due, wait in waits if start <= due + wait and due <= end)
    return Slack(min(late, MOST), late)


def compare_starts(found: Sequence[Named], true: Sequence[Stretch], waits: Waits) -> None:
    """Asserts that what the customer said begins within 50 ms, and what is allowed it, of when it really did."""
    assert len(found) == len(true)
    for one, other in zip(found, true, strict=True):
        _compare(f"the start of {one.what!r}", one.start - other.start, _CUSTOMER_START, slack(waits, one, other))


def compare_ends(found: Sequence[Named], true: Sequence[Stretch], waits: Waits) -> None:
    """Asserts that what the agent said ends within 300 ms, and what is allowed it, of when it really did."""
    assert len(found) == len(true)
    for one, other in zip(found, true, strict=True):
        _compare(f"the end of {one.what!r}", one.end - other.end, _AGENT_END, slack(waits, one, other))


def _compare(what: str, off: float, limit: float, busy: Slack) -> None:
    said = f"{what} is {1000 * off:+.0f} ms off, {1000 * limit:.0f} and {1000 * busy.seconds:.0f} ms are allowed"
    print(f"  {said}")  # noqa: T201
    busy.expect(abs(off) <= limit + busy.seconds, said)


def judge(check: Callable[[T], None], first: T, again: Callable[[], T]) -> None:
    """Checks what was recorded; if the machine was too busy to judge it, once more what is recorded then."""
    try:
        check(first)
    except TooBusyError as busy:
        print(f"  played again: {busy}")  # noqa: T201
    else:
        return
    check(again())
