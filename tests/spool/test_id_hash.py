"""Ids are hashed under one key for all who share a spool, from its first moment, and under every other name found."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
import stat
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from roark_otel import attach_recording, cli
from roark_otel._safety.log_ids import log_id
from roark_otel._spool import id_hash
from roark_otel._spool.file import Header
from roark_otel._spool.forgetting import forget
from roark_otel._spool.id_hash import KEY_BYTES, KEY_FILE, IdHash, ids_of, unkeyed_hash
from roark_otel._spool.names import CallName, Stage, late_name
from roark_otel._spool.rejected import rejected_path
from roark_otel._spool.spool import Spool
from roark_otel.types import Attached, Kept
from support import processes
from support.answering import Answer, AnsweringServer
from support.helpers import App, wait_until
from support.spool_names import call_name

ID = "+15550100"
URL = "https://example.com/a.wav"
BODY = b'{"externalId":"%s"}' % ID.encode()
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
needs_users = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")


def key_of(root: Path) -> Path:
    return root / KEY_FILE


def header(external_id: str = ID) -> Header:
    return Header(external_id, "a1", time.time(), 0.0, 1, 0)


# The key


def test_a_hash_cannot_be_computed_from_the_id_alone(tmp_path: Path) -> None:
    first, second = IdHash(tmp_path / "one").of(ID), IdHash(tmp_path / "two").of(ID)

    assert first != second
    assert hashlib.sha256(ID.encode()).hexdigest()[:32] not in first + second
    assert unkeyed_hash(ID) not in first + second


def test_the_key_is_32_bytes_for_this_user_alone(tmp_path: Path) -> None:
    IdHash(tmp_path / "spool").of(ID)

    (key,) = (tmp_path / "spool").iterdir()
    assert (key.name, key.stat().st_size) == ("ids.key", 32)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_every_process_and_directory_hashes_alike(tmp_path: Path) -> None:
    assert IdHash(tmp_path).of(ID) == IdHash(tmp_path).of(ID)
    assert ids_of(tmp_path).of(ID) == Spool(tmp_path / ("a" * 16)).ids.of(ID) == Spool(tmp_path / ("b" * 16)).ids.of(ID)


def test_in_memory_each_process_has_its_own_key() -> None:
    assert IdHash(None).of(ID) != IdHash(None).of(ID)
    assert ids_of(None).of(ID) == ids_of(None).of(ID) == Spool(None).ids.of(ID)


def test_the_key_is_in_no_representation(tmp_path: Path) -> None:
    ids = ids_of(tmp_path)
    ids.of(ID)
    secret = key_of(tmp_path).read_bytes()

    assert repr(secret)[2:-1] not in repr(vars(ids))


STARTS = """
from pathlib import Path
from roark_otel._spool.id_hash import IdHash
(Path(URL) / f"{os.getpid()}.ready").touch()
until = Path(URL) / "go"
while not until.exists():
    pass
print(IdHash(Path(URL) / "spool").of("call-1"))
"""


def test_eight_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    """On an empty root: whichever comes first makes it, and no other sees half of it."""
    outputs: list[str] = []

    def start(folder: Path) -> None:
        folder.mkdir()
        outputs.append(processes.run(folder, STARTS, str(tmp_path)).stdout)

    threads = [threading.Thread(target=start, args=(tmp_path / f"app{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(list(tmp_path.glob("*.ready"))) == 8, 60.0)
    (tmp_path / "go").touch()
    for thread in threads:
        thread.join()

    assert len(outputs) == 8
    assert set(outputs) == {IdHash(tmp_path / "spool").of("call-1") + "\n"}
    assert [path.name for path in (tmp_path / "spool").iterdir()] == [KEY_FILE]


def test_threads_that_make_a_key_at_once_have_one(tmp_path: Path) -> None:
    for number in range(50):
        found: list[str] = []
        barrier = threading.Barrier(4)

        def hashed(
            root: Path = tmp_path / str(number), found: list[str] = found, barrier: threading.Barrier = barrier
        ) -> None:
            barrier.wait()
            found.append(IdHash(root).of(ID))

        threads = [threading.Thread(target=hashed) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1


@needs_fork
def test_a_forked_child_hashes_as_its_parent(tmp_path: Path) -> None:
    """Also where the key is the parent's own."""
    for root in (tmp_path, None):
        ids, (reading, writing) = IdHash(root), os.pipe()
        expected = ids.of(ID)
        if not (pid := os.fork()):
            os.write(writing, ids.of(ID).encode())
            os._exit(0)
        os.close(writing)
        os.waitpid(pid, 0)
        with os.fdopen(reading) as pipe:
            assert pipe.read() == expected


