"""A real agent of LiveKit for Node, a real Collector and Kafka before a worker: the call is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scale.support.livekit_js import SCENARIOS, held_by_livekit, held_in
from scale.support.roark import FaultyRoark
from support.collector import RunningCollector, free_ports
from support.paths import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scale.support.fleet import Fleet


class Agent(RunningCollector):
    """The agent of the example, which writes to the topic of a fleet."""

    def __init__(self, folder: Path, fleet: Fleet) -> None:
        grpc, http = free_ports(2)
        self.url = f"http://127.0.0.1:{http}/v1/traces"
        example = (EXAMPLES / "collector" / "agent-to-kafka.yaml").read_text()
        assert "topic: otlp_spans" in example
        config = folder / "agent-to-kafka.yaml"
        config.write_text(example.replace("topic: otlp_spans", f"topic: {fleet.source}"))
        super().__init__(
            folder,
            config,
            {
                "KAFKA_BROKER": fleet.address,
                "QUEUE_DIR": str(folder / "queue"),
                "OTLP_GRPC_PORT": str(grpc),
                "OTLP_HTTP_PORT": str(http),
            },
        )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_its_call_is_what_was_really_said_and_done(
    new_fleet: Callable[..., Fleet], tmp_path: Path, scenario: str
) -> None:
    from scale.support.fleet import until

    with FaultyRoark() as roark:
        fleet = new_fleet(roark.url)
        worker = fleet.start()
        until(worker.is_ready, "a worker with partitions")
        with Agent(tmp_path, fleet) as agent:
            held = held_by_livekit(scenario, agent.url, "none", "call-1", tmp_path / "agent")
            until(lambda: roark.calls, fleet.logs)
        assert {name: held_in(one.body) for name, one in roark.calls.items()} == {"call-1": held}
        assert bool(held.tools) is (scenario == "order")
        until(lambda: fleet.metric("roark_otel_worker_conversations_open") == 0, "no conversation open")
