"""Decodes JSON arrays item by item: one of megabytes in one call would hold the interpreter for a tenth of a second."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, cast

from roark_otel._model import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE: Final = 65_536
"""The longest array, in characters, that is decoded in one call."""

_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")
_GAP: Final = 4_096


def decoded(written: str) -> tuple[list[object], bool]:
    """Returns the items of a JSON array, and whether it is whole. Of one that was cut, the items before the cut."""
    if len(written) <= AT_ONCE:
        try:
            found = reading.parsed(written)
        except ValueError:
            return list(items(written)), False
        return cast("list[object]", found) if isinstance(found, list) else [], isinstance(found, list)
    several: list[object] = []
    at = 1
    for item, end in _items(written):
        several.append(item)
        at = end
    return several, written[at:].strip() == "]" if len(written) - at <= AT_ONCE else False


def items(written: str) -> Iterator[object]:
    """Yields the items of a JSON array up to where it was cut."""
    return (item for item, _ in _items(written))


def _items(written: str) -> Iterator[tuple[object, int]]:
    """Yields the items with where each ends."""
    at = 1
    while True:
        at = _BETWEEN.match(written, at, at + _GAP).end()  # type: ignore[union-attr]
        try:
            item, at = cast("tuple[object, int]", _DECODER.raw_decode(written, at))
        except (ValueError, RecursionError):
            return
        yield item, at
