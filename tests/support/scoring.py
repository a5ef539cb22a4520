"""How true a call is: the calls that came of a recording against what was really said and done."""

from __future__ import annotations

import ast
import json
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.replaying import truths

if TYPE_CHECKING:
    from collections.abc import Collection

    import pytest

Json = dict[str, Any]

SCORE = "score"
"""The property under which a test records a line of the table."""

EDGES = ("agent start", "agent end", "customer start", "customer end")


@dataclass(frozen=True, slots=True)
class Score:
    """Hits of one dump, and how many ms its times are off."""

    dump: str
    text: tuple[int, int] = (0, 0)
    order: tuple[int, int] = (0, 0)
    tools: tuple[int, int] = (0, 0)
    off_ms: dict[str, list[float]] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        return all(hits == of for hits, of in (self.text, self.order, self.tools))

    def median(self, edge: str) -> float | None:
        return statistics.median(self.off_ms[edge]) if edge in self.off_ms else None

    def line(self) -> str:
        hits = "".join(f"{f'{hit}/{of}':>8}" for hit, of in (self.text, self.order, self.tools))
        medians = (self.median(edge) for edge in EDGES)
        return f"{self.dump:<40}{hits}" + "".join(f"{'-' if m is None else f'{m:.0f} ms':>16}" for m in medians)


def score(dump: str, bodies: dict[str, Json], unsaid: Collection[str] = ()) -> Score:
    """The calls that came of a dump against its truth, less the texts that stand on no span."""
    text = order = tools = (0, 0)
    off: dict[str, list[float]] = {}
    for truth in truths(dump):
        body = bodies.get(truth["externalId"], {})
        expected = [one for one in truth["transcript"] if one["text"] not in unsaid]
        found = body.get("transcript", [])
        text = added(text, sum(map(same_words, expected, found)), max(len(expected), len(found)))
        order = added(order, in_order(expected, found), len(expected))
        for one, entry in zip(expected, found, strict=False):
            for edge in ("start", "end"):
                if one[f"{edge}Ms"] is not None:
                    gap = abs(entry[f"{edge}OffsetMs"] - one[f"{edge}Ms"])
                    off.setdefault(f"{one['role'].lower()} {edge}", []).append(gap)
        used, sent = truth.get("toolInvocations", []), body.get("toolInvocations", [])
        tools = added(tools, same_uses(used, sent), max(len(used), len(sent)))
    return Score(dump, text, order, tools, off)


def added(hits: tuple[int, int], more: int, of: int) -> tuple[int, int]:
    return hits[0] + more, hits[1] + of


def same_words(expected: Json, found: Json) -> bool:
    return (expected["role"], expected["text"]) == (found["role"], found["text"])


def in_order(expected: list[Json], found: list[Json]) -> int:
    """How many entries stand where they belong, whatever their words, and begin no earlier than the one before."""
    starts = [entry["startOffsetMs"] for entry in found]
    roles = [one["role"] == entry["role"] for one, entry in zip(expected, found, strict=False)]
    return sum(role and starts[: i + 1] == sorted(starts[: i + 1]) for i, role in enumerate(roles))


def same_uses(expected: list[Json], sent: list[Json]) -> int:
    """How many tool uses are found; of those that were asked for at once any may come first."""
    left = list(sent)
    for one in expected:
        if found := next((use for use in left if same_use(one, use)), None):
            left.remove(found)
    return len(sent) - len(left)


def same_use(expected: Json, sent: Json) -> bool:
    """Whether this is the tool use, as far as it is known; the result of a failed tool is sent as `{"error": ...}`."""
    known = {key: value(expected[key]) for key in ("name", "parameters", "result") if key in expected}
    if expected.get("isError") and not (isinstance(known["result"], dict) and "error" in known["result"]):
        known["result"] = {"error": known["result"]}
    return known == {key: value(sent[key]) for key in known}


def value(result: object) -> object:
    """A result as the value that it is, however its framework writes it: JSON text, or a Python literal."""
    if isinstance(result, str):
        for read in (json.loads, ast.literal_eval):
            try:
                found: object = read(result)
            except (ValueError, SyntaxError):
                continue
            return found
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the scores of this run as a table, also where the tests ran in other processes."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = {value for report in reports for name, value in getattr(report, "user_properties", ()) if name == SCORE}
    if lines:
        terminalreporter.section("recorded conversations, found and true; medians off", sep="-")
        head = "".join(f"{name:>8}" for name in ("text", "order", "tools")) + "".join(f"{edge:>16}" for edge in EDGES)
        for line in [f"{'':<40}{head}", *sorted(lines)]:
            terminalreporter.write_line(line)
