"""What the courier asks of the system for each call, and what it does not ask however many there are."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from roark_otel._delivery.attempt import Attempts
from roark_otel._delivery.client import Client
from roark_otel._delivery.errands import Errand, Errands, Sweep
from roark_otel._delivery.orphans import Orphans
from roark_otel._delivery.recordings import RecordingPolicy, WaitingCalls
from roark_otel._delivery.rounds import IDLE_LOOK_SECONDS, LOOK_SECONDS, Rounds
from roark_otel._delivery.waits import NEVER
from roark_otel._model.stats import Tally
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage
from roark_otel._spool.spool import Spool
from support.answering import Answer, AnsweringServer
from support.counting import counted
from support.spool_names import call_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there no file is found from an open directory")

DELIVERY = {"open": 1, "flock": 1, "fstat": 1, "stat": 1, "replace": 1, "fsync": 1, "unlink": 1, "close": 1}
"""A call's file is locked, found to be still the one, marked as tried, which is synced, and removed."""

MAIN = "MainThread"


def counts_for(directory: Path, number: int, *, own: bool) -> Counter[str]:
    """Delivers calls in one round. Returns what that asked of the system.

    Args:
        directory: Where they are.
        number: How many there are.
        own: Whether this process has saved them, and not another one.
    """
    calls, tally, errands = Spool(directory), Tally(), Errands()
    writer = calls if own else Spool(directory)
    for one in range(number):
        header = Header(f"call-{one}", "a1", time.time(), 0.0, turns=2, tools=1)
        name = call_name(f"call-{one}", one)
        writer.put(name, header, json.dumps({"externalId": f"call-{one}"}).encode(), Stage.READY)
        if own:
            errands.put(name, Errand(0.0, own=True, since=time.time(), has_rested=True))
    calls.names([Stage.READY])
    with AnsweringServer() as server:
        attempts = Attempts(calls, lambda: Client(server.url, SecretStr("k"), None, 60.0), tally)
        waiting = WaitingCalls(calls, errands, tally, RecordingPolicy(), lambda _answer: None)
        rounds = Rounds(calls, errands, attempts, waiting, Orphans(calls, Tally(), 60.0))
        rounds._witness.believed_since()
        rounds._witness.keep()  # once a minute, whatever is delivered
        attempts.attempt("none", has_rested=True)
        attempts._connected()  # httpx reads certificates
        with counted(MAIN) as counts:
            rounds.round(Sweep.DRAIN)
        attempts.hang_up()
    assert len(server.seen) == number
    assert len({seen.connection for seen in server.seen}) == 1
    assert tally.snapshot().delivered == number
    return counts


@pytest.mark.parametrize("own", [True, False], ids=["own", "backlog"])
def test_each_call_costs_the_same_few_system_calls(own: bool, tmp_path: Path) -> None:
    """Only a call of another process is read. The directory and `rejected/` are listed once for all calls."""
    few, many = (counts_for(tmp_path / str(number) / "project", number, own=own) for number in (1, 41))
    each = DELIVERY if own else {**DELIVERY, "read": 1}

    assert many - few == Counter({name: 40 * count for name, count in each.items()})
    assert few - Counter(each) == Counter({"scandir": 2, "stat": 2, "fstat": 1})


def test_calls_that_wait_for_roark_cost_nothing(tmp_path: Path) -> None:
    """While Roark is down no call's file is touched, whatever else the courier does."""
    calls, tally, errands = Spool(tmp_path / "spool"), Tally(), Errands()
    for one in range(20):
        name = call_name(f"call-{one}", one)
        calls.put(name, Header(f"call-{one}", "a1", time.time(), 0.0, 1, 0), b"{}", Stage.READY)
        errands.put(name, Errand(time.monotonic() + 3_600.0, own=True, since=time.time(), has_rested=True))
    attempts = Attempts(calls, lambda: Client("http://127.0.0.1:9", SecretStr("k"), None, 60.0), tally)
    waiting = WaitingCalls(calls, errands, tally, RecordingPolicy(), lambda _answer: None)
    rounds = Rounds(calls, errands, attempts, waiting, Orphans(calls, Tally(), 60.0))
    rounds.round(Sweep.ROUTINE)
    with counted(MAIN) as counts:
        for _ in range(10):
            rounds.sweep(Sweep.ROUTINE)

    assert counts == {}


