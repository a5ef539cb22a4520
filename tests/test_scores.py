"""How true the calls are: every recorded LiveKit session against what was really said and done, through the whole path.

The table of this run is printed at the end of the test session.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from replaying import LIVEKIT_DUMPS, delivered, truths

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

SHIPPED = {"status": "shipped", "items": [1, 2, None], "when": 3.5, "note": "süß"}
"""What the truth of both recordings of `lookup_order` writes as a Python literal, and the API takes as an object."""


@dataclass(frozen=True, slots=True)
class Score:
    """Hits of one dump, and how many ms its times are off."""

    dump: str
    text: tuple[int, int]
    order: tuple[int, int]
    tools: tuple[int, int]
    off_ms: tuple[float, ...]

    @property
    def is_exact(self) -> bool:
        return all(hits == of for hits, of in (self.text, self.order, self.tools))

    def line(self) -> str:
        hits = "".join(f"{f'{hit}/{of}':>9}" for hit, of in (self.text, self.order, self.tools))
        median = f"{statistics.median(self.off_ms):>8.0f} ms" if self.off_ms else f"{'-':>11}"
        most = f"{max(self.off_ms):>8.0f} ms" if self.off_ms else f"{'-':>11}"
        return f"{self.dump:<32}{hits}{median}{most}"


class Table:
    """A plugin that prints the scores when all tests have run."""

    def __init__(self) -> None:
        self.scores: dict[str, Score] = {}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("recorded LiveKit sessions, told and true", sep="-")
        terminalreporter.write_line(f"{'':<32}{'text':>9}{'order':>9}{'tools':>9}{'median off':>11}{'most':>11}")
        for _, score in sorted(self.scores.items()):
            terminalreporter.write_line(score.line())


@pytest.fixture(name="table", scope="module")
def _table(request: pytest.FixtureRequest) -> Table:
    table = Table()
    request.config.pluginmanager.register(table)
    return table


def score(dump: str, bodies: dict[str, Json]) -> Score:
    text = order = tools = (0, 0)
    off: list[float] = []
    for truth in truths(f"livekit/{dump}"):
        body = bodies[truth["rootSpanId"]]
        expected, told = truth["transcript"], body.get("transcript", [])
        text = added(text, sum(map(same_words, expected, told)), max(len(expected), len(told)))
        order = added(order, in_order(expected, told), len(expected))
        for one, entry in zip(expected, told, strict=False):
            if one["startMs"] is not None:
                off += [abs(entry[f"{edge}OffsetMs"] - one[f"{edge}Ms"]) for edge in ("start", "end")]
        used, sent = truth["toolInvocations"], body.get("toolInvocations", [])
        tools = added(tools, sum(map(same_use, used, sent)), max(len(used), len(sent)))
    return Score(dump, text, order, tools, tuple(off))


def added(hits: tuple[int, int], more: int, of: int) -> tuple[int, int]:
    return hits[0] + more, hits[1] + of


def same_words(expected: Json, told: Json) -> bool:
    return (expected["role"], expected["text"]) == (told["role"], told["text"])


def in_order(expected: list[Json], told: list[Json]) -> int:
    """How many entries stand where they belong, whatever their words, and begin no earlier than the one before."""
    starts = [entry["startOffsetMs"] for entry in told]
    roles = [one["role"] == entry["role"] for one, entry in zip(expected, told, strict=False)]
    return sum(role and starts[: i + 1] == sorted(starts[: i + 1]) for i, role in enumerate(roles))


def same_use(expected: Json, sent: Json) -> bool:
    """Whether this is the tool use, after the two mappings that the API makes necessary.

    Parameters have to be an object. Where the model garbled its JSON the framework keeps the raw text `{not json`, and
    we send `{"arguments": "{not json"}`. The result of a failed tool is sent as `{"error": ...}`.
    """
    parameters = expected["parameters"] if isinstance(expected["parameters"], dict) else {"arguments": "{not json"}
    result = SHIPPED if expected["name"] == "lookup_order" else expected["result"]
    result = {"error": result} if expected["isError"] else result
    return (expected["name"], parameters, result) == (sent["name"], sent["parameters"], sent["result"])


@pytest.mark.parametrize("dump", LIVEKIT_DUMPS)
def test_every_recorded_session_arrives_as_it_was(dump: str, sandbox: Sandbox, table: Table) -> None:
    """Words, order and tools are exact; the median of all starts and ends is within 5 ms of what was measured."""
    table.scores[dump] = score(dump, delivered(f"livekit/{dump}", sandbox))

    assert table.scores[dump].is_exact, table.scores[dump].line()
    assert statistics.median(table.scores[dump].off_ms) <= 5
