"""A file of spans, read line by line: only one line is in memory, however long the file is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from roark_otel._replay.dump import spans_of_dump
from roark_otel._replay.otlp_json import spans_of_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from roark_otel._replay.gathering import RecordedSpan

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""The longest line that is read. The Collector writes no longer ones: its requests have this limit."""

MAX_DUMP_BYTES: Final = 256 * 1024 * 1024
"""The largest dump that is read. A dump is one JSON value, and is in memory as a whole."""

_COMPRESSED: Final = {b"\x1f\x8b": "gzip -dc", b"\x28\xb5\x2f\xfd": "zstd -dc"}


@dataclass(frozen=True, slots=True)
class SpanLine:
    """The spans of one line. `start` and `end` are its place in the file, in bytes."""

    spans: tuple[RecordedSpan, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be read, and why. Its number counts from where reading began."""

    number: int
    why: str
    end: int


Line: TypeAlias = "SpanLine | BadLine"


@dataclass(frozen=True, slots=True)
class Lines:
    """A file of OTLP requests, one per line, to which more may be written."""


@dataclass(frozen=True, slots=True)
class Dump:
    """A recorded dump, which is complete."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something else; `cure` says what to do."""

    cure: str


FileKind: TypeAlias = "Lines | Dump | Unknown"


def kind_of(file: BinaryIO) -> FileKind:
    """Returns what a file is, by its first bytes. Leaves it at its beginning."""
    first = file.read(4096)
    file.seek(0)
    for magic, command in _COMPRESSED.items():
        if first.startswith(magic):
            return Unknown(f"it is compressed: {command} FILE > FILE.json first")
    match first.lstrip()[:1]:
        case b"{" | b"":
            return Lines()
        case b"[":
            return Dump()
        case _:
            return Unknown("it is neither OTLP as JSON lines (exporter file of the Collector) nor a recorded dump")


def read_lines(file: BinaryIO, offset: int) -> Iterator[Line]:
    """Reads the lines from this offset on. Leaves an incomplete last line for the next time."""
    file.seek(offset)
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        start, offset = offset, offset + len(line)
        is_whole = line.endswith(b"\n")
        if len(line) > MAX_LINE_BYTES and not is_whole:
            offset += _skip(file)
            yield BadLine(number, "longer than 64 MiB", offset)
        elif line.strip():
            read = _read(line, number, start, offset)
            if isinstance(read, BadLine) and not is_whole:
                return
            yield read


def read_dump(file: BinaryIO) -> Line:
    """Reads all spans of a recorded dump."""
    content = file.read(MAX_DUMP_BYTES + 1)
    if len(content) > MAX_DUMP_BYTES:
        return BadLine(1, "a dump longer than 256 MiB", len(content))
    try:
        return SpanLine(tuple(spans_of_dump(json.loads(content))), 0, len(content))
    except (ValueError, RecursionError) as fault:
        return BadLine(1, _why(fault), len(content))


def _read(line: bytes, number: int, start: int, end: int) -> Line:
    try:
        request = cast("object", json.loads(line))
        if not isinstance(request, dict):
            return BadLine(number, "not a JSON object", end)
        return SpanLine(tuple(spans_of_request(cast("dict[str, object]", request))), start, end)
    except (ValueError, RecursionError) as fault:
        return BadLine(number, _why(fault), end)


def _why(fault: ValueError | RecursionError) -> str:
    """Returns the reason, without quoting the line."""
    return "not JSON" if isinstance(fault, (json.JSONDecodeError, UnicodeDecodeError, RecursionError)) else str(fault)


def _skip(file: BinaryIO) -> int:
    """Reads to the end of a line. Returns the number of bytes."""
    skipped = 0
    while piece := file.readline(MAX_LINE_BYTES):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
