"""Who is measured, and the virtual environment that each has to itself. `make bench` installs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venvs"


@dataclass(frozen=True, slots=True)
class Contestant:
    """One processor to measure.

    Args:
        label: Its name in tables.
        environment: Its virtual environment is `.venvs/bench-<environment>`.
        packages: The distributions whose versions are reported.
    """

    label: str
    environment: str = "now"
    packages: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        """The interpreter of its virtual environment."""
        return ENVIRONMENTS / f"bench-{self.environment}" / "bin" / "python"


BARE, NOOP, BATCH, BEFORE, NOW, LANGFUSE = "bare", "no-op", "batch", "before", "now", "langfuse"
UNSAVED = "unsaved"
OFFICIAL = "official"
JSON, PARSED, VALUES = "json", "parsed", "values"
UVICORN = "uvicorn"
CONSUMER, ENGINE = "consumer", "engine"

CONTESTANTS = {
    BARE: Contestant("bare SDK"),
    NOOP: Contestant("no-op processor"),
    BATCH: Contestant("BatchSpanProcessor, OTLP", packages=("opentelemetry-exporter-otlp-proto-http",)),
    BEFORE: Contestant("roark-otel before", "before"),
    UNSAVED: Contestant("roark-otel, open not saved", "unsaved"),
    NOW: Contestant("roark-otel now"),
    LANGFUSE: Contestant("Langfuse", "langfuse", ("langfuse",)),
    "langsmith-livekit": Contestant("LangSmith, LiveKit", "langsmith", ("langsmith",)),
    "langsmith-pipecat": Contestant("LangSmith, Pipecat", "langsmith", ("langsmith",)),
    "logfire": Contestant("Logfire, tail sampling", "logfire", ("logfire",)),
    "braintrust": Contestant("Braintrust", "braintrust", ("braintrust",)),
    "traceloop": Contestant("Traceloop", "traceloop", ("traceloop-sdk",)),
    JSON: Contestant("json.loads"),
    PARSED: Contestant("opentelemetry-proto", packages=("opentelemetry-proto", "protobuf")),
    VALUES: Contestant("opentelemetry-proto, with its values", packages=("opentelemetry-proto", "protobuf")),
    UVICORN: Contestant("bare uvicorn, opentelemetry-proto", packages=("uvicorn", "protobuf")),
    CONSUMER: Contestant("bare consumer, opentelemetry-proto", packages=("confluent-kafka", "protobuf")),
    ENGINE: Contestant("Quix Streams alone", packages=("quixstreams",)),
    OFFICIAL: Contestant("Roark's SDK", "roark-sdk", ("roark-analytics",)),
}
PEERS = ("batch", "langfuse", "langsmith-livekit", "langsmith-pipecat", "logfire", "braintrust", "traceloop")
"""The span processors of others."""


def label(name: str) -> str:
    """Returns a contestant's name in tables."""
    return CONTESTANTS[name].label
