"""Protobuf's wire format: the fields of a message, one after the other.

What the format asks of a parser holds: fields come in any order and more than once, unknown ones are skipped, and so
are known ones of another wire type. An index beyond the end of the message is an `IndexError`, which the entry points
turn into `UnreadableRequest`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._sources.otlp.limits import MAX_DEPTH, UnreadableRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT: Final = 0
_FIXED64: Final = 1
_LENGTH: Final = 2
_START: Final = 3
_END: Final = 4
_FIXED32: Final = 5

_MAX_TAG: Final = 2**32 - 1
_UINT64: Final = 2**64 - 1


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yields the fields of the message between two places of `data`.

    Each is its tag and two numbers: where its content begins and ends, or for a varint its value and 0. Groups, which
    no message of OTLP has, are skipped.

    Raises:
        UnreadableRequest: if it is not a message.
        IndexError: if `data` ends within it.
    """
    while at < end:
        tag = data[at]
        at += 1
        if tag & 0x80:
            tag, at = varint(data, at - 1)
        kind = tag & 7
        if not 8 <= tag <= _MAX_TAG:
            raise UnreadableRequest("not protobuf: a field has no number")
        if kind == _LENGTH:
            size = data[at]
            at += 1
            if size & 0x80:
                size, at = varint(data, at - 1)
            first, at = at, at + size
            if at > end:
                break
            yield tag, first, at
        elif kind == _VARINT:
            value = data[at]
            at += 1
            if value & 0x80:
                value, at = varint(data, at - 1)
            if at > end:
                break
            yield tag, value, 0
        elif kind in (_FIXED64, _FIXED32):
            first, at = at, at + (8 if kind == _FIXED64 else 4)
            if at > end:
                break
            yield tag, first, at
        elif kind == _START:
            at = _after_group(data, at, end, tag >> 3)
        else:
            raise UnreadableRequest("not protobuf: a field has an unknown type")
    if at != end:
        raise UnreadableRequest("a field is longer than what it is in")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Returns an unsigned number of up to 64 bits, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _UINT64, at
    raise UnreadableRequest("not protobuf: a number is longer than 64 bits")


def _after_group(data: bytes, at: int, end: int, number: int) -> int:
    """Returns the place after a group of this number, whose first tag was read."""
    opened = [number]
    while opened:
        if at >= end or len(opened) > MAX_DEPTH:
            raise UnreadableRequest("not protobuf: a group has no end")
        tag, at = varint(data, at)
        match tag & 7:
            case 0:
                _, at = varint(data, at)
            case 1:
                at += 8
            case 2:
                size, at = varint(data, at)
                at += size
            case 3:
                opened.append(tag >> 3)
            case 4 if opened.pop() == tag >> 3:
                pass
            case 5:
                at += 4
            case _:
                raise UnreadableRequest("not protobuf: a group has another end")
    return at
