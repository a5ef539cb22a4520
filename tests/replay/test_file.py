"""Files as they are found: long lines, incomplete lines, dumps, and other things."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest

from roark_otel._replay import file
from roark_otel._replay.dump import spans_of_dump
from roark_otel._replay.file import (
    BadPart,
    Dump,
    Part,
    RequestFile,
    SpanPart,
    Unknown,
    kind_of,
    read_dump,
    read_lines,
    read_messages,
    read_parts,
    read_resources,
    unpacked_file,
)
from support import otlp_requests

EMPTY = b'{"resourceSpans": []}'


def read(content: bytes, offset: int = 0) -> list[Part]:
    return list(read_lines(io.BytesIO(content), offset))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", RequestFile(read_lines, "line")),
        (b'\n {"a": 1}', RequestFile(read_lines, "line")),
        (b" [", Dump()),
        (b"\x05\x01", Unknown),
    ],
)
def test_kind_of_a_file(content: bytes, kind: object) -> None:
    opened = io.BytesIO(content)

    found = kind_of(opened)

    assert found == kind or type(found) is kind
    assert opened.tell() == 0


def test_lines_know_their_place() -> None:
    assert read(EMPTY + b"\n\n" + EMPTY + b"\n") == [SpanPart((), 0, 22), SpanPart((), 23, 45)]
    assert read(EMPTY + b"\n\n" + EMPTY + b"\n", 23) == [SpanPart((), 23, 45)]


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

    assert read(line + b"\n" + EMPTY + b"\n") == [BadPart("line", 1, why, end), SpanPart((), end, end + 22)]


def test_an_incomplete_last_line_is_left_for_later() -> None:
    assert read(EMPTY + b"\n" + EMPTY[:9]) == [SpanPart((), 0, 22)]
    assert read(EMPTY + b"\n" + EMPTY) == [SpanPart((), 0, 22), SpanPart((), 22, 43)]


@pytest.mark.parametrize("is_last", [False, True])
def test_a_line_that_is_too_long_is_never_in_memory(monkeypatch: pytest.MonkeyPatch, is_last: bool) -> None:
    monkeypatch.setattr(file, "MAX_LINE_BYTES", 30)
    content = b"x" * 100 + (b"" if is_last else b"\n" + EMPTY + b"\n")

    after = [] if is_last else [SpanPart((), 101, 123)]
    assert read(content) == [BadPart("line", 1, "longer than 64 MiB", 100 if is_last else 101), *after]


def test_a_dump_is_read_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    span = {"name": "x", "trace_id": "1", "span_id": "2", "start_ns": 5, "end_ns": None}
    content = json.dumps([span]).encode()

    whole = read_dump(io.BytesIO(content))
    assert isinstance(whole, SpanPart)
    assert [found.record.span_id for found in whole.spans] == [2]
    assert read_dump(io.BytesIO(content[:-1])) == BadPart("line", 1, "not JSON", len(content) - 1)
    monkeypatch.setattr(file, "MAX_DUMP_BYTES", 10)
    assert read_dump(io.BytesIO(content)) == BadPart("line", 1, "a dump longer than 256 MiB", 11)


@pytest.mark.parametrize(
    "document", [{}, [1], [{}], [{"trace_id": 1}], [{"trace_id": "1", "span_id": "2", "end_ns": "x"}]]
)
def test_what_is_not_a_dump_is_a_value_error(document: object) -> None:
    with pytest.raises(ValueError, match="dump"):
        list(spans_of_dump(document))


# Protobuf

A_SPAN = otlp_requests.span(otlp_requests.field(5, "turn"))
MESSAGE = otlp_requests.request(A_SPAN)


def delimited(*messages: bytes) -> bytes:
    return b"".join(len(one).to_bytes(4, "big") + one for one in messages)


def parts_of(content: bytes, offset: int = 0) -> list[Part]:
    opened = unpacked_file(io.BytesIO(content))
    kind = kind_of(opened)
    assert isinstance(kind, RequestFile)
    return list(read_parts(kind, opened, offset))


def places(parts: list[Part]) -> list[tuple[int, int, int]]:
    """Returns the number of spans of each part, and its place."""
    return [(len(one.spans), one.start, one.end) for one in parts if isinstance(one, SpanPart)]


@pytest.mark.parametrize(("content", "head"), [(delimited(MESSAGE, MESSAGE), 4), (MESSAGE + MESSAGE, 0)])
def test_messages_know_their_place(content: bytes, head: int) -> None:
    size = head + len(MESSAGE)

    assert places(parts_of(content)) == [(1, 0, size), (1, size, 2 * size)]
    assert places(parts_of(content, size)) == [(1, size, 2 * size)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("content", [delimited(MESSAGE, MESSAGE), MESSAGE + MESSAGE])
def test_an_incomplete_last_message_is_left_for_later(content: bytes, pack: Any) -> None:
    for missing in range(1, len(content) // 2):
        assert len(places(parts_of(pack(content[:-missing])))) == 1


def test_a_bad_message_is_reported_and_skipped() -> None:
    bad = otlp_requests.request(otlp_requests.span(trace=b""))
    end = 2 * len(MESSAGE) + len(bad)

    assert parts_of(MESSAGE + bad + MESSAGE)[1:] == [
        BadPart("message", 2, "a span has no id", len(MESSAGE) + len(bad)),
        *parts_of(MESSAGE + bad + MESSAGE, end - len(MESSAGE)),
    ]
    assert [type(one) for one in parts_of(delimited(MESSAGE, bad, b"\xff", MESSAGE))] == [
        SpanPart,
        BadPart,
        BadPart,
        SpanPart,
    ]


def test_what_follows_a_request_and_is_not_one_is_reported() -> None:
    assert parts_of(MESSAGE + b"\x00garbage")[1:] == [
        BadPart("message", 2, "not protobuf from here on", len(MESSAGE) + 2)
    ]
    assert parts_of(MESSAGE + b"\x0a" + b"\xff" * 9)[1:] == [
        BadPart("message", 2, "not protobuf from here on", len(MESSAGE) + 6)
    ]


def test_a_damaged_size_is_reported_though_the_message_never_ends() -> None:
    whole = delimited(MESSAGE)
    for rest in (b"\xff\xff\xff\xff" + MESSAGE, b"\x04\x00\x00\x01" + MESSAGE):
        assert parts_of(whole + rest)[1:] == [BadPart("message", 2, "longer than 64 MiB", len(whole))]


@pytest.mark.parametrize("packed", [delimited, lambda *messages: b"".join(messages)])
def test_a_message_that_is_too_long_is_never_in_memory(monkeypatch: pytest.MonkeyPatch, packed: Any) -> None:
    long = otlp_requests.request(otlp_requests.span(otlp_requests.field(5, "x" * 200)))
    content = packed(MESSAGE, long, MESSAGE)
    monkeypatch.setattr(file, "MAX_LINE_BYTES", 100)
    opened = io.BytesIO(content)
    read = read_messages if packed is delimited else read_resources
    found = list(read(opened, 0))

    assert [type(one) for one in found] == [SpanPart, BadPart, SpanPart]
    assert found[-1].end == len(content)
    cut = list(read(io.BytesIO(content[: -len(packed(MESSAGE)) - 5]), 0))
    assert [type(one) for one in cut] == [SpanPart, BadPart]
    assert cut[-1].end == cut[0].end  # left for later: it may still grow


@pytest.mark.parametrize("content", [delimited(MESSAGE) * 40, MESSAGE * 40, (EMPTY + b"\n") * 40])
def test_what_gzip_has_packed_is_read(content: bytes) -> None:
    packed = gzip.compress(content[: len(content) // 2]) + gzip.compress(content[len(content) // 2 :])

    assert parts_of(packed) == parts_of(content)


@pytest.mark.parametrize("content", [delimited(MESSAGE) * 4_000, MESSAGE * 4_000, (EMPTY + b"\n") * 4_000])
def test_a_packed_file_that_is_damaged_is_read_as_far_as_it_is_good(content: bytes) -> None:
    packed = gzip.compress(content)
    assert parts_of(packed[:-8])[:-1] == parts_of(content)
    (*_, cut) = parts_of(packed[:-8])
    assert isinstance(cut, BadPart)
    assert "damaged or cut off here" in cut.why
    stored = gzip.compress(content, 0)
    for damaged in (packed[:-8], stored[: len(content) // 2], stored[: len(content) // 2] + b"\xff" * 40, packed[:8]):
        *good, last = parts_of(damaged)

        assert isinstance(last, BadPart)
        assert "damaged or cut off here" in last.why or "not protobuf from here on" in last.why
        assert bool(good) is (damaged != packed[:8])
    assert [type(one) for one in parts_of(b"\x1f\x8bnot gzip")] == [BadPart]
    assert parts_of(packed + bytes(512)) == parts_of(content)


def test_a_dump_may_be_packed() -> None:
    span = {"name": "x", "trace_id": "1", "span_id": "2", "start_ns": 5, "end_ns": None}
    packed = gzip.compress(json.dumps([span]).encode())

    assert isinstance(read_dump(unpacked_file(io.BytesIO(packed))), SpanPart)
    assert isinstance(read_dump(unpacked_file(io.BytesIO(packed[:-9]))), BadPart)
