"""`roark-otel calls diff`: two calls side by side, aligned by who and by likeness of words, as the page of two is."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from roark_otel._safety.printable import printable
from roark_otel.cli.calls.given import WORDS, Given, given
from roark_otel.cli.problems import FAILED, USAGE, Problem
from roark_otel.pages import outline
from roark_otel.pages.alignment import aligned, waits
from roark_otel.pages.values import entries, part

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

_AROUND: Final = 2
"""How many lines that are the same stand before and after one that differs."""

_MOST_WORDS: Final = 2_000
"""The longest line whose words are compared."""

_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of both calls, or of one: None where a call has no such line.

    `before_ms` and `after_ms` are how long the customer waited for an answer to it.
    """

    before: str | None
    after: str | None
    before_ms: int | None
    after_ms: int | None

    @property
    def differs(self) -> bool:
        """Whether the calls differ in what was said or used here."""
        return self.before != self.after


def run_diff(options: argparse.Namespace) -> int:
    """Compares what was said and used in two calls. How long answers took is printed, and is no difference."""
    before, after = given(options.before), given(options.after)
    for one in (before, after):
        if WORDS in one.unknown:
            raise Problem(f"{printable(one.name)} cannot be compared: {one.why_unknown(WORDS)}", USAGE)
    unknown = before.unknown | after.unknown
    rows = list(_rows(_comparable(before.body, unknown), _comparable(after.body, unknown)))
    differs = any(row.differs for row in rows)
    if options.json:
        print(json.dumps(_as_json(rows, unknown, differs=differs), indent=2))
    else:
        _print(before, after, rows, unknown)
    return FAILED if differs else 0


def _comparable(body: Mapping[str, Any], unknown: frozenset[str]) -> dict[str, Any]:
    """Returns a body without what is not known of the other call."""
    found = dict(body)
    if "tools" in unknown:
        found.pop("toolInvocations", None)
    if "interruptions" in unknown:
        found["transcript"] = [
            {**one, "payload": {**part(one, "payload"), "interrupted": None}} for one in entries(body, "transcript")
        ]
    return found


def _rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Row]:
    one, other = outline(before), outline(after)
    lines, others = one.split("\n"), other.split("\n")
    waited, also_waited = waits(before), waits(after)
    for i, j in aligned(one, other):
        yield Row(
            None if i is None else lines[i],
            None if j is None else others[j],
            None if i is None else waited.get(i),
            None if j is None else also_waited.get(j),
        )


def _as_json(rows: Sequence[Row], unknown: frozenset[str], *, differs: bool) -> dict[str, Any]:
    both = ("before", "after")
    return {
        "differ": differs,
        **{side: "".join(f"{line}\n" for row in rows if (line := getattr(row, side)) is not None) for side in both},
        "answers_ms": [[ms for row in rows if (ms := getattr(row, f"{side}_ms")) is not None] for side in both],
        "rows": [
            {
                "before": row.before,
                "after": row.after,
                "words": _words(row) if row.differs else None,
                "answered_ms": [row.before_ms, row.after_ms],
            }
            for row in rows
        ],
        "unknown": sorted(unknown),
    }


def _print(before: Given, after: Given, rows: Sequence[Row], unknown: frozenset[str]) -> None:
    if any(row.differs for row in rows):
        print(f"--- {printable(before.name)}\n+++ {printable(after.name)}")
        for line in _lines(rows):
            print(line)
    for what in sorted(unknown):
        print(f"{what}: not compared, Roark does not give them back")
    if not any(row.differs for row in rows):
        print("the same words" if "tools" in unknown else "the same words and tools")
    answered = [row for row in rows if row.before_ms is not None or row.after_ms is not None]
    for number, row in enumerate(answered, start=1):
        print(f"answer {number}: {_ms(row.before_ms)} -> {_ms(row.after_ms)}{_delta(row.before_ms, row.after_ms)}")


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yields the lines that differ, and those around them."""
    different = [place for place, row in enumerate(rows) if row.differs]
    shown = sorted(
        {at for place in different for at in range(place - _AROUND, place + _AROUND + 1)} & {*range(len(rows))}
    )
    last = -1
    for place in shown:
        if place != last + 1:
            yield f"@@ {place - last - 1} the same @@"
        last, row = place, rows[place]
        if not row.differs:
            yield f" {row.before}"
            continue
        yield from (f"{mark}{line}" for mark, line in (("-", row.before), ("+", row.after)) if line is not None)
        if words := _words(row):
            yield "?" + "".join(_marked(kind, piece) for kind, piece in words)
    if last + 1 < len(rows):
        yield f"@@ {len(rows) - last - 1} the same @@"


def _words(row: Row) -> list[tuple[str, str]]:
    """Returns the words of a line of both calls: those that are the same, gone and new, as `=`, `-` and `+`."""
    if row.before is None or row.after is None:
        return []
    one, other = _WORD.findall(row.before), _WORD.findall(row.after)
    if max(len(one), len(other)) > _MOST_WORDS:
        return []
    found: list[tuple[str, str]] = []
    for kind, i, until, j, end in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        pieces = [("=", one[i:until])] if kind == "equal" else [("-", one[i:until]), ("+", other[j:end])]
        found += [(mark, "".join(words)) for mark, words in pieces if words]
    return found


def _marked(kind: str, words: str) -> str:
    return {"=": words, "-": f"[-{words}-]", "+": f"{{+{words}+}}"}[kind]


def _ms(wait: int | None) -> str:
    return "none" if wait is None else f"{wait} ms"


def _delta(first: int | None, second: int | None) -> str:
    return "" if first is None or second is None else f" ({second - first:+} ms)"
