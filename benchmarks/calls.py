"""Measures what a call costs from the end of its root span to its file in the spool, on all threads.

    python benchmarks/calls.py [--json] [--quick]

Pipecat's spans are 2.2 for each entry of the transcript, LiveKit's 7.5.
"""

from __future__ import annotations

import statistics

from contestants import BEFORE, NOW
from driving import ROUNDS, contest, reasons
from report import BARE_US, Table, figure, main

TOOLS = 30
NAMES = {"plain": "plain", "pipecat": "Pipecat", "livekit": "LiveKit"}
LIMITS = {("plain", 200): 1.2, ("pipecat", 200): 2.5, ("livekit", 200): 5.0, ("plain", 5_000): 10.0}
"""The most that a call of this shape with so many entries may take, in ms; the others are quoted."""

LARGE_ROUNDS = {"plain": 3, "pipecat": 2, "livekit": 2}


def measure(quick: bool) -> Table:
    """Returns the figures of all shapes and sizes."""
    figures = []
    with contest((BEFORE, NOW)) as found:
        for entries in (200,) if quick else (200, 5_000):
            for shape, name in NAMES.items():
                rounds = LARGE_ROUNDS[shape] if entries > 200 else 5 if quick else ROUNDS
                if entries == 200:
                    found.rounds(3, "big_call", shape=shape, entries=entries, tools=TOOLS)
                answers = found.rounds(rounds, "big_call", shape=shape, entries=entries, tools=TOOLS)
                what = f"root's end to spool, {entries:,} entries, {TOOLS} tools, {name}"
                for who, calls in answers.items():
                    scale = BARE_US / statistics.median(one["bare"] for one in calls)
                    row = figure(what, who, "ms", [one["ms"] * scale for one in calls])
                    limit = LIMITS.get((shape, entries))
                    figures.append(row if limit is None else row.at_most(limit))
        return Table("A call, from the end of its root to its file", figures, reasons(found), found.versions)


if __name__ == "__main__":
    main(measure)
