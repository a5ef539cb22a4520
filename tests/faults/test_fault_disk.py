"""Faults of the spool's disk. Each test is a row of the fault table in docs/delivery.md, with the row's name."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from roark_otel import cli
from roark_otel._delivery import rounds
from roark_otel._engine.parts import spool_directory
from roark_otel._settings.settings import Settings
from roark_otel._spool import rejected
from roark_otel._spool.census import MAX_OLDEST
from roark_otel._spool.claims import Saved
from roark_otel._spool.file import FILE_FORMAT, Header
from roark_otel._spool.id_hash import ids_of
from roark_otel._spool.names import Stage
from roark_otel._spool.spool import Spool
from support.answering import Answer, AnsweringServer, Seen, created
from support.counting import counted
from support.helpers import App, wait_until
from support.slow_disk import SlowToOpen
from support.spool_names import call_name
from support.writers import attach_in_memory, end_in_a_locked_directory, report, spool_and_leave, spool_one_call

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="mounts, modes and users of POSIX")

READY = Stage.READY
MARKED = {"roark.conversation.root": True}
GROUP, ONE, OTHER = 54_300, 54_301, 54_302
"""A group and two users that no machine has."""

needs_root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root may mount and be others")

CONTEXT: Any = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
PRELOADED = ["support.writers", "roark_otel", "httpx", "roark_otel._linking.link", "opentelemetry.sdk.trace"]
CONTEXT.set_forkserver_preload(PRELOADED)


def talk(app: App, *external_ids: str, words: str = "Hello.") -> None:
    for external_id in external_ids:
        app.conversation(external_id, words, **MARKED)


def finish(app: App, server: AnsweringServer, spooled: int) -> None:
    """Has all calls finished, and waits until they are spooled and the server has refused one of them."""
    app.processor.force_flush(1)
    wait_until(lambda: app.processor.stats().spooled == spooled and bool(server.seen), 60)


def as_user(user: int, group: int, action: Any, *arguments: Any) -> Any:
    """Returns the result of an action that a process of another user runs."""
    here, there = CONTEXT.Pipe()
    process = CONTEXT.Process(target=report, args=(there, user, group, action, *arguments), daemon=True)
    process.start()
    try:
        assert here.poll(60), "the other user's process sent no result"
        return here.recv()
    finally:
        process.join(60)
        process.close()


@pytest.fixture(name="open_path")
def _open_path() -> Iterator[Path]:
    """Makes a folder that other users can reach: pytest's own are for one user only."""
    path = Path(tempfile.mkdtemp(prefix="roark-otel-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(name="small")
def _small(tmp_path: Path) -> Iterator[Path]:
    """Mounts a file system of one megabyte."""
    path = tmp_path / "small"
    path.mkdir()
    mount = subprocess.run(  # noqa: S603 - a folder of this test
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip(f"cannot mount here: {mount.stderr.strip()}")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)  # noqa: S603, S607


@needs_root
def test_the_disk_is_full(small: Path, said: pytest.LogCaptureFixture) -> None:
    """Calls are delivered from memory, which is logged once; those already on disk are delivered too."""
    with AnsweringServer(then=Answer(503)) as server:
        app = App(server.url, spool_dir=small / "spool")
        for number in range(20):
            talk(app, f"call-{number}", words="x" * 100_000)
        finish(app, server, 20)
        on_disk = len(list((small / "spool").rglob("*.jsonl")))
        assert 0 < on_disk < 20
        loud = [record.getMessage() for record in said.records if record.levelname == "ERROR"]
        assert len(loud) == 1
        assert "delivered from memory" in loud[0]
        server.then = created()

        assert app.processor.force_flush(120_000)
    assert (app.processor.stats().delivered, app.processor.stats().lost) == (20, 0)
    left = {path.name for path in (small / "spool").rglob("*.*") if path.suffix != ".owner"}  # the app still lives
    assert left <= {"ids.key"}


@needs_root
def test_open_conversations_have_filled_the_disk(small: Path) -> None:
    """A call that ends takes the room of what was saved of it, instead of leaving both to memory."""
    spool = Spool(small / "spool")
    assert spool.open_calls is not None
    header, body = (
        Header("call", "a1", 1.0, 0.0, 1, 0),
        b'{"externalId":"call","recordingUrl":"https://example.com/a.wav"}',
    )
    body += b" " * 60_000
    names = [call_name(f"call-{number}", number) for number in range(40)]
    saved = [name for name in names if spool.open_calls.save(name, header, body)]
    assert 5 < len(saved) < 40
    assert [spool.put(name, header, body, Stage.READY) for name in saved] == [Saved(name) for name in saved]
    assert all(spool.is_on_disk(name) for name in saved)
    assert not list((small / "spool").rglob("*.open.jsonl"))


@needs_root
def test_the_disk_is_read_only(small: Path, said: pytest.LogCaptureFixture) -> None:
    """Calls are delivered from memory; those on disk are not sent, because that could not be noted there."""
    remount = ["mount", "-o", "remount,ro", str(small)]
    with AnsweringServer() as server:
        before = Spool(_directory_of(App(server.url, spool_dir=small / "spool")))
        header = Header("left", "a1", 1.0, 0.0, 1, 0)
        before.put(call_name("left", 7), header, b'{"externalId":"left"}', Stage.READY)
        subprocess.run(remount, check=True)  # noqa: S603 - a folder of this test
        app = App(server.url, spool_dir=small / "spool")
        talk(app, "call-1")

        assert app.processor.force_flush(60_000)
        assert [seen.external_id for seen in server.seen] == ["call-1"]
    loud = [record.getMessage().rpartition("; ")[2] for record in said.records if record.levelname == "ERROR"]
    assert sorted(loud) == [
        "calls are delivered from memory, and lost with this process",
        "calls that are on it wait until it can be written",
    ]


def _directory_of(app: App) -> Path:
    engine = app.processor._engine
    assert engine is not None
    assert engine.parts.spool.directory is not None
    return engine.parts.spool.directory


@needs_root
def test_the_directory_is_not_writable(open_path: Path) -> None:
    """Another user's directory: calls are delivered from memory."""
    (open_path / "spool").mkdir(mode=0o755)
    with AnsweringServer() as server:
        result = as_user(ONE, ONE, spool_one_call, server.url, open_path / "spool", "call-1")

        assert [seen.external_id for seen in server.seen] == ["call-1"]
    assert (result["flushed"], result["delivered"]) == (True, 1)
    assert list((open_path / "spool").iterdir()) == []


@needs_root
def test_a_conversation_ends_while_the_directory_is_not_writable(open_path: Path) -> None:
    """What was saved of it is removed once it is writable: no later process takes it for a call that was cut off."""
    (open_path / "spool").mkdir()
    os.chown(open_path / "spool", ONE, ONE)
    with AnsweringServer() as server:
        found = as_user(ONE, ONE, end_in_a_locked_directory, server.url, open_path / "spool")
        assert [seen.external_id for seen in server.seen] == ["call-1"]
    assert found == {"flushed": True, "meanwhile": 1, "after": 0}


def root_made_the_project(place: Path, url: str) -> Path:
    directory = spool_directory(Settings(base_url=url, spool_dir=place / "spool"), SecretStr("k"))
    directory.mkdir(parents=True, mode=0o700)
    directory.parent.chmod(0o777)
    return directory.parent


def root_made_the_spool(place: Path, _url: str) -> Path:
    (place / "spool").mkdir(mode=0o700)
    return place / "spool"


def root_s_parent(place: Path, _url: str) -> Path:
    (place / "home").mkdir(mode=0o700)
    return place / "home" / "spool"


def a_file(place: Path, _url: str) -> Path:
    (place / "spool").write_text("")
    return place / "spool"


def a_link_in_tmp(place: Path, _url: str) -> Path:
    place.chmod(0o1777)
    (place / "target").mkdir()
    os.chown(place / "target", ONE, ONE)
    (place / "spool").symlink_to(place / "target")
    return place / "spool"


def another_user_s_in_tmp(place: Path, _url: str) -> Path:
    place.chmod(0o1777)
    (place / "spool").mkdir(mode=0o777)
    (place / "spool").chmod(0o777)
    os.chown(place / "spool", OTHER, OTHER)
    return place / "spool"


def open_to_all_in_tmp(place: Path, _url: str) -> Path:
    place.chmod(0o1777)
    (place / "spool").mkdir()
    (place / "spool").chmod(0o777)
    os.chown(place / "spool", ONE, ONE)
    return place / "spool"


def calls_in(place: Path) -> list[Path]:
    """Everything below a place but what is known of keys, and the key of ids: both go into the root of a spool."""
    return sorted(path for path in place.rglob("*") if not {"keys", "ids.key"} & set(path.parts))


@needs_root
@pytest.mark.parametrize("is_up", [True, False], ids=["up", "down"])
@pytest.mark.parametrize(
    "prepare",
    [
        root_made_the_project,
        root_made_the_spool,
        root_s_parent,
        a_file,
        a_link_in_tmp,
        another_user_s_in_tmp,
        open_to_all_in_tmp,
    ],
)
def test_the_directory_cannot_be_used(prepare: Any, is_up: bool, open_path: Path) -> None:
    """Calls are in memory: delivered while Roark is up, and else counted by the flush, `stats()` and the last line."""
    with AnsweringServer(then=created() if is_up else Answer(503)) as server:
        spool_dir = prepare(open_path, server.url)
        before = calls_in(open_path)
        result = as_user(ONE, ONE, spool_and_leave, server.url, spool_dir)
        # A process that is gone may have left the last of its requests incomplete.
        posted = {one.external_id for one in server.seen if len(one.body) == int(one.headers["content-length"])}

    assert posted == {"call-1", "call-2"}
    assert (result["flushed"], result["delivered"], result["spooled"]) == ((True, 2, 0) if is_up else (False, 0, 2))
    loud = [line for line in result["errors"] if line.startswith("the spool ")]
    assert len(loud) == 1
    assert "ROARK_SPOOL_DIR" in loud[0]
    assert "calls are delivered from memory" in loud[0]
    last = [line for line in result["errors"] if line.startswith("the process ends")]
    assert len(last) == (0 if is_up else 1)
    assert all("calls are lost (2)" in line and "delivers them" not in line for line in last)
    assert calls_in(open_path) == before


@needs_root
def test_a_call_in_memory_gets_its_recording(open_path: Path) -> None:
    """Where no disk can be used, `attach_recording()` does not raise, before or after the call."""
    with AnsweringServer() as server:
        result = as_user(ONE, ONE, attach_in_memory, server.url, root_made_the_spool(open_path, server.url))
        assert result == {"attached": ["Attached", "Kept"], "delivered": 2}


@needs_root
def test_the_user_has_no_home_directory(open_path: Path) -> None:
    """The spool is in the system's directory for temporary files, in a folder that only this user can enter."""
    open_path.chmod(0o777)
    environment = {"TMPDIR": str(open_path), "HOME": None, "XDG_STATE_HOME": None, "ROARK_SPOOL_DIR": None}
    with AnsweringServer(then=Answer(503)) as server:
        result = as_user(ONE, ONE, spool_one_call, server.url, None, "call-1", environment)
    (file,) = open_path.rglob("*.jsonl")
    assert (result["flushed"], result["spooled"]) == (False, 1)
    top = open_path / f"roark-otel-{ONE}"
    assert file.is_relative_to(top)
    assert oct(top.stat().st_mode & 0o777) == "0o700"


def test_the_directory_is_removed(tmp_path: Path) -> None:
    """While the app runs: it is made again for the next call, and the calls that were in it are gone.

    Except for one that is just being sent: a flush makes its last attempt at its deadline, and does not wait for it.
    When the directory is removed, the courier may have read the call's file already and still be sending it.
    """
    created_ids: list[str] = []

    def create(seen: Seen) -> Answer:
        created_ids.append(seen.external_id)
        return created(seen.external_id)

    with AnsweringServer(then=Answer(503)) as server:
        app = App(server.url)
        talk(app, "gone")
        app.processor.force_flush(1)
        wait_until(lambda: bool(server.seen), 60)
        shutil.rmtree(tmp_path / "spool")
        server.then = create
        talk(app, "call-1")

        assert app.processor.force_flush(60_000)
    assert sorted(created_ids) in (["call-1"], ["call-1", "gone"])
    assert app.processor.stats().delivered == len(created_ids)
    assert list((tmp_path / "spool").rglob("*.jsonl")) == []


@needs_root
def test_two_users_share_the_directory(open_path: Path) -> None:
    """In a directory of their group one user delivers what the other leaves; other users cannot read it."""
    shared = open_path / "spool"
    shared.mkdir()
    os.chown(shared, 0, GROUP)
    shared.chmod(0o770)
    with AnsweringServer(then=Answer(503)) as server:
        result = as_user(ONE, GROUP, spool_one_call, server.url, shared, "ones")
        assert (result["flushed"], result["spooled"]) == (False, 1)
        (file,) = shared.rglob("*.jsonl")
        assert (oct(file.stat().st_mode & 0o777), file.stat().st_gid) == ("0o660", GROUP)
        assert oct(file.parent.stat().st_mode & 0o777) == "0o770"
        server.then = created()

        result = as_user(OTHER, GROUP, spool_one_call, server.url, shared, "others", {}, 2)

    assert result["delivered"] == 2
    assert list(shared.rglob("*.jsonl")) == []


@needs_root
def test_another_user_looks_into_the_spool(open_path: Path) -> None:
    """Another user can read neither the names of files nor their content."""
    spool_dir = open_path / "mine"
    with AnsweringServer(then=Answer(503)) as server:
        app = App(server.url, spool_dir=spool_dir)
        talk(app, "call-1")
        finish(app, server, 1)
        (file,) = spool_dir.rglob("*.jsonl")

        assert as_user(ONE, ONE, os.access, file, os.R_OK) is False
        assert as_user(ONE, ONE, os.access, file.parent, os.R_OK) is False
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert oct(file.parent.stat().st_mode & 0o777) == "0o700"


def test_a_symlink_is_put_into_the_spool(tmp_path: Path) -> None:
    """It is not followed, neither for a file nor for a folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    secret = elsewhere / "secret"
    header = json.dumps({"external_id": "x", "trace_id": "", "finished_at": 1, "not_before": 0, "turns": 0, "tools": 0})
    secret.write_bytes(header.encode() + b'\n{"externalId":"stolen"}\n')
    with AnsweringServer() as server:
        directory = _directory_of(App(server.url))
        directory.mkdir(parents=True)
        (directory / f"{call_name('x', 1)}.ready.jsonl").symlink_to(secret)
        (directory / "rejected").symlink_to(elsewhere)
        app = App(server.url)
        server.then = Answer(400)
        talk(app, "call-1")
        app.processor.force_flush(10_000)

        assert [seen.external_id for seen in server.seen] == ["call-1"]
    assert sorted(path.name for path in elsewhere.iterdir()) == ["secret"]


@pytest.mark.parametrize("content", [b"", b"\x00" * 500, b'{"external_id": "a"', b"[" * 100_000])
def test_a_file_is_damaged(content: bytes, said: pytest.LogCaptureFixture) -> None:
    """It is moved to `rejected/`, logged once, and holds up no other call."""
    with AnsweringServer() as server:
        directory = _directory_of(App(server.url))
        directory.mkdir(parents=True)
        (directory / f"{call_name('broken', 1)}.ready.jsonl").write_bytes(content)
        app = App(server.url)
        talk(app, "call-1")

        assert app.processor.force_flush(60_000)
        wait_until(lambda: len(list(directory.glob("rejected/*.reason.json"))) == 1)
    reason = next(directory.glob("rejected/*.reason.json"))
    assert json.loads(reason.read_text()) == {"status": 0, "reason": "damaged"}
    assert len([record for record in said.records if record.levelname == "WARNING"]) == 1
    assert app.processor.stats().delivered == 1


GOOD: dict[str, Any] = {
    "external_id": "poisoned",
    "trace_id": "",
    "finished_at": 1,
    "not_before": 0,
    "turns": 0,
    "tools": 0,
}
"""A header that can be read."""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("finished_at", 10**399),
        ("not_before", float("inf")),
        ("recording_wait", float("nan")),
        ("started_at", [1]),
        ("turns", True),
        ("external_id", "\ud800"),
        ("trace_id", "x" * 100_000),
        ("call_id", "\udcff"),
        ("owner", "../x"),
        ("owner", "a\0b"),
    ],
)
@pytest.mark.parametrize("stage", [Stage.READY, Stage.WAITING, Stage.TRIED])
def test_a_file_is_poisoned(field: str, value: object, stage: Stage) -> None:
    """A header that this package never wrote: the file is set aside, and everything around it is delivered."""
    with AnsweringServer() as server:
        directory = _directory_of(App(server.url))
        left = Spool(directory)
        for number in range(4):
            header = Header(f"left-{number}", "a1", 1.0, 0.0, 1, 0)
            left.put(
                call_name(header.external_id, 7), header, b'{"externalId":"%s"}' % header.external_id.encode(), READY
            )
        poisoned = json.dumps({**GOOD, field: value}).encode() + b'\n{"externalId":"poisoned"}\n'
        file = directory / f"{call_name('poisoned', 1)}{stage.value}"
        file.write_bytes(poisoned)
        os.utime(file, (1.0, 1.0))  # the first in the order of their ages
        app = App(server.url)
        talk(app, "call-1")

        assert app.processor.force_flush(60_000)
        wait_until(lambda: not file.exists() and len(server.seen) == 5, 60)
    assert {seen.external_id for seen in server.seen} == {"call-1", "left-0", "left-1", "left-2", "left-3"}
    (kept,) = directory.glob("rejected/*[0-9a-f].jsonl")
    assert kept.read_bytes() == poisoned


def test_a_file_is_too_large_to_be_read() -> None:
    """It takes no memory: it is set aside as it is."""
    with AnsweringServer() as server:
        directory = _directory_of(App(server.url))
        directory.mkdir(parents=True)
        with (directory / f"{call_name('large', 1)}.ready.jsonl").open("wb") as file:
            file.write(json.dumps({**GOOD}).encode() + b"\n")
            file.truncate(1 << 40)
        App(server.url)

        wait_until(lambda: len(list(directory.glob("rejected/*.reason.json"))) == 1, 60)
    assert server.seen == []


def test_the_directory_is_slow() -> None:
    """While the disk does not answer, the constructor, `stats()` and the app's spans do not wait for it."""
    with AnsweringServer() as server:
        directory = _directory_of(App(server.url))
        left = Spool(directory)
        left.put(call_name("left", 7), Header("left", "a1", 1.0, 0.0, 1, 0), b'{"externalId":"left"}', READY)
        with SlowToOpen(directory) as slow:
            app = App(server.url)
            talk(app, "call-1")
            assert app.processor.stats().delivered == 0
            assert slow.is_asked.wait(60)
            assert not app.processor.force_flush(1)
            assert (server.seen, slow.took_too_long) == ([], False)
            slow.let_go()

            assert app.processor.force_flush(60_000)
            wait_until(lambda: len(server.seen) == 2, 60)
    assert sorted(seen.external_id for seen in server.seen) == ["call-1", "left"]


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_the_spool_has_very_many_files(count: int) -> None:
    """The app's thread asks no disk, and the courier works on the oldest few thousand at most."""
    with AnsweringServer(then=Answer(503)) as server:
        directory = _directory_of(App(server.url))
        leave_many(directory, count)
        with counted("MainThread") as counts:
            app = App(server.url)
            app.processor.stats()
        wait_until(lambda: app.processor.stats().spooled == count, 60)
        with counted("MainThread") as later:
            assert app.processor.stats().spooled == count
        engine = app.processor._engine
        assert engine is not None
        wait_until(lambda: len(engine.parts.courier._errands) > 0, 60)
        assert len(engine.parts.courier._errands) <= min(count, MAX_OLDEST)
    assert [name for name in ("scandir", "stat", "open", "access") if counts[name] or later[name]] == []


def leave_many(directory: Path, count: int) -> None:
    """Writes the files of calls that an earlier process left."""
    directory.mkdir(parents=True, exist_ok=True)
    content = json.dumps({**GOOD, "external_id": "left"}).encode() + b'\n{"externalId":"left"}\n'
    for number in range(count):
        (directory / f"{call_name(str(number), 1)}.ready.jsonl").write_bytes(content)


def test_a_backlog_is_delivered_oldest_first_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few of its files the courier works on at a time, all of them are delivered."""
    monkeypatch.setattr(rounds, "MAX_OLDEST", 10)
    monkeypatch.setattr(rounds, "FEW", 2)
    with AnsweringServer() as server:
        directory = _directory_of(App(server.url))
        left = Spool(directory)
        names = [f"left-{number:02}" for number in range(45)]
        for number, name in enumerate(names):
            left.put(
                call_name(name, 7), Header(name, "a1", 1.0, 0.0, 1, 0), b'{"externalId":"%s"}' % name.encode(), READY
            )
            os.utime(directory / f"{call_name(name, 7)}.ready.jsonl", (number, number))
        app = App(server.url)

        wait_until(lambda: len(server.seen) == 45, 60)
        wait_until(lambda: app.processor.stats().spooled == 0, 60)
    assert [seen.external_id for seen in server.seen[:5]] == names[:5]
    assert sorted(seen.external_id for seen in server.seen) == names


def test_a_call_was_rejected_long_ago(
    monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is kept for seven days, of which its time in the spool before is no part, and then deleted."""
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(rounds, "IDLE_LOOK_SECONDS", 0.05)
    with AnsweringServer(then=Answer(400)) as server:
        app = App(server.url)
        directory = _directory_of(app)
        waited = Header("waited", "a1", 1.0, 0.0, 1, 0)
        Spool(directory).put(call_name("waited", 7), waited, b'{"externalId":"waited"}', READY)
        week_ago = time.time() - 7 * 86_400
        os.utime(directory / f"{call_name('waited', 7)}.ready.jsonl", (week_ago - 60, week_ago - 60))
        for external_id in ("older", "younger"):
            talk(app, external_id)
        assert app.processor.force_flush(60_000)
        wait_until(lambda: app.processor.stats().rejected == 3, 60)
        (older,) = (path for path in (directory / "rejected").glob("*.jsonl") if b'"older"' in path.read_bytes())
        (younger,) = (path for path in (directory / "rejected").glob("*.jsonl") if b'"younger"' in path.read_bytes())
        os.utime(younger, (week_ago + 3_600, week_ago + 3_600))
        os.utime(older, (week_ago - 60, week_ago - 60))
        wait_until(lambda: app.processor.stats().rejected_dropped > 0, 60)

        assert app.processor.stats().rejected_dropped == 1
    left = [path for path in (directory / "rejected").iterdir() if path.suffix == ".jsonl"]
    assert sorted(
        one for one in ("waited", "younger") for path in left if f'"{one}"'.encode() in path.read_bytes()
    ) == [
        "waited",
        "younger",
    ]
    assert len(left) == 2
    assert not older.exists()
    assert "each for 7 days" in said.text
    assert cli.main(["spool", "list", "--spool-dir", str(directory.parent)]) == 0
    assert "at most 10,000 of them and 256 MiB, each for 7 days" in capsys.readouterr().out


def test_very_many_calls_are_rejected(monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture) -> None:
    """`rejected/` has bounds of its own: beyond them the oldest are deleted, which is counted and logged."""
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(rounds, "IDLE_LOOK_SECONDS", 0.05)
    with AnsweringServer(then=Answer(400)) as server:
        app = App(server.url)
        for number in range(30):
            talk(app, f"call-{number}")
        assert app.processor.force_flush(60_000)
        monkeypatch.setattr(rejected, "MAX_REJECTED", 20)  # before all are there, some would be deleted by themselves
        directory = _directory_of(app)
        wait_until(lambda: app.processor.stats().rejected_dropped > 0, 60)
        wait_until(lambda: len(list((directory / "rejected").iterdir())) == 2 * 18, 60)
        stats = app.processor.stats()
    assert (stats.rejected, stats.rejected_dropped) == (30, 12)
    assert "12 oldest rejected calls were deleted" in said.text


@needs_root
def test_no_file_can_be_opened() -> None:
    """A process at its limit of open files delivers from memory, and gives up no call that is on disk."""
    import resource

    with AnsweringServer(then=Answer(503)) as server:
        app = App(server.url)
        talk(app, "call-1")
        finish(app, server, 1)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())), before[1]))
        try:
            seen = len(server.seen)
            assert not app.processor.force_flush(1_000)
            assert app.processor.stats().spooled == 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        server.then = created()
        assert app.processor.force_flush(60_000)
    assert app.processor.stats().delivered == 1
    assert len(server.seen) > seen


