"""Steps of long work, between which the thread that does it can let others run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

STEP: Final = 64
"""The most items in one step."""

Pause: TypeAlias = "Callable[[], None]"
"""Called after each step."""


def no_pause() -> None:
    """Goes on at once."""


def steps(items: Iterable[T], pause: Pause) -> Iterator[tuple[T, ...]]:
    """Yields the items, 64 at a time, and calls `pause` after each 64 of them."""
    rest = iter(items)
    while step := tuple(islice(rest, STEP)):
        yield step
        if len(step) == STEP:
            pause()


def in_steps(items: Iterable[T], pause: Pause) -> Iterator[T]:
    """Yields the items, and calls `pause` after every 64 of them. Each one takes 0.1 µs more than in `steps`."""
    for step in steps(items, pause):
        yield from step


def free(items: list[T], pause: Pause) -> None:
    """Empties a list from its end: a long one that is let go of at once would hold the interpreter for milliseconds."""
    while items:
        del items[-STEP:]
        pause()
