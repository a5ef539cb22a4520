"""Files as they are found: long lines, incomplete lines, dumps, and other things."""

from __future__ import annotations

import io
import json

import pytest

from roark_otel._replay import file
from roark_otel._replay.file import BadLine, Dump, Line, Lines, SpanLine, Unknown, kind_of, read_dump, read_lines

EMPTY = b'{"resourceSpans": []}'


def read(content: bytes, offset: int = 0) -> list[Line]:
    return list(read_lines(io.BytesIO(content), offset))


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", Lines()), (b'\n {"a": 1}', Lines()), (b" [", Dump()), (b"\x00\x01", Unknown)],
)
def test_kind_of_a_file(content: bytes, kind: object) -> None:
    opened = io.BytesIO(content)

    found = kind_of(opened)

    assert found == kind or type(found) is kind
    assert opened.tell() == 0


def test_lines_know_their_place() -> None:
    assert read(EMPTY + b"\n\n" + EMPTY + b"\n") == [SpanLine((), 0, 22), SpanLine((), 23, 45)]
    assert read(EMPTY + b"\n\n" + EMPTY + b"\n", 23) == [SpanLine((), 23, 45)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"resourceSpans": 7}', "resourceSpans is not a list"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_line_is_reported_and_skipped(line: bytes, why: str) -> None:
    end = len(line) + 1

    assert read(line + b"\n" + EMPTY + b"\n") == [BadLine(1, why, end), SpanLine((), end, end + 22)]


def test_an_incomplete_last_line_is_left_for_later() -> None:
    assert read(EMPTY + b"\n" + EMPTY[:9]) == [SpanLine((), 0, 22)]
    assert read(EMPTY + b"\n" + EMPTY) == [SpanLine((), 0, 22), SpanLine((), 22, 43)]


@pytest.mark.parametrize("is_last", [False, True])
def test_a_line_that_is_too_long_is_never_in_memory(monkeypatch: pytest.MonkeyPatch, is_last: bool) -> None:
    monkeypatch.setattr(file, "MAX_LINE_BYTES", 30)
    content = b"x" * 100 + (b"" if is_last else b"\n" + EMPTY + b"\n")

    after = [] if is_last else [SpanLine((), 101, 123)]
    assert read(content) == [BadLine(1, "longer than 64 MiB", 100 if is_last else 101), *after]


def test_a_dump_is_read_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    span = {"name": "x", "trace_id": "1", "span_id": "2", "start_ns": 5, "end_ns": None}
    content = json.dumps([span]).encode()

    whole = read_dump(io.BytesIO(content))
    assert isinstance(whole, SpanLine)
    assert [found.record.span_id for found in whole.spans] == [2]
    assert read_dump(io.BytesIO(content[:-1])) == BadLine(1, "not JSON", len(content) - 1)
    monkeypatch.setattr(file, "MAX_DUMP_BYTES", 10)
    assert read_dump(io.BytesIO(content)) == BadLine(1, "a dump longer than 256 MiB", 11)