def test_a_file_has_a_newer_format(said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left for the version that wrote it."""
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)
    with AnsweringServer() as server:
        directory = _directory_of(App(server.url))
        newer = Header("call-1", "a1", 1.0, 0.0, 1, 0, format=FILE_FORMAT + 1)
        Spool(directory).put(call_name("call-1", 1), newer, b"{}", Stage.READY)
        before = {path: path.read_bytes() for path in directory.iterdir()}
        app = App(server.url)
        talk(app, "call-2")

        assert app.processor.force_flush(60_000)
    assert {path: path.read_bytes() for path in directory.iterdir()} == before
    assert [record for record in said.records if record.levelname == "WARNING"] == []


def test_the_spool_is_full(said: pytest.LogCaptureFixture) -> None:
    """Beyond ROARK_SPOOL_MAX_BYTES nothing old is deleted; new calls are delivered from memory, which is logged."""
    with AnsweringServer(then=Answer(503)) as server:
        app = App(server.url, spool_max_bytes=30_000)
        for number in range(10):
            talk(app, f"call-{number}", words="x" * 10_000)
        finish(app, server, 10)
        assert len(list(_directory_of(app).glob("*.jsonl"))) == 2
        loud = [record.getMessage() for record in said.records if record.levelname == "ERROR"]
        assert len(loud) == 1
        assert "ROARK_SPOOL_MAX_BYTES=30000" in loud[0]
        server.then = created()

        assert app.processor.force_flush(120_000)
    assert app.processor.stats().delivered == 10


def test_memory_is_full_too(monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture) -> None:
    """Calls beyond the limit are lost, counted and logged."""
    from roark_otel._spool import memory

    monkeypatch.setattr(memory, "MAX_IN_MEMORY", 3)
    with AnsweringServer(then=Answer(503)) as server:
        app = App(server.url, spool="memory")
        talk(app, *(f"call-{number}" for number in range(5)))
        app.processor.force_flush(1)
        wait_until(lambda: (app.processor.stats().spooled, app.processor.stats().lost) == (3, 2), 60)
        assert "calls are lost" in said.text
        server.then = created()
        assert app.processor.force_flush(60_000)
    assert app.processor.stats().delivered == 3


@pytest.mark.parametrize("external_id", ["../../x", "/etc/x", "a\x00b", "💥" * 255, "..", "a/b", "CON", "a\nb"])
def test_an_id_is_hostile(external_id: str, tmp_path: Path) -> None:
    """No id can name a path."""
    with AnsweringServer(then=Answer(503)) as server:
        app = App(server.url)
        talk(app, external_id)
        finish(app, server, 1)

        directory = _directory_of(app)
        found = list(tmp_path.rglob("*.jsonl"))
    assert [path.parent for path in found] == [directory]
    assert found[0].name.startswith(ids_of(directory.parent).of(external_id))
