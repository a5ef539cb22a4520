"""Measures what a span costs the process as there are 10 and 100 times as many conversations or turns.

    python benchmarks/growth.py [--json] [--quick]

A cost that grows linearly with the work is the same number in all three columns.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from contestants import BEFORE, NOW
from driving import contest, reasons
from report import BARE_US, Figure, Table, figure, main

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driving import Contest

KINDS: dict[str, tuple[str, tuple[int, int, int], int]] = {
    "plain turns": ("a turn of a plain conversation of {:,} turns", (20, 200, 2_000), 2),
    "pipecat turns": ("a turn of Pipecat's growing history, {:,} turns", (20, 200, 1_000), 4),
    "livekit turns": ("a turn of LiveKit's growing history, {:,} turns", (20, 200, 600), 15),
    "open": ("a span with {:,} conversations open", (10, 100, 1_000), 1),
    "apart": ("a span of {:,} conversations in traces of their own", (30, 300, 3_000), 1),
    "under one": ("a span of {:,} conversations under one open span", (30, 300, 3_000), 1),
}
"""What grows, the sizes, and the spans in what is measured."""

ROUNDS = (5, 5, 5)
"""The rounds for each of the sizes: one of the largest came out at half or twice what the next did."""

TOLERANCE = 1.25
"""So much more may a span cost at the largest size than at the middle one: noise, and caches that no longer hold it."""


def measure(quick: bool) -> Table:
    """Returns the figures of everything that grows."""
    figures: list[Figure] = []
    with contest((BEFORE, NOW)) as found:
        found.rounds(3, "grow", kind="apart", size=300)
        for kind, (what, sizes, spans) in KINDS.items():
            figures += _grown(found, kind, what, sizes[:2] if quick else sizes, spans)
        return Table("A span as the work grows, process over bare", figures, reasons(found), found.versions)


def _grown(found: Contest, kind: str, what: str, sizes: Sequence[int], spans: int) -> list[Figure]:
    by_size = []
    for size, rounds in zip(sizes, ROUNDS, strict=False):
        answers = found.rounds(rounds, "grow", kind=kind, size=size)
        by_size.append({name: _figure(what.format(size), name, calls, spans) for name, calls in answers.items()})
    middle, largest = by_size[-2:]
    why = f"{TOLERANCE} x that at {sizes[-2]:,}"
    by_size[-1] = {name: one.at_most(TOLERANCE * middle[name].median, why) for name, one in largest.items()}
    return [one for figures in by_size for one in figures.values()]


def _figure(what: str, who: str, calls: list[dict[str, float]], spans: int) -> Figure:
    scale = BARE_US / statistics.median(one["bare"] for one in calls)
    return figure(f"{what}, us a span", who, "us", [one["us"] / spans * scale for one in calls])


if __name__ == "__main__":
    main(measure)
