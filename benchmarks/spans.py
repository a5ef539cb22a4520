"""Measures what a span costs, with the collector off: the app's thread, and the whole process.

    python benchmarks/spans.py [--json] [--quick]

Each child makes the same traces for the bare SDK, a no-op processor and its contestant, one slice after the other. A
round's figure is the median of several differences between them, scaled by the bare SDK of the same child.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from contestants import BATCH, BEFORE, LANGFUSE, NOW, PEERS
from driving import ROUNDS, contest, reasons
from report import BARE_US, Figure, Table, figure, main

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driving import Contest

TRACES, SPANS = 10, 20
REPEATS = 3
FILE_TRACES, FILE_SPANS = 20, 51

APP_LIMITS = {"plain": 3.0, "livekit": 3.0, "pipecat": 3.0, "foreign": 1.2, "inside": 1.5}
"""The most that a span may cost the app's thread over the no-op processor, in us."""

OF_LANGFUSE = 0.15
"""The most that a plain span may cost as a share of Langfuse's, both over the no-op processor."""

PROCESS_LIMITS = {"plain": 15.0, "livekit": 15.0, "pipecat": 18.0}
"""The most that a span may cost the process over the bare SDK, to the body of its call, in us."""

FILES_LIMIT = 20.0
"""The same with the call's file, in calls of 51 spans."""

TO = "to the body (others: to the exporter's answer)"

NAMES = {
    "plain": "own span, plain",
    "livekit": "own span, LiveKit",
    "pipecat": "own span, Pipecat",
    "foreign": "foreign span, outside",
    "inside": "foreign span, in a conversation's trace",
}
WHOSE = {"langsmith-livekit": "livekit", "langsmith-pipecat": "pipecat"}
"""The shape of those who read only one."""


def measure(quick: bool) -> Table:
    """Returns the figures of all shapes."""
    rounds, repeats = (3, 2) if quick else (ROUNDS, REPEATS)
    figures: list[Figure] = []
    with contest((BEFORE, NOW, *PEERS)) as found:
        for shape in NAMES:
            names = [name for name in found.children if _makes(name, shape)]
            settings = {"spool": "memory"}
            answers = found.rounds(
                rounds, "slices", names, shape=shape, traces=TRACES, spans=SPANS, repeats=repeats, settings=settings
            )
            figures += _of_app(shape, answers)
            if shape in PROCESS_LIMITS:
                what = f"process, {NAMES[shape]}, {TO}"
                figures += _of_process(what, PROCESS_LIMITS[shape], answers)
        figures += _with_files(found, rounds, repeats)
        return Table("What a span costs, collector off", figures, reasons(found), found.versions)


def _makes(name: str, shape: str) -> bool:
    """Returns whether a contestant is measured with this shape."""
    return name in (BEFORE, NOW, BATCH) or WHOSE.get(name, "plain") == shape


def _of_app(shape: str, answers: Mapping[str, list[Any]]) -> list[Figure]:
    part = "children" if shape == "inside" else "app"
    what = f"app's thread, {NAMES[shape]}, over a no-op"
    rows = {name: figure(what, name, "us", scaled(rounds, part, "no-op")) for name, rounds in answers.items()}
    limit, why = APP_LIMITS[shape], ""
    if shape == "plain" and LANGFUSE in rows and OF_LANGFUSE * rows[LANGFUSE].median < limit:
        limit, why = OF_LANGFUSE * rows[LANGFUSE].median, f"{OF_LANGFUSE} x Langfuse's"
    return [one.at_most(limit, why) if name in (BEFORE, NOW) else one for name, one in rows.items()]


def _of_process(what: str, limit: float, answers: Mapping[str, list[Any]]) -> list[Figure]:
    rows = {name: figure(what, name, "us", scaled(rounds, "process", "bare")) for name, rounds in answers.items()}
    return [one.at_most(limit) if name in (BEFORE, NOW) else one for name, one in rows.items()]


def _with_files(found: Contest, rounds: int, repeats: int) -> list[Figure]:
    arguments = {"shape": "plain", "traces": FILE_TRACES, "spans": FILE_SPANS, "repeats": max(1, repeats // 2)}
    answers = found.rounds(rounds, "slices", (BEFORE, NOW), **arguments)
    what = f"process, own span, plain, with threads and files, in calls of {FILE_SPANS} spans"
    return _of_process(what, FILES_LIMIT, answers)


def scaled(rounds: list[list[dict[str, dict[str, float]]]], part: str, base: str) -> list[float]:
    """Returns each round's difference between the contestant and the base, in us scaled by the bare span."""
    bare_ns = statistics.median(one["bare"]["app"] for round_ in rounds for one in round_)
    scale = BARE_US / bare_ns
    return [statistics.median(one["self"][part] - one[base][part] for one in round_) * scale for round_ in rounds]


if __name__ == "__main__":
    main(measure)
