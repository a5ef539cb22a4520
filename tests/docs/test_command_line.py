"""docs/command-line.md says what `roark-otel --help` says; with UPDATE_DOCS in the environment, it is written."""

from __future__ import annotations

import os

from support.command_line import page
from support.paths import ROOT

DOCUMENT = ROOT / "docs" / "command-line.md"
UPDATE = "UPDATE_DOCS=1 .venv/bin/python -m pytest tests/docs/test_command_line.py"


def test_the_page_is_made_from_the_help() -> None:
    expected = page()
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(expected, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == expected, f"{DOCUMENT.name} is out of date; to update it: {UPDATE}"


def test_every_command_and_every_action_has_a_heading() -> None:
    headings = [line.lstrip("# ") for line in page().splitlines() if line.startswith(("## ", "### "))]

    assert {"roark-otel demo", "roark-otel doctor", "roark-otel replay", "roark-otel sandbox"} <= set(headings)
    assert {"roark-otel spool drain", "roark-otel calls check"} <= set(headings)
