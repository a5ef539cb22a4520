"""The spool: real files, real locks, real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor
from roark_otel._spool import attachments, locks, memory
from roark_otel._spool.claims import Gone, Held, NoRoom, Replaced, Saved, Spooled, TooLate
from roark_otel._spool.file import FILE_FORMAT, Header, to_bytes
from roark_otel._spool.folder import Folder
from roark_otel._spool.id_hash import ids_of
from roark_otel._spool.listing import directories
from roark_otel._spool.names import SENDABLE, Stage
from roark_otel._spool.owner import has_living_owner
from roark_otel._spool.spool import Spool
from support.answering import AnsweringServer, Seen, created
from support.spool_names import call_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

NAME = call_name("call-1", 7)
HEADER = Header("call-1", "a1", 1_795_348_364.25, 0.0, turns=2, tools=1)
BODY = '{"externalId":"call-1","text":"Grüß Gott"}'.encode()

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, locks and signals of POSIX")


@pytest.fixture(name="calls")
def _calls(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool" / "project")


@pytest.fixture(name="usual_umask")
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def place_of(calls: Spool) -> Path:
    """The directory of a spool that has one."""
    assert calls.directory is not None
    return calls.directory


def file_of(calls: Spool, stage: Stage, name: str = NAME) -> Path:
    return place_of(calls) / f"{name}{stage.value}"


def files(calls: Spool) -> list[str]:
    return sorted(path.name for path in place_of(calls).iterdir())


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


def talk(processor: RoarkSpanProcessor, external_id: str, **attributes: Any) -> None:
    """Traces a conversation of one sentence."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    with provider.get_tracer("app").start_as_current_span("call") as span:
        span.set_attributes({"roark.external_id": external_id, "roark.conversation.root": True, **attributes})
        span.add_event("roark.transcript", {"role": "agent", "text": "Hello."})


# Files


def test_a_file_has_a_header_line_and_the_body_as_it_is_sent(calls: Spool) -> None:
    assert calls.put(NAME, HEADER, BODY, Stage.READY) == Saved(NAME)

    content = file_of(calls, Stage.READY).read_bytes()
    header, body, rest = content.split(b"\n")
    assert json.loads(header) == {
        "external_id": "call-1",
        "trace_id": "a1",
        "finished_at": 1_795_348_364.25,
        "not_before": 0.0,
        "turns": 2,
        "tools": 1,
        "format": 1,
        "started_at": 0.0,
        "call_id": None,
        "recording_wait": 0.0,
        "service": "",
        "has_resolver": True,
    }
    assert (body, rest) == (BODY, b"")


@posix
@pytest.mark.usefixtures("usual_umask")
def test_only_the_user_can_read_a_call(calls: Spool) -> None:
    calls.put(NAME, HEADER, BODY, Stage.READY)

    assert [mode(place_of(calls).parent), mode(place_of(calls))] == ["0o700", "0o700"]
    assert mode(file_of(calls, Stage.READY)) == "0o600"
    with calls.claim(NAME) as call:
        assert isinstance(call, Spooled)
        calls.reject(call, 400, "text")
    rejected = place_of(calls) / "rejected"
    assert [mode(rejected), *(mode(path) for path in rejected.iterdir())] == ["0o700", "0o600", "0o600"]


@posix
@pytest.mark.usefixtures("usual_umask")
def test_an_existing_directory_keeps_its_mode(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    given.chmod(0o755)
    Spool(given).put(NAME, HEADER, BODY, Stage.READY)

    assert [mode(given), mode(given / f"{NAME}.ready.jsonl")] == ["0o755", "0o600"]


@posix
@pytest.mark.usefixtures("usual_umask")
def test_in_a_group_s_directory_the_group_can_deliver(tmp_path: Path) -> None:
    """A sidecar under another user drains the calls that the app leaves in a directory that was made for both."""
    given = tmp_path / "given"
    given.mkdir()
    given.chmod(0o770)
    shared = Spool(given / "project")
    shared.put(NAME, HEADER, BODY, Stage.READY)

    assert [mode(given), mode(place_of(shared)), mode(file_of(shared, Stage.READY))] == ["0o770", "0o770", "0o660"]


HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "a/b\\c",
    "..",
    ".",
    "a\x00b",
    "a\nb",
    "CON",
    "a.tried.jsonl",
    "ü" * 255,
    "💥",
]


