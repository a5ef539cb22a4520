"""Two versions of this package share a spool: an older one leaves what it does not know, and no call is sent twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._spool.claims import Saved, Spooled
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage, late_name
from roark_otel._spool.spool import Spool
from support.answering import Answer, AnsweringServer, NoAnswer, Seen, created
from support.flaky import wait_for
from support.older import older_python
from support.paths import TESTS
from support.processes import PRELUDE, PROVIDER, SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL, SIGSTOP and flock")

RECORDING = "https://example.com/recording.wav"

TALK = """
root = begin(sys.argv[2])
print("begun", flush=True)
sys.stdin.readline()
root.end()
processor.force_flush()
print("ended", flush=True)
sys.stdin.readline()
"""
"""An app with one conversation, which goes on until it is asked to end it."""

MANY = """
from support.writers import talk
number = 0
while True:
    talk(provider, f"{sys.argv[2]}-{number}", "Hello.")
    processor.force_flush()
    print(f"{sys.argv[2]}-{number}", flush=True)
    number += 1
"""
"""An app that has one conversation after the other."""


class Roark(AnsweringServer):
    """Creates each call once, and notes which it was sent again; it takes tool uses for calls, too."""

    def __init__(self) -> None:
        super().__init__(then=self._reply)
        self.repeated: Counter[str] = Counter()
        self.bodies: dict[str, dict[str, Any]] = {}
        self.appended: Counter[str] = Counter()
        self.is_out = False

    def _reply(self, seen: Seen) -> Answer | NoAnswer:
        if self.is_out:
            return NoAnswer()
        if seen.path.endswith("/tool-invocations"):
            call_id = seen.path.split("/")[-2]
            self.appended[call_id] += 1
            return Answer(200, json.dumps({"data": {"callId": call_id}}).encode())
        if seen.external_id in self.bodies:
            self.repeated[seen.external_id] += 1
            return Answer(409)
        self.bodies[seen.external_id] = json.loads(seen.body)
        return created(f"id of {seen.external_id}")


class Version:
    """Runs one version of the package on one spool."""

    def __init__(self, interpreter: str, url: str, spool_dir: Path) -> None:
        self._interpreter = interpreter
        self.url = url
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(TESTS),
            "ROARK_SPOOL_DIR": str(spool_dir),
            "ROARK_API_KEY": "test-key",
            "ROARK_BASE_URL": url,
        }

    def start(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        """Starts an app."""
        return subprocess.Popen(  # noqa: S603 - our own code
            [self._interpreter, "-c", PRELUDE + PROVIDER + textwrap.dedent(code), self.url, *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(  # noqa: S603 - our own code
            [self._interpreter, *command],
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def drain(self, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs `roark-otel spool drain`."""
        return self.run("-m", "roark_otel.cli", "spool", "drain", "--timeout", "60", **settings)

    def attach(self, external_id: str) -> None:
        """Gives a call its recording."""
        attached = self.run("-m", "roark_otel.cli", "spool", "attach", external_id, RECORDING)
        assert attached.returncode == 0, attached.stderr


@pytest.fixture(name="roark")
def _roark() -> Iterator[Roark]:
    with Roark() as roark:
        yield roark


@pytest.fixture(name="newer")
def _newer(roark: Roark, tmp_path: Path) -> Version:
    return Version(sys.executable, roark.url, tmp_path / "spool")


@pytest.fixture(name="older")
def _older(roark: Roark, tmp_path: Path) -> Version:
    older = Version(str(older_python()), roark.url, tmp_path / "spool")
    found = older.run("-c", "import roark_otel._spool.names as names; print([stage.name for stage in names.Stage])")
    assert found.stdout == "['WAITING', 'READY', 'TRIED', 'LATE']\n", found.stderr
    return older


