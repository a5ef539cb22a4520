"""Measures what a call costs from its file in the spool to its receipt, and how fast a full spool is delivered.

    python benchmarks/backlog.py [--json] [--quick]

The receiver is on the loopback interface. Beside it, what Roark's own SDK takes to create a call from values in memory.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contestants import BEFORE, NOW, OFFICIAL
from driving import Contest, contest, reasons, receiver
from report import BARE_US, Figure, Table, figure, main

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 5
CALLS, QUICK_CALLS = 500, 200
MEMORY = Path("/dev/shm")  # noqa: S108 - a directory in memory: how fast the disk is, and who else uses it, is not ours
DISK_CALLS, DISK_ROUNDS = 100, 3
OFFICIAL_CALLS = 10
LIMIT_MS = 0.7
"""The most CPU that a call may take from its file to its receipt."""

TIMES = 1.6
"""How many times as many calls a second as the code before."""


def measure(quick: bool) -> Table:
    """Returns the CPU of a call and the rate of calls; the rate from a disk is quoted."""
    table = Table("A spooled call, to its receipt")
    calls, rounds = (QUICK_CALLS, 3) if quick else (CALLS, ROUNDS)
    answers, scale = _delivered(table, MEMORY if MEMORY.is_dir() else None, calls, rounds, OFFICIAL)
    for name, took in answers.items():
        row = figure("spool file to receipt", name, "ms", [one["ms"] * scale for one in took])
        table.figures.append(row if name == OFFICIAL else row.at_most(LIMIT_MS))
    rates = _rates("backlog, raw, spool in memory", answers)
    least = TIMES * rates[BEFORE].median if BEFORE in rates else 0.0
    table.figures.extend(
        [one.at_least(least, f"{TIMES} x before") if name == NOW else one for name, one in rates.items()]
    )
    if not quick:
        answers, _ = _delivered(table, None, DISK_CALLS, DISK_ROUNDS)
        table.figures.extend(_rates("backlog, raw, spool on this disk", answers).values())
    return table


def _rates(what: str, answers: dict[str, list[dict[str, float]]]) -> dict[str, Figure]:
    return {
        name: figure(what, name, "calls/s", [one["rate"] for one in took], more_is_better=True)
        for name, took in answers.items()
    }


def _delivered(
    table: Table, where: Path | None, calls: int, rounds: int, *others: str
) -> tuple[dict[str, list[dict[str, float]]], float]:
    """Fills spools while nothing answers, then delivers them. Returns what that took, and the scale of CPU times."""
    with tempfile.TemporaryDirectory(prefix="roark-otel-benchmark-", dir=where) as directory:
        port = _free_port()
        with contest((BEFORE, NOW), port) as found:
            for name, child in found.children.items():
                child.begin("fill", spool=str(Path(directory, name)), calls=calls)
            for child in found.children.values():
                child.end()
            bare = [child.ask("bare_us") for child in found.children.values() for _ in range(3)]
            names = (*found.children, *others)
            _note(table, found)
        with receiver(port):
            answers = _drained(table, names, directory, port, calls, rounds)
    return answers, BARE_US / statistics.median(bare or [BARE_US])


def _drained(
    table: Table, names: Sequence[str], directory: str, port: int, calls: int, rounds: int
) -> dict[str, list[dict[str, float]]]:
    """Delivers a copy of each spool in each round, in a process of its own. Returns what that took."""
    answers: dict[str, list[dict[str, float]]] = {}
    order = list(names)
    for number in range(rounds):
        order = order[1:] + order[:1]
        for name in order:
            copy = str(Path(directory, f"{name}-{number}"))
            if name != OFFICIAL:
                shutil.copytree(Path(directory, name), copy)
            arguments: dict[str, Any] = (
                {"calls": OFFICIAL_CALLS} if name == OFFICIAL else {"calls": calls, "spool": copy}
            )
            with contest((name,), port) as found:
                task = "official" if name == OFFICIAL else "backlog"
                for who, took in found.rounds(1, task, **arguments).items():
                    answers.setdefault(who, []).extend(took)
                _note(table, found)
            shutil.rmtree(copy, ignore_errors=True)
    return answers


def _note(table: Table, found: Contest) -> None:
    table.missing.update(reasons(found))
    table.versions.update(found.versions)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    main(measure)
