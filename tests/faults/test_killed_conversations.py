"""Kills processes in the middle of conversations: what was said is delivered, once, as far as it was saved."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from support.flaky import FlakyRoark, wait_for
from support.processes import PRELUDE, PROVIDER, SECONDS
from support.writers import converse, drain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and flock")

CONTEXT: Any = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")


Begin: TypeAlias = "Callable[[str], App]"


class App:
    """A process that runs some code with a spool."""

    def __init__(self, code: str, url: str, spool_dir: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-c", PRELUDE + PROVIDER + textwrap.dedent(code), url],
            env={"ROARK_SPOOL_DIR": str(spool_dir), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        assert any(said.strip() == line for said in iter(self.process.stdout.readline, ""))

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=SECONDS)


@pytest.fixture(name="roark")
def _roark() -> Iterator[FlakyRoark]:
    with FlakyRoark() as roark:
        yield roark


@pytest.fixture(name="app")
def _app(roark: FlakyRoark, tmp_path: Path) -> Iterator[Callable[[str], App]]:
    apps: list[App] = []

    def begin(code: str) -> App:
        apps.append(App(code, roark.url, tmp_path / "spool"))
        return apps[-1]

    yield begin
    for one in apps:
        one.kill()


def saved(spool_dir: Path, stage: str = "open") -> list[dict[str, Any]]:
    """The bodies of the calls in a stage."""
    found = []
    for path in sorted(spool_dir.rglob(f"*.{stage}.jsonl")):
        try:
            found.append(json.loads(path.read_text(encoding="utf-8").splitlines()[1]))
        except FileNotFoundError:
            continue  # it went on meanwhile
    return found


def words(body: dict[str, Any]) -> list[str]:
    return [entry["text"] for entry in body.get("transcript", ())]


def wait_for_words(spool_dir: Path, *texts: str, stage: str = "open") -> None:
    def is_there() -> bool:
        return any(words(body)[-len(texts) :] == list(texts) for body in saved(spool_dir, stage))

    assert wait_for(is_there, SECONDS), [words(body) for body in saved(spool_dir, stage)]


def deliver(url: str, spool_dir: Path, until: Callable[[], bool], key: str = "test-key") -> None:
    """Runs a process that uses the same spool, until something has happened."""
    settings = {"quiet_seconds": 0.5, "api_key": key}
    drainer = CONTEXT.Process(target=drain, args=(url, spool_dir), kwargs=settings, daemon=True)
    drainer.start()
    try:
        assert wait_for(until, SECONDS, every=0.1)
    finally:
        drainer.kill()
        drainer.join()
        drainer.close()


def files_left(spool_dir: Path) -> list[str]:
    return [path.name for path in spool_dir.rglob("*.jsonl") if path.parent.name != "rejected"]


TALK = """
root = begin("call-1")
say(root, "First words.")
print("said", flush=True)
sys.stdin.readline()
say(root, "Last words.")
print("said", flush=True)
sys.stdin.readline()
"""


def test_the_process_is_killed_in_its_middle(app: Begin, roark: FlakyRoark, tmp_path: Path) -> None:
    spool_dir = tmp_path / "spool"
    talking = app(TALK)
    wait_for_words(spool_dir, "call-1 begins.", "First words.")
    assert talking.process.stdin is not None
    talking.process.stdin.write("\n")
    talking.process.stdin.flush()
    wait_for_words(spool_dir, "First words.", "Last words.")
    talking.kill()
    deliver(roark.url, spool_dir, lambda: not files_left(spool_dir))
    (body,) = roark.bodies.values()
    assert words(body) == ["call-1 begins.", "First words.", "Last words."]
    assert body["properties"]["roark_incomplete"] is True
    assert not list(spool_dir.rglob("*.owner"))


def test_the_process_is_killed_after_its_root_has_ended(app: Begin, roark: FlakyRoark, tmp_path: Path) -> None:
    """Although spans that come late are waited for: the linger of this app is an hour."""
    spool_dir = tmp_path / "spool"
    talking = app("root = begin('call-1')\nroot.end()\ntime.sleep(600)")
    wait_for_words(spool_dir, "call-1 begins.")
    assert "roark_incomplete" not in saved(spool_dir)[0]["properties"]
    talking.kill()
    deliver(roark.url, spool_dir, lambda: not files_left(spool_dir))
    assert list(roark.bodies) == ["call-1"]


def test_the_agent_is_started_again_and_goes_on_with_it(app: Begin, roark: FlakyRoark, tmp_path: Path) -> None:
    spool_dir = tmp_path / "spool"
    first = app(TALK)
    wait_for_words(spool_dir, "call-1 begins.", "First words.")
    first.kill()
    (half,) = saved(spool_dir)
    code = """
    root = begin("call-1")
    say(root, "Goodbye.")
    root.end()
    processor.force_flush()
    print("done", flush=True)
    time.sleep(600)
    """
    app(code).wait_for("done")
    assert wait_for(lambda: bool(roark.bodies), SECONDS)
    deliver(roark.url, spool_dir, lambda: not files_left(spool_dir))
    (body,) = roark.bodies.values()
    assert roark.counts["created"] == 1
    assert words(body) == ["call-1 begins.", "First words.", "call-1 begins.", "Goodbye."]
    assert body["startedAt"] == half["startedAt"]
    offsets = [entry["startOffsetMs"] for entry in body["transcript"]]
    assert offsets == sorted(offsets)
    assert offsets[2] > half["transcript"][-1]["startOffsetMs"]
    assert "roark_incomplete" not in body["properties"]


def test_a_parent_is_killed_and_its_children_live_on(app: Begin, roark: FlakyRoark, tmp_path: Path) -> None:
    spool_dir = tmp_path / "spool"
    code = """
    root = begin("call-1")
    child = os.fork()
    if child == 0:
        print(f"child {os.getpid()}", flush=True)
        time.sleep(600)
    time.sleep(600)
    """
    parent = app(code)
    assert parent.process.stdout is not None
    child = int(parent.process.stdout.readline().removeprefix("child "))
    try:
        wait_for_words(spool_dir, "call-1 begins.")
        parent.process.kill()
        deliver(roark.url, spool_dir, lambda: not files_left(spool_dir))
        assert list(roark.bodies) == ["call-1"]
    finally:
        os.kill(child, signal.SIGKILL)


def test_another_process_that_uses_the_spool_lives_on(app: Begin, roark: FlakyRoark, tmp_path: Path) -> None:
    """A process that uses the spool too delivers what a dead one left, and nothing else."""
    spool_dir = tmp_path / "spool"
    living, dead = app(TALK), app("root = begin('call-2')\ntime.sleep(600)")
    wait_for_words(spool_dir, "call-1 begins.", "First words.")
    wait_for_words(spool_dir, "call-2 begins.")
    dead.kill()
    deliver(roark.url, spool_dir, lambda: bool(roark.bodies))
    assert list(roark.bodies) == ["call-2"]
    assert [words(body)[0] for body in saved(spool_dir)] == ["call-1 begins."]
    assert living.process.poll() is None


def test_the_app_closes_all_file_descriptors(app: Begin, roark: FlakyRoark, tmp_path: Path) -> None:
    """As a daemon does, after its first conversation began: what is saved next is owned by a living process again."""
    spool_dir = tmp_path / "spool"
    code = """
    root = begin("call-1")
    sys.stdin.readline()
    os.closerange(3, 1024)
    say(root, "Still here.")
    time.sleep(600)
    """
    living, dead = app(code), app("root = begin('call-2')\ntime.sleep(600)")
    wait_for_words(spool_dir, "call-1 begins.")
    wait_for_words(spool_dir, "call-2 begins.")
    assert living.process.stdin is not None
    living.process.stdin.write("\n")
    living.process.stdin.flush()
    wait_for_words(spool_dir, "Still here.")
    dead.kill()
    deliver(roark.url, spool_dir, lambda: bool(roark.bodies))
    assert list(roark.bodies) == ["call-2"]
    assert [words(body)[0] for body in saved(spool_dir)] == ["call-1 begins."]
    assert len(list(spool_dir.rglob("*.owner"))) == 1


def test_its_id_is_used_again_after_it_was_skipped(app: Begin, roark: FlakyRoark, tmp_path: Path) -> None:
    """Also where it had taken over what a killed process left: its words are not those of the later conversation."""
    spool_dir = tmp_path / "spool"
    first = app(TALK)
    wait_for_words(spool_dir, "call-1 begins.", "First words.")
    first.kill()
    code = """
    root = begin("call-1")
    say(root, "Goodbye.")
    sys.stdin.readline()
    root.set_attribute("roark.skip", True)
    root.end()
    processor.force_flush()
    begin("call-1").end()
    processor.force_flush()
    print("done", flush=True)
    time.sleep(600)
    """
    second = app(code)
    wait_for_words(spool_dir, "call-1 begins.", "First words.", "call-1 begins.", "Goodbye.")
    assert second.process.stdin is not None
    second.process.stdin.write("\n")
    second.process.stdin.flush()
    second.wait_for("done")
    assert [words(body) for body in roark.bodies.values()] == [["call-1 begins."]]


@pytest.mark.parametrize("late", ["'roark.skip', True", "'roark.external_id', 'other'"], ids=["skip", "id"])
def test_it_is_skipped_or_gets_another_id(late: str, app: Begin, tmp_path: Path) -> None:
    spool_dir = tmp_path / "spool"
    code = f"root = begin('call-1')\nsys.stdin.readline()\nroot.set_attribute({late})\ntime.sleep(600)"
    talking = app(code)
    wait_for_words(spool_dir, "call-1 begins.")
    assert talking.process.stdin is not None
    talking.process.stdin.write("\n")
    talking.process.stdin.flush()
    wanted = [] if "skip" in late else ["other"]
    assert wait_for(lambda: [body["externalId"] for body in saved(spool_dir)] == wanted, SECONDS)


# At random


def run(seconds: float, size: int, entries: int, spared: tuple[float, float], tmp_path: Path) -> str:
    """Kills processes that have ten conversations each, delivers what they left, and returns the counts.

    Args:
        seconds: For how long.
        size: How many processes run at a time.
        entries: How many entries each conversation has.
        spared: How many seconds before a kill a root must have ended, and a word must have been said, to count.
        tmp_path: Where the spool is.
    """
    spool_dir, chance = tmp_path / "spool", random.Random(5)  # noqa: S311 - reproducible
    killed_at: dict[str, float] = {}
    processes: dict[str, Any] = {}
    log = tmp_path / "log"

    def begin() -> None:
        name = f"app{len(killed_at) + len(processes)}"
        arguments = roark.url, spool_dir, log, name, 10, entries, 0.01
        processes[name] = CONTEXT.Process(target=converse, args=arguments, daemon=True)
        processes[name].start()

    def kill(name: str) -> None:
        process = processes.pop(name)
        killed_at[name] = time.time()
        process.kill()
        process.join()

    with FlakyRoark(faults=0.2) as roark:
        for _ in range(size):
            begin()
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                name = chance.choice(list(processes))
                assert wait_for(lambda name=name: has_ended_one(log, name), SECONDS)
                time.sleep(chance.uniform(0.3, 1.2) * seconds / 20)
                kill(name)
                begin()
        finally:
            for name in list(processes):
                kill(name)
        deliver(roark.url, spool_dir, lambda: not files_left(spool_dir), "k")
        bodies, counts = dict(roark.bodies), dict(roark.counts)

    ended, said = _logged(log)
    lost_calls = [
        one for one, at in ended.items() if at < killed_at[one.split("-")[0]] - spared[0] and one not in bodies
    ]
    lost_words = [
        (one, number)
        for one, numbers in said.items()
        for number, at in numbers.items()
        if at < killed_at[one.split("-")[0]] - spared[1] and f"Sentence {number}." not in words(bodies.get(one, {}))
    ]
    rejected = list(spool_dir.rglob("rejected/*.reason.json"))
    found = (
        f"{len(killed_at)} kills, {len(said)} conversations, {len(ended)} ended, {len(bodies)} delivered, "
        f"{len(lost_calls)} lost, {len(lost_words)} words lost, {len(rejected)} rejected, {counts}"
    )
    assert ended, found
    assert (lost_calls, lost_words[:5], rejected) == ([], [], []), found
    assert len(bodies) == counts["created"], found
    return found


def has_ended_one(log: Path, name: str) -> bool:
    """Returns whether a conversation of this process has ended."""
    return log.exists() and f"ended {name}-" in log.read_text(encoding="utf-8")


def _logged(log: Path) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Returns when each root ended, and when each sentence of a conversation was on an ended span."""
    ended: dict[str, float] = {}
    said: dict[str, dict[str, float]] = defaultdict(dict)
    for line in log.read_text(encoding="utf-8").splitlines():
        kind, external_id, number, at = line.split(" ")
        if kind == "ended":
            ended[external_id] = float(at)
        else:
            said[external_id][number] = float(at)
    return ended, said


def test_processes_are_killed_in_the_middle_of_conversations(tmp_path: Path) -> None:
    """Two processes for a few seconds; on a busy machine, saving may be behind by some of them."""
    sys.stdout.write(run(6.0, 2, 40, (10.0, 30.0), tmp_path) + "\n")


@pytest.mark.long
def test_eight_processes_are_killed_in_mid_conversation_for_a_minute(tmp_path: Path) -> None:
    """Conversations of up to 200 entries: roots that ended 50 ms before, and words of 2.5 s before, are delivered."""
    sys.stdout.write(run(60.0, 8, 200, (0.05, 2.5), tmp_path) + "\n")
