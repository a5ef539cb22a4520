"""Measures what a span costs with the collector on, in an app of 150,000 objects at 2,500 spans a second.

    python benchmarks/collector.py [--json] [--quick]

Fifty traces go on at a time and end after 51 spans. Times are scaled by the bare span of the same run.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from contestants import BARE, BATCH, BEFORE, NOW
from driving import ROUNDS, contest, reasons
from report import BARE_US, Figure, Table, figure, main

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE = 2_500
SECONDS = 1.2
NAMES = {"plain": "own span", "foreign": "foreign span"}
PER = 10_000
"""Full collections are counted per so many spans."""


def measure(quick: bool) -> Table:
    """Returns the figures of own and of foreign spans."""
    figures: list[Figure] = []
    rounds = 3 if quick else ROUNDS
    missing: dict[str, str] = {}
    versions: dict[str, dict[str, str]] = {}
    for shape, name in NAMES.items():
        with contest((BARE, BATCH, BEFORE, NOW)) as found:
            found.rounds(1, "paced", shape=shape, seconds=0.5, rate=RATE)
            answers = found.rounds(rounds, "paced", shape=shape, seconds=SECONDS, rate=RATE)
            figures += _figures(name, answers)
            missing, versions = reasons(found), found.versions
    return Table(f"What a span costs, collector on, {RATE:,} spans/s", figures, missing, versions)


def _figures(name: str, answers: Mapping[str, list[Any]]) -> list[Figure]:
    bare = statistics.median(one["app"] for one in answers[BARE])
    scale = BARE_US / bare
    figures = []
    for part, what in (("app", f"app's thread, {name}, over bare"), ("process", f"process, {name}, over bare")):
        rows = {
            who: figure(
                what,
                who,
                "us",
                [(one[part] - base[part]) * scale for one, base in zip(rounds, answers[BARE], strict=False)],
            )
            for who, rounds in answers.items()
            if who != BARE
        }
        limit = rows[BATCH].median if part == "app" and BATCH in rows else None
        figures += [
            one if limit is None or who not in (BEFORE, NOW) else one.at_most(limit, "BatchSpanProcessor's")
            for who, one in rows.items()
        ]
    return figures + _full_collections(name, answers)


def _full_collections(name: str, answers: Mapping[str, list[Any]]) -> list[Figure]:
    """Returns how many full collections there were, all rounds together, and how long the longest of a round took."""
    what = f"full collections in {PER:,} spans, {name}"
    per = {
        who: sum(one["runs"][2] for one in rounds) / sum(one["spans"] for one in rounds) * PER
        for who, rounds in answers.items()
    }
    counted = {who: figure(what, who, "runs", [number]) for who, number in per.items()}
    longest = [
        figure(f"longest full collection, {name}, raw", who, "ms", [max(one["longest"] for one in rounds)])
        for who, rounds in answers.items()
    ]
    limit = counted[BARE].median
    return [
        *(one.at_most(limit, "the bare SDK's") if who in (BEFORE, NOW) else one for who, one in counted.items()),
        *longest,
    ]


if __name__ == "__main__":
    main(measure)
