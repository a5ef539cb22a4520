"""Writes texts as runs of earlier ones and what is fresh: those of numbered attributes, which grow with a history.

An item is a text, or None for a value of another type.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    _T = TypeVar("_T")

Runs: TypeAlias = tuple[int, ...]
"""Items as (from, count, fresh) and again: items of the base, then how many that are not in it."""

TELLING = 16
"""The shortest text that shows on its own which part of the base goes on: roles and the like repeat too often."""

NEARBY = 8
"""How far back the same name with the number before may be."""

_NUMBER = re.compile(r"(?<=\.)(?:0|[1-9][0-9]{0,8})(?![0-9])")
"""The first number in a name, as Python writes it."""


def cut_items(base: Sequence[str | None], items: Sequence[str | None]) -> tuple[Runs, list[int]]:
    """Returns how items go on with those of a base, and the places of the fresh items.

    The work is linear: an item is looked up once, and runs are compared by the interpreter.
    """
    places = {text: place for place, text in enumerate(base) if text is not None and len(text) >= TELLING}
    runs: list[int] = []
    fresh: list[int] = []
    source = count = new = index = 0
    while index < len(items):
        text = items[index]
        place = source + count + new  # as if the fresh items had replaced as many
        if place >= len(base) or base[place] != text:
            place = -1 if text is None else places.get(text, -1)
        if place < 0:
            fresh.append(index)
            new += 1
            index += 1
            continue
        before = _common_before(base, place, items, index, new)
        del fresh[len(fresh) - before :]
        if count or new:
            runs += (source, count, new - before)
        source, new = place - before, 0
        length = _common_after(base, place, items, index)
        count = before + length
        index += length
    return (*runs, source, count, new), fresh


def _common_before(base: Sequence[str | None], place: int, items: Sequence[str | None], index: int, most: int) -> int:
    """Returns how many items are equal before these places, at most `most`."""
    count, most = 0, min(most, place)
    while count < most and base[place - count - 1] == items[index - count - 1]:
        count += 1
    return count


def _common_after(base: Sequence[str | None], place: int, items: Sequence[str | None], index: int) -> int:
    """Returns how many items are equal from these places on."""
    most = min(len(base) - place, len(items) - index)
    count, step, doubling = 0, 4, True
    while step and count < most:
        upto = min(count + step, most)
        if base[place + count : place + upto] == items[index + count : index + upto]:
            count = upto
        else:
            doubling = False
        step = step * 2 if doubling else step // 2
    return count


def join_items(base: Sequence[_T], runs: Runs, fresh: Sequence[_T]) -> list[_T]:
    """Returns the items again."""
    items: list[_T] = []
    used = 0
    flat = iter(runs)
    for source, count, new in zip(flat, flat, flat, strict=True):
        items += base[source : source + count]
        items += fresh[used : used + new]
        used += new
    return items


def fresh_places(runs: Runs) -> list[int]:
    """Returns the places of the fresh items."""
    places: list[int] = []
    at = 0
    flat = iter(runs)
    for _, count, new in zip(flat, flat, flat, strict=True):
        places += range(at + count, at + count + new)
        at += count + new
    return places


def cut_names(names: Sequence[str], fresh: Sequence[int]) -> tuple[str | int, ...]:
    """Returns the names at these places, as the distance from the one with the number before where there is one."""
    return tuple([_distance(names, place) or names[place] for place in fresh])


def _distance(names: Sequence[str], place: int) -> int:
    """Returns how far before this place the same name has the number before, or 0."""
    name = names[place]
    number = _NUMBER.search(name)
    if number is None or int(number[0]) == 0:
        return 0
    before = _with_number(name, number, int(number[0]) - 1)
    first = max(place - NEARBY, 0)
    nearby = names[first:place]
    return place - first - nearby.index(before) if before in nearby else 0


def join_names(names: list[str | int], fresh: Sequence[int]) -> list[str]:
    """Returns all names again, given those that were cut at these places."""
    whole = cast("list[str]", names)
    for place in fresh:
        distance = names[place]
        if isinstance(distance, int):
            name = whole[place - distance]
            number = cast("re.Match[str]", _NUMBER.search(name))
            whole[place] = _with_number(name, number, int(number[0]) + 1)
    return whole


def _with_number(name: str, found: re.Match[str], number: int) -> str:
    return f"{name[: found.start()]}{number}{name[found.end() :]}"
