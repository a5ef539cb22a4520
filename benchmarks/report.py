"""Figures and their goals, printed as a table for people or as JSON for programs."""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from contestants import label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BARE_US = 35.0
"""A span of the bare SDK with ten attributes and three events is this many us: all CPU times are scaled by it."""

HEADER = ("", "contestant", "median", "quartiles", "worst", "unit", "goal", "holds")
LEFT = (0, 1, 6)
"""The columns that hold words."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of several rounds.

    Args:
        what: What was measured.
        who: The contestant, by its name in tables.
        unit: The unit of the numbers.
        median: The figure itself.
        low: The first quartile of the rounds.
        high: The third quartile of the rounds.
        worst: The highest of the rounds, or the lowest where more is better.
        goal: What it should be, in words; empty if nothing is promised.
        holds: Whether it meets the goal.
    """

    what: str
    who: str
    unit: str
    median: float
    low: float
    high: float
    worst: float
    goal: str = ""
    holds: bool | None = None

    def at_most(self, limit: float, why: str = "") -> Figure:
        """Returns this figure with the most that it should be, and what the limit is made of."""
        return replace(
            self, goal=f"<= {_number(limit)}{why and f' ({why})'}", holds=_as_printed(self.median) <= _as_printed(limit)
        )

    def at_least(self, limit: float, why: str = "") -> Figure:
        """Returns this figure with the least that it should be."""
        return replace(
            self, goal=f">= {_number(limit)}{why and f' ({why})'}", holds=_as_printed(self.median) >= _as_printed(limit)
        )


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of one benchmark.

    Args:
        title: What they are about.
        figures: The figures.
        missing: The contestants that could not be measured, with the reason.
        versions: What each contestant had installed.
    """

    title: str
    figures: list[Figure] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)


def figure(what: str, who: str, unit: str, measured: Sequence[float], *, more_is_better: bool = False) -> Figure:
    """Returns the figure for these rounds of a contestant."""
    low, median, high = statistics.quantiles(measured, n=4, method="inclusive") if measured[1:] else [measured[0]] * 3
    worst = min(measured) if more_is_better else max(measured)
    return Figure(what, label(who), unit, median, low, high, worst)


def main(measure: Callable[[bool], Table]) -> None:
    """Parses the command line, measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="measure less")
    arguments = parser.parse_args()
    table = measure(arguments.quick)
    print(json.dumps(asdict(table), indent=2) if arguments.json else text(table))


def text(table: Table) -> str:
    """Returns the figures as aligned columns."""
    rows = [HEADER, *map(_row, table.figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    missing = [f"not measured: {who}: {why}" for who, why in table.missing.items()]
    return "\n".join([table.title, "", *(_line(row, widths) for row in rows), *missing])


def _row(one: Figure) -> tuple[str, ...]:
    return (
        one.what,
        one.who,
        _number(one.median),
        f"{_number(one.low)} .. {_number(one.high)}",
        _number(one.worst),
        one.unit,
        one.goal,
        "" if one.holds is None else ("yes" if one.holds else "NO"),
    )


def _as_printed(value: float) -> float:
    return round(value, 2)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(row, widths, strict=True)
    return "  ".join(
        text.ljust(width) if column in LEFT else text.rjust(width) for column, (text, width) in enumerate(cells)
    ).rstrip()
