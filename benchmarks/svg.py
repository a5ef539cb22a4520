"""Draws bar charts as SVG, readable on a light and on a dark page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, LABELS, BARS, ROW, TOP = 720, 230, 380, 26, 44

_STYLE = """
text { fill: #1f2328; font: 13px system-ui, sans-serif; }
.title { font-weight: 600; font-size: 15px; }
.value { font-variant-numeric: tabular-nums; }
.other { fill: #8c959f; }
.before { fill: #bf8700; }
.now { fill: #0969da; }
.goal { stroke: #cf222e; stroke-dasharray: 4 3; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .other { fill: #6e7681; }
  .before { fill: #d29922; }
  .now { fill: #4493f8; }
  .goal { stroke: #ff7b72; }
}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar.

    Args:
        label: What stands left of it.
        value: Its length.
        kind: `now`, `before` or `other`: its color.
        goal: Where a dashed line stands across it; None for no line.
    """

    label: str
    value: float
    kind: str = "other"
    goal: float | None = None


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """Returns a chart with one horizontal bar for each row. Values below zero have no bar."""
    longest = max((max(row.value, row.goal or 0.0) for row in rows), default=0.0) or 1.0
    height = TOP + ROW * len(rows) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="8" y="24">{escape(title)}</text>',
        *(_row(row, TOP + ROW * number, unit, BARS / longest) for number, row in enumerate(rows)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _row(row: Bar, y: int, unit: str, scale: float) -> str:
    length = max(0.0, row.value) * scale
    middle = y + ROW // 2 + 4
    parts = [
        f'<text x="{LABELS - 8}" y="{middle}" text-anchor="end">{escape(row.label)}</text>',
        f'<rect class="{row.kind}" x="{LABELS}" y="{y + 4}" width="{length:.1f}" height="{ROW - 8}" rx="2"/>',
        f'<text class="value" x="{LABELS + length + 6:.1f}" y="{middle}">{number(row.value)} {escape(unit)}</text>',
    ]
    if row.goal is not None:
        x = f"{LABELS + row.goal * scale:.1f}"
        parts.append(f'<line class="goal" x1="{x}" x2="{x}" y1="{y + 1}" y2="{y + ROW - 1}"/>')
    return "\n".join(parts)


def number(value: float) -> str:
    """Returns a number with as many digits as matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def measured(one: dict[str, Any], part: str = "median") -> str:
    """Returns a part of a figure with its unit."""
    return f"{number(one[part])} {unit(one)}"


def row_name(what: str) -> str:
    """Returns what a figure is about, without the unit that it has beside it."""
    return what.removesuffix(", us a span")


def unit(one: dict[str, Any]) -> str:
    """Returns the unit of a figure as it is printed."""
    return "µs" if one["unit"] == "us" else str(one["unit"])
