"""SECURITY.md: every row of the threat model names the tests that show it, and these exist."""

from __future__ import annotations

import re

import pytest

from support.paths import ROOT

HEAD = "| writes | could reach | what bounds it | shown by |"
ROWS = [
    line
    for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and line != HEAD
]


def test_every_table_has_the_same_columns() -> None:
    assert len(ROWS) > 20
    assert all(len(row.strip("|").split("|")) == 4 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.strip("| ").split("|")[0].strip()[:60])
def test_a_row_names_tests_that_exist(row: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", row.rsplit("|", 2)[1])
    assert named
    for file, test in named:
        source = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^(?:async )?def {test}\(", source, re.MULTILINE), f"{file} has no {test}"
