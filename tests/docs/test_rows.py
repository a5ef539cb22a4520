"""The README's rows about forks and exits are tests."""

from __future__ import annotations

import re

import pytest

from support.paths import ROOT, TESTS

FAULTS = TESTS / "faults"
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]+?) \|", README.split("\n## Forks and exits")[1].split("\n## ")[0], re.MULTILINE)[1:]
NAMES = {
    name
    for path in FAULTS.glob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("row", [row for row in ROWS if not set(row) <= set("-")])
def test_row_has_its_test(row: str) -> None:
    """A claim that nobody tests is none."""
    assert f"test_{row.replace(' ', '_')}" in NAMES
