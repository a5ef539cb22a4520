"""Two calls are aligned by who and by likeness of words, and by the page as by the text."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from roark_otel.pages import document, outline
from roark_otel.pages.alignment import WINDOW, Pair, aligned, waits
from support.node import node

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((HERE / "compare_cases.json").read_text())


def by_the_page(documents: list[tuple[dict[str, Any], dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Returns the rows that the page shows for each two documents."""
    found: list[list[dict[str, Any]]] = json.loads(node(HERE / "compared.mjs", stdin=json.dumps(documents)))
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_text_aligns(case: dict[str, Any]) -> None:
    before, after = (outline(case[which]).split("\n")[:-1] for which in ("before", "after"))
    pairs = aligned(outline(case["before"]), outline(case["after"]))
    shown = [[None if i is None else before[i], None if j is None else after[j]] for i, j in pairs]
    assert shown == case["rows"]
    one, other = waits(case["before"]), waits(case["after"])
    answered = [
        [number, a, b]
        for number, (i, j) in enumerate(pairs)
        for a, b in [(None if i is None else one.get(i), None if j is None else other.get(j))]
        if a is not None or b is not None
    ]
    assert answered == case["answers"]


def test_the_page_aligns_as_the_text_does() -> None:
    shown = by_the_page([(document(case["before"]), document(case["after"])) for case in CASES])
    for case, rows in zip(CASES, shown, strict=True):
        assert [[row["before"], row["after"]] for row in rows] == case["rows"], case["name"]
        answered = [[n, *row["answered"]] for n, row in enumerate(rows) if row["answered"] != [None, None]]
        assert answered == case["answers"], case["name"]


def test_whatever_is_said_the_page_and_the_text_agree() -> None:
    chance = random.Random(17)  # noqa: S311 - a seed, and no secret
    pairs = [(talk(chance, size), talk(chance, size)) for size in (1, 2, 3, 5, 8, 13, 40) for _ in range(30)]
    pairs += [(talk(chance, 3 * WINDOW), talk(chance, 2 * WINDOW)), (talk(chance, 5), talk(chance, 4 * WINDOW))]
    shown = by_the_page([(document(one), document(other)) for one, other in pairs])
    for (one, other), rows in zip(pairs, shown, strict=True):
        before, after = outline(one).split("\n")[:-1], outline(other).split("\n")[:-1]
        expected = aligned(outline(one), outline(other))
        assert_whole(expected, len(before), len(after))
        lines = [[None if i is None else before[i], None if j is None else after[j]] for i, j in expected]
        assert [[row["before"], row["after"]] for row in rows] == lines


def test_a_call_of_thousands_of_lines_is_aligned_piece_by_piece() -> None:
    """One line is missing far in front: every line behind it has its pair all the same."""
    said = [f"customer: {n} {'even' if n % 2 else 'odd'} number {n * 7}\n" for n in range(3_000)]
    pairs = aligned("".join(said), "".join([*said[:100], "customer: quite another thing\n", *said[101:]]))
    assert sum(said[i] == said[j] for i, j in pairs if i is not None and j is not None and i != 100) == 2_999
    without = aligned("".join(said), "".join([*said[:100], *said[103:]]))
    assert [pair for pair in without if None in pair] == [(100, None), (101, None), (102, None)]


def assert_whole(pairs: list[Pair], before: int, after: int) -> None:
    assert [i for i, _ in pairs if i is not None] == list(range(before))
    assert [j for _, j in pairs if j is not None] == list(range(after))


def talk(chance: random.Random, most: int) -> dict[str, Any]:
    words = [
        "yes",
        "No.",
        "order",
        "A-17",
        "ẞ",
        "İstanbul",
        "ΟΔΟΣ",
        "订单",
        "คำ",
        "हिन्दी",
        "9½",
        "—",
        "e\u0301",
        "🚲",
        "x_y",
    ]
    said: list[dict[str, Any]] = []
    used: list[dict[str, Any]] = []
    for n in range(chance.randint(0, most)):
        spoken = " ".join(chance.choices(words, k=chance.randint(0, 6)))
        if chance.random() < 0.2:
            used.append({"name": chance.choice(["f", "g("]), "parameters": {"a": spoken}, "startOffsetMs": n})
        else:
            said.append({"role": chance.choice(["AGENT", "CUSTOMER"]), "text": spoken, "startOffsetMs": n})
    return {"transcript": said, "toolInvocations": used}
