"""The spool's directory while it is open: what others may do to it, and to the files of the process."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from roark_otel._spool.claims import Saved, Spooled
from roark_otel._spool.file import Header
from roark_otel._spool.folder import Folder
from roark_otel._spool.names import SENDABLE, Stage
from roark_otel._spool.spool import Spool
from support.spool_names import call_name

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="there no directory can be opened")

HEADER = Header("call-1", "a1", 1_795_348_364.25, 0.0, turns=2, tools=1)
FIRST, SECOND = call_name("call-1", 1), call_name("call-2", 2)


def number_of(folder: Folder) -> int:
    """The number of the open directory."""
    directory = folder._opened()
    assert directory is not None
    assert directory.file is not None
    return directory.file


def open_files() -> set[str]:
    return set(os.listdir("/dev/fd"))  # noqa: PTH208 - the files that are open, and not what they are


def test_a_directory_that_is_deleted_is_made_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a" / "b")
    folder.write("first", b"1")
    shutil.rmtree(tmp_path / "a")

    assert not folder.has("first")
    folder.write("second", b"2")

    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["second"]


@posix
def test_a_directory_that_is_replaced_is_found_with_the_next_listing(tmp_path: Path) -> None:
    """Until then calls go to the one that was there, and can be taken over from it."""
    calls = Spool(tmp_path / "spool")
    calls.put(FIRST, HEADER, b"{}", Stage.READY)
    (tmp_path / "spool").rename(tmp_path / "moved")
    Spool(tmp_path / "spool").put(SECOND, HEADER, b"{}", Stage.READY)

    assert calls.names(SENDABLE) == [SECOND]
    with calls.claim(SECOND) as call:
        assert isinstance(call, Spooled)
    assert Spool(tmp_path / "moved").names(SENDABLE) == [FIRST]


@posix
def test_a_directory_is_closed_with_its_spool(tmp_path: Path) -> None:
    before = open_files()
    for _ in range(3):
        calls = Spool(tmp_path / "spool")
        calls.put(FIRST, HEADER, b"{}", Stage.READY)
        calls.names(SENDABLE)
        shutil.rmtree(tmp_path / "spool")
        calls.put(SECOND, HEADER, b"{}", Stage.READY)
        del calls

    assert open_files() == before


@posix
def test_an_app_may_close_files_that_are_not_its_own(tmp_path: Path) -> None:
    """A daemon does. The number may be that of another file afterwards, which stays open."""
    folder = Folder(tmp_path / "spool")
    folder.write("first", b"1")
    number = number_of(folder)
    os.close(number)
    folder.write("second", b"2")
    assert folder.has("first")

    number = number_of(folder)
    with (tmp_path / "theirs").open("wb") as theirs:
        os.dup2(theirs.fileno(), number)
        folder.write("third", b"3")
        folder.refresh()

        assert os.path.samestat(os.fstat(number), os.fstat(theirs.fileno()))
        os.close(number)
    assert sorted(path.name for path in (tmp_path / "spool").iterdir()) == ["first", "second", "third"]


@posix
def test_a_link_in_the_place_of_the_directory_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "spool").symlink_to(tmp_path / "elsewhere")
    folder = Folder(tmp_path / "spool")

    with pytest.raises(OSError, match="link") as raised:
        folder.write("first", b"1")

    assert raised.value.errno == errno.ELOOP
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_cannot_get_its_name_leaves_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "spool")
    (tmp_path / "spool" / "taken" / "within").mkdir(parents=True)

    with pytest.raises(OSError, match="taken"):
        folder.write("taken", b"1")

    assert [path.name for path in (tmp_path / "spool").iterdir()] == ["taken"]


@posix
def test_a_large_file_is_whole(tmp_path: Path) -> None:
    """However much of it the system writes at a time."""
    content = os.urandom(3 * 1024 * 1024)
    folder = Folder(tmp_path / "spool")

    assert folder.write("large", content).st_size == len(content)
    assert (tmp_path / "spool" / "large").read_bytes() == content


FORKS = """
import os, sys
from pathlib import Path
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage, call_name
from roark_otel._spool.spool import Spool

calls = Spool(Path(sys.argv[1]))
def put(external_id):
    return calls.put(call_name(external_id, 1), Header(external_id, "a1", 1.0, 0.0, 1, 0), b"{}", Stage.READY)
put("parent")
with calls.together():
    if not (pid := os.fork()):
        number = calls._files._folder._directory.file
        put("child")
        assert calls._files._folder._directory.file != number
        os.fstat(number)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
put("again")
print(*sorted(calls.names([Stage.READY])))
"""


@posix
def test_a_child_opens_the_directory_itself(tmp_path: Path) -> None:
    """And leaves the parent's open: after a daemon's start the number may be that of another file."""
    script = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORKS), str(tmp_path / "spool")]
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(  # noqa: S603 - our own script
        script, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    names = [f"{external_id}-{1:016x}" for external_id in ("again", "child", "parent")]
    assert done.stdout.split() == sorted(names)


def test_a_call_is_saved_where_files_are_found_by_their_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, which opens no directory."""
    monkeypatch.setattr("roark_otel._spool.folder._HAS_DIRECTORIES", False)
    calls = Spool(tmp_path / "spool")

    assert calls.put(FIRST, HEADER, b"{}", Stage.READY) == Saved(FIRST)
    with calls.claim(FIRST) as call:
        assert isinstance(call, Spooled)
        assert calls.mark_tried(call)
        assert [path.name for path in (tmp_path / "spool").iterdir()] == [f"{FIRST}.tried.jsonl"]
        calls.remove(call)
    assert list((tmp_path / "spool").iterdir()) == []
