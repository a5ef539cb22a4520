"""Kills processes at random that share one spool, against a Roark with faults and an outage."""

from __future__ import annotations

import multiprocessing
import random
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from support.flaky import FlakyRoark, wait_for
from support.writers import drain, write_calls

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and flock")

CONTEXT: Any = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
PRELOADED = ["support.writers", "roark_otel", "httpx", "roark_otel._linking.link", "opentelemetry.sdk.trace"]
CONTEXT.set_forkserver_preload(PRELOADED)
# How long a conversation rests that a killed process left open: by default a minute.
SHORT_REST = {"quiet_seconds": 5.0}


class Herd:
    """A number of processes that write calls; one that is killed is replaced."""

    def __init__(self, size: int, url: str, spool_dir: Path, log: Path) -> None:
        self._arguments = url, spool_dir, log
        self._names = 0
        self.kills = 0
        self._processes = [self._begun() for _ in range(size)]

    def _begun(self) -> Any:
        self._names += 1
        process = CONTEXT.Process(target=write_calls, args=(*self._arguments, f"call-{self._names}"), daemon=True)
        process.start()
        return process

    def kill_one(self, index: int, *, replace: bool = True) -> None:
        self._processes[index].kill()
        self._processes[index].join()
        self._processes[index].close()
        self.kills += 1
        if replace:
            self._processes[index] = self._begun()

    def end(self) -> None:
        for index in range(len(self._processes)):
            self.kill_one(index, replace=False)
        self._processes.clear()


def waiting_files(spool_dir: Path) -> list[Path]:
    return [path for path in spool_dir.rglob("*.jsonl") if path.parent.name != "rejected"]


def run(seconds: float, size: int, outage: tuple[float, float], tmp_path: Path) -> str:
    """Kills processes, drains the spool, compares what arrived with what was saved, and returns the counts."""
    spool_dir, log = tmp_path / "spool", tmp_path / "log"
    chance = random.Random(11)  # noqa: S311 - reproducible
    with FlakyRoark(faults=0.2) as roark:
        herd = Herd(size, roark.url, spool_dir, log)
        try:
            # The seconds are of processes that work: the first may take longer than that to begin.
            assert wait_for(lambda: log.exists() and "saved " in log.read_text(encoding="utf-8"), 120)
            began = time.monotonic()
            while (now := time.monotonic() - began) < seconds:
                roark.is_out = outage[0] <= now < outage[1]
                time.sleep(chance.uniform(0.1, 0.6))
                herd.kill_one(chance.randrange(size))
        finally:
            herd.end()
        roark.is_out = False
        left = len(waiting_files(spool_dir))
        drainer = CONTEXT.Process(target=drain, args=(roark.url, spool_dir), kwargs=SHORT_REST, daemon=True)
        drainer.start()
        try:
            # Once a second: listing thousands of files keeps the server, which runs in this process, from answering.
            is_drained = wait_for(lambda: not waiting_files(spool_dir), 120 + 3 * seconds, every=1.0)
            assert is_drained, f"{len(waiting_files(spool_dir))} left"
        finally:
            drainer.kill()
            drainer.join()
            drainer.close()
    lines = [line.split(" ", 1) for line in log.read_text(encoding="utf-8").splitlines()]
    begun, saved = ({one for kind, one in lines if kind == word} for word in ("begun", "saved"))
    lost, strangers = saved - roark.bodies.keys(), roark.bodies.keys() - begun
    rejected = list(spool_dir.rglob("rejected/*.reason.json"))
    counts = (
        f"{herd.kills} kills, {len(saved)} calls spooled, {left} of them left to drain, {len(lost)} lost, "
        f"{len(strangers)} created that no process spooled, {len(rejected)} rejected, {dict(roark.counts)}"
    )
    assert saved, counts
    assert (lost, strangers, rejected) == (set(), set(), []), counts
    assert len(roark.bodies) == roark.counts["created"], counts
    return counts


def test_the_process_is_killed(tmp_path: Path) -> None:
    """While Roark is down. The next process delivers what it spooled, once."""
    spool_dir, log = tmp_path / "spool", tmp_path / "log"
    with FlakyRoark() as roark:
        roark.is_out = True
        herd = Herd(1, roark.url, spool_dir, log)
        assert wait_for(lambda: len(waiting_files(spool_dir)) >= 5, 60)
        herd.end()
        saved = {line.removeprefix("saved ") for line in log.read_text().splitlines() if line.startswith("saved ")}
        roark.is_out = False
        drainer = CONTEXT.Process(target=drain, args=(roark.url, spool_dir), kwargs=SHORT_REST, daemon=True)
        drainer.start()
        try:
            assert wait_for(lambda: not waiting_files(spool_dir), 120)
        finally:
            drainer.kill()
            drainer.join()
            drainer.close()
    assert saved <= roark.bodies.keys()
    assert len(roark.bodies) == roark.counts["created"]


def test_processes_are_killed_at_random(tmp_path: Path) -> None:
    """Four processes run for a few seconds."""
    sys.stdout.write(run(5.0, 4, (1.5, 2.5), tmp_path) + "\n")


@pytest.mark.long
def test_eight_processes_are_killed_at_random_for_a_minute(tmp_path: Path) -> None:
    """Eight processes run for a minute, with an outage of ten seconds."""
    sys.stdout.write(run(60.0, 8, (20.0, 30.0), tmp_path) + "\n")