def test_a_key_that_is_deleted_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the process that has it, before another one makes a different one."""
    monkeypatch.setattr(id_hash, "LOOK_SECONDS", 0.0)
    ids = IdHash(tmp_path)
    expected = ids.of(ID)
    key_of(tmp_path).unlink()

    assert ids.of(ID) == expected
    assert IdHash(tmp_path).of(ID) == expected


def test_without_hard_links_a_reader_waits_for_a_whole_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_arguments: object, **_named: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    assert IdHash(tmp_path).of(ID) == IdHash(tmp_path).of(ID)

    secret = key_of(tmp_path).read_bytes()
    key_of(tmp_path).write_bytes(secret[:7])
    monkeypatch.setattr(id_hash, "HALF_WRITTEN_SECONDS", 60.0)
    monkeypatch.setattr(time, "sleep", lambda _: key_of(tmp_path).write_bytes(secret))
    assert IdHash(tmp_path).of(ID).startswith("k")


# A key that cannot be used


def make_short(root: Path) -> None:
    key_of(root).write_bytes(b"x" * 31)


def make_long(root: Path) -> None:
    key_of(root).write_bytes(b"x" * 33)


def make_empty(root: Path) -> None:
    key_of(root).touch()


def make_link(root: Path) -> None:
    (root / "elsewhere").write_bytes(b"x" * KEY_BYTES)
    key_of(root).symlink_to(root / "elsewhere")


def make_directory(root: Path) -> None:
    key_of(root).mkdir()


def make_pipe(root: Path) -> None:
    os.mkfifo(key_of(root))


def make_writable(root: Path) -> None:
    key_of(root).write_bytes(b"x" * KEY_BYTES)
    key_of(root).chmod(0o602)


BROKEN = [make_short, make_long, make_empty, make_link, make_directory, make_writable]
if hasattr(os, "mkfifo"):
    BROKEN.append(make_pipe)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_key_that_cannot_be_used_is_reported_and_not_used(
    broken: object, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(broken)
    broken(tmp_path)
    monkeypatch.setattr(id_hash, "HALF_WRITTEN_SECONDS", 0.0)
    ids = IdHash(tmp_path)

    assert ids.of(ID) == ids.of(ID) != IdHash(tmp_path).of(ID)
    assert ids.of(ID).startswith("p")
    (line,) = caplog.records
    assert (line.levelno, str(key_of(tmp_path)) in line.getMessage()) == (logging.WARNING, True)
    assert "x" * 8 not in caplog.text


@needs_users
def test_a_key_of_another_user_is_not_used(tmp_path: Path) -> None:
    IdHash(tmp_path).of(ID)
    os.chown(tmp_path, 65_533, -1)
    os.chown(key_of(tmp_path), 65_534, -1)

    assert IdHash(tmp_path).of(ID).startswith("p")

    os.chown(key_of(tmp_path), 65_533, -1)  # that of the spool's owner is: root looks after the spools of others
    assert IdHash(tmp_path).of(ID).startswith("k")


@needs_users
def test_a_group_shares_the_key_of_its_spool(tmp_path: Path) -> None:
    os.chown(tmp_path, -1, 65_533)
    tmp_path.chmod(0o770)

    IdHash(tmp_path).of(ID)

    found = key_of(tmp_path).stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o660, 65_533)
    os.chown(key_of(tmp_path), 65_532, -1)  # whoever of the group made it
    assert IdHash(tmp_path).of(ID).startswith("k")


@needs_users
def test_a_root_that_cannot_be_written_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    with tempfile.TemporaryDirectory() as folder:  # where other users may look
        Path(folder).chmod(0o555)
        os.seteuid(65_534)
        try:
            found = {IdHash(Path(folder)).of(ID)[0] for _ in range(2)}
        finally:
            os.seteuid(0)

    assert (found, len(caplog.records)) == ({"p"}, 1)


def test_calls_that_others_named_under_their_own_key_are_found_by_reading_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as those of a process that began on a full disk."""
    monkeypatch.setattr(id_hash, "HALF_WRITTEN_SECONDS", 0.0)
    make_short(tmp_path)
    spool = Spool(tmp_path / ("a" * 16))
    for number, external_id in enumerate([ID, "call-2", ID]):
        spool.put(spool.name_of(external_id, number), header(external_id), BODY, Stage.WAITING)
    spool.put_aside(spool.name_of(ID, 7), header(), BODY, "no_recording")
    key_of(tmp_path).unlink()
    monkeypatch.setitem(id_hash._known, tmp_path, IdHash(tmp_path))  # as in another process

    assert ids_of(tmp_path).of(ID).startswith("k")
    assert Spool(spool.directory).names_of(ID) == sorted(spool.name_of(ID, number) for number in (0, 2))
    monkeypatch.setenv("ROARK_SPOOL_DIR", str(tmp_path))
    assert attach_recording(ID, URL) == Attached(3)
    assert forget(tmp_path, ID).erased == 3
    assert len(Spool(spool.directory).names(Stage)) == 1


