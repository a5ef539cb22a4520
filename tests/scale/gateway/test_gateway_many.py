"""Ten thousand conversations that are open, and more spans than a gateway may keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.gateways import RunningGateway, Spoken, batches, texts, wait_for_calls

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

pytest.importorskip("uvicorn", reason="the extra `gateway` is not installed")

OPEN = 10_000
MOST_MIB = 400
"""The most memory that a gateway with them may take, in MiB."""


def memory(gateway: RunningGateway) -> float:
    """The peak of a gateway's memory in MiB."""
    assert gateway.process is not None
    with open(f"/proc/{gateway.process.pid}/status") as status:  # noqa: PTH123 - of the kernel
        return next(int(row.split()[1]) for row in status if row.startswith("VmHWM")) / 1024


def test_ten_thousand_open_conversations_go_on_after_a_kill(tmp_path: Path, sandbox: Sandbox) -> None:
    spoken = Spoken()
    several = {f"call-{each}": spoken.conversation(f"call-{each}", "Hello", "Good day") for each in range(OPEN)}
    # All but the roots, with the id on one of them, as `call_attributes` leaves it.
    begun = [span for spans in several.values() for span in spans[:-1]]
    with RunningGateway(tmp_path, sandbox.url, environment={"ROARK_QUIET_SECONDS": "3600"}) as gateway:
        for spans in batches(begun, 500):
            gateway.send(spans)
        assert gateway.metric("open_groups") == OPEN
        assert memory(gateway) < MOST_MIB
        gateway.kill()
        gateway.start()
        assert gateway.metric("open_groups") == OPEN
        ended = [f"call-{each}" for each in range(0, OPEN, OPEN // 20)]
        gateway.send([several[name][-1] for name in ended])
        calls = wait_for_calls(sandbox, len(ended))
        assert {name: texts(call) for name, call in calls.items()} == {name: ["Hello", "Good day"] for name in ended}
        gateway.wait_for_metric(OPEN - len(ended), "open_groups")
        assert memory(gateway) < MOST_MIB


def test_over_the_limit_the_conversation_idle_longest_is_delivered(tmp_path: Path, sandbox: Sandbox) -> None:
    environment = {"ROARK_QUIET_SECONDS": "3600", "ROARK_MAX_CONVERSATIONS": "10"}
    with RunningGateway(tmp_path, sandbox.url, environment=environment) as gateway:
        for each in range(15):
            gateway.send(Spoken().conversation(f"call-{each}", "Hello", root=False))
        assert set(wait_for_calls(sandbox, 5)) == {f"call-{each}" for each in range(5)}
        gateway.wait_for_metric(10, "open_groups")