class StoppedClock:
    """Stands still, so that pauses are exact."""

    def monotonic(self) -> float:
        return 1_000.0

    def time(self) -> float:
        return 1_700_000_000.0


@contextmanager
def rounds_of(calls: Spool, errands: Errands, url: str = "http://127.0.0.1:9") -> Iterator[Rounds]:
    tally = Tally()
    attempts = Attempts(calls, lambda: Client(url, SecretStr("k"), None, 60.0), tally)
    waiting = WaitingCalls(calls, errands, tally, RecordingPolicy(), lambda _answer: None)
    try:
        yield Rounds(calls, errands, attempts, waiting, Orphans(calls, Tally(), 60.0), clock=StoppedClock())
    finally:
        attempts.hang_up()


def save(spool: Spool, external_id: str, stage: Stage = Stage.READY) -> str:
    name = call_name(external_id, 1)
    body = json.dumps({"externalId": external_id}).encode()
    spool.put(name, Header(external_id, "a1", 1_700_000_000.0, 0.0, turns=1, tools=0), body, stage)
    return name


def own(due: float = 0.0) -> Errand:
    return Errand(due, own=True, since=1_700_000_000.0, has_rested=True)


def test_once_its_own_calls_are_delivered_a_process_wakes_once_a_minute(tmp_path: Path) -> None:
    """The directory is scanned while they are still in it: that is no reason to scan it again soon."""
    calls, errands = Spool(tmp_path), Errands()
    for number in range(3):
        errands.put(save(calls, f"call-{number}"), own())
    with AnsweringServer() as server, rounds_of(calls, errands, server.url) as rounds:
        rounds.round(Sweep.FLUSH)

    assert len(server.seen) == 3
    assert rounds.pause() == IDLE_LOOK_SECONDS == 60.0


def test_a_process_with_an_empty_directory_wakes_once_a_minute(tmp_path: Path) -> None:
    with rounds_of(Spool(tmp_path), Errands()) as rounds:
        rounds.round(Sweep.ROUTINE)

    assert rounds.pause() == IDLE_LOOK_SECONDS


def test_a_process_with_a_spool_in_memory_wakes_for_messages_only() -> None:
    """No other process can leave calls there."""
    calls, errands = Spool(None), Errands()
    errands.put(save(calls, "call-1"), own())
    with AnsweringServer() as server, rounds_of(calls, errands, server.url) as rounds:
        rounds.round(Sweep.FLUSH)

    assert len(server.seen) == 1
    assert rounds.pause() == NEVER


@pytest.mark.parametrize("stage", [Stage.READY, Stage.WAITING])
def test_calls_of_another_process_are_looked_for_every_five_seconds(stage: Stage, tmp_path: Path) -> None:
    """That process may still be writing more, die, or be given their recordings."""
    calls, errands = Spool(tmp_path), Errands()
    errands.put(save(calls, "ours"), own(due=5_000.0))
    save(Spool(tmp_path), "theirs", stage)
    with AnsweringServer() as server, rounds_of(calls, errands, server.url) as rounds:
        rounds.round(Sweep.ROUTINE)

    assert [seen.external_id for seen in server.seen] == (["theirs"] if stage is Stage.READY else [])
    assert rounds.pause() == LOOK_SECONDS == 5.0


def test_while_the_key_is_refused_a_new_one_is_looked_for_every_five_seconds(tmp_path: Path) -> None:
    calls, errands = Spool(tmp_path), Errands()
    errands.put(save(calls, "ours"), own())
    with AnsweringServer(then=Answer(401)) as server, rounds_of(calls, errands, server.url) as rounds:
        rounds.round(Sweep.ROUTINE)
        assert rounds.pause() == LOOK_SECONDS
        rounds.look_soon()
        rounds.round(Sweep.ROUTINE)

    assert len(server.seen) == 1
    assert rounds.pause() == LOOK_SECONDS
