"""What a call page shows is computed of its document alone: the modules without a page are tested in Node."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pages.recorded_calls import recorded_calls
from roark_otel.pages.outline import answers, interruptions
from roark_otel.pages.values import entries, failed
from support.node import node

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = sorted((Path(__file__).parent / "model").glob("*.test.mjs"))

COUNT = """
import { readFileSync } from "node:fs";
import { callOf } from "%s";
const found = JSON.parse(readFileSync(0, "utf8")).map((body) => {
  const call = callOf({ body });
  const paths = (rows) => rows.map((row) => row.path);
  return [call.answers.map((row) => row.wait.ms), paths(call.interruptions), paths(call.failures)];
});
process.stdout.write(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "calls.json"
    path.write_text(json.dumps(list(recorded_calls())), encoding="utf-8")
    return path


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_in_node(test: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDED_CALLS", str(recorded))
    node(test)


def test_the_page_finds_the_waits_interruptions_and_failures_that_the_outline_has(tmp_path: Path) -> None:
    bodies = [*(one["body"] for one in recorded_calls()), *_strange(400)]
    script = tmp_path / "count.mjs"
    model = Path(__file__).parents[2] / "src/roark_otel/pages/static/model.js"
    script.write_text(COUNT % model.as_uri(), encoding="utf-8")

    found = json.loads(node(script, stdin=json.dumps(bodies)))

    assert found == [[*_expected(body)] for body in bodies]
    assert sum(len(waits) for waits, *_ in found) > 200


def _expected(body: dict[str, Any]) -> Iterator[object]:
    said = sorted(entries(body, "transcript"), key=lambda one: one.get("startOffsetMs") or 0)
    used = sorted(entries(body, "toolInvocations"), key=lambda one: one.get("startOffsetMs") or 0)
    cut = interruptions(body)
    yield [waited for _, _, waited in answers(body)]
    yield [f"transcript[{_place(body, 'transcript', one)}]" for one in said if any(one is other for other in cut)]
    yield [f"toolInvocations[{_place(body, 'toolInvocations', one)}]" for one in used if failed(one)]


def _place(body: dict[str, Any], key: str, entry: object) -> int:
    return next(i for i, one in enumerate(body[key]) if one is entry)


def _strange(count: int) -> Iterator[dict[str, Any]]:
    """Yields bodies as strangers could post them: out of order, overlapping, incomplete."""
    some = random.Random(17)  # noqa: S311 - a seed, and no secret

    def offset() -> object:
        return some.choice([some.randrange(5000), some.randrange(5000), some.randrange(5000) + 0.5, None, -5])

    for _ in range(count):
        transcript = [
            {
                "role": some.choice(["AGENT", "CUSTOMER", "CUSTOMER", "AGENT", "SYSTEM"]),
                "startOffsetMs": some.randrange(5000),
                "endOffsetMs": offset(),
                "payload": some.choice([{}, {}, {"interrupted": True}, {"interrupted": "yes"}, {"way": "typed"}, None]),
            }
            for _ in range(some.randrange(12))
        ]
        results = [
            {"error": "no"},
            {"error": None},
            {"error": {}},
            {"error": []},
            {"error": 0},
            {"error": False},
            "x",
            None,
        ]
        tools = [
            {"startOffsetMs": some.randrange(5000), "result": some.choice(results)} for _ in range(some.randrange(4))
        ]
        longest = some.choice([500, "500", 500.5, " 700 ", "", None, "x", True, 9000])
        yield {
            "transcript": [*transcript, "x"],
            "toolInvocations": tools,
            "properties": {"response_latency_max_ms": longest},
        }
