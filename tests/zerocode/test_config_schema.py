"""schemas/roark.json is the schema of the block in a config file; with UPDATE_DOCS in the environment it is written."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from support.config_schema import schema
from support.paths import ROOT

FILE = ROOT / "schemas" / "roark.json"
UPDATE = "UPDATE_DOCS=1 .venv/bin/python -m pytest tests/zerocode/test_config_schema.py"


def is_valid(block: dict[str, Any]) -> bool:
    valid: bool = Draft202012Validator(schema()).is_valid(block)
    return valid


def test_the_file_is_made_from_the_settings() -> None:
    expected = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_DOCS"):
        FILE.write_text(expected, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == expected, f"{FILE.name} is out of date; to update it: {UPDATE}"
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"enabled": False},
        {"api_key": "${SECRET}", "agent_name": "Order desk", "recording_url": "https://example.com/a.wav"},
        {"redact_kinds": ["card", "phone"], "properties_allow": "shop,queue"},
        {"capture_content": False, "export_traces": "${EXPORT:-true}"},
        {"interface_type": "PHONE", "spool": "memory", "call_sample_ratio": 0.5, "spool_max_bytes": 1_000_000},
    ],
)
def test_a_block_that_editors_accept(block: dict[str, Any]) -> None:
    assert is_valid(block)


@pytest.mark.parametrize(
    "block",
    [
        {"agent_nam": "Order desk"},
        {"unknown": 1},
        {"capture_content": "maybe"},
        {"interface_type": "FAX"},
        {"call_sample_ratio": 2},
        {"spool_max_bytes": 0},
        {"idle_timeout_seconds": 0},
        {"redact_kinds": ["cards"]},
        {"linger_seconds": "soon"},
    ],
)
def test_a_block_that_editors_underline(block: dict[str, Any]) -> None:
    assert not is_valid(block)