@pytest.mark.parametrize("external_id", HOSTILE)
def test_no_external_id_can_name_a_path(external_id: str, calls: Spool) -> None:
    name = call_name(external_id, 7)
    calls.put(name, HEADER, BODY, Stage.READY)

    assert files(calls) == [f"{name}.ready.jsonl"]
    assert [path.name for path in place_of(calls).parent.iterdir()] == ["project"]


@given(st.text(min_size=1, max_size=300), st.integers(-(2**63), 2**64 - 1))
def test_a_name_has_only_hex_digits_and_a_fixed_length(external_id: str, root_span_id: int) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}-[0-9a-f]{16}", call_name(external_id, root_span_id))


def test_each_id_and_each_root_has_its_own_name() -> None:
    assert len({call_name("a", 1), call_name("a", 2), call_name("b", 1)}) == 3


def test_names_come_in_the_order_in_which_calls_finished(calls: Spool) -> None:
    for age, name in enumerate(["b", "c", "a"]):
        calls.put(name, HEADER, BODY, Stage.READY)
        os.utime(file_of(calls, Stage.READY, name), (1_000 + age, 1_000 + age))

    assert calls.names(SENDABLE) == ["b", "c", "a"]


def test_an_unused_spool_is_empty_and_its_directory_is_not_made(calls: Spool) -> None:
    assert calls.names(tuple(Stage)) == []
    assert not place_of(calls).exists()


# From stage to stage


def test_a_later_version_replaces_an_earlier_one(calls: Spool) -> None:
    assert calls.put(NAME, HEADER, BODY, Stage.WAITING) == Saved(NAME)
    assert calls.put(NAME, HEADER, b'{"v":2}', Stage.READY) == Replaced(NAME, Stage.READY)

    assert files(calls) == [f"{NAME}.ready.jsonl"]
    with calls.claim(NAME) as call:
        assert isinstance(call, Spooled)
        assert (call.body, call.tried, call.header) == (b'{"v":2}', False, HEADER)


def test_a_call_that_waits_for_its_recording_is_not_sendable(calls: Spool) -> None:
    calls.put(NAME, HEADER, BODY, Stage.WAITING)

    assert (calls.names(SENDABLE), calls.names([Stage.WAITING])) == ([], [NAME])
    with calls.claim(NAME) as call:
        assert call == Gone()


def test_a_call_that_is_being_sent_or_was_tried_is_not_replaced(calls: Spool) -> None:
    calls.put(NAME, HEADER, BODY, Stage.READY)
    with calls.claim(NAME) as call:
        assert isinstance(call, Spooled)
        assert calls.put(NAME, HEADER, b"{}", Stage.READY) == TooLate(NAME)
        calls.mark_tried(call)
        assert calls.put(NAME, HEADER, b"{}", Stage.READY) == TooLate(NAME)

    assert calls.put(NAME, HEADER, b"{}", Stage.READY) == TooLate(NAME)
    assert file_of(calls, Stage.TRIED).read_bytes().endswith(BODY + b"\n")


def test_the_next_process_knows_that_a_call_was_tried(calls: Spool) -> None:
    calls.put(NAME, HEADER, BODY, Stage.READY)
    with calls.claim(NAME) as call:
        assert isinstance(call, Spooled)
        calls.mark_tried(call)

    assert files(calls) == [f"{NAME}.tried.jsonl"]
    with Spool(place_of(calls)).claim(NAME) as call:
        assert isinstance(call, Spooled)
        assert (call.tried, call.body) == (True, BODY)
        calls.mark_tried(call)
        calls.remove(call)
    assert files(calls) == []


