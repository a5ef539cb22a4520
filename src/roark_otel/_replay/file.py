"""A file of spans, read line by line: however long it is, one line is in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from roark_otel._replay import dump, otlp_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from roark_otel._replay.found import Found

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""A longer line is none of the Collector's, whose requests have this limit."""

MAX_DUMP_BYTES: Final = 256 * 1024 * 1024
"""A recorded dump is one JSON value and has to be read whole."""

_COMPRESSED: Final = {b"\x1f\x8b": "gzip -dc", b"\x28\xb5\x2f\xfd": "zstd -dc"}


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of one line. `start` and `end` are where it is in the file, in bytes."""

    spans: tuple[Found, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be read, its number counted from where reading began, and why."""

    number: int
    why: str
    end: int


Line: TypeAlias = "Spans | BadLine"


@dataclass(frozen=True, slots=True)
class Lines:
    """A file of OTLP requests, one a line, of which more may come."""


@dataclass(frozen=True, slots=True)
class Dump:
    """A recorded dump, which is whole."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something else; `cure` says what to do."""

    cure: str


Kind: TypeAlias = "Lines | Dump | Unknown"


def kind_of(file: BinaryIO) -> Kind:
    """What a file is, by its first bytes. It is left at its beginning."""
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
    """The lines from this offset on. A last line without its end is left for later if it is not whole."""
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
    """All spans of a recorded dump."""
    content = file.read(MAX_DUMP_BYTES + 1)
    if len(content) > MAX_DUMP_BYTES:
        return BadLine(1, "a dump longer than 256 MiB", len(content))
    try:
        return Spans(tuple(dump.spans(json.loads(content))), 0, len(content))
    except (ValueError, RecursionError) as fault:
        return BadLine(1, _why(fault), len(content))


def _read(line: bytes, number: int, start: int, end: int) -> Line:
    try:
        told = cast("object", json.loads(line))
        if not isinstance(told, dict):
            return BadLine(number, "not a JSON object", end)
        return Spans(tuple(otlp_json.spans(cast("dict[str, object]", told))), start, end)
    except (ValueError, RecursionError) as fault:
        return BadLine(number, _why(fault), end)


def _why(fault: ValueError | RecursionError) -> str:
    """Why, without a word of what stands there."""
    return "not JSON" if isinstance(fault, (json.JSONDecodeError, UnicodeDecodeError, RecursionError)) else str(fault)


def _skip(file: BinaryIO) -> int:
    """Reads to the end of a line, and says how many bytes that were."""
    skipped = 0
    while piece := file.readline(MAX_LINE_BYTES):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
