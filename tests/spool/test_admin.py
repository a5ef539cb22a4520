"""Looking at a spool, and changing it, while processes work on it."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from roark_otel import RoarkSpanProcessor
from roark_otel._spool import admin, taking_over
from roark_otel._spool.admin import Busy, Done, Missing
from roark_otel._spool.claims import Spooled
from roark_otel._spool.file import FILE_FORMAT, Header
from roark_otel._spool.listing import InStage, Measure, directories, list_files, measure, read_body, siblings
from roark_otel._spool.names import Stage
from roark_otel._spool.rejected import Aside
from roark_otel._spool.spool import Spool
from support.helpers import wait_until
from support.spool_names import call_name

if TYPE_CHECKING:
    from pathlib import Path

BODY = b'{"externalId":"x","recordingUrl":"https://example.com/a.wav"}'


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    return tmp_path / "spool" / ("a" * 16)


def header(external_id: str) -> Header:
    return Header(external_id, "a1", 1_795_348_364.25, 0.0, turns=2, tools=1, started_at=1_795_348_300.0)


def put(directory: Path, external_id: str, stage: Stage = Stage.READY, body: bytes = BODY) -> str:
    name = call_name(external_id, 7)
    Spool(directory).put(name, header(external_id), body, stage)
    return name


def reject(directory: Path, external_id: str, reason: str = "text", body: bytes = BODY) -> str:
    name = put(directory, external_id, body=body)
    spool = Spool(directory)
    with spool.claim(name) as call:
        assert isinstance(call, Spooled)
        spool.reject(call, 400, reason)
    return name


def test_every_file_is_listed_with_its_header_and_its_reason(directory: Path) -> None:
    put(directory, "ready")
    put(directory, "waits", Stage.WAITING)
    reject(directory, "wrong")
    (directory / f"{call_name('odd', 7)}.ready.jsonl").write_bytes(b"\x00")
    Spool(directory).put("n-1", Header("new", "a1", 1.0, 0.0, 2, 1, format=FILE_FORMAT + 1), BODY, Stage.READY)

    found = {one.external_id or one.name: one for one in list_files(directory)}

    assert {name: one.state for name, one in found.items()} == {
        "ready": InStage(Stage.READY),
        "waits": InStage(Stage.WAITING),
        "wrong": Aside(400, "text"),
        call_name("odd", 7): InStage(Stage.READY),
        "n-1": InStage(Stage.READY),
    }
    assert found["ready"].header == header("ready")
    assert found["ready"].size == found["ready"].path.stat().st_size
    assert abs(time.time() - found["ready"].since) < 60
    assert read_body(found["wrong"].path) == BODY
    assert read_body(found["n-1"].path) is None


def test_a_directory_is_measured(directory: Path) -> None:
    assert measure(directory) == Measure()
    name = put(directory, "ready")
    put(directory, "waits", Stage.WAITING)
    reject(directory, "wrong")
    path = directory / f"{name}.ready.jsonl"
    os.utime(path, (time.time() - 100, time.time() - 100))

    found = measure(directory)

    assert (found.sendable, found.awaiting_recording, found.rejected) == (1, 1, 1)
    assert found.bytes == sum(one.stat().st_size for one in directory.glob("*.jsonl"))
    assert found.rejected_bytes == sum(one.stat().st_size for one in directory.glob("rejected/*.jsonl"))
    assert 100 <= found.oldest_seconds < 160


def test_a_rejected_call_is_tried_again(directory: Path) -> None:
    name = reject(directory, "wrong")

    assert admin.retry(directory, name) == Done()

    assert [path.name for path in directory.rglob("*.json*")] == [f"{name}.ready.jsonl"]
    assert admin.retry(directory, name) == Missing()


def test_a_rejected_call_without_a_recording_waits_for_one_again(directory: Path) -> None:
    name = reject(directory, "wrong", body=b'{"externalId":"wrong"}')

    admin.retry(directory, name)

    assert [path.name for path in directory.rglob("*.json*")] == [f"{name}.waiting.jsonl"]


def test_a_damaged_file_is_not_tried_again(directory: Path) -> None:
    name = reject(directory, "wrong")
    (directory / "rejected" / f"{name}.jsonl").write_bytes(b"\x00")

    assert admin.retry(directory, name) == Missing()
    assert (directory / "rejected" / f"{name}.jsonl").exists()


def test_a_call_that_waits_is_set_aside(directory: Path) -> None:
    name = put(directory, "call-1", Stage.WAITING)

    assert admin.reject(directory, name, "by hand") == Done()

    (one,) = list_files(directory)
    assert (one.state, one.external_id) == (Aside(0, "by hand"), "call-1")
    assert admin.reject(directory, name, "by hand") == Missing()


def test_a_call_that_is_being_sent_is_left_to_its_courier(directory: Path, tmp_path: Path) -> None:
    name = put(directory, "call-1")
    with Spool(directory).claim(name) as call:
        assert isinstance(call, Spooled)

        assert admin.reject(directory, name, "by hand") == Busy()
        assert taking_over.adopt(tmp_path / "other", directory) == 0


def test_only_rejected_calls_are_purged(directory: Path) -> None:
    put(directory, "ready")
    reject(directory, "wrong")
    reject(directory, "bad")

    assert admin.purge_rejected(directory) == 2

    assert [one.external_id for one in list_files(directory)] == ["ready"]
    assert list((directory / "rejected").iterdir()) == []


def test_the_calls_of_another_directory_are_adopted(directory: Path) -> None:
    source = directory.with_name("b" * 16)
    for external_id in ("one", "taken"):
        put(source, external_id)
    tried = source / f"{call_name('one', 7)}.ready.jsonl"
    tried.rename(tried.with_name(tried.name.replace("ready", "tried")))
    put(source, "waits", Stage.WAITING)
    reject(source, "wrong")
    put(directory, "taken", body=b'{"recordingUrl":"mine"}')

    assert taking_over.adopt(directory, source) == 3

    found = {one.external_id: one.state for one in list_files(directory)}
    assert found == {
        "one": InStage(Stage.TRIED),
        "waits": InStage(Stage.WAITING),
        "taken": InStage(Stage.READY),
        "wrong": Aside(400, "text"),
    }
    assert [one.external_id for one in list_files(source)] == ["taken"]
    assert read_body(directory / f"{call_name('taken', 7)}.ready.jsonl") == b'{"recordingUrl":"mine"}'


@pytest.mark.parametrize("by_hand", [True, False])
def test_an_open_call_that_has_ended_too_is_taken_over_once(directory: Path, by_hand: bool) -> None:
    """Its process died as it finished it: the finished call goes, and what is open is left out."""
    source = directory.with_name("b" * 16)
    name = put(source, "ended")
    finished = source / f"{name}.ready.jsonl"
    (source / f"{name}.open.jsonl").write_bytes(finished.read_bytes())
    cut_off = put(source, "cut-off")
    (source / f"{cut_off}.ready.jsonl").rename(source / f"{cut_off}.open.jsonl")

    taken = taking_over.adopt(directory, source) if by_hand else taking_over.take_over_calls(directory, source, {""})

    assert taken == 2
    assert sorted(path.name for path in directory.glob("*.jsonl")) == sorted(
        [f"{name}.ready.jsonl", f"{cut_off}.open.jsonl"]
    )
    assert not list(source.glob("*.jsonl"))


def test_siblings_are_counted_with_the_calls_left_there(directory: Path) -> None:
    other = directory.with_name("b" * 16)
    put(directory, "own")
    name = put(other, "left")
    put(other, "fresh")
    os.utime(other / f"{name}.ready.jsonl", (1_000, 1_000))
    (directory.with_name("attached")).mkdir()

    assert siblings(directory.parent, directory) == {other: 1}
    assert directories(directory.parent) == [directory, other]


def test_a_link_in_the_place_of_a_directory_is_not_followed(directory: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "theirs")
    directory.parent.mkdir()
    directory.symlink_to(tmp_path / "elsewhere")

    assert directories(directory.parent) == []


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b'{"status": "x"}', b"\xff", b"[" * 90_000, b'{"status": []}'),
        *(b'{"status": Infinity}', b'{"status": -Infinity}', b'{"status": NaN}', b'{"status": 1e999}', b"NaN"),
        *(b'{"status": 400, "reason"', b'{"status": 1' + b"0" * 5_000 + b"}"),
    ],
    ids=range(13),
)
def test_a_reason_that_cannot_be_read_is_unknown(content: bytes, directory: Path) -> None:
    name = reject(directory, "wrong")
    (directory / "rejected" / f"{name}.reason.json").write_bytes(content)

    (one,) = list_files(directory)
    assert isinstance(one.state, Aside)
    assert one.state.reason == "unknown"
    assert json.loads(BODY)


def test_a_processor_warns_of_calls_that_its_key_cannot_deliver(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    """The warning says how many calls wait, where, and which command takes them over."""
    other = tmp_path / "spool" / ("b" * 16)
    name = put(other, "left")
    os.utime(other / f"{name}.ready.jsonl", (1_000, 1_000))

    RoarkSpanProcessor(api_key="new-key", base_url="http://127.0.0.1:9", spool_dir=tmp_path / "spool").shutdown()

    wait_until(lambda: bool(said.records), 60)
    (warning,) = [record.getMessage() for record in said.records if record.levelname == "WARNING"]
    assert warning.startswith(f"calls of another key, project or address wait in {other} (1) and")
    assert "spool adopt" in warning