def test_a_rejected_call_is_kept_with_the_reason(calls: Spool) -> None:
    calls.put(NAME, HEADER, BODY, Stage.READY)
    with calls.claim(NAME) as call:
        assert isinstance(call, Spooled)
        calls.mark_tried(call)
        calls.reject(call, 400, "transcript[0].text")

    assert files(calls) == ["rejected"]
    kept = place_of(calls) / "rejected" / f"{NAME}.jsonl"
    assert kept.read_bytes().split(b"\n")[1] == BODY
    assert json.loads(kept.with_suffix(".reason.json").read_text()) == {"status": 400, "reason": "transcript[0].text"}


def test_a_call_that_cannot_be_set_aside_stays_where_it_is(calls: Spool, said: pytest.LogCaptureFixture) -> None:
    """A full disk must not cost the words of a call that a person could still correct."""
    calls.put(NAME, HEADER, BODY, Stage.READY)
    (place_of(calls) / "rejected").write_text("a file in its place")
    with calls.claim(NAME) as call:
        assert isinstance(call, Spooled)
        calls.reject(call, 400, "text")

    assert file_of(calls, Stage.READY).read_bytes().endswith(BODY + b"\n")
    assert [record.levelname for record in said.records] == ["ERROR"]


# Files that are not ours


def test_a_file_of_a_newer_version_is_left_alone(calls: Spool) -> None:
    calls.put(NAME, Header("call-1", "a1", 1.0, 0.0, 2, 1, format=FILE_FORMAT + 1), BODY, Stage.READY)
    before = file_of(calls, Stage.READY).read_bytes()

    with calls.claim(NAME) as call:
        assert call == Gone()
    assert file_of(calls, Stage.READY).read_bytes() == before


def test_a_newer_file_with_an_unknown_header_is_left_alone(calls: Spool, said: pytest.LogCaptureFixture) -> None:
    """It is not a damaged file, so nothing is logged."""
    calls.put(NAME, HEADER, BODY, Stage.READY)
    header = {"format": FILE_FORMAT + 1, "external": {"id": "call-1"}}
    file_of(calls, Stage.READY).write_bytes(json.dumps(header).encode() + b"\n" + BODY)

    with calls.claim(NAME) as call:
        assert call == Gone()
    assert said.messages == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\x00" * 4_096,
        b"not json\n" + BODY,
        b"[]\n" + BODY,
        b"17\n" + BODY,
        b'{"format": 1}\n' + BODY,
        b'{"external_id": "call-1", "trace_id": "a1", "finished_at": 1.0, "not_before": 0.0, "turns": 2, "tools": 1}\n',
        b'{"external_id": "call-1", "trace_id": "a1", "finished_at": 1, "not_before": "x", "turns": 2, "tools": 1}\n{}',
        b"[" * 100_000 + b"\n{}",
        to_bytes(HEADER, BODY)[:-9],
    ],
    ids=["empty", "blank", "zeros", "text", "list", "number", "few", "no_body", "types", "deep", "cut"],
)
def test_a_damaged_file_is_set_aside_and_logged_once(
    content: bytes, calls: Spool, said: pytest.LogCaptureFixture
) -> None:
    calls.put(NAME, HEADER, BODY, Stage.READY)
    file_of(calls, Stage.READY).write_bytes(content)

    for _ in range(2):
        with calls.claim(NAME) as call:
            assert call == Gone()

    assert (place_of(calls) / "rejected" / f"{NAME}.jsonl").read_bytes() == content
    reason = json.loads((place_of(calls) / "rejected" / f"{NAME}.reason.json").read_text())
    assert reason == {"status": 0, "reason": "damaged"}
    assert len(said.records) == 1
    assert NAME in said.text


