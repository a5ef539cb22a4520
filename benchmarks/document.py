"""Writes docs/performance.md and its charts from a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contestants import BEFORE, NOW, ROOT, UNSAVED, label
from goals import goals
from svg import Bar, bars, measured, number, row_name, unit

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "performance.md"
CHARTS = ROOT / "docs" / "performance"
OURS = {label(BEFORE): "before", label(UNSAVED): "open not saved", label(NOW): "now"}
"""The columns of this package's own code."""

PICTURES = {
    "app-thread": ("spans", "app's thread, own span, plain, over a no-op"),
    "process": ("spans", "process, own span, plain, to the body (others: to the exporter's answer)"),
    "collector": ("collector", "app's thread, own span, over bare"),
    "memory": ("open_conversations", "KB kept, plain"),
    "event-loop": ("event_loop", "p99 at 2,500 spans/s"),
    "saving": ("saving", "event loop's p99 over bare, 1,000 open at 2,500 spans/s"),
    "receipt": ("backlog", "spool file to receipt"),
}
"""The charts: the table and the row that each shows, for every contestant."""


def write(run: dict[str, Any]) -> None:
    """Writes the page and its charts."""
    CHARTS.mkdir(parents=True, exist_ok=True)
    charts = list(_charts(run["tables"]))
    growth = list(_growth(run["tables"].get("growth")))
    tried = Path(__file__).with_name("tried.md").read_text()
    parts = [_INTRODUCTION, _machine(run), goals(run["tables"]), "## Before and now\n", *charts, *growth]
    parts += [_before_and_now(table) for table in run["tables"].values()]
    parts += ["## Beside others\n", *(_others(table) for table in run["tables"].values()), _versions(run), tried]
    PAGE.write_text(re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n")


_INTRODUCTION = """# Performance

`make bench` measured every figure here, and `make performance` wrote this page from them: do not edit it.

A child process for each contestant, in a virtual environment of its own, does the same work in rounds whose order
rotates, so noise hits all alike. A figure is the median of the rounds. CPU times are scaled so that a span of the bare
SDK with ten attributes and three events costs 35 µs in the same run; what is marked *raw*, the lag of an event loop
and rates are as the machine gave them. *Before* is this package at one commit, named in the Makefile; *open not saved*
is another, the last before conversations that go on lived in the spool. Exporters post over real HTTP to a receiver on
the loopback interface.
"""


def _machine(run: dict[str, Any]) -> str:
    one = run["machine"]
    words = f"{one['processor']}, {one['cores']} cores, {one['memory']}, {one['system']}, Python {one['python']}"
    return (
        f"Machine: {words}; load {one['load']} at the end. Command: `{run['command']}`, {run['minutes']:.0f} minutes.\n"
    )


def _before_and_now(table: dict[str, Any]) -> str:
    """Returns a table of what the code before and the present one do, with the goal."""
    rows: dict[str, dict[str, Any]] = {}
    for one in table["figures"]:
        if one["who"] in OURS:
            rows.setdefault(one["what"], {})[OURS[one["who"]]] = one
    columns = [name for name in OURS.values() if any(name in row for row in rows.values())]
    head = ("what", *columns, "worst round", "goal", "holds")
    lines = [_line(*head), "|---" * len(head) + "|"]
    for what, row in rows.items():
        now = row.get("now")
        goal = now["goal"] if now else ""
        holds = "" if now is None or now["holds"] is None else "yes" if now["holds"] else "**no**"
        lines.append(_line(row_name(what), *(_value(row.get(name)) for name in columns), _worst(now), goal, holds))
    return f"### {table['title']}\n\n" + "\n".join(lines) + "\n"


def _others(table: dict[str, Any]) -> str:
    """Returns a table of all contestants, one line for each row that others have too; empty if none has."""
    whats = list(dict.fromkeys(one["what"] for one in table["figures"] if one["who"] not in OURS))
    if not whats:
        return ""
    by_place = {(one["what"], one["who"]): one for one in table["figures"]}
    columns = list(dict.fromkeys(one["who"] for one in table["figures"] if one["what"] in whats))
    lines = [_line("what", *columns), "|---" * (len(columns) + 1) + "|"]
    lines += [_line(row_name(what), *(_value(by_place.get((what, who))) for who in columns)) for what in whats]
    missing = [f"Not measured: {who} ({why})." for who, why in table["missing"].items()]
    return f"### {table['title']}\n\n" + "\n".join([*lines, "", *missing]) + "\n"


def _versions(run: dict[str, Any]) -> str:
    versions: dict[str, dict[str, str]] = {}
    for table in run["tables"].values():
        versions.update(table["versions"])
    lines = [_line("contestant", "versions"), "|---|---|"]
    for name, installed in sorted(versions.items()):
        lines.append(_line(label(name), ", ".join(f"{package} {version}" for package, version in installed.items())))
    return "### Versions\n\n" + "\n".join(lines) + "\n"


def _charts(tables: dict[str, Any]) -> Iterator[str]:
    """Draws the charts. Yields the lines that show them."""
    for name, (table, what) in PICTURES.items():
        figures = [one for one in tables.get(table, {}).get("figures", ()) if one["what"] == what]
        if figures:
            ordered = sorted(figures, key=lambda one: one["median"])
            rows = [_bar(one, one["who"]) for one in ordered]
            (CHARTS / f"{name}.svg").write_text(bars(row_name(what), unit(figures[0]), rows))
            yield _image(name, what)


def _growth(table: dict[str, Any] | None) -> Iterator[str]:
    """Draws the growth of what the present code does. Yields the line that shows it."""
    if table is not None:
        rows = [_bar(one, f"{_short(one['what'])}, {OURS[one['who']]}") for one in table["figures"]]
        (CHARTS / "growth.svg").write_text(bars(table["title"], "µs", rows))
        yield _image("growth", table["title"])


def _short(what: str) -> str:
    """Returns the words of a row without its article, and without its unit."""
    words = what.removesuffix(", us a span").removeprefix("a turn of ").removeprefix("a span of ")
    size = re.search(r"[\d,]*\d", words)
    kind = {"a plain": "plain turns", "Pipecat": "Pipecat turns", "LiveKit": "LiveKit turns", "a span with": "open"}
    named = next((name for start, name in kind.items() if words.startswith(start)), "")
    apart = "apart" if "their own" in words else "under one span"
    return f"{size.group() if size else ''} {named or apart}"


def _bar(one: dict[str, Any], name: str) -> Bar:
    goal = re.match(r"[<>]= ([\d,.]+)", one["goal"])
    limit = float(goal.group(1).replace(",", "")) if goal and OURS.get(one["who"]) == "now" else None
    kind = {label(BEFORE): "before", label(UNSAVED): "before", label(NOW): "now"}.get(one["who"], "other")
    return Bar(name, one["median"], kind, limit)


def _image(name: str, what: str) -> str:
    return f"![{what}](performance/{name}.svg)\n"


def _value(one: dict[str, Any] | None) -> str:
    return "" if one is None else measured(one)


def _worst(one: dict[str, Any] | None) -> str:
    return "" if one is None else f"{number(one['worst'])}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
