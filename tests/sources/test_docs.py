"""The engine of docs/sources.md does what the page says."""

from __future__ import annotations

import json
from typing import Any

from sources.test_assemble_call import URL, a_call
from support.documents import block
from support.otlp_lines import line
from support.otlp_requests import protobuf
from support.paths import ROOT


def test_the_engine_of_the_page_gets_bodies(monkeypatch: Any) -> None:
    monkeypatch.setenv("ROARK_RECORDING_URL_TEMPLATE", URL)
    names: dict[str, Any] = {}
    exec(block("python", "docs/sources.md: An engine of your own 1").code, names)  # noqa: S102 - the page's own
    turn, root = a_call()

    assert json.loads(names["close"]("call-1", [protobuf([turn]), line([root])]))["externalId"] == "call-1"
    assert names["close"]("call-1", [protobuf([turn])]) is None


def test_the_page_names_the_limits() -> None:
    from roark_otel._sources.otlp.limits import MAX_DEPTH, MAX_REQUEST_BYTES, MAX_REQUEST_VALUES

    page = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    for limit in (f"| {MAX_REQUEST_BYTES // 2**20} MiB", f"| {MAX_REQUEST_VALUES:,} together", f"| {MAX_DEPTH};"):
        assert limit in page