@posix
@pytest.mark.parametrize("stage", SENDABLE)
def test_a_symlink_is_not_followed(stage: Stage, calls: Spool, tmp_path: Path) -> None:
    """A user who can write into the directory must not make us send a file that only we can read."""
    place_of(calls).mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(json.dumps({"format": 1}).encode() + b"\nsecret")
    file_of(calls, stage).symlink_to(elsewhere)

    assert calls.names(SENDABLE) == []
    with calls.claim(NAME) as call:
        assert call == Gone()
    assert elsewhere.read_bytes().endswith(b"secret")


@posix
def test_a_call_is_not_written_through_a_symlink(calls: Spool, tmp_path: Path) -> None:
    place_of(calls).mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    file_of(calls, Stage.READY).symlink_to(elsewhere)

    calls.put(NAME, HEADER, BODY, Stage.READY)

    assert elsewhere.read_text() == "theirs"
    assert not file_of(calls, Stage.READY).is_symlink()


def test_a_half_written_file_is_not_a_call(calls: Spool) -> None:
    place_of(calls).mkdir(parents=True)
    (place_of(calls) / ".x1y2.tmp").write_bytes(b'{"format": 1')
    (place_of(calls) / "notes.txt").write_text("x")
    (place_of(calls) / "a.ready.jsonl").mkdir()

    assert calls.names(tuple(Stage)) == []


# Several processes


@posix
def test_a_call_is_claimed_by_one_process_at_a_time(calls: Spool) -> None:
    calls.put(NAME, HEADER, BODY, Stage.READY)
    with calls.claim(NAME) as mine, Spool(place_of(calls)).claim(NAME) as theirs:
        assert isinstance(mine, Spooled)
        assert theirs == Held()
        calls.mark_tried(mine)
        with Spool(place_of(calls)).claim(NAME) as theirs:
            assert theirs == Held()

    with Spool(place_of(calls)).claim(NAME) as theirs:
        assert isinstance(theirs, Spooled)


