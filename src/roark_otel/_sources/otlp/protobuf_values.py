"""Attributes in protobuf: keys, and values of every kind."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from roark_otel._sources.otlp.limits import CUT, MAX_DEPTH, Counter
from roark_otel._sources.otlp.wire import fields, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

_INT64_MAX: Final = 2**63 - 1

_double = Struct("<d").unpack_from

_SHORTEST_PAIR: Final = 3
"""A key and a value have four bytes at least."""


class ProtobufValues:
    """Decodes the attributes of one request.

    A value may be in several pieces, so that `data` is not always the request itself.
    """

    __slots__ = ("_texts", "counter")

    def __init__(self) -> None:
        self.counter = Counter()
        self._texts: dict[bytes, str] = {}

    def add_pair(self, into: dict[str, object], data: bytes, first: int, last: int, depth: int = 0) -> None:
        """Adds a key and its value; a key that comes again has the later value."""
        self.counter.add()
        key_last = first + 2 + data[first + 1] if last - first > _SHORTEST_PAIR else last
        if key_last < last and data[first] == 0x0A and data[first + 1] < 0x80 and data[key_last] == 0x12:
            # As encoders write it: the key, then the value.
            size, begin = data[key_last + 1], key_last + 2
            if size & 0x80:
                size, begin = varint(data, key_last + 1)
            if begin + size == last:
                into[self.name(data[first + 2 : key_last])] = self._value(data, begin, last, depth)
                return
        key = ""
        pieces: list[bytes] = []
        for tag, begin, end in fields(data, first, last):
            if tag == 0x0A:
                key = self.name(data[begin:end])
            elif tag == 0x12:
                pieces.append(data[begin:end])
        value = b"".join(pieces)  # pieces of a message are merged, which is what their bytes together are
        into[key] = self._value(value, 0, len(value), depth)

    def _value(self, data: bytes, first: int, last: int, depth: int) -> object:
        """Returns what an `AnyValue` holds, which is what comes last in it; None if it holds nothing."""
        if last - first > 1 and data[first] == 0x0A:  # most often it is one text
            size, begin = data[first + 1], first + 2
            if size & 0x80:
                size, begin = varint(data, first + 1)
            if begin + size == last:
                return str(data[begin:last], "utf-8", "replace")
        found: object = None
        kind = 0
        elements: list[object] = []
        pairs: dict[str, object] = {}
        for tag, begin, end in fields(data, first, last):
            if tag == 0x2A:
                elements = elements if tag == kind else []
                found = CUT if depth >= MAX_DEPTH else self._add_elements(elements, data, begin, end, depth + 1)
            elif tag == 0x32:
                pairs = pairs if tag == kind else {}
                found = CUT if depth >= MAX_DEPTH else self._add_pairs(pairs, data, begin, end, depth + 1)
            elif tag in _PLAIN:
                found = _PLAIN[tag](data, begin, end)
            else:
                continue
            kind = tag
        return found

    def _add_elements(self, into: list[object], data: bytes, first: int, last: int, depth: int) -> list[object]:
        for tag, begin, end in fields(data, first, last):
            if tag == 0x0A:
                self.counter.add()
                into.append(self._value(data, begin, end, depth))
        return into

    def _add_pairs(self, into: dict[str, object], data: bytes, first: int, last: int, depth: int) -> dict[str, object]:
        for tag, begin, end in fields(data, first, last):
            if tag == 0x0A:
                self.add_pair(into, data, begin, end, depth)
        return into

    def name(self, raw: bytes) -> str:
        """Returns the text of a name, which a request has many times."""
        found = self._texts.get(raw)
        if found is None:
            found = self._texts[raw] = str(raw, "utf-8", "replace")
        return found


_PLAIN: Final[Mapping[int, Callable[[bytes, int, int], object]]] = {
    0x0A: lambda data, first, last: str(data[first:last], "utf-8", "replace"),
    0x10: lambda _data, number, _: number != 0,
    0x18: lambda _data, number, _: number - 2**64 if number > _INT64_MAX else number,
    0x21: lambda data, first, _: _double(data, first)[0],
    0x3A: lambda data, first, last: data[first:last],
}
"""What reads the field of an `AnyValue` that is neither a list nor a mapping, by its tag."""


def may_be_pair(data: bytes, first: int, last: int, wanted: Container[bytes]) -> bool:
    """Returns whether an attribute may have one of these names: it has another one only if that comes first."""
    key_last = first + 2 + data[first + 1] if last - first > _SHORTEST_PAIR else last
    is_plain = key_last < last and data[first] == 0x0A and data[first + 1] < 0x80 and data[key_last] == 0x12
    return not is_plain or data[first + 2 : key_last] in wanted