def test_a_recording_kept_under_another_key_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROARK_SPOOL_DIR", str(tmp_path / "spool"))
    (tmp_path / "spool").mkdir()
    make_directory(tmp_path / "spool")
    assert attach_recording(ID, URL) == Kept()
    key_of(tmp_path / "spool").rmdir()
    monkeypatch.setitem(id_hash._known, tmp_path / "spool", IdHash(tmp_path / "spool"))

    with AnsweringServer() as server:
        app = App(server.url, recording_url=None, spool_dir=tmp_path / "spool", linger_seconds=0, quiet_seconds=0)
        app.conversation(ID, "Hello.")
        app.processor.force_flush(60_000)
        wait_until(lambda: app.processor.stats().delivered == 1)
    assert json.loads(server.seen[0].body)["recordingUrl"] == URL


# In the app


def test_logs_show_the_hash_that_the_files_have(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "roark_otel")
    with AnsweringServer(then=Answer(400)) as server:
        app = App(server.url, log_external_id="hash", spool_dir=tmp_path / "spool")
        app.conversation(ID, "Hello.")
        app.processor.force_flush(60_000)

    expected = ids_of(tmp_path / "spool").of(ID)
    (file,) = (tmp_path / "spool").rglob("rejected/*.jsonl")
    assert CallName.parse(file.name).id_hash == log_id(ID) == expected
    assert expected in caplog.text
    assert ID not in caplog.text
    assert unkeyed_hash(ID) not in caplog.text + "".join(map(str, (tmp_path / "spool").rglob("*")))


ATTACHES = """
from roark_otel import attach_recording
print(attach_recording("+15550100", "https://example.com/a.wav"))
"""


def test_another_process_attaches_after_the_key_of_the_api_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROARK_SPOOL_DIR", str(tmp_path / "spool"))
    for name, key in (("before", "key-1"), ("after", "key-2")):
        app = App("http://127.0.0.1:9", api_key=key, recording_url=None, spool_dir=tmp_path / "spool")
        app.conversation(ID, name)
        app.processor.force_flush(1_000)
        wait_until(lambda app=app: app.processor.stats().awaiting_recording == 1)  # type: ignore[misc]
    assert len({CallName.parse(path.name).id_hash for path in (tmp_path / "spool").rglob("*.waiting.jsonl")}) == 1

    monkeypatch.setenv("ROARK_API_KEY", "key-3")
    done = processes.run(tmp_path, ATTACHES, "")

    assert done.stdout == "Attached(calls=2)\n"


# What earlier versions left


def test_what_earlier_versions_left_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / ("a" * 16)
    spool = Spool(directory)
    spool.put(call_name(ID, 1), header(), BODY, Stage.WAITING)
    spool.put(late_name(call_name(ID, 2), 1), header(), b'{"toolInvocations":[]}', Stage.LATE)
    spool.put(call_name("call-2", 1), header("call-2"), BODY, Stage.WAITING)
    spool.put_aside(call_name(ID, 3), header(), BODY, "no_recording")
    monkeypatch.setenv("ROARK_SPOOL_DIR", str(tmp_path))

    assert attach_recording(ID, URL) == Attached(2)
    assert not rejected_path(directory, call_name(ID, 3)).exists()
    assert forget(tmp_path, ID).erased == 3
    assert Spool(directory).names(Stage) == [call_name("call-2", 1)]


def test_what_goes_on_is_joined_to_what_an_earlier_version_left_of_it(tmp_path: Path) -> None:
    """It was killed in the middle of the conversation, and this version goes on with it."""
    dying, spool = Spool(tmp_path / ("a" * 16)), Spool(tmp_path / ("a" * 16))
    assert dying.open_calls is not None
    assert spool.open_calls is not None
    assert dying.open_calls.save(call_name(ID, 1), header(), BODY)
    dying.leave_to_parent()  # its lock is gone

    own = spool.name_of(ID, 2)
    body, names = spool.open_calls.part_of(CallName.parse(own).id_hash, own)

    assert (json.loads(body)["externalId"], names) == (ID, (call_name(ID, 1),))


