"""Whatever is killed between an app and Roark, each conversation becomes one call, and it is complete.

Spans flow as they do in use: three apps, two in Python and one in Node, send what their exporters send to a Collector
with the example's configuration, which writes to Kafka. What is promised is promised of spans that the Collector
acknowledged. An exporter gives up after a while, so the apps hand it what was not acknowledged again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pytest

from scale.support.agent import Agent
from scale.support.kafka import Kafka
from scale.support.load import load
from scale.support.roark import FaultyRoark
from support.node_exporters import node_modules
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from scale.support.fleet import Fleet
    from scale.support.load import Expected, Step
    from scale.support.roark import Stored

SEED = 11

AWAY_SECONDS = 3
"""For how long the agent is away: longer than an exporter tries."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What spans flow through, and the workers' `--settle`, in seconds."""

    agent: Agent
    broker: Kafka
    fleet: Fleet
    settle: int


@pytest.mark.parametrize(
    ("number", "seconds", "outage"),
    [pytest.param(40, 16.0, 6.0, id="small"), pytest.param(300, 90.0, 60.0, id="full", marks=pytest.mark.long)],
)
def test_every_conversation_becomes_one_complete_call(
    tmp_path: Path, number: int, seconds: float, outage: float
) -> None:
    with FaultyRoark(share=0.2) as roark, _parts(tmp_path, roark.url, seconds / 4) as parts:
        spoken = load(number, seconds, seed=SEED, name=parts.fleet.name)
        start = time.time() + 3
        with _producers(tmp_path, spoken.steps, parts.agent.url, start) as producers:
            killed = _kill_while_spans_come(parts, start, seconds)
            killed |= _kill_while_calls_are_sent(parts, roark, number // 10, outage)
            again = [int(producer.communicate(timeout=120)[0]) for producer in producers]
            assert [producer.returncode for producer in producers] == [0, 0, 0]
        _wait_for(parts.fleet, lambda: len(roark.calls) >= number, lambda: f"{number} calls: {len(roark.calls)}")
        sys.stdout.write(_summary(roark, spoken.expected, start, parts.settle, killed, again))
        assert _wrong(roark.calls, spoken.expected) == {}
        _assert_nothing_is_left(parts.fleet)
        assert len(roark.calls) == number
        assert roark.appended == {}, "a tool came again, or after its call"


def _assert_nothing_is_left(fleet: Fleet) -> None:
    _wait_for(fleet, lambda: fleet.metric("roark_otel_worker_conversations_open") == 0, "no conversation open")
    _wait_for(fleet, fleet.is_done, lambda: f"all read: {fleet.behind(fleet.source)} are left")
    _wait_for(fleet, lambda: not fleet.left_open(), lambda: f"no state left: {fleet.state_left()}")


@contextmanager
def _parts(folder: Path, roark: str, pause: float) -> Iterator[Parts]:
    """Starts a broker of its own, for it is killed, the agent and three workers.

    What waits in the agent is late where the workers wait for less. So their `--settle` is twice as long as a start
    takes on this machine, and some more; their idle time is longer by the longest pause between two spans of a trace.
    """
    from scale.support.fleet import Fleet, until
    from scale.worker.conftest import why_not

    if (why := why_not()) is not None:
        pytest.skip(why)
    node_modules()  # installed before the clock runs
    with ExitStack() as stack:
        broker = Kafka(folder / "kafka")
        agent = Agent(folder, broker.address)
        stack.callback(broker.stop)
        began = time.monotonic()
        broker.start()
        stack.enter_context(agent)
        settle = int(2 * (time.monotonic() - began) + 5)
        waits, options = {"ROARK_IDLE_TIMEOUT_SECONDS": str(settle + pause)}, ("--settle", str(settle))
        fleet = Fleet(broker.address, folder, roark, "chaos", waits, options, source="otlp_spans")
        stack.callback(fleet.stop)
        fleet.create_topics(6)
        for _ in range(3):
            fleet.start()
        until(lambda: all(worker.is_ready() for worker in fleet.workers), "three workers with partitions")
        yield Parts(agent, broker, fleet, settle)


@contextmanager
def _producers(folder: Path, steps: Sequence[Step], url: str, start: float) -> Iterator[list[subprocess.Popen[str]]]:
    """Starts three apps, which speak the spans from `start` on, and print how often they sent a batch again."""
    support = ROOT / "tests" / "scale" / "support"
    node = [shutil.which("node") or "node", str(support / "producing.cjs")]
    python = [sys.executable, "-m", "scale.support.producing"]
    environment = {**os.environ, "NODE_PATH": str(node_modules())}
    with ExitStack() as stack:
        producers: list[subprocess.Popen[str]] = []
        for which, command in enumerate((python, node, python)):
            file = folder / f"steps-{which}.json"
            file.write_text(json.dumps([asdict(one) for one in steps if one.producer == which]))
            producer = stack.enter_context(
                subprocess.Popen(
                    [*command, url, str(file), repr(start)],
                    cwd=ROOT / "tests",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environment,
                )
            )
            stack.callback(producer.kill)
            producers.append(producer)
        yield producers


def _kill_while_spans_come(parts: Parts, start: float, seconds: float) -> dict[str, float]:
    """Kills each part, and starts it again. Returns what was killed, and when."""
    agent, broker, fleet = parts.agent, parts.broker, parts.fleet
    killed: dict[str, float] = {}
    _wait_until(fleet, start + 0.2 * seconds)
    killed["a worker"] = _kill_a_worker(fleet)
    _wait_until(fleet, start + 0.35 * seconds)
    killed["the agent"] = time.time()
    agent.kill()
    _wait_until(fleet, time.time() + AWAY_SECONDS)
    agent.start()
    _wait_until(fleet, start + 0.5 * seconds)
    killed["a worker and its disk"] = _kill_a_worker(fleet, loses_disk=True)
    _wait_until(fleet, start + 0.65 * seconds)
    killed["the broker, then the agent"] = time.time()
    broker.kill()
    time.sleep(1)  # what the agent acknowledges now is nowhere but on its disk
    agent.kill()
    broker.start()
    agent.start()
    return killed


def _kill_while_calls_are_sent(parts: Parts, roark: FaultyRoark, first: int, outage: float) -> dict[str, float]:
    """Kills a worker once the first calls are there, and Roark is down then. Returns what was killed, and when."""
    _wait_for(parts.fleet, lambda: len(roark.calls) >= first, "the first calls")
    killed = {"a worker that sends": _kill_a_worker(parts.fleet)}
    roark.is_down = True
    _wait_until(parts.fleet, time.time() + outage)
    roark.is_down = False
    return killed


def _kill_a_worker(fleet: Fleet, *, loses_disk: bool = False) -> float:
    """Kills the worker that has run for longest, and starts another in its place. Returns when."""
    at = time.time()
    fleet.kill_one(fleet.workers[0], loses_disk=loses_disk)
    return at


def _wait_until(fleet: Fleet, at: float) -> None:
    _wait_for(fleet, lambda: time.time() >= at, "the time")


def _wait_for(fleet: Fleet, is_so: Callable[[], object], what: str | Callable[[], str]) -> None:
    """Waits until something is so, and starts workers again that end meanwhile: the broker is away for a while."""
    from scale.support.fleet import until

    until(lambda: fleet.with_all_started() and is_so(), what)


def _wrong(calls: dict[str, Stored], expected: dict[str, Expected]) -> dict[str, str]:
    """Returns what is not as it has to be, by external id."""
    wrong = dict.fromkeys(calls.keys() - expected.keys(), "false")
    for name, one in expected.items():
        if (call := calls.get(name)) is None:
            wrong[name] = "lost"
        elif call.said != one.said or call.tools != one.tools:
            wrong[name] = f"{len(call.said)} of {len(one.said)} turns, {call.tools} of {one.tools} tools"
        elif ("roark_incomplete" in call.body["properties"]) != (one.ended_at is None):
            wrong[name] = "incomplete or not"
    return wrong


def _summary(
    roark: FaultyRoark,
    expected: dict[str, Expected],
    start: float,
    settle: int,
    killed: dict[str, float],
    again: Sequence[int],
) -> str:
    waits = sorted(
        call.at - start - one.ended_at - settle
        for name, one in expected.items()
        if one.ended_at is not None and (call := roark.calls.get(name)) is not None
    )
    kills = ", ".join(f"{name} at {at - start:.0f} s" for name, at in killed.items())
    return (
        f"{len(roark.calls)} of {len(expected)} calls, answers {dict(roark.statuses)}; killed: {kills}; batches that "
        f"the apps sent again: {again}; beyond the wait of {settle} s p50 {waits[len(waits) // 2]:.1f} s, "
        f"p95 {waits[len(waits) * 95 // 100]:.1f} s\n"
    )
