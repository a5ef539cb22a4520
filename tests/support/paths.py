"""Where the files that tests read lie."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
SPANS = TESTS / "spans"
SNAPSHOTS = TESTS / "snapshots"
EXAMPLES = ROOT / "examples"