def test_parts_of_two_versions_are_one_conversation(tmp_path: Path) -> None:
    dying, spool = Spool(tmp_path / ("a" * 16)), Spool(tmp_path / ("a" * 16))
    assert dying.open_calls is not None
    assert spool.open_calls is not None
    names = call_name(ID, 1), dying.name_of(ID, 2), call_name("call-2", 3)
    for name, external_id in zip(names, (ID, ID, "call-2"), strict=True):
        assert dying.open_calls.save(name, header(external_id), BODY)
    dying.leave_to_parent()

    found = spool.open_calls.orphans(spool.items([Stage.OPEN]))

    assert sorted(sorted(one.name for one in several) for several in found.values()) == sorted(
        [sorted(names[:2]), [names[2]]]
    )


def test_a_recording_that_an_earlier_version_kept_is_given(tmp_path: Path) -> None:
    kept = tmp_path / "spool" / "attached" / f"{unkeyed_hash(ID)}.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"url": URL}))
    with AnsweringServer() as server:
        app = App(server.url, recording_url=None, spool_dir=tmp_path / "spool")
        app.conversation(ID, "Hello.")
        app.processor.force_flush(60_000)
        wait_until(lambda: app.processor.stats().delivered == 1)

    assert json.loads(server.seen[0].body)["recordingUrl"] == URL
    assert not kept.exists()


def test_calls_of_another_spool_get_the_names_of_this_one(tmp_path: Path) -> None:
    there = Spool(tmp_path / "there" / ("a" * 16))
    here = tmp_path / "here" / ("b" * 16)
    there.put(there.name_of(ID, 1), header(), BODY, Stage.WAITING)
    there.put(late_name(there.name_of(ID, 2), 3), header(), BODY, Stage.LATE)
    there.put_aside(there.name_of(ID, 4), header(), BODY, "by hand")
    there.put(call_name(ID, 5), header(), BODY, Stage.READY)
    from roark_otel._spool.taking_over import adopt

    assert there.directory is not None
    assert adopt(here, there.directory) == 4

    spool = Spool(here)
    assert set(spool.names_of(ID)) == {
        spool.name_of(ID, 1),
        late_name(spool.name_of(ID, 2), 3),
        call_name(ID, 5),
    }
    assert rejected_path(here, spool.name_of(ID, 4)).exists()
    assert spool.ids.of(ID) != there.ids.of(ID)


# The command


def test_list_shows_the_hash_of_an_id_and_its_calls_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = Spool(tmp_path / ("a" * 16))
    spool.put(spool.name_of(ID, 1), header(), BODY, Stage.WAITING)
    spool.put(call_name(ID, 2), header(), BODY, Stage.READY)
    spool.put(spool.name_of("call-2", 1), header("call-2"), BODY, Stage.WAITING)

    assert cli.main(["spool", "list", ID, "--spool-dir", str(tmp_path)]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"{ID} is {spool.ids.of(ID)} in logs and file names; earlier versions had {unkeyed_hash(ID)}"
    assert len(lines) == 2
    assert all(ID in line for line in lines)

    assert cli.main(["spool", "list", ID, "--json", "--spool-dir", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["hash"], found["earlier_hash"], len(found["calls"])) == (spool.ids.of(ID), unkeyed_hash(ID), 2)


def test_list_makes_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["spool", "list", "call\x1b[1m\n1", "--spool-dir", str(tmp_path)]) == 0

    shown = capsys.readouterr().out
    assert "the spool has no key" in shown
    assert "no call of it is in the spool" in shown
    assert "\x1b" not in shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a directory's mode means nothing")
def test_a_hash_needs_no_directory_that_exists(tmp_path: Path) -> None:
    assert IdHash(tmp_path / "a" / "b").of(ID).startswith("k")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_what_remembers_a_hash_costs_the_collector_nothing(tmp_path: Path) -> None:
    """Each conversation that was saved has one, for as long as it is open."""
    hashes = IdHash(tmp_path)
    ids = {f"call-{number}-of-a-test" for number in range(50)}
    for one in ids:
        hashes.of(one)
    gc.collect()
    tracked = [one for one in gc.get_objects() if type(one) is tuple and not ids.isdisjoint(map(_text, one))]
    assert tracked == []


def _text(one: object) -> str:
    return one if isinstance(one, str) else ""
