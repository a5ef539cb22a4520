"""Plays calls side by side in this process, traced as an app would, and waits for what Roark gets of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from livekit.agents.telemetry import set_tracer_provider
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import roark_otel
from frameworks.livekit import recipes
from frameworks.livekit.program import README

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from frameworks.livekit.rig import Rig, Truth
    from frameworks.livekit.scenarios import Scenario
    from roark_otel.sandbox import Sandbox

KEY = "test-key"
RECORDING = "https://example.com/recording.wav"
LONG = 60.0


def traced(url: str, spool: Path | str, **options: Any) -> TracerProvider:
    """A provider wired as an app does it: our processor, an exporter to link the traces, and LiveKit told of it.

    Args:
        url: Where Roark is.
        spool: Where calls wait.
        options: What LiveKit is told besides.
    """
    provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    settings = roark_otel.Settings(api_key=KEY, base_url=url, spool_dir=spool)  # type: ignore[arg-type]
    provider.add_span_processor(roark_otel.RoarkSpanProcessor(settings=settings, recording_url=RECORDING))
    exporter = OTLPSpanExporter(f"{url}/v1/traces", headers={"authorization": f"Bearer {KEY}"}, timeout=LONG)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    set_tracer_provider(provider, **options)
    return provider


@dataclass(slots=True)
class Played:
    """What became of some calls: the truth or the fault of each, what Roark has, and what our logger said."""

    truths: dict[str, Truth | BaseException] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    trace_ids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    log: list[logging.LogRecord] = field(default_factory=list)
    stats: roark_otel.types.Stats = field(default_factory=roark_otel.types.Stats)

    def truth(self, external_id: str) -> Truth:
        """What really happened in a call.

        Raises:
            BaseException: What went wrong while it was played.
        """
        truth = self.truths[external_id]
        if isinstance(truth, BaseException):
            raise truth
        return truth

    def body(self, external_id: str) -> dict[str, Any]:
        """The call as Roark got it."""
        (body,) = [body for body in self.bodies if body["externalId"] == external_id]
        return body


async def play(external_id: str, scenario: Scenario) -> Truth:
    """One call, from the session's start to its end."""
    rig = scenario.rig()
    if external_id == README:
        session = SimpleNamespace(start=lambda agent, room: rig.start(agent))  # noqa: ARG005 - there is no room
        at_shutdown: list[Callable[[], Awaitable[None]]] = []
        about = SimpleNamespace(id=external_id)
        job = SimpleNamespace(job=about, room=None, add_shutdown_callback=at_shutdown.append)
        await recipes.entrypoint(session, scenario.agent())(job)
        truth = await finish(rig, scenario)
        for callback in at_shutdown:  # as a job does once its session has closed
            await callback()
        return truth
    async with roark_otel.call_attributes(external_id=external_id, properties={"shop": "Lakeside"}):
        await rig.start(scenario.agent())
        return await finish(rig, scenario)


async def finish(rig: Rig, scenario: Scenario) -> Truth:
    """Everything after the session's start."""
    try:
        await scenario.play(rig)
    finally:
        truth = await rig.close()
    return truth


async def play_in_turn(calls: Sequence[tuple[str, Scenario]], truths: dict[str, Truth | BaseException]) -> None:
    """Calls of one task, one after the other."""
    for external_id, scenario in calls:
        try:
            truths[external_id] = await play(external_id, scenario)
        except Exception as fault:  # noqa: BLE001 - a call that fails must not hide the others
            truths[external_id] = fault


class _Ear(logging.Handler):
    def __init__(self, log: list[logging.LogRecord]) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.append(record)


def play_all(tasks: Sequence[Mapping[str, Scenario]], sandbox: Sandbox, spool: Path) -> Played:
    """Plays the calls of each task in turn, and all tasks at the same time."""
    played = Played()
    ear, logger = _Ear(played.log), logging.getLogger("roark_otel")
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    provider = traced(sandbox.url, spool)

    async def everything() -> None:
        await asyncio.gather(*(play_in_turn(list(calls.items()), played.truths) for calls in tasks))

    try:
        asyncio.run(everything())
        provider.force_flush(int(LONG * 1000))
        played.stats = roark_otel.stats()
    finally:
        provider.shutdown()
        logger.removeHandler(ear)
    played.bodies = [dict(body) for body in sandbox.calls()]
    played.trace_ids = {id_: sandbox.call(id_).trace_ids for id_ in (body["externalId"] for body in played.bodies)}
    return played
