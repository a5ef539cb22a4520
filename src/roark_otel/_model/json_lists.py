"""Decodes JSON of any length in calls of bounded length: megabytes in one would hold the interpreter for a second."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from roark_otel._model import reading
from roark_otel._model.cut_marks import MARK_LENGTH, length_mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Protocol

    class _Decode(Protocol):
        def __call__(self, s: str, idx: int = 0) -> tuple[object, int]: ...


AT_ONCE: Final = 65_536
"""The longest array, in characters, that is decoded in one call."""

NOT_WHOLE: Final = "not a whole JSON array"
TOO_LONG: Final = f"an item is longer than {reading.MAX_JSON} characters"

_FIRST: Final = 4_096
"""The characters of which an item is decoded first. Nearly none is longer, and the rest of its list is not copied."""

_raw_decode: Final[_Decode] = json.JSONDecoder().raw_decode
_BETWEEN = re.compile(r"[\s,]*")
_GAP: Final = 4_096
_MARK = re.compile(r'[{}\[\]]|"(?:[^"\\]*")?')
_CHARACTERS = re.compile(r'[^"\\]*(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*)*')
_PIECE: Final = 4_096
"""How many characters of a long item are looked at in one call. Texts of no more are not cut in it."""


class Decoded(NamedTuple):
    """The items of an array: up to where it was cut, and without those that are too long. `flaw` says which, or ""."""

    items: list[object]
    flaw: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the array is JSON to its end."""
        return self.flaw != NOT_WHOLE


class ItemTooLongError(ValueError):
    """An item is longer than is decoded in one call. It ends at `end`."""

    def __init__(self, end: int) -> None:
        super().__init__(TOO_LONG)
        self.end = end


def decoded(written: str) -> Decoded:
    """Returns the items of a JSON array, none of other JSON. Nothing stands before and after it."""
    if not written.startswith("["):
        return Decoded([], NOT_WHOLE)
    if len(written) <= AT_ONCE:
        try:
            return Decoded(cast("list[object]", reading.parsed(written)))
        except ValueError:
            return Decoded(list(items(written)), NOT_WHOLE)
    several: list[object] = []
    at, flaw = 1, ""
    for item, end in _items(written):
        if isinstance(item, ItemTooLongError):
            flaw = TOO_LONG
        else:
            several.append(item)
        at = end
    is_whole = len(written) - at <= AT_ONCE and written[at:].strip() == "]"
    return Decoded(several, flaw if is_whole else NOT_WHOLE)


def listed(value: object) -> Decoded:
    """Returns the items of a list, or of text that is a JSON array; none of anything else."""
    if isinstance(value, (list, tuple)):
        return Decoded([*cast("Sequence[object]", value)])
    return decoded(value.strip()) if isinstance(value, str) else Decoded([], NOT_WHOLE)


def items(written: str) -> Iterator[object]:
    """Yields the items of a JSON array up to where it was cut, without those that are too long."""
    return (item for item, _ in _items(written) if not isinstance(item, ItemTooLongError))


def item_at(written: str, at: int) -> tuple[object, int]:
    """Decodes the JSON value that begins at a place; returns it with where it ends.

    In a value that is longer than `MAX_JSON` characters the long texts are cut with a mark: a picture costs the rest of
    its message nothing.

    Raises:
        ItemTooLongError: the value is longer than `MAX_JSON` characters even so.
        ValueError: it is not JSON, or was cut.
    """
    if len(written) - at <= reading.MAX_JSON:
        try:
            return _raw_decode(written, at)
        except (ValueError, RecursionError):
            raise ValueError("not JSON") from None
    for size in (_FIRST, reading.MAX_JSON):
        try:
            item, end = _raw_decode(written[at : at + size])
        except (ValueError, RecursionError):  # no piece of an item is JSON, unless that is a number of 4,096 digits
            continue
        return item, at + end
    texts, end = _long_texts(written, at)
    short = _shortened(written, at, end, texts)
    if len(short) > reading.MAX_JSON:
        raise ItemTooLongError(end)
    return reading.parsed(short), end


def parsed_message(written: str) -> object:
    """Parses JSON text of which, where it is long, the texts are cut as `item_at` does it.

    Raises:
        ValueError: the text is not JSON, or longer than `MAX_JSON` characters even so.
    """
    if len(written) <= reading.MAX_JSON:
        return reading.parsed(written)
    written = written.strip()
    found, end = item_at(written, 0)
    if end != len(written):
        raise ValueError("not JSON")
    return found


def _items(written: str) -> Iterator[tuple[object, int]]:
    """Yields the items with where each ends, and an error in place of one that is too long."""
    at = 1
    while True:
        at = _BETWEEN.match(written, at, at + _GAP).end()  # type: ignore[union-attr]
        try:
            item, at = item_at(written, at)
        except ItemTooLongError as fault:
            item, at = fault, fault.end
        except ValueError:
            return
        yield item, at


def _long_texts(written: str, at: int) -> tuple[list[tuple[int, int]], int]:
    """Returns where the characters of each long text in a JSON value begin and end, and where the value ends.

    Raises:
        ValueError: it is no text, array or object, or was cut.
    """
    texts: list[tuple[int, int]] = []
    depth = 0
    while at < len(written):
        mark = _MARK.search(written, at, at + _PIECE)
        if mark is None:
            at += _PIECE
            continue
        at, found = mark.end(), mark[0]
        if found[0] == '"':
            begin = mark.start() + 1
            if found == '"':  # with escapes in it, or without an end in this piece
                at = _end_of_string(written, begin)
            if at - begin > _PIECE:
                texts.append((begin, at - 1))
        else:
            depth += 1 if found in "[{" else -1
        if depth <= 0:
            return texts, at
    raise ValueError("not JSON")


def _shortened(written: str, at: int, end: int, texts: list[tuple[int, int]]) -> str:
    """Returns a JSON value with its long texts cut to equal shares of what `MAX_JSON` leaves for them."""
    left = reading.MAX_JSON - (end - at) + sum(stop - begin for begin, stop in texts)
    share = max(0, left // max(1, len(texts)) - MARK_LENGTH)
    pieces: list[str] = []
    for begin, stop in texts:
        if stop - begin > share:
            until = begin
            while until + _PIECE <= begin + share:
                until = _unescaped(written, until)
            pieces += written[at:until], length_mark(stop - begin)
            at = stop
    return "".join([*pieces, written[at:end]])


def _end_of_string(written: str, at: int) -> int:
    """Returns where a string ends, behind its quote. `at` is where its characters begin."""
    while at < len(written):
        passed = _unescaped(written, at)
        if written.startswith('"', passed):
            return passed + 1
        if passed == at:
            break
        at = passed
    raise ValueError("not JSON")


def _unescaped(written: str, at: int) -> int:
    """Returns where a piece of a string ends that divides no escape."""
    return _CHARACTERS.match(written, at, at + _PIECE).end()  # type: ignore[union-attr]
