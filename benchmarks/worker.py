"""Measures how many spans a second of CPU a worker turns into calls, beside its engine alone and a bare consumer.

    python benchmarks/worker.py [--json] [--quick]

All read the same messages of one span, from a broker of Kafka that this starts: the bare consumer parses them, the
engine alone hands them from a first stage to a second one that keeps them, and the worker makes calls of them. What
counts is the CPU that the process used. Latency is that of conversations that end while nothing is killed, beyond the
wait; the time after a kill is beyond the session timeout.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from contestants import CONSUMER, ENGINE, ENVIRONMENTS, NOW, ROOT
from report import Table, figure, main

PYTHON = ENVIRONMENTS / "worker" / "bin" / "python"
CHILD = Path(__file__).parent / "child" / "working.py"
SECONDS = 900


def measure(quick: bool) -> Table:
    """Returns the figures."""
    if not PYTHON.exists():
        return Table("A worker", missing={NOW: "make .venvs/worker/.ready"})
    command = [str(PYTHON), str(CHILD), *(["--quick"] if quick else [])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(  # noqa: S603 - our own file
        command, env=environment, stdout=subprocess.PIPE, timeout=SECONDS, check=True, text=True
    )
    found: dict[str, list[float]] = json.loads(done.stdout)
    if "missing" in found:
        return Table("A worker", missing={NOW: str(found["missing"])})
    figures = [
        figure("parsed", CONSUMER, "spans/CPU s", found["consumer"], more_is_better=True),
        figure("handed on and kept", ENGINE, "spans/CPU s", found["engine"], more_is_better=True),
        figure("made into calls", NOW, "spans/CPU s", found["worker"], more_is_better=True),
    ]
    of = [one / engine for one, engine in zip(found["worker"], found["engine"], strict=True)]
    figures += [
        figure("made into calls, of the engine alone", NOW, "x", of, more_is_better=True),
        figure("memory with a backlog", NOW, "MB", found["memory"]).at_most(150),
        figure("beyond the wait, p95", NOW, "s", found["latency"]).at_most(2),
        figure("first new call after kill -9, beyond the session timeout", NOW, "s", found["after"]).at_most(5),
    ]
    return Table("A worker", figures)


if __name__ == "__main__":
    main(measure)
