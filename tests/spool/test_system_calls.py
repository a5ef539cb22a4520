"""What a call costs in system calls on its way through the spool: counts, which no slow machine changes."""

from __future__ import annotations

import os
import stat
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from roark_otel._spool import recent
from roark_otel._spool.claims import Replaced, Saved, Spooled
from roark_otel._spool.file import Header, to_bytes
from roark_otel._spool.names import CallName, Stage, late_name
from roark_otel._spool.spool import Spool
from support.counting import counted
from support.spool_names import call_name

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there no file is found from an open directory")

HEADER = Header("call-1", "a1", 1_795_348_364.25, 0.0, turns=2, tools=1)
BODY = b'{"externalId":"call-1"}'

WRITE = {"urandom": 1, "open": 1, "write": 1, "fsync": 1, "fstat": 1, "close": 1, "replace": 1}
"""A temporary file with a name of its own is synced, its status is noted, and it gets the name of the call."""

CLAIM = {"open": 1, "flock": 1, "fstat": 1, "stat": 1, "close": 1}
"""The file, which is still the one by its name when its lock is held."""


@pytest.fixture(name="calls")
def _calls(tmp_path: Path) -> Spool:
    """A spool that has saved a call before: its directory is made, measured and open."""
    calls = Spool(tmp_path / "spool" / "project")
    put(calls, 0)
    return calls


def name_of(number: int) -> str:
    return call_name("call", number)


def put(calls: Spool, number: int, body: bytes = BODY, stage: Stage = Stage.READY) -> None:
    assert calls.put(name_of(number), HEADER, body, stage) == Saved(name_of(number))


def deliver(calls: Spool, number: int) -> Spooled:
    with calls.claim(name_of(number)) as call:
        assert isinstance(call, Spooled)
        assert calls.mark_tried(call)
        calls.remove(call, "id")
    return call


def test_a_call_is_spooled(calls: Spool) -> None:
    """Its name is looked for in each stage, the file is written, and the directory synced."""
    with counted() as counts:
        put(calls, 1)

    assert counts == {**WRITE, "access": 3, "fsync": 2}


def test_late_tool_invocations_are_spooled(calls: Spool) -> None:
    """There is no earlier version of them to look for."""
    with counted() as counts:
        calls.put(late_name(name_of(1), 1), HEADER, BODY, Stage.LATE)

    assert counts == {**WRITE, "fsync": 2}


def test_calls_that_finish_together_share_a_sync_of_the_directory(calls: Spool) -> None:
    with counted() as counts, calls.together():
        for number in range(1, 9):
            put(calls, number)

    assert counts == {**{name: 8 * count for name, count in WRITE.items()}, "access": 3 * 8, "fsync": 8 + 1}


def test_a_conversation_that_goes_on_is_saved(calls: Spool) -> None:
    """Of the others that go on, the disk is asked nothing but their names, to find what a dead process left of it."""
    open_calls = calls.open_calls
    assert open_calls is not None
    for number in range(1, 9):
        assert open_calls.save(name_of(number), HEADER, BODY)
    with counted() as counts:
        assert open_calls.part_of(CallName.parse(name_of(9)).id_hash, name_of(9)) == (b"", ())
        assert open_calls.part_of(CallName.parse(name_of(9)).id_hash, name_of(9)) == (b"", ())

    assert counts == {"listdir": 1}


def test_saving_what_goes_on_syncs_nothing(calls: Spool) -> None:
    """A sync comes when the conversation has ended: until then the next save replaces this one."""
    open_calls = calls.open_calls
    assert open_calls is not None
    assert open_calls.save(name_of(1), HEADER, BODY)
    with counted() as counts:
        assert open_calls.save(name_of(1), HEADER, BODY)

    assert counts["replace"] == 1
    assert not {"fsync", "fdatasync", "sync"} & counts.keys()


def test_a_call_that_was_just_spooled_is_delivered_without_being_read(calls: Spool) -> None:
    """It is claimed, marked as tried, which is synced, and removed."""
    put(calls, 1)
    with counted() as counts:
        call = deliver(calls, 1)

    assert counts == {**CLAIM, "replace": 1, "fsync": 1, "unlink": 1}
    assert (call.header, call.body) == (HEADER, BODY)


def test_a_call_of_another_process_is_read_once(calls: Spool, tmp_path: Path) -> None:
    put(Spool(tmp_path / "spool" / "project"), 1)
    with counted() as counts:
        call = deliver(calls, 1)

    assert counts == {**CLAIM, "read": 1, "replace": 1, "fsync": 1, "unlink": 1}
    assert (call.header, call.body) == (HEADER, BODY)


