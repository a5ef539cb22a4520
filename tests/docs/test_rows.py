"""Checks that the rows of docs/delivery.md and docs/hosts.md are tests."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from support.paths import ROOT, TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTS = TESTS / "faults"
TABLES = {
    "When something is missing or down": ("test_fault_*.py",),
    "Conversations that go on": ("test_killed_conversations.py",),
    "Forks and exits": ("test_exits.py", "test_forks.py", "test_soak.py"),
}
"""The tables of docs/delivery.md by heading, and the files with the tests of their rows."""


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def tables(text: str) -> dict[str, list[str]]:
    """Returns the lines below the head of each table, by the line of its head."""
    found = re.findall(r"^(\|.*)\n\|[-|]+\|\n((?:\|.*\n)*)", text, re.MULTILINE)
    return {head: rows.splitlines() for head, rows in found}


def names_of_tests(patterns: tuple[str, ...]) -> Iterator[str]:
    """Names the tests in these files, except the long ones, which repeat others at full size."""
    for file in (file for pattern in patterns for file in FAULTS.glob(pattern)):
        for one in ast.parse(file.read_text(encoding="utf-8")).body:
            is_long = isinstance(one, ast.FunctionDef) and "pytest.mark.long" in map(ast.unparse, one.decorator_list)
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_") and not is_long:
                yield one.name


@pytest.mark.parametrize("heading", TABLES)
def test_each_row_is_a_test_and_each_test_a_row(heading: str) -> None:
    """A row is named like its test; a claim without a test would not stay true."""
    section = read("docs/delivery.md").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (rows,) = tables(section).values()
    names = ["test_" + re.sub(r"[^a-z0-9]+", "_", row.split("|")[1].strip().lower()) for row in rows]

    assert sorted(names) == sorted(names_of_tests(TABLES[heading]))


def test_each_host_is_a_test() -> None:
    """A row of docs/hosts.md says what a test in tests/hosts is named after."""
    (rows,) = tables(read("docs/hosts.md")).values()
    hosts = {re.sub(r"[^a-z0-9]+", "_", row.split("|")[1].split(": ")[-1].strip().lower()) for row in rows}
    named = {
        one.name.removeprefix("test_")
        for file in (TESTS / "hosts").glob("test_*.py")
        for one in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
    }

    assert hosts == named
