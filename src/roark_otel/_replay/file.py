"""A file of spans, read part by part: only one line or message is in memory, however long the file is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from roark_otel._replay.dump import spans_of_dump
from roark_otel._replay.packed import MAGIC, UnpackedFile
from roark_otel._sources.otlp.limits import MAX_REQUEST_BYTES, UnreadableRequest
from roark_otel._sources.otlp.request import spans_of, spans_of_json
from roark_otel._sources.otlp.wire import varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from roark_otel._sources.recorded import RecordedSpan

MAX_LINE_BYTES: Final = MAX_REQUEST_BYTES
"""The longest line or message that is read. The Collector writes no longer ones: its requests have this limit."""

MAX_DUMP_BYTES: Final = 256 * 1024 * 1024
"""The largest dump that is read. A dump is one JSON value, and is in memory as a whole."""

_BOM: Final = b"\xef\xbb\xbf"
"""What some programs, most of Windows, write before UTF-8."""
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")

_CUT_OFF: Final = "the file is packed with gzip, and damaged or cut off here"
_OF_CONSOLE: Final = re.compile(rb'"trace_id"\s*:\s*"0x[0-9a-f]{32}"')
_OVER_LINES: Final = re.compile(rb'\s*\{\s*\n\s*"resource_?[sS]pans"')
_IN_A_LIST: Final = re.compile(rb'\s*\[\s*\{\s*"resource_?[sS]pans"')
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PIECE_BYTES: Final = 1024 * 1024
_TOO_LONG: Final = f"longer than {MAX_LINE_BYTES // 2**20} MiB"

_RESOURCE_SPANS: Final = 0x0A
"""The tag with which each part of a request in protobuf begins."""
_FIELDS_OF_A_RESOURCE: Final = frozenset({0x0A, 0x12, 0x1A})
_LONGEST_SIZE: Final = 5
"""The most bytes of that tag and the size after it, of a part that is not too long."""

Unit: TypeAlias = Literal["line", "message"]


class PlaceInFile(NamedTuple):
    """Where a part begins and ends in the file, in bytes."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SpanPart:
    """The spans of one part. `start` and `end` are its place in the file, in bytes."""

    spans: tuple[RecordedSpan, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class BadPart:
    """A line or message that cannot be read, and why. Its number counts from where reading began."""

    unit: Unit
    number: int
    why: str
    end: int


Part: TypeAlias = "SpanPart | BadPart"


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A file of OTLP requests, to which more may be written. `read` reads those from an offset on."""

    read: Callable[[BinaryIO, int], Iterator[Part]]
    unit: Unit


@dataclass(frozen=True, slots=True)
class Dump:
    """A recorded dump, which is complete."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something else; `cure` says what to do."""

    cure: str


FileKind: TypeAlias = "RequestFile | Dump | Unknown"


def unpacked_file(file: BinaryIO) -> BinaryIO:
    """Returns a file as it was before gzip packed it; the file itself if none did. Leaves it at its beginning."""
    magic = file.read(len(MAGIC))
    file.seek(0)
    return UnpackedFile(file) if magic == MAGIC else file


def read_parts(parts: RequestFile, file: BinaryIO, offset: int) -> Iterator[Part]:
    """Reads the parts of a file from an offset on, up to where it is damaged."""
    number, end = 0, offset
    for part in parts.read(file, offset):
        number, end = number + 1, part.end
        yield part
    if _is_damaged(file):
        yield BadPart(parts.unit, number + 1, _CUT_OFF, end)


def kind_of(file: BinaryIO) -> FileKind:
    """Returns what a file is, by its first bytes. Leaves it at its beginning."""
    first = file.read(4096).removeprefix(_BOM)
    file.seek(0)
    if first.startswith(_UTF_16):
        return Unknown("it is UTF-16: write it as UTF-8 first")
    if first.startswith(_ZSTD):
        return Unknown("it is compressed: zstd -dc FILE > FILE.json first")
    if first[4:].startswith(_ZSTD):
        return Unknown("each message is compressed: leave out `compression` of the Collector's file exporter")
    if _begins_with_message(first):
        return RequestFile(read_resources, "message")
    if len(first) > 0 and first[0] <= MAX_LINE_BYTES >> 24:
        return RequestFile(read_messages, "message")
    if _OF_CONSOLE.search(first):
        return Unknown(
            "it is what the SDK's console exporter prints, which is no OTLP: let the Collector's file exporter write it"
        )
    match first.lstrip()[:1]:
        case b"{" if _OVER_LINES.match(first):
            return Unknown("each request has to be one line: jq -c . FILE > FILE.jsonl first")
        case b"{" | b"":
            return RequestFile(read_lines, "line")
        case b"[" if _IN_A_LIST.match(first):
            return Unknown("each request has to be one line: jq -c '.[]' FILE > FILE.jsonl first")
        case b"[":
            return Dump()
        case _:
            return Unknown("it is neither OTLP, as JSON lines or protobuf (exporter file of the Collector), nor a dump")


def _is_damaged(file: BinaryIO) -> bool:
    return isinstance(file, UnpackedFile) and file.is_damaged


def _begins_with_message(first: bytes) -> bool:
    """Returns whether a file begins as a request in protobuf does: with a resource, in which a field has its place."""
    try:
        if first[0] != _RESOURCE_SPANS:
            return False
        size, begin = varint(first, 1)
        inner, at = varint(first, begin + 1)
    except (IndexError, UnreadableRequest):
        return False
    return first[begin] in _FIELDS_OF_A_RESOURCE and at + inner <= begin + size


def read_lines(file: BinaryIO, offset: int) -> Iterator[Part]:
    """Reads the lines from this offset on. Leaves an incomplete last line for the next time."""
    file.seek(offset)
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        start, offset = offset, offset + len(line)
        is_whole = line.endswith(b"\n")
        if len(line) > MAX_LINE_BYTES and not is_whole:
            offset += _skip_line(file)
            yield BadPart("line", number, _TOO_LONG, offset)
        elif content := line.removeprefix(_BOM).strip():
            read = _read(content, spans_of_json, "line", number, PlaceInFile(start, offset))
            if isinstance(read, BadPart) and not is_whole:
                return
            yield read


def read_messages(file: BinaryIO, offset: int) -> Iterator[Part]:
    """Reads messages from this offset on, each after its size in four bytes. Leaves an incomplete last one."""
    file.seek(offset)
    number = 0
    while len(head := file.read(4)) == 4:
        number += 1
        part = _read_message(file, b"", int.from_bytes(head, "big"), number, offset)
        if part is None:
            return
        yield part
        offset = part.end


def read_resources(file: BinaryIO, offset: int) -> Iterator[Part]:
    """Reads a request of any size from this offset on, one resource after the other, each as a request of its own."""
    file.seek(offset)
    number = 0
    while head := file.read(1):
        number += 1
        while len(head) <= _LONGEST_SIZE and (byte := file.read(1)):
            head += byte
            if byte < b"\x80":
                break
        if head[0] != _RESOURCE_SPANS or len(head) > _LONGEST_SIZE:
            yield BadPart("message", number, "not protobuf from here on", offset + len(head))
            return
        if len(head) == 1 or head[-1] & 0x80:
            return
        part = _read_message(file, head, varint(head, 1)[0], number, offset)
        if part is None:
            return
        yield part
        offset = part.end


def read_dump(file: BinaryIO) -> Part:
    """Reads all spans of a recorded dump."""
    content = file.read(MAX_DUMP_BYTES + 1)
    if _is_damaged(file):
        return BadPart("line", 1, _CUT_OFF, len(content))
    if len(content) > MAX_DUMP_BYTES:
        return BadPart("line", 1, "a dump longer than 256 MiB", len(content))
    try:
        return SpanPart(tuple(spans_of_dump(json.loads(content))), 0, len(content))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return BadPart("line", 1, "not JSON", len(content))
    except ValueError as fault:
        return BadPart("line", 1, str(fault), len(content))


def _read(
    content: bytes, read: Callable[[bytes], list[RecordedSpan]], unit: Unit, number: int, place: PlaceInFile
) -> Part:
    try:
        return SpanPart(tuple(read(content)), *place)
    except UnreadableRequest as fault:
        return BadPart(unit, number, str(fault), place.end)


def _read_message(file: BinaryIO, head: bytes, size: int, number: int, start: int) -> Part | None:
    """Reads a message of this size, of which some bytes were read. Returns None if the file ends within it.

    One that is too long is reported even then: most often its size is what is damaged, and it never ends.
    """
    if size > MAX_LINE_BYTES:
        is_whole = _skip(file, size) == size
        return BadPart("message", number, _TOO_LONG, file.tell() if is_whole else start)
    content = file.read(size)
    if len(content) < size:
        return None
    return _read(head + content, spans_of, "message", number, PlaceInFile(start, file.tell()))


def _skip(file: BinaryIO, size: int) -> int:
    """Skips up to this many bytes. Returns the number skipped."""
    skipped = 0
    while piece := file.read(min(size - skipped, _PIECE_BYTES)):
        skipped += len(piece)
    return skipped


def _skip_line(file: BinaryIO) -> int:
    """Reads to the end of a line. Returns the number of bytes."""
    skipped = 0
    while piece := file.readline(_PIECE_BYTES):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
