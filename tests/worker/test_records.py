"""What is written between the stages is read as it was written, whatever else is in the topic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from roark_otel._worker.frames import framed, requests_of
from roark_otel._worker.recordings import announced_recording
from roark_otel._worker.records import (
    MAX_RECORD_HEAD,
    Progress,
    RecordingNews,
    RootEnded,
    SpanNews,
    UnknownRecord,
    read_record,
    write_record,
)
from roark_otel._worker.tombstones import UNKNOWN_CALL, Tombstone

IDS = some.text(min_size=1, max_size=255).filter(lambda text: text.isprintable())


@given(IDS, some.sampled_from(RootEnded), some.integers(0, 2**63), some.binary(max_size=100))
def test_records_are_read_as_they_were_written(name: str, ended: RootEnded, at_ms: int, content: bytes) -> None:
    for record in (SpanNews(name, ended, at_ms, content), RecordingNews(name, at_ms, "https://example.com/a.wav")):
        written = write_record(record)
        assert read_record(written) == record
        assert len(written) - len(content) <= MAX_RECORD_HEAD - len(name.encode())
    assert read_record(write_record(Progress(3, 7, at_ms))) == Progress(3, 7, at_ms)


@given(some.binary(max_size=60))
def test_anything_else_is_unknown_or_a_record(written: bytes) -> None:
    assert isinstance(read_record(written), (SpanNews, RecordingNews, Progress, UnknownRecord))


@given(some.lists(some.binary(max_size=30), max_size=5), some.integers(0, 40))
def test_requests_come_one_by_one_up_to_one_that_is_cut(requests: list[bytes], cut: int) -> None:
    content = b"".join(map(framed, requests))
    assert list(requests_of(content)) == requests
    found = list(requests_of(content[: max(0, len(content) - cut)]))
    assert found == requests[: len(found)]


@given(some.frozensets(some.integers(1, 2**64 - 1), max_size=9), some.none() | some.text(max_size=9))
def test_a_tombstone_is_read_as_it_was_written(spans: frozenset[int], call_id: str | None) -> None:
    one = Tombstone(call_id, 1, 2, 3, 4, True, spans)
    assert Tombstone.from_bytes(one.to_bytes()) == one
    assert Tombstone.from_bytes(UNKNOWN_CALL.to_bytes()) == UNKNOWN_CALL


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        (b"a", b"https://example.com/a.wav\n", ("a", "https://example.com/a.wav")),
        (b"a", b'{"recordingUrl": "https://example.com/a.wav"}', ("a", "https://example.com/a.wav")),
        (b"a", b"no URL", None),
        (b"a", b"{}", None),
        (b"a", b"{", None),
        (b"a", b'{"recordingUrl": 1}', None),
        (b"", b"https://example.com/a.wav", None),
        (None, b"https://example.com/a.wav", None),
        (b"a", None, None),
        (b"\xff", b"https://example.com/a.wav", None),
        (b"a" * 256, b"https://example.com/a.wav", None),
    ],
)
def test_a_recording_is_a_url_of_an_id(key: bytes | None, value: bytes | None, found: object) -> None:
    assert announced_recording(key, value) == found
