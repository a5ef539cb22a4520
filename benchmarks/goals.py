"""Writes which goals a run meets, and of each that it misses what stands in its way, as far as that is written down."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contestants import NOW, label
from svg import measured, row_name

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSED = Path(__file__).with_name("missed.md")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands in the way of some figures.

    Args:
        title: What they are about.
        patterns: Patterns of the figures' names, as `fnmatch` has them.
        text: The paragraphs.
    """

    title: str
    patterns: tuple[str, ...]
    text: str

    def is_about(self, figure: dict[str, Any]) -> bool:
        """Returns whether a figure is one of them."""
        return any(fnmatchcase(figure["what"], pattern) for pattern in self.patterns)


def goals(tables: dict[str, Any]) -> str:
    """Returns the goals of all tables beside what was measured, then a paragraph for what was missed."""
    ours = {
        table["title"]: [one for one in table["figures"] if one["who"] == label(NOW) and one["holds"] is not None]
        for table in tables.values()
    }
    figures = [one for several in ours.values() for one in several]
    missed = [one for one in figures if not one["holds"]]
    lines = ["| what | goal | measured | worst round | |", "|---|---|---|---|---|"]
    for title, several in ours.items():
        lines += [f"| *{title}* | | | | |"] if several else []
        lines += [_line(one) for one in several]
    counted = f"{len(figures) - len(missed)} of {len(figures)} goals are met."
    return "\n".join(["## Goals\n", counted, "", *lines, "", *_ways(missed)])


def _line(one: dict[str, Any]) -> str:
    verdict = "met" if one["holds"] else "**missed**"
    return f"| {row_name(one['what'])} | {one['goal']} | {measured(one)} | {measured(one, 'worst')} | {verdict} |"


def _ways(missed: list[dict[str, Any]]) -> list[str]:
    """Returns the paragraphs about the figures that were missed; those without one are listed, and reported."""
    if not missed:
        return []
    lines = ["### What stands in the way of those that are missed\n"]
    left = list(missed)
    for obstacle in _read(MISSED.read_text()):
        about = [one for one in missed if obstacle.is_about(one)]
        if about:
            lines += [f"#### {obstacle.title}\n", *_bullets(about), "", obstacle.text, ""]
            left = [one for one in left if one not in about]
    if left:
        lines += ["#### Not explained yet\n", *_bullets(left), ""]
        names = "; ".join(one["what"] for one in left)
        print(f"missed, and benchmarks/{MISSED.name} does not say why: {names}", file=sys.stderr)
    return lines


def _bullets(figures: Sequence[dict[str, Any]]) -> list[str]:
    return [f"- {row_name(one['what'])}: {measured(one)}, goal {one['goal']}" for one in figures]


def _read(text: str) -> list[Obstacle]:
    """Reads sections that begin with `## TITLE` and a list of patterns in backticks."""
    found = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, rest = section.partition("\n")
        head, _, words = rest.strip().partition("\n\n")
        found.append(Obstacle(title.strip(), tuple(re.findall(r"^- `(.+)`$", head, re.MULTILINE)), words.strip()))
    return found
