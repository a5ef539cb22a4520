"""What the courier asks of the system for each call, and what it does not ask however many there are."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from roark_otel._delivery.attempt import Attempts
from roark_otel._delivery.client import Client
from roark_otel._delivery.errands import Errand, Errands, Sweep
from roark_otel._delivery.recordings import RecordingPolicy, WaitingCalls
from roark_otel._delivery.rounds import Rounds
from roark_otel._model.stats import Tally
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage, call_name
from roark_otel._spool.spool import Spool
from support.answering import AnsweringServer
from support.counting import counted

if TYPE_CHECKING:
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
        rounds = Rounds(calls, errands, attempts, waiting)
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
    """Only a call of another process is read. The directory is listed once, however many calls there are."""
    few, many = (counts_for(tmp_path / str(number), number, own=own) for number in (1, 41))
    each = DELIVERY if own else {**DELIVERY, "read": 1}

    assert many - few == Counter({name: 40 * count for name, count in each.items()})
    assert few - Counter(each) == Counter({"scandir": 1, "stat": 1, "fstat": 1})


def test_calls_that_wait_for_roark_cost_nothing(tmp_path: Path) -> None:
    """While Roark is down no call's file is touched, whatever else the courier does."""
    calls, tally, errands = Spool(tmp_path / "spool"), Tally(), Errands()
    for one in range(20):
        name = call_name(f"call-{one}", one)
        calls.put(name, Header(f"call-{one}", "a1", time.time(), 0.0, 1, 0), b"{}", Stage.READY)
        errands.put(name, Errand(time.monotonic() + 3_600.0, own=True, since=time.time(), has_rested=True))
    attempts = Attempts(calls, lambda: Client("http://127.0.0.1:9", SecretStr("k"), None, 60.0), tally)
    waiting = WaitingCalls(calls, errands, tally, RecordingPolicy(), lambda _answer: None)
    rounds = Rounds(calls, errands, attempts, waiting)
    rounds.round(Sweep.ROUTINE)
    with counted(MAIN) as counts:
        for _ in range(10):
            rounds.sweep(Sweep.ROUTINE)

    assert counts == {}
