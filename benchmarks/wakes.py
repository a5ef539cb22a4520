"""Measures how often the threads of a processor wake in a second.

    python benchmarks/wakes.py [--json] [--quick]

While nothing runs, a wake is a voluntary context switch. Under load a thread also switches to wait for the interpreter,
so there a wake is a return from waiting on a condition or a queue, and the switches are quoted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contestants import BATCH, BEFORE, NOW
from driving import contest, reasons
from report import Figure, Table, figure, main

if TYPE_CHECKING:
    from driving import Contest

RATE = 2_500
LOADS = {
    "idle": (12.0, 0, 0, 0.0),
    "50 conversations open": (8.0, 50, 0, 1.0),
    f"{RATE:,} spans/s": (3.0, 50, RATE, 10.0),
}
"""For each load the seconds, the open conversations, the spans a second, and the most wakes a second."""


def measure(quick: bool) -> Table:
    """Returns the figures of all loads."""
    figures: list[Figure] = []
    with contest((BATCH, BEFORE, NOW)) as found:
        for load, (seconds, conversations, rate, limit) in LOADS.items():
            arguments = {"seconds": seconds / (2 if quick else 1), "conversations": conversations, "rate": rate}
            if rate:
                answers = found.rounds(3, "wakes", **arguments)
                figures += _figures(f"wakes a second, {load}", "waits", limit, answers)
                figures += _figures(f"voluntary switches a second, {load}", "switches", None, answers)
            else:
                answers = {name: [one] for name, one in _at_once(found, arguments).items()}
                figures += _figures(f"wakes a second, {load}", "switches", limit, answers)
        return Table("How often threads wake", figures, reasons(found), found.versions)


def _at_once(found: Contest, arguments: dict[str, float]) -> dict[str, Any]:
    """Has all contestants count at the same time, which disturbs none while they sleep."""
    for child in found.children.values():
        child.begin("wakes", **arguments)
    return {name: child.end() for name, child in found.children.items()}


def _figures(what: str, part: str, limit: float | None, answers: dict[str, list[Any]]) -> list[Figure]:
    figures = []
    for name, rounds in answers.items():
        row = figure(what, name, "1/s", [sum(thread[part] for thread in one.values()) for one in rounds])
        figures.append(row if limit is None or name == BATCH else row.at_most(limit))
        if name != BATCH:
            figures += [
                figure(f"{what}, {thread}", name, "1/s", [one[thread][part] for one in rounds if thread in one])
                for thread in rounds[0]
            ]
    return figures


if __name__ == "__main__":
    main(measure)