def test_a_call_gets_its_recording(calls: Spool) -> None:
    """One that is ready already is looked for; another file is written, and the one that waited is removed."""
    put(calls, 1, stage=Stage.WAITING)
    with counted() as counts:
        with calls.claim(name_of(1), (Stage.WAITING, Stage.READY)) as call:
            assert isinstance(call, Spooled)
            calls.rewrite(call, HEADER, b"{}", Stage.READY)
        assert deliver(calls, 1).body == b"{}"

    expected = {"urandom": 1, "open": 4, "write": 1, "fsync": 3, "fstat": 3, "close": 3, "replace": 2}
    assert counts == {**expected, "flock": 2, "stat": 2, "unlink": 2}


def test_what_was_just_written_is_bounded(calls: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest call is read from its file, and the others are not."""
    monkeypatch.setattr(recent, "MAX_RECENT_BYTES", 2 * len(BODY))
    for number in (1, 2, 3):
        put(calls, number)
    reads = []
    for number in (1, 2, 3):
        with counted() as counts:
            assert deliver(calls, number).body == BODY
        reads.append(counts["read"])

    assert reads == [1, 0, 0]


def test_a_call_is_taken_from_memory_once(calls: Spool) -> None:
    """If the attempt fails, it does not stay there for as long as Roark is down."""
    put(calls, 1)
    with counted() as counts:
        for _ in range(2):
            with calls.claim(name_of(1)) as call:
                assert isinstance(call, Spooled)
                assert call.body == BODY

    assert counts["read"] == 1


# What changed meanwhile


def test_a_call_that_another_process_changed_is_read(calls: Spool, tmp_path: Path) -> None:
    put(calls, 1)
    other = Spool(tmp_path / "spool" / "project")
    with other.claim(name_of(1)) as call:
        assert isinstance(call, Spooled)
        other.rewrite(call, HEADER, b'{"externalId":"CALL-1"}', Stage.READY)

    assert deliver(calls, 1).body == b'{"externalId":"CALL-1"}'


def test_a_call_that_a_person_edited_is_read(calls: Spool, tmp_path: Path) -> None:
    put(calls, 1)
    edited = b'{"externalId":"call-1","properties":{}}'
    (tmp_path / "spool" / "project" / f"{name_of(1)}.ready.jsonl").write_bytes(to_bytes(HEADER, edited))

    assert deliver(calls, 1).body == edited


def test_a_call_that_another_process_tried_is_one_that_was_tried(calls: Spool, tmp_path: Path) -> None:
    put(calls, 1)
    other = Spool(tmp_path / "spool" / "project")
    with other.claim(name_of(1)) as call:
        assert isinstance(call, Spooled)
        other.mark_tried(call)

    with calls.claim(name_of(1)) as call:
        assert isinstance(call, Spooled)
        assert (call.tried, call.body) == (True, BODY)


def test_a_later_version_is_what_is_delivered(calls: Spool) -> None:
    put(calls, 1)
    assert calls.put(name_of(1), HEADER, b'{"externalId":"CALL-1"}', Stage.READY) == Replaced(name_of(1), Stage.READY)
    merged = calls.merge(name_of(1), {"recordingUrl": "https://example.com/a.wav"})

    assert merged is not None
    assert (
        deliver(calls, 1).body == merged.body == b'{"externalId":"CALL-1","recordingUrl":"https://example.com/a.wav"}'
    )


# Files that are written together


def test_the_directory_is_synced_after_all_names(calls: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is synced before it gets its name, and the directory at the end of the block."""
    synced: list[tuple[str, int]] = []
    real = os.fsync

    def fsync(file: int) -> None:
        kind = "file" if stat.S_ISREG(os.fstat(file).st_mode) else "directory"
        synced.append((kind, len(list((tmp_path / "spool" / "project").glob("*.jsonl")))))
        real(file)

    monkeypatch.setattr("os.fsync", fsync)
    with calls.together():
        put(calls, 1)
        put(calls, 2)

    assert synced == [("file", 1), ("file", 2), ("directory", 3)]


def test_only_the_thread_of_the_block_waits_for_its_end(calls: Spool) -> None:
    """The courier's mark that a call was tried is on the disk before the call is sent."""
    put(calls, 1)

    def courier() -> None:
        deliver(calls, 1)

    with calls.together():
        put(calls, 2)
        thread = threading.Thread(target=courier, name="a courier")
        with counted("a courier") as counts:
            thread.start()
            thread.join()
    assert counts["fsync"] == 1
