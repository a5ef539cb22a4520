"""Measures how late an event loop is, over the bare SDK, in ms of wall time.

    python benchmarks/event_loop.py [--json] [--quick]

A round's figure is that of the quietest quarter of its half-seconds, since other programs on the machine make a loop
late too. The figures of whole rounds follow without a goal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contestants import BARE, BATCH, BEFORE, NOW
from driving import ROUNDS, contest, reasons
from report import Figure, Table, figure, main

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 2.0
LIMITS = {"p99": 0.5, "p99.9": 2.0}
"""The most ms over the bare SDK; it should also be less than the BatchSpanProcessor's."""

LOADS = {
    "at 2,500 spans/s": {"conversations": 50, "big_calls": False},
    "while calls of 5,000 entries are made": {"conversations": 25, "big_calls": True},
}


def measure(quick: bool) -> Table:
    """Returns the figures of both loads."""
    figures: list[Figure] = []
    with contest((BARE, BATCH, BEFORE, NOW)) as found:
        for load, arguments in LOADS.items():
            found.rounds(1, "lag", seconds=0.5, **arguments)
            answers = found.rounds(3 if quick else ROUNDS, "lag", seconds=SECONDS, **arguments)
            figures += _figures(load, answers)
        return Table("An event loop's lag, over bare", figures, reasons(found), found.versions)


def _figures(load: str, answers: Mapping[str, list[Any]]) -> list[Figure]:
    figures = []
    for part, limit in LIMITS.items():
        quiet = {name: [quietest(one["windows"], part) for one in rounds] for name, rounds in answers.items()}
        rows = over_bare(f"{part} {load}", quiet)
        batch = rows[BATCH].median if BATCH in rows else limit
        most = batch if 0 < batch < limit else limit
        why = "BatchSpanProcessor's" if most < limit else ""
        figures += [one.at_most(most, why) if name in (BEFORE, NOW) else one for name, one in rows.items()]
    for part in LIMITS:
        whole = {name: [one[part] for one in rounds] for name, rounds in answers.items()}
        figures += over_bare(f"{part} {load}, whole rounds", whole).values()
    return figures


def over_bare(what: str, values: Mapping[str, list[float]]) -> dict[str, Figure]:
    """Returns, for each contestant but the bare SDK, the ms of its rounds over those of the bare SDK."""
    bare = values[BARE]
    return {
        name: figure(what, name, "ms", [one - base for one, base in zip(rounds, bare, strict=True)])
        for name, rounds in values.items()
        if name != BARE
    }


def quietest(windows: list[dict[str, float]], part: str) -> float:
    """Returns p99 or p99.9 of a round: that of the quietest quarter of its half-seconds."""
    return sorted(one[part] for one in windows)[len(windows) // 4]


if __name__ == "__main__":
    main(measure)
