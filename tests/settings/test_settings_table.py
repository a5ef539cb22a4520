"""A setting stands in three places that agree: its field, its argument, and its row in docs/settings.md."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from roark_otel import Settings
from roark_otel._settings.environment import GATEWAY_TOKEN
from roark_otel._settings.settings import VARIABLES
from roark_otel._settings.wording import values_in_words
from support.paths import ROOT
from support.settings_table import listed, row, with_rows

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = ROOT / "docs" / "settings.md"
README = ROOT / "README.md"
UPDATE = "UPDATE_DOCS=1 .venv/bin/python -m pytest tests/settings/test_settings_table.py"


def compare(path: Path, settings: list[str]) -> None:
    """Compares the table of a document with the fields; with UPDATE_DOCS in the environment, writes it."""
    written = path.read_text(encoding="utf-8")
    expected = with_rows(written, settings)
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(expected, encoding="utf-8")
        return
    assert written == expected, f"{path.name} is out of date; to update it: {UPDATE}"


def test_the_table_is_made_from_the_fields() -> None:
    compare(DOCUMENT, list(Settings.model_fields))


def test_readme_quotes_five_rows_and_links_the_table() -> None:
    text = README.read_text(encoding="utf-8")
    compare(README, listed(text))

    assert len(listed(text)) == 5
    assert "(docs/settings.md)" in text.split("\n## The settings that matter\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("api_key", "text"),
        ("base_url", "URL"),
        ("recording_fallback_url", "URL"),
        ("recording_url_template", "URL with names in braces"),
        ("enabled", "`true` or `false`"),
        ("interface_type", "`PHONE` or `WEB`"),
        ("spool_dir", "path"),
        ("spool_max_bytes", "bytes, 1 or more"),
        ("linger_seconds", "seconds, 0 or more"),
        ("idle_timeout_seconds", "seconds, more than 0"),
        ("max_conversations", "number, 1 or more"),
        ("call_sample_ratio", "number, 0 to 1"),
        ("external_id_keys", "names, separated by commas"),
        ("redact_kinds", "`card`, `email`, `phone`, separated by commas"),
        ("redact_patterns", "regular expressions, one a line"),
        ("wait_at_end_seconds", "seconds, 0 or more"),
    ],
)
def test_values_are_read_off_the_type(setting: str, expected: str) -> None:
    assert values_in_words(setting, Settings.model_fields[setting]) == expected


def test_a_row() -> None:
    assert row("linger_seconds") == (
        "| `ROARK_LINGER_SECONDS` | `linger_seconds` | seconds, 0 or more | `2` "
        "| How long late spans still count after the root has ended. |\n"
    )


def test_sources_and_examples_mention_only_variables_that_exist() -> None:
    """Log lines, doctor and examples spell variables as text: none is misspelt."""
    files = [*(ROOT / "src" / "roark_otel").rglob("*.py"), *(ROOT / "examples").rglob("*.*")]
    # The sandbox is another program, with words of its own.
    ours = [file for file in files if file.suffix in {".py", ".yaml", ".md"} and "sandbox" not in file.parts]
    mentioned = {name for file in ours for name in re.findall(r"\bROARK_[A-Z_]+\b", file.read_text(encoding="utf-8"))}

    assert sorted(mentioned - set(VARIABLES) - {GATEWAY_TOKEN}) == []
