"""How a worker is set up, beside the settings that every way into Roark has."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SESSION_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 10.0
REMEMBER_SECONDS: Final = 21_600.0
STOP_SECONDS: Final = 25.0


@dataclass(frozen=True, slots=True)
class Topics:
    """The names of the topics.

    Args:
        source: Where the Collector writes spans.
        spans: Between the stages.
        recordings: Where recordings of calls are announced.
        rejected: What Roark does not take, or what cannot be read.
    """

    source: str = "otlp_spans"
    spans: str = "roark_spans"
    recordings: str = "roark_recordings"
    rejected: str = "roark_rejected"

    def all(self) -> tuple[str, ...]:
        """Returns all names."""
        return self.source, self.spans, self.recordings, self.rejected


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker is set up.

    Args:
        brokers: Where Kafka is: `host:port`, several with commas.
        connection: Further settings of the connection, by librdkafka's names.
        topics: The names of the topics.
        group: The consumer group, which all workers share.
        state_dir: Where the state is on disk.
        instance: A name that stays when this worker is started again, so that its partitions stay, too; empty for none.
        session_seconds: After how long a silent worker's partitions move to others.
        settle_seconds: How long a conversation is without a new span after its root has ended before it is over.
        remember_seconds: How long a delivered call is remembered.
        stop_seconds: The longest that a stop takes.
    """

    brokers: str
    connection: Mapping[str, str] = field(default_factory=dict[str, str])
    topics: Topics = field(default_factory=Topics)
    group: str = "roark-worker"
    state_dir: Path = Path("roark-worker-state")
    instance: str = ""
    session_seconds: float = SESSION_SECONDS
    settle_seconds: float = SETTLE_SECONDS
    remember_seconds: float = REMEMBER_SECONDS
    stop_seconds: float = STOP_SECONDS

    def client(self) -> dict[str, str]:
        """Returns what each client of Kafka needs to connect."""
        return {**self.connection, "bootstrap.servers": self.brokers}
