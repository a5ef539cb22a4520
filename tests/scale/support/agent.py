"""The agent of the example: a real Collector with a queue on its disk, which writes spans to Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.collector import RunningCollector, free_ports
from support.paths import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path


class Agent(RunningCollector):
    """The agent before Kafka.

    Args:
        folder: Where its queue and its log are.
        broker: Where Kafka is.
    """

    def __init__(self, folder: Path, broker: str) -> None:
        grpc, http = free_ports(2)
        self.url = f"http://127.0.0.1:{http}/v1/traces"
        super().__init__(
            folder,
            EXAMPLES / "collector" / "agent-to-kafka.yaml",
            {
                "KAFKA_BROKER": broker,
                "QUEUE_DIR": str(folder / "queue"),
                "OTLP_GRPC_PORT": str(grpc),
                "OTLP_HTTP_PORT": str(http),
            },
        )
