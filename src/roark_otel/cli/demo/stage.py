"""Where a conversation is played: a provider as an app would set it up, and Roark's answer afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator

from roark_otel import RoarkSpanProcessor
from roark_otel.cli.demo import plain, recorded
from roark_otel.cli.demo.readback import API_KEY, LocalRoark, SeenCall
from roark_otel.cli.demo.traces import TraceExporter
from roark_otel.cli.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

Conversation: TypeAlias = Callable[[TracerProvider], None]

_LINGER_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Scene:
    """A conversation that can be played.

    Attributes:
        title: What the reader is told that it is.
        external_id: The id of its call.
        resource: What its app says about itself.
        ids: Where the ids of its spans come from.
        hold: Holds the conversation in a provider.
    """

    title: str
    external_id: str
    resource: Resource
    ids: Callable[[], IdGenerator]
    hold: Conversation


def scenes() -> tuple[Scene, ...]:
    """What the demo plays."""
    recording = recorded.load()
    return (
        Scene(
            "An app without a framework, in plain OpenTelemetry",
            plain.EXTERNAL_ID,
            Resource({"service.name": "order-desk"}),
            RandomIdGenerator,
            plain.hold,
        ),
        Scene(
            "LiveKit Agents: spans recorded once, played again",
            recording.external_id,
            Resource(recording.resource),
            recorded.RecordedIds,
            recording.replay,
        ),
    )


def play(scene: Scene, roark_url: str, spool: Path) -> SeenCall:
    """Plays a conversation, and reads the call that became of it.

    Args:
        scene: The conversation.
        roark_url: Where Roark is.
        spool: Where the finished call waits.

    Raises:
        Problem: no call has arrived.
    """
    with LocalRoark(roark_url) as roark:
        # An app has these lines. Without the explicit names they read the environment.
        processor = RoarkSpanProcessor(
            api_key=API_KEY,
            base_url=roark_url,
            spool_dir=spool,
            recording_url_template=roark_url + "/recordings/{external_id}.wav",
            linger_seconds=_LINGER_SECONDS,
        )
        exporter = TraceExporter(roark.export)
        provider = TracerProvider(resource=scene.resource, id_generator=scene.ids(), shutdown_on_exit=False)
        provider.add_span_processor(processor)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        try:
            scene.hold(provider)
            flushed = provider.force_flush()
            seen = roark.call(scene.title, scene.external_id, exporter.exported)
        finally:
            provider.shutdown()
    if seen is None:
        raise Problem(f"the call {scene.external_id} did not arrive (flushed: {flushed}, {processor.stats()})")
    return seen
