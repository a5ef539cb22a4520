"""Stretches of time, asked which of them overlap another one, and what held at an instant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class Stretches(Generic[T]):
    """Finds values by their stretches of time, without a look at most of the others.

    Args:
        values: The start and end of each stretch in ns, and its value.
    """

    __slots__ = ("_all", "_longest", "_starts")

    def __init__(self, values: Iterable[tuple[int, int, T]]) -> None:
        self._all = sorted(values, key=itemgetter(0, 1))
        self._starts = [start_ns for start_ns, _, _ in self._all]
        self._longest = max((end_ns - start_ns for start_ns, end_ns, _ in self._all), default=0)

    def __bool__(self) -> bool:
        return bool(self._all)

    def around(self, start_ns: int, end_ns: int) -> list[T]:
        """Returns the values of the stretches that have an instant in common with this one, by start."""
        first = bisect_left(self._starts, start_ns - self._longest)
        last = bisect_right(self._starts, end_ns)
        return [value for _, until_ns, value in self._all[first:last] if until_ns >= start_ns]


def label_at(labels: list[tuple[int, str]], at_ns: int) -> str | None:
    """Returns the agent that had the floor, of versions whose turns do not know it."""
    found = bisect_right(labels, at_ns, key=itemgetter(0))
    return labels[found - 1][1] if found else None
