"""A real agent of LiveKit for Node sends to a gateway. The id is on its last span alone, and its call is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scale.support.livekit_js import SCENARIOS, held_by_livekit, held_in
from support.gateways import RunningGateway, wait_for_calls

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

TOKEN = "0123456789abcdef-token"  # noqa: S105 - of a test


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_its_call_is_what_was_really_said_and_done(tmp_path: Path, sandbox: Sandbox, scenario: str) -> None:
    with RunningGateway(tmp_path, sandbox.url, environment={"ROARK_GATEWAY_TOKEN": TOKEN}) as gateway:
        held = held_by_livekit(scenario, f"{gateway.url}/v1/traces", TOKEN, "call-1", tmp_path / "agent")
        found = wait_for_calls(sandbox, 1)["call-1"]
        assert held_in(found) == held
        assert bool(held.tools) is (scenario == "order")
        assert gateway.metric("spans_total", outcome="rejected") == 0
