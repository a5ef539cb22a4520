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
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from roark_otel._linking.sampling import is_in_sample
from support.flaky import FlakyRoark, wait_for
from support.processes import PRELUDE, PROVIDER, SECONDS
from support.talks import sentence
from support.writers import converse, drain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and flock")

CONTEXT: Any = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")


Begin: TypeAlias = "Callable[..., App]"


class App:
    """A process that runs some code with a spool."""

    def __init__(self, code: str, url: str, spool_dir: Path, **env: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-c", PRELUDE + PROVIDER + textwrap.dedent(code), url],
            env={"ROARK_SPOOL_DIR": str(spool_dir), "PATH": "/usr/bin:/bin", **env},
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
def _app(roark: FlakyRoark, tmp_path: Path) -> Iterator[Begin]:
    apps: list[App] = []

    def begin(code: str, **env: str) -> App:
        apps.append(App(code, roark.url, tmp_path / "spool", **env))
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


def test_the_process_that_goes_on_with_it_has_other_settings(app: Begin, roark: FlakyRoark, tmp_path: Path) -> None:
    """Content is turned off and the agent restarted: no words of before leave with the call, nor other properties."""
    spool_dir = tmp_path / "spool"
    talk = """
    root = begin("call-1")
    root.set_attribute("roark.property.shop", "Lakeside")
    root.set_attribute("roark.property.queue", "orders")
    root.set_attribute("roark.agent.prompt", "Be kind to Lakeside.")
    use = {"name": "look_up", "parameters": '{"at": "Lakeside"}', "result": "Lakeside", "description": "Lakeside"}
    root.add_event("roark.tool_invocation", use)
    say(root, "I am at Lakeside.")
    time.sleep(600)
    """
    first = app(talk)
    wait_for_words(spool_dir, "call-1 begins.", "I am at Lakeside.")
    first.kill()
    goes_on = """
    root = begin("call-1")
    root.end()
    processor.force_flush()
    print("done", flush=True)
    time.sleep(600)
    """
    app(goes_on, ROARK_CAPTURE_CONTENT="false", ROARK_PROPERTIES_ALLOW="queue").wait_for("done")
    assert wait_for(lambda: bool(roark.bodies), SECONDS)
    (body,) = roark.bodies.values()
    assert "Lakeside" not in json.dumps(body)
    assert "transcript" not in body
    (use,) = body["toolInvocations"]
    assert (use["name"], use["parameters"], use["result"]) == ("look_up", {}, "")
    assert body["properties"]["queue"] == "orders"
    assert "trace_id" in body["properties"]
    assert not any("Lakeside" in path.read_text(errors="replace") for path in spool_dir.rglob("*") if path.is_file())


def test_more_comes_after_the_part_that_went_on_had_ended(app: Begin, tmp_path: Path) -> None:
    """The earlier part stays in the call while it is held back for more: each version that is saved has it."""
    spool_dir = tmp_path / "spool"
    first = app(TALK)
    wait_for_words(spool_dir, "call-1 begins.", "First words.")
    first.kill()
    code = """
    from roark_otel._spool.open_calls import OpenCalls
    save = OpenCalls.save
    def noting(self, name, header, body):
        text = body.decode()
        print("whole" if "First words." in text else "half", "More words." in text, flush=True)
        return save(self, name, header, body)
    processor.shutdown()
    processor = processor_that(linger_seconds=0.1, quiet_seconds=600)
    provider = TracerProvider()
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("app")
    begin("call-1").end()
    while processor.stats().finished < 1:
        time.sleep(0.05)
    OpenCalls.save = noting
    root = begin("call-1")
    say(root, "More words.")
    time.sleep(600)
    """
    lines = app(code).process.stdout
    assert lines is not None
    versions: list[str] = []
    while not versions or versions[-1] == "whole False":
        versions.append(lines.readline().strip())
    assert versions[-1] == "whole True"


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


IDS = [f"call-{number}" for number in range(100)]
SAMPLED = next(one for one in IDS if is_in_sample(one, 0.5))
NOT_SAMPLED = next(one for one in IDS if not is_in_sample(one, 0.5))


@pytest.mark.parametrize(
    ("late", "wanted"),
    [
        ("'roark.skip', True", []),
        ("'roark.external_id', 'other'", ["other"]),
        (f"'roark.external_id', {NOT_SAMPLED!r}", []),
    ],
    ids=["skip", "id", "sampled out"],
)
def test_it_is_skipped_or_gets_another_id(late: str, wanted: list[str], app: Begin, tmp_path: Path) -> None:
    spool_dir = tmp_path / "spool"
    code = f"root = begin({SAMPLED!r})\nsys.stdin.readline()\nroot.set_attribute({late})\ntime.sleep(600)"
    talking = app(code, ROARK_CALL_SAMPLE_RATIO="0.5" if NOT_SAMPLED in late else "1")
    wait_for_words(spool_dir, f"{SAMPLED} begins.")
    assert talking.process.stdin is not None
    talking.process.stdin.write("\n")
    talking.process.stdin.flush()
    assert wait_for(lambda: [body["externalId"] for body in saved(spool_dir)] == wanted, SECONDS)


def test_the_redact_hook_is_asked_once_for_each_text(app: Begin, tmp_path: Path) -> None:
    """However often a conversation is saved before it ends."""
    spool_dir = tmp_path / "spool"
    code = """
    asked = []

    def redact(moment):
        asked.extend([moment.text] if hasattr(moment, "text") else [])
        return moment

    provider = TracerProvider()
    provider.add_span_processor(one := RoarkSpanProcessor(
        api_key="other-key", base_url=URL, recording_url="https://example.com/a.wav", redact=redact, linger_seconds=0
    ))
    tracer = provider.get_tracer("app")
    root = begin("call-1")
    for text in ("Second.", "Third."):
        sys.stdin.readline()
        say(root, text)
    sys.stdin.readline()
    root.end()
    assert one.force_flush()
    print(sorted(asked), flush=True)
    """
    talking = app(code)
    assert talking.process.stdin is not None
    said = ["call-1 begins.", "Second.", "Third."]
    for number in (1, 2, 3):
        wait_for_words(spool_dir, *said[:number])
        talking.process.stdin.write("\n")
        talking.process.stdin.flush()
    talking.wait_for(str(sorted(said)))


def test_with_a_spool_in_memory_nothing_of_what_goes_on_is_saved(app: Begin, tmp_path: Path) -> None:
    """It would be lost with the process anyway. An app beside it that began later has a disk, and saves."""
    code = """
    root = begin("call-1")
    print("talking", flush=True)
    time.sleep(600)
    """
    in_memory = tmp_path / "memory"
    app(code, ROARK_SPOOL="memory", ROARK_SPOOL_DIR=str(in_memory)).wait_for("talking")
    app(code).wait_for("talking")

    wait_for_words(tmp_path / "spool", "call-1 begins.")

    assert [one for one in in_memory.rglob("*") if one.is_file()] == []


# At random


@dataclass(frozen=True)
class Load:
    """What is killed, and for how long.

    Args:
        shape: Whose spans the conversations are made of: see `talk_of`.
        seconds: For how long processes are killed.
        size: How many processes run at a time. Each has ten conversations.
        entries: How many entries a conversation has.
        root_seconds: How many seconds before a kill a root must have ended, to count.
        word_seconds: How many seconds before a kill a word must have been said, to count.
    """

    shape: str
    seconds: float
    size: int
    entries: int
    root_seconds: float
    word_seconds: float


@dataclass(frozen=True)
class Outcome:
    """What was said, what was killed, and what arrived. Times are in seconds since the epoch.

    Args:
        killed_at: When each process was killed.
        ended: When each root ended.
        said: When each sentence of a conversation was on an ended span.
        bodies: What arrived.
        counts: What Roark did.
        rejected: How many calls Roark did not take.
    """

    killed_at: dict[str, float]
    ended: dict[str, float]
    said: dict[str, dict[str, float]]
    bodies: dict[str, dict[str, Any]]
    counts: dict[str, int]
    rejected: int

    def lost_roots(self) -> list[float]:
        """Returns how long before their kill those roots had ended whose calls did not arrive."""
        return [self._before(one, at) for one, at in self.ended.items() if one not in self.bodies]

    def lost_words(self) -> list[float]:
        """Returns how long before their kill those sentences were said that did not arrive."""
        lost = []
        for one, sentences in self.said.items():
            arrived = set(words(self.bodies.get(one, {})))
            lost += [self._before(one, at) for number, at in sentences.items() if sentence(int(number)) not in arrived]
        return lost

    def repeated(self) -> list[str]:
        """Returns the sentences that stand in a call more than once."""
        return [f"{one}: {text}" for one, body in self.bodies.items() for text, n in _counted(body) if n > 1]

    def _before(self, conversation: str, at: float) -> float:
        return self.killed_at[conversation.split("-")[0]] - at

    def __str__(self) -> str:
        return (
            f"{len(self.killed_at)} kills, {len(self.said)} conversations, {len(self.ended)} ended, "
            f"{len(self.bodies)} delivered; the oldest root without a call had ended "
            f"{max(self.lost_roots(), default=0.0):.3f} s before its kill, the oldest word that is missing was said "
            f"{max(self.lost_words(), default=0.0):.2f} s before; {self.rejected} rejected, {self.counts}"
        )


def _counted(body: dict[str, Any]) -> Iterable[tuple[str, int]]:
    return Counter(words(body)).items()


def run(load: Load, tmp_path: Path) -> Outcome:
    """Kills processes at random, each with ten conversations, and delivers what they left in a spool below a folder."""
    spool_dir, chance = tmp_path / "spool", random.Random(5)  # noqa: S311 - reproducible
    killed_at: dict[str, float] = {}
    processes: dict[str, Any] = {}
    log = tmp_path / "log"

    def begin() -> None:
        name = f"app{len(killed_at) + len(processes)}"
        arguments = roark.url, spool_dir, log, name, load.shape, 10, load.entries, 0.01
        processes[name] = CONTEXT.Process(target=converse, args=arguments, daemon=True)
        processes[name].start()

    def kill(name: str) -> None:
        process = processes.pop(name)
        killed_at[name] = time.time()
        process.kill()
        process.join()

    with FlakyRoark(faults=0.2) as roark:
        for _ in range(load.size):
            begin()
        until = time.monotonic() + load.seconds
        try:
            while time.monotonic() < until:
                name = chance.choice(list(processes))
                assert wait_for(lambda name=name: has_ended_one(log, name), SECONDS)
                time.sleep(chance.uniform(0.3, 1.2) * load.seconds / 20)
                kill(name)
                begin()
        finally:
            for name in list(processes):
                kill(name)
        deliver(roark.url, spool_dir, lambda: not files_left(spool_dir), "k")
        bodies, counts = dict(roark.bodies), dict(roark.counts)
    ended, said = _logged(log)
    rejected = len(list(spool_dir.rglob("rejected/*.reason.json")))
    return Outcome(killed_at, ended, said, bodies, counts, rejected)


def check(load: Load, tmp_path: Path) -> None:
    """Kills processes, prints what came of it, and holds it against the bounds."""
    outcome = run(load, tmp_path)
    line = f"{load.shape}: {outcome}"
    sys.stdout.write(line + "\n")
    assert outcome.ended, line
    assert [age for age in outcome.lost_roots() if age > load.root_seconds] == [], line
    assert [age for age in outcome.lost_words() if age > load.word_seconds][:5] == [], line
    assert (outcome.repeated(), outcome.rejected) == ([], 0), line


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


SHAPES = ("plain", "livekit", "pipecat")
WORD_SECONDS = {"plain": 2.5, "livekit": 15.0, "pipecat": 10.0}
"""The age of what must arrive: ten of a framework's conversations cost more than the two percent that saving may."""


@pytest.mark.parametrize("shape", SHAPES)
def test_processes_are_killed_in_the_middle_of_conversations(shape: str, tmp_path: Path) -> None:
    """Two processes for a few seconds; on a busy machine, saving may be behind by some of them."""
    check(Load(shape, seconds=4.0, size=2, entries=40, root_seconds=10.0, word_seconds=30.0), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
def test_eight_processes_are_killed_in_mid_conversation_for_a_minute(shape: str, tmp_path: Path) -> None:
    """Conversations of 200 entries: roots that ended 50 ms before, and words as old as the budget allows, arrive."""
    seconds = WORD_SECONDS[shape]
    check(Load(shape, seconds=60.0, size=8, entries=200, root_seconds=0.05, word_seconds=seconds), tmp_path)
