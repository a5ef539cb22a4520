"""Workers are killed, one loses its disk, Roark fails: each conversation becomes one call, and it is complete."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from scale.support.load import load
from scale.support.roark import FaultyRoark
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from scale.support.fleet import Fleet
    from scale.support.load import Expected
    from scale.support.roark import Stored

SEED = 11


@pytest.mark.parametrize(
    ("number", "seconds", "outage"),
    [pytest.param(40, 24.0, 6.0, id="small"), pytest.param(300, 90.0, 60.0, id="full", marks=pytest.mark.long)],
)
def test_every_conversation_becomes_one_complete_call(
    new_fleet: Callable[..., Fleet],
    number: int,
    seconds: float,
    outage: float,
) -> None:
    from scale.support.fleet import until

    with FaultyRoark(share=0.2) as roark:
        fleet = new_fleet(roark.url, partitions=6)
        for _ in range(3):
            fleet.start()
        until(lambda: all(worker.is_ready() for worker in fleet.workers), "three workers with partitions")
        start = time.time() + 2
        expected = load(number, seconds, seed=SEED, name=fleet.name, start_ns=int(start * 1e9)).expected
        producers = [_producer(fleet, number, seconds, start, which) for which in range(3)]
        try:
            chance, kills = random.Random(SEED), []
            for share, loses_disk in ((0.35, False), (0.55, True), (0.8, False)):
                _sleep_until(start + share * seconds)
                fleet.kill_one(chance.choice(fleet.workers), loses_disk=loses_disk)
                kills.append(time.time())
            _sleep_until(start + 0.9 * seconds)
            roark.is_down = True
            time.sleep(outage)
            roark.is_down = False
            assert [producer.wait(120) for producer in producers] == [0, 0, 0]
        finally:
            for producer in producers:
                producer.kill()
        until(lambda: len(roark.calls) >= len(expected), lambda: f"{len(expected)} calls: {len(roark.calls)}")
        sys.stdout.write(_summary(roark, expected, kills, start) + "\n")
        assert _wrong(roark.calls, expected) == {}
        assert set(roark.created.values()) == {1}
        until(lambda: fleet.metric("roark_otel_worker_conversations_open") == 0, "no conversation open")
        until(fleet.is_done, lambda: f"all read: {fleet.behind(fleet.source)} are left")
        until(lambda: not fleet.left_open(), lambda: f"no state left: {fleet.state_left()}")


def _producer(fleet: Fleet, number: int, seconds: float, start: float, which: int) -> subprocess.Popen[bytes]:
    arguments = (fleet.address, fleet.source, number, seconds, SEED, fleet.name, repr(start), which)
    command = [sys.executable, "-m", "scale.support.producing", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT / "tests", stdin=subprocess.DEVNULL)


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.time()))


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


def _summary(roark: FaultyRoark, expected: dict[str, Expected], kills: list[float], start: float) -> str:
    at = sorted(call.at for call in roark.calls.values())
    after = [round(next((one for one in at if one > kill), kill) - kill, 1) for kill in kills]
    waits = sorted(
        call.at - start - one.ended_at - 3
        for name, one in expected.items()
        if one.ended_at is not None and (call := roark.calls.get(name)) is not None
    )
    return (
        f"{len(roark.calls)} of {len(expected)} calls, answers {dict(roark.statuses)}; first call after each kill "
        f"{after} s; beyond the wait p50 {waits[len(waits) // 2]:.1f} s, p95 {waits[len(waits) * 95 // 100]:.1f} s"
    )
