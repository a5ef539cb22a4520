"""Measures how long the page of a long call takes to be drawn, and a key press on it to be seen.

    python benchmarks/pages.py [--json] [--quick]

A Chromium without a window and without a GPU opens the page from a local Roark. `make bench` installs what drives it,
and `tests/browser/install.sh` the Chromium.
"""

from __future__ import annotations

import json
import os
import subprocess

from contestants import ENVIRONMENTS, NOW, ROOT, label
from report import Table, figure, main

ROUNDS, QUICK_ROUNDS = 9, 3
SIZES = (100, 5_000)
"""How many entries the calls have. The goals are those of the last."""

OPEN_MS = 1_500.0
"""The most that a page may take from its address to its drawn entries."""

KEY_MS = 100.0
"""The most that a key press may take to be seen: more is felt as a delay."""

_PYTHON = ENVIRONMENTS / "browser" / "bin" / "python"


def measure(quick: bool) -> Table:
    """Returns how long pages of calls of several sizes take to be drawn, and key presses on them."""
    table = Table("The page of a call, raw")
    for entries in SIZES:
        measured = _measured(entries, QUICK_ROUNDS if quick else ROUNDS)
        if isinstance(measured, str):
            table.missing[label(NOW)] = measured
            break
        opened = figure(f"{entries:,} entries, from the address to the drawn page", NOW, "ms", measured["open"])
        pressed = figure(f"{entries:,} entries, a key press", NOW, "ms", measured["key"])
        if entries == SIZES[-1]:
            opened, pressed = opened.at_most(OPEN_MS), pressed.at_most(KEY_MS)
        table.figures.extend([opened, pressed])
    return table


def _measured(entries: int, rounds: int) -> dict[str, list[float]] | str:
    """Returns the times of a call of this many entries in ms, or why there are none."""
    if not _PYTHON.exists():
        return "not installed"
    command = [str(_PYTHON), str(ROOT / "benchmarks" / "child" / "paging.py"), str(entries), str(rounds)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, capture_output=True, check=False, text=True, env=environment)  # noqa: S603 - our own
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or ["failed"])[-1]
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main(measure)
