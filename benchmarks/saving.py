"""Measures what it costs to save conversations while they go on, and how old the oldest word is that is not saved.

    python benchmarks/saving.py [--json] [--quick]

Beside it the code before open conversations lived in the spool, at one commit that the Makefile names. Each
conversation has ten utterances when it begins, and says something every four seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contestants import BARE, NOW, UNSAVED
from driving import contest, reasons
from event_loop import over_bare, quietest
from report import Figure, Table, figure, main

from spans import FILE_SPANS, FILE_TRACES, SPANS, TRACES, scaled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driving import Contest

EVERY_SECONDS = 4.0
"""How often each conversation says something."""

OPEN = {100: (4.0, 6.0), 1_000: (8.0, 16.0), 10_000: (8.0, 24.0)}
"""For how many open conversations the seconds before measuring, and those of measuring."""

BARE_SECONDS = (0.5, 3.0)
"""The same for the bare SDK, of which only the loop is measured."""

BYTES = 1.0
"""The most MB a second that a process may write."""

SHARE = 2.0
"""The most of one core that saving may take, in %."""

EXACT = 1.05
"""How exactly that can be measured: a look is as long as it is, and what was not used is saved up."""

BUSY_RATE = 2_500
BUSY_OPEN = 1_000
BUSY_SECONDS = 2.0
BUSY_ROUNDS = 5
SPAN_ROUNDS = 5
LAG_MS = 0.5
"""The most that saving may add to p99 of the loop's lag, in ms: less than it differs between two runs."""

NO_WORSE = 1.1
"""How many times what it cost before a span may cost: less than it differs between two runs."""

SHAPES = {"plain": "own span, plain", "foreign": "foreign span, outside"}


def measure(quick: bool) -> Table:
    """Returns the figures of a span, of a busy loop, and of open conversations, each in processes of its own."""
    table = Table("Conversations that are saved while they go on")
    parts = (
        (lambda found: _spans(found, 3 if quick else SPAN_ROUNDS), (UNSAVED, NOW)),
        (lambda found: _busy(found, 3 if quick else BUSY_ROUNDS), (BARE, UNSAVED, NOW)),
        (lambda found: _open(found, 2 if quick else 1), (BARE, NOW)),
    )
    for part, names in parts:
        with contest(names) as found:
            table.figures.extend(part(found))
            table.missing.update(reasons(found))
            table.versions.update(found.versions)
    return table


def _open(found: Contest, times_less: int) -> list[Figure]:
    """Returns what saving takes for some, many and very many open conversations, and how far behind it is."""
    figures = []
    for number, (settle, seconds) in OPEN.items():
        load = {"conversations": number, "rate": number / EVERY_SECONDS}
        bare = found.rounds(1, "go_on", (BARE,), **load, settle=BARE_SECONDS[0], seconds=BARE_SECONDS[1])
        now = found.rounds(1, "go_on", (NOW,), **load, settle=settle, seconds=seconds / times_less)
        if BARE in bare and NOW in now:
            figures += _of_open(number, settle + seconds / times_less, {**bare, **now})
    return figures


def _of_open(number: int, seconds: float, answers: Mapping[str, list[Any]]) -> list[Figure]:
    (now,), of = answers[NOW], f"{number:,} open"
    return [
        figure(f"oldest unsaved word, {of}, until {seconds:.0f} s after the last began", NOW, "s", now["ages"]),
        figure(f"all are looked at once in, {of}", NOW, "s", [number / now["looks"]]),
        figure(f"written a second, {of}", NOW, "MB", [now["bytes"] / 1e6]).at_most(BYTES),
        figure(f"saving, {of}", NOW, "% of a core", [now["share"] * 100]).at_most(EXACT * SHARE, "2, and 5 % of it"),
        *_lags(f"event loop's p99 over bare, {of}, {number / EVERY_SECONDS:,.0f} utterances/s", answers).values(),
    ]


def _busy(found: Contest, rounds: int) -> list[Figure]:
    """Returns what an event loop's lag is with a thousand conversations open that say much, and what saving takes."""
    arguments = {"conversations": BUSY_OPEN, "rate": BUSY_RATE, "settle": 0.5, "seconds": BUSY_SECONDS}
    found.rounds(1, "go_on", **{**arguments, "settle": 3.0, "seconds": 0.5})
    answers = found.rounds(rounds, "go_on", **arguments)
    of = f"{BUSY_OPEN:,} open at {BUSY_RATE:,} spans/s"
    lags = _lags(f"event loop's p99 over bare, {of}", answers)
    if NOW not in lags or UNSAVED not in lags:
        return list(lags.values())
    most = lags[UNSAVED].median + LAG_MS
    lags[NOW] = lags[NOW].at_most(most, f"{LAG_MS} more than without saving")
    shares = [one["share"] * 100 for one in answers[NOW]]
    written = [one["bytes"] / 1e6 for one in answers[NOW]]
    return [
        *lags.values(),
        figure(f"written a second, {of}", NOW, "MB", written).at_most(BYTES),
        figure(f"saving, {of}", NOW, "% of a core", shares).at_most(EXACT * SHARE, "2, and 5 % of it"),
    ]


def _lags(what: str, answers: Mapping[str, list[Any]]) -> dict[str, Figure]:
    quiet = {name: [quietest(one["windows"], "p99") for one in rounds] for name, rounds in answers.items()}
    return over_bare(what, quiet)


def _spans(found: Contest, rounds: int) -> list[Figure]:
    """Returns what a span costs, with and without saving."""
    figures = []
    for shape, name in SHAPES.items():
        answers = found.rounds(rounds, "slices", shape=shape, traces=TRACES, spans=SPANS, repeats=3)
        figures += _no_worse(f"app's thread, {name}, over a no-op", "app", "no-op", answers)
    answers = found.rounds(rounds, "slices", shape="plain", traces=FILE_TRACES, spans=FILE_SPANS, repeats=2)
    what = f"process, {SHAPES['plain']}, with threads and files, in calls of {FILE_SPANS} spans"
    return figures + _no_worse(what, "process", "bare", answers)


def _no_worse(what: str, part: str, base: str, answers: Mapping[str, list[Any]]) -> list[Figure]:
    rows = {name: figure(what, name, "us", scaled(rounds, part, base)) for name, rounds in answers.items()}
    if NOW in rows and UNSAVED in rows:
        rows[NOW] = rows[NOW].at_most(NO_WORSE * rows[UNSAVED].median, f"{NO_WORSE} x without saving")
    return list(rows.values())


if __name__ == "__main__":
    main(measure)
