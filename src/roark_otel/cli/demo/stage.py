"""Plays a conversation in a provider as an app would set it up, and reads the call back from Roark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    from collections.abc import Callable
    from pathlib import Path

_LINGER_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Scene:
    """A conversation that can be played.

    Attributes:
        title: Its heading on the screen.
        external_id: The id of its call.
        resource: The resource of its app.
        ids: Makes the id generator of its provider.
        hold: Traces the conversation in a provider.
    """

    title: str
    external_id: str
    resource: Resource
    ids: Callable[[], IdGenerator]
    hold: Callable[[TracerProvider], None]


def scenes() -> tuple[Scene, ...]:
    """Returns the scenes of the demo, in order."""
    recording = recorded.load()
    return (
        Scene(
            "An app without a framework, in plain OpenTelemetry",
            plain.DEMO_EXTERNAL_ID,
            Resource({"service.name": "order-desk"}),
            RandomIdGenerator,
            plain.hold,
        ),
        Scene(
            "LiveKit Agents: recorded spans, replayed",
            recording.external_id,
            Resource(recording.resource),
            recorded.RecordedIds,
            recording.replay,
        ),
    )


def play(scene: Scene, roark_url: str, spool: Path) -> SeenCall:
    """Plays a conversation and reads its call back.

    Args:
        scene: The conversation.
        roark_url: The base URL of Roark.
        spool: The spool directory.

    Raises:
        Problem: the call did not arrive.
    """
    with LocalRoark(roark_url) as roark:
        # The lines that an app has. Without these arguments the processor reads the environment.
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