@posix
def test_a_call_that_another_process_delivered_meanwhile_is_gone(calls: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process had the file between our opening and our locking it."""
    calls.put(NAME, HEADER, BODY, Stage.READY)

    def other() -> None:
        with Spool(place_of(calls)).claim(NAME) as theirs:
            assert isinstance(theirs, Spooled)
            calls.mark_tried(theirs)
            calls.remove(theirs)

    meanwhile(other, monkeypatch)
    with calls.claim(NAME) as mine:
        assert mine == Gone()


@posix
def test_a_call_that_another_process_tried_meanwhile_counts_as_tried(
    calls: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its attempt may have created the call: a 409 must not be taken for another call with this id."""
    calls.put(NAME, HEADER, BODY, Stage.READY)

    def other() -> None:
        with Spool(place_of(calls)).claim(NAME) as theirs:
            assert isinstance(theirs, Spooled)
            calls.mark_tried(theirs)

    meanwhile(other, monkeypatch)
    with calls.claim(NAME) as mine:
        assert not isinstance(mine, Spooled) or mine.tried
    with calls.claim(NAME) as mine:
        assert isinstance(mine, Spooled)
        assert mine.tried


@posix
def test_a_call_that_another_process_began_to_send_is_not_replaced(
    calls: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the call would have two files, and the second would be sent after the first."""
    calls.put(NAME, HEADER, BODY, Stage.READY)

    def other() -> None:
        with Spool(place_of(calls)).claim(NAME) as theirs:
            assert isinstance(theirs, Spooled)
            calls.mark_tried(theirs)

    meanwhile(other, monkeypatch)

    assert calls.put(NAME, HEADER, b"{}", Stage.READY) == TooLate(NAME)
    assert files(calls) == [f"{NAME}.tried.jsonl"]


def meanwhile(other: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a function right before the next lock is taken."""
    lock = locks.lock

    def after_it(file: int) -> locks.Flock:
        monkeypatch.setattr(locks, "lock", lock)
        other()
        return lock(file)

    monkeypatch.setattr(locks, "lock", after_it)


HOLDER = """
import sys, time
from pathlib import Path
from roark_otel._spool.spool import Spool
with Spool(Path(sys.argv[1])).claim(sys.argv[2]) as call:
    print(type(call).__name__, flush=True)
    time.sleep(60)
"""


@posix
def test_a_killed_process_leaves_nothing_locked(calls: Spool) -> None:
    calls.put(NAME, HEADER, BODY, Stage.READY)
    with python(HOLDER, str(place_of(calls)), NAME) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"Spooled\n"
        with calls.claim(NAME) as call:
            assert call == Held()
        holder.send_signal(signal.SIGKILL)
        holder.wait()

        with calls.claim(NAME) as call:
            assert isinstance(call, Spooled)


DELIVERER = """
import sys, time
from pathlib import Path
from pydantic import SecretStr
from roark_otel._delivery.client import Client
from roark_otel._delivery.courier import Courier
from roark_otel._spool.spool import Spool
from roark_otel._spool.names import Stage
from roark_otel._model.stats import Tally
calls, tally = Spool(Path(sys.argv[1])), Tally()
courier = Courier(calls, lambda: Client(sys.argv[2], SecretStr("k"), None, 5.0), tally)
print("ready", flush=True)
sys.stdin.readline()
courier.start_with_backlog()
for _ in range(1000):
    if not calls.names([Stage.READY, Stage.TRIED]):
        break
    time.sleep(0.01)
print(tally.snapshot().delivered, tally.snapshot().rejected, tally.snapshot().already, flush=True)
"""


@posix
def test_two_processes_on_one_directory_deliver_each_call_once(calls: Spool) -> None:
    ids = [f"call-{number}" for number in range(60)]
    for external_id in ids:
        body = json.dumps({"externalId": external_id}).encode()
        calls.put(call_name(external_id, 7), HEADER, body, Stage.READY)
    with AnsweringServer() as server, ExitStack() as stack:
        both = [stack.enter_context(python(DELIVERER, str(place_of(calls)), server.url)) for _ in range(2)]
        for one in both:
            assert one.stdout is not None
            assert one.stdout.readline() == b"ready\n"
        for one in both:
            assert one.stdin is not None
            one.stdin.write(b"go\n")
            one.stdin.flush()
        printed = [one.communicate(timeout=300)[0].split() for one in both]

    assert sorted(seen.external_id for seen in server.seen) == sorted(ids)
    assert [sum(int(line[column]) for line in printed) for column in range(3)] == [60, 0, 0]
    assert files(calls) == []


def python(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts a process that imports the same packages."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )


# Without a disk


@pytest.fixture(name="nowhere")
def _nowhere(tmp_path: Path) -> Spool:
    """A spool whose directory cannot be made, even by root: a file is in its place."""
    (tmp_path / "file").write_text("")
    return Spool(tmp_path / "file" / "project")


def test_without_a_disk_calls_are_kept_in_memory_and_this_is_logged_once(
    nowhere: Spool, said: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b"):
        assert nowhere.put(name, HEADER, BODY, Stage.READY) == Saved(name)

    assert nowhere.names(SENDABLE) == ["a", "b"]
    assert [record.levelname for record in said.records] == ["ERROR"]
    with nowhere.claim("a") as call:
        assert isinstance(call, Spooled)
        assert call.body == BODY
        nowhere.mark_tried(call)
        nowhere.remove(call)
    assert nowhere.names(SENDABLE) == ["b"]


def test_a_call_in_memory_remembers_that_it_was_tried(nowhere: Spool) -> None:
    """Otherwise the 409 after a lost reply would be taken for another call with this id."""
    nowhere.put("a", HEADER, BODY, Stage.READY)
    with nowhere.claim("a") as call:
        assert isinstance(call, Spooled)
        nowhere.mark_tried(call)

    with nowhere.claim("a") as call:
        assert isinstance(call, Spooled)
        assert call.tried


def test_memory_is_bounded_and_one_call_too_many_has_no_room(nowhere: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_IN_MEMORY", 2)

    found = [nowhere.put(name, HEADER, BODY, Stage.READY) for name in ("a", "b", "c")]

    assert found == [Saved("a"), Saved("b"), NoRoom("c")]


def test_a_call_that_waits_for_its_recording_waits_in_memory_too(nowhere: Spool) -> None:
    """A resolver, an attachment in this process or the end of the wait still gets it sent."""
    assert nowhere.put("a", HEADER, BODY, Stage.WAITING) == Saved("a")

    assert (nowhere.names(SENDABLE), nowhere.names([Stage.WAITING])) == ([], ["a"])


def test_a_rejected_call_is_dropped_if_the_disk_cannot_keep_it(nowhere: Spool, said: pytest.LogCaptureFixture) -> None:
    nowhere.put("a", HEADER, BODY, Stage.READY)
    said.clear()
    with nowhere.claim("a") as call:
        assert isinstance(call, Spooled)
        nowhere.reject(call, 400, "text")

    assert nowhere.names(SENDABLE) == []
    assert [record.levelname for record in said.records] == ["ERROR"]


# From span to request


def processor_directory(tmp_path: Path) -> Path:
    """The only directory of calls below a folder's spool."""
    (directory,) = directories(tmp_path / "spool")
    return directory


def test_a_call_is_on_disk_before_anything_is_sent(tmp_path: Path) -> None:
    """When the request arrives the file is marked as tried, and has the same bytes."""
    found: list[tuple[str, bytes]] = []

    def look(_seen: Seen) -> Any:
        found.extend((path.name, path.read_bytes()) for path in (tmp_path / "spool").rglob("*.jsonl"))
        return created()

    with AnsweringServer(look) as server:
        processor = RoarkSpanProcessor(
            api_key="k", base_url=server.url, recording_url="https://example.com/a.wav", spool_dir=tmp_path / "spool"
        )
        talk(processor, "call-1")
        assert processor.force_flush(10_000)

    ((name, content),) = found
    assert re.fullmatch(r"k[0-9a-f]{32}-[0-9a-f]{16}\.tried\.jsonl", name)
    assert name.startswith(ids_of(tmp_path / "spool").of("call-1"))
    header, body, _ = content.split(b"\n")
    assert json.loads(header)["external_id"] == "call-1"
    assert body == server.seen[0].body
    assert list((tmp_path / "spool").rglob("*.jsonl")) == []


def test_calls_without_a_recording_are_counted_and_wait(
    sandbox: Sandbox, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    processor = RoarkSpanProcessor(api_key="k", base_url=sandbox.url, spool_dir=tmp_path / "spool")
    talk(processor, "call-1")
    talk(processor, "call-2")
    talk(processor, "call-3", **{"roark.recording_url": "https://example.com/a.wav"})

    assert processor.force_flush(10_000)
    assert (processor.stats().awaiting_recording, processor.stats().spooled) == (2, 0)
    assert [call["externalId"] for call in sandbox.calls()] == ["call-3"]
    assert len(list((tmp_path / "spool").rglob("*.waiting.jsonl"))) == 2
    assert [message for message in said.messages if "call-1 waits" in message]


def test_without_a_disk_calls_are_still_delivered(
    sandbox: Sandbox, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    processor = RoarkSpanProcessor(
        api_key="k", base_url=sandbox.url, recording_url="https://example.com/a.wav", spool_dir=tmp_path / "file" / "x"
    )
    for number in range(3):
        talk(processor, f"call-{number}")

    assert processor.force_flush(10_000)
    assert [call["externalId"] for call in sandbox.calls()] == ["call-0", "call-1", "call-2"]
    assert len([record for record in said.records if record.levelname == "ERROR"]) == 1
    assert processor.stats().delivered == 3


def test_temporary_files_of_dead_processes_are_removed(calls: Spool) -> None:
    """Only old ones: a younger one may still be being written."""
    calls.put(NAME, HEADER, BODY, Stage.READY)
    stale, young = place_of(calls) / ".stale.tmp", place_of(calls) / ".young.tmp"
    for path in (stale, young):
        path.write_bytes(BODY)
    os.utime(stale, (1_000, 1_000))

    calls.take_in(calls.census().finish())

    assert files(calls) == sorted([young.name, file_of(calls, Stage.READY).name])


def test_a_call_is_counted_that_is_written_while_the_directory_is(
    calls: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file has no name yet when the directory is read."""
    real = os.fsync

    def fsync(file: int) -> None:
        if stat.S_ISREG(os.fstat(file).st_mode):
            calls.take_in(calls.census().finish())
        real(file)

    monkeypatch.setattr("os.fsync", fsync)

    assert calls.put(NAME, HEADER, BODY, Stage.WAITING) == Saved(NAME)
    assert calls.counts().awaiting_recording == 1


@pytest.mark.parametrize("stage", [Stage.READY, Stage.WAITING])
def test_a_call_and_its_name_are_on_the_disk_before_it_counts_as_saved(
    calls: Spool, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    """The file is synced before it gets its name, and the directory after: a saved call outlives a power failure."""
    synced: list[tuple[str, list[str]]] = []
    real = os.fsync

    def fsync(file: int) -> None:
        kind = "file" if stat.S_ISREG(os.fstat(file).st_mode) else "directory"
        synced.append((kind, [path.name for path in place_of(calls).iterdir() if path.suffix == ".jsonl"]))
        real(file)

    monkeypatch.setattr("os.fsync", fsync)

    assert calls.put(NAME, HEADER, BODY, stage) == Saved(NAME)
    assert synced == [("file", []), ("directory", [file_of(calls, stage).name])]


def test_a_call_that_gets_its_recording_as_it_is_spooled_is_not_removed(
    calls: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the moment that the file has its name, another process may give it its recording."""
    write = Folder.write

    def write_and_attach(folder: Folder, name: str, content: bytes) -> os.stat_result:
        status = write(folder, name, content)
        if name.endswith(Stage.WAITING.value):
            assert attachments.give(Spool(place_of(calls)), NAME, "https://example.com/late.wav")
        return status

    monkeypatch.setattr(Folder, "write", write_and_attach)

    calls.put(NAME, HEADER, BODY, Stage.WAITING)

    assert files(calls) == [file_of(calls, Stage.READY).name]
    assert b"late.wav" in file_of(calls, Stage.READY).read_bytes()


def test_a_recording_is_kept_whose_process_died_before_the_waiting_file_was_removed(calls: Spool) -> None:
    other = Spool(place_of(calls))
    other.put(NAME, HEADER, b'{"recordingUrl":"https://example.com/a.wav"}', Stage.READY)
    file_of(calls, Stage.WAITING).write_bytes(to_bytes(HEADER, b"{}"))

    assert calls.put(NAME, HEADER, b'{"v":2}', Stage.WAITING) == Replaced(NAME, Stage.READY)

    with calls.claim(NAME) as call:
        assert isinstance(call, Spooled)
        assert json.loads(call.body) == {"v": 2, "recordingUrl": "https://example.com/a.wav"}
    assert files(calls) == [file_of(calls, Stage.READY).name]


@pytest.mark.parametrize("owner", ["../../other", "other\0", "OTHER", "a" * 65, "/etc/other"])
def test_an_owner_names_no_file_elsewhere(calls: Spool, tmp_path: Path, owner: str) -> None:
    """Another process may write any header: its owner is looked for in this directory, or not at all."""
    calls.put(NAME, HEADER, BODY, Stage.READY)
    other = tmp_path / "other.owner"
    other.write_bytes(b"")
    header = to_bytes(Header("call-1", "a1", 0.0, 0.0, 1, 0, owner=owner), BODY)
    file_of(calls, Stage.OPEN).write_bytes(header)

    assert not has_living_owner(file_of(calls, Stage.OPEN))
    assert other.exists()