@pytest.fixture(name="start")
def _start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(version: Version, code: str, *arguments: str) -> subprocess.Popen[str]:
        started.append(version.start(code, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate(timeout=SECONDS)


def hears(process: subprocess.Popen[str]) -> str:
    """The next line of an app."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def talks_to(process: subprocess.Popen[str]) -> None:
    """Has an app go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def content(spool_dir: Path, *endings: str) -> dict[str, tuple[int, bytes]]:
    """The files of a spool whose names end like this, each with its inode."""
    paths = [path for path in spool_dir.rglob("*") if path.name.endswith(endings)]
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in paths}


def fill(directory: Path) -> None:
    """Leaves a call in each stage that both versions know, as a process of the newer one does."""
    spool = Spool(directory)
    for number, stage in enumerate((Stage.READY, Stage.TRIED, Stage.WAITING), 1):
        external_id = stage.name.lower()
        header = Header(external_id, f"{number:032x}", 1.0, 0.0, 1, 0)
        body: dict[str, Any] = {"externalId": external_id, "startedAt": "2026-11-22T11:52:44.000Z"}
        if stage is not Stage.WAITING:
            body["recordingUrl"] = RECORDING
        first = Stage.WAITING if stage is Stage.WAITING else Stage.READY
        name = spool.name_of(external_id, number)
        assert isinstance(spool.put(name, header, json.dumps(body).encode(), first), Saved)
        if stage is Stage.TRIED:
            with spool.claim(name) as call:
                assert isinstance(call, Spooled)
                assert spool.mark_tried(call)
    sent = spool.name_of("sent", 9)
    header = Header("sent", f"{9:032x}", 1.0, 0.0, 0, 1, call_id="id-of-sent")
    assert isinstance(spool.put(late_name(sent, 1), header, b'{"toolInvocations": []}', Stage.LATE), Saved)


def test_an_older_version_leaves_what_it_does_not_know(
    older: Version, newer: Version, roark: Roark, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """It delivers what it knows. Conversations that go on, and their owners' locks, are as they were."""
    spool_dir = tmp_path / "spool"
    apps = {name: start(newer, TALK, name) for name in ("goes-on", "cut-off")}
    assert [hears(app) for app in apps.values()] == ["begun", "begun"]
    new = (".open.jsonl", ".owner")
    assert wait_for(lambda: len(content(spool_dir, *new)) == 4, SECONDS)
    apps["cut-off"].kill()
    apps["cut-off"].wait(SECONDS)
    apps["goes-on"].send_signal(signal.SIGSTOP)  # it lives, and delivers nothing meanwhile
    (directory,) = {path.parent for path in spool_dir.rglob("*.open.jsonl")}
    fill(directory)
    before = content(spool_dir, *new)

    drained = older.drain()

    assert roark.bodies.keys() == {"ready", "tried"}, drained.stderr
    assert roark.appended == {"id-of-sent": 1}
    assert content(spool_dir, *new) == before
    assert [path.name for path in directory.iterdir() if path.name.endswith("waiting.jsonl")]

    apps["goes-on"].send_signal(signal.SIGCONT)
    talks_to(apps["goes-on"])
    assert hears(apps["goes-on"]) == "ended"
    newer.attach("waiting")
    drained = newer.drain(ROARK_QUIET_SECONDS="0")
    everything = {"ready", "tried", "waiting", "goes-on", "cut-off"}
    assert (drained.returncode, set(roark.bodies)) == (0, everything), drained.stderr
    assert roark.bodies["cut-off"]["properties"]["roark_incomplete"] is True
    assert "roark_incomplete" not in roark.bodies["goes-on"]["properties"]
    assert not content(spool_dir, ".jsonl")
    assert (roark.appended, roark.repeated) == ({"id-of-sent": 1}, {})


def test_a_newer_version_delivers_what_an_older_one_left(
    older: Version, newer: Version, roark: Roark, tmp_path: Path
) -> None:
    """A call that was not tried, one that was, and one that lacks its recording, of a process that was killed."""
    roark.is_out = True
    tries = """
    from support.writers import talk
    talk(provider, "call-3")
    processor.force_flush(1_000)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    app = older.start(tries)
    app.communicate(timeout=SECONDS)
    leave = "from support.writers import spool_and_die; spool_and_die({!r}, {!r}, 'test-key', 'Hello.')"
    left = older.run("-c", leave.format(roark.url, str(tmp_path / "spool")))
    assert left.returncode == 0, left.stderr
    stages = Counter(name.split(".", 1)[1] for name in content(tmp_path / "spool", ".jsonl"))
    assert stages == {"tried.jsonl": 1, "waiting.jsonl": 1, "ready.jsonl": 1}
    roark.is_out = False

    newer.attach("call-2")
    drained = newer.drain()
    assert (drained.returncode, set(roark.bodies)) == (0, {"call-1", "call-2", "call-3"}), drained.stderr
    assert roark.repeated == {}
    assert not content(tmp_path / "spool", ".jsonl")


def test_apps_of_both_versions_are_killed_beside_each_other(
    older: Version, newer: Version, roark: Roark, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """While they deliver from one spool, either may send the other's calls: none is lost, and none is sent twice."""
    apps = [start(older, MANY, "old"), start(newer, MANY, "new")]
    ended = [hears(app) for _ in range(20) for app in apps]
    for app in apps:
        app.kill()
        assert app.stdout is not None
        ended += app.stdout.read().split()
    drained = newer.drain(ROARK_QUIET_SECONDS="0")
    assert drained.returncode == 0, drained.stderr
    assert set(ended) <= roark.bodies.keys()
    assert not content(tmp_path / "spool", ".jsonl"), "none is left, and none is rejected as another call's id"
    assert len(roark.repeated) <= len(apps), "only what a killed process was sending is sent again"
