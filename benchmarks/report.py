"""Prints figures, as a table for people or as JSON for programs."""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HEADER = ("", "median", "quartiles", "unit", "x BSP", "target", "holds")


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of many measurements, with its quartiles.

    Args:
        name: What was measured.
        unit: The unit of `median`, `low` and `high`.
        median: The figure itself, over a baseline if the name says so.
        low: The first quartile.
        high: The third quartile.
        ratio: The median as a multiple of the BatchSpanProcessor's in the same run.
        target: What it should be, in words; empty if nothing is promised.
        holds: Whether it meets the target.
    """

    name: str
    unit: str
    median: float
    low: float
    high: float
    ratio: float | None = None
    target: str = ""
    holds: bool | None = None

    def compared_to(self, batch: Figure, base: str) -> Figure:
        """Returns this figure with the name of its baseline, and as a multiple of the BatchSpanProcessor's."""
        return replace(self, name=f"{self.name}, {base}", ratio=self.median / batch.median)

    def under(self, limit: float) -> Figure:
        """Returns this figure with a limit that it should not exceed, in its unit."""
        return replace(self, target=f"<= {limit:,g}", holds=self.median <= limit)


def figure(name: str, unit: str, measured: Sequence[float]) -> Figure:
    """Returns the figure for these measurements."""
    low, median, high = statistics.quantiles(measured, n=4, method="inclusive")
    return Figure(name, unit, median, low, high)


def main(measure: Callable[[], list[Figure]]) -> None:
    """Parses the command line, measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args().json
    figures = measure()
    print(json.dumps([asdict(one) for one in figures], indent=2) if as_json else table(figures))


def table(figures: Sequence[Figure]) -> str:
    """Returns the figures as aligned columns."""
    rows = [HEADER, *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _row(one: Figure) -> tuple[str, ...]:
    return (
        one.name,
        _number(one.median),
        f"{_number(one.low)} .. {_number(one.high)}",
        one.unit,
        "" if one.ratio is None else f"{one.ratio:.2f}",
        one.target,
        "" if one.holds is None else ("yes" if one.holds else "NO"),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *others = row
    cells = [name.ljust(widths[0]), *(text.rjust(width) for text, width in zip(others, widths[1:], strict=True))]
    return "  ".join(cells).rstrip()
