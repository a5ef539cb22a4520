"""A real Collector before the gateway, with the configurations of `examples/collector`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from roark_otel.sandbox import Sandbox
from support.collector import RunningCollector, free_ports
from support.gateways import PROTOBUF, SECONDS, RunningGateway, Spoken, batches, texts, wait_for_calls
from support.helpers import wait_until
from support.otlp_requests import protobuf
from support.paths import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

CONFIGS = sorted((EXAMPLES / "collector").glob("*.yaml"))

WORDS = ("Hello", "Good day", "Goodbye")


class Agent(RunningCollector):
    """The agent of the example, before a gateway."""

    def __init__(self, folder: Path, gateway: str, **environment: str) -> None:
        grpc, http = free_ports(2)
        self.url = f"http://127.0.0.1:{http}"
        super().__init__(
            folder,
            EXAMPLES / "collector" / "agent-to-gateway.yaml",
            {
                "GATEWAY_URL": gateway,
                "GATEWAY_TOKEN": "none",
                "QUEUE_DIR": str(folder / "queue"),
                "OTLP_GRPC_PORT": str(grpc),
                "OTLP_HTTP_PORT": str(http),
                **environment,
            },
        )

    def take(self, spans: Sequence[ReadableSpan]) -> bool:
        """Sends spans once. Returns whether they were accepted."""
        try:
            answer = httpx.post(f"{self.url}/v1/traces", content=protobuf(spans), headers=PROTOBUF, timeout=SECONDS)
        except httpx.HTTPError:
            return False
        assert answer.status_code in {200, 503}
        return answer.status_code == 200


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_the_collector_takes_each_example(tmp_path: Path, config: Path) -> None:
    environment = {
        "GATEWAY_URL": "http://127.0.0.1:4318",
        "GATEWAY_TOKEN": "none",
        "KAFKA_BROKER": "127.0.0.1:9092",
        "QUEUE_DIR": str(tmp_path),
    }
    assert RunningCollector(tmp_path, config, environment).check() == ""


def test_a_conversation_comes_through_the_agent(tmp_path: Path, sandbox: Sandbox) -> None:
    with RunningGateway(tmp_path, sandbox.url) as gateway, Agent(tmp_path, gateway.url) as agent:
        assert agent.take(Spoken().conversation("call-1", *WORDS))
        assert texts(wait_for_calls(sandbox, 1)["call-1"]) == [*WORDS]


def test_what_the_agent_keeps_while_the_gateway_is_down_is_in_the_call(tmp_path: Path, sandbox: Sandbox) -> None:
    """The root is stored, then the gateway is down; the children wait in the Collector, which comes back later."""
    spans = Spoken().conversation("call-1", *WORDS)
    with RunningGateway(tmp_path, sandbox.url, "--retry-interval", "30") as gateway:
        gateway.send(spans[-1:])
        gateway.kill()
        with Agent(tmp_path, gateway.url) as agent:
            assert agent.take(spans[:-1])
            time.sleep(15)  # the agent's tries are seconds apart by now
            gateway.start()
            gateway.wait_for_metric(len(spans) - 1, "spans_total", outcome="stored")
            assert sandbox.calls() == []
            assert texts(wait_for_calls(sandbox, 1)["call-1"]) == [*WORDS]


def test_kills_of_the_gateway_and_the_agent_lose_nothing(tmp_path: Path) -> None:
    """Conversations of three senders, each in several requests; the root and the others come in any order."""
    number = 60
    with (
        Sandbox() as sandbox,
        RunningGateway(tmp_path, sandbox.url, "--retry-interval", "10", "--settle", "3") as gateway,
        Agent(tmp_path, gateway.url) as agent,
    ):
        several = {f"call-{each}": Spoken().conversation(f"call-{each}", *WORDS) for each in range(number)}
        for name, spans in several.items():
            spans += Spoken("tools").conversation(name, "From another trace", root=False)

        def send(first: int) -> None:
            for each in range(first, number, 3):
                for spans in batches(several[f"call-{each}"][:: -1 if each % 2 else 1], 2):
                    deadline = time.monotonic() + SECONDS
                    while not agent.take(spans):
                        assert time.monotonic() < deadline
                        time.sleep(0.05)

        senders = [threading.Thread(target=send, args=(first,)) for first in range(3)]
        for sender in senders:
            sender.start()
        for each in range(3):
            wait_until(lambda: _count(gateway) >= 40 or not any(sender.is_alive() for sender in senders), SECONDS)
            gateway.kill()
            if each % 2:
                agent.kill()
                agent.start()
            gateway.start()
        for sender in senders:
            sender.join()
        calls = wait_for_calls(sandbox, number)
        expected = sorted([*WORDS, "From another trace"])
        assert {name: sorted(texts(call)) for name, call in calls.items()} == dict.fromkeys(several, expected)
        assert not list((tmp_path / "spool").rglob("rejected/*.jsonl"))
        gateway.wait_for_metric(0, "open_groups")


def _count(gateway: RunningGateway) -> float:
    return gateway.metric("spans_total", outcome="stored")
