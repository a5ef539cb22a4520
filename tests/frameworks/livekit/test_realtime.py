"""Sessions with a realtime model, whose customer is on no span: an instrumentation hears what was said, and when."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import roark_otel
from frameworks.livekit import offline, stage
from frameworks.livekit.comparing import (
    Body,
    asked,
    compare_edges,
    compare_times,
    overlap,
    results,
    said,
    stated,
    tools,
    transcript,
)
from frameworks.livekit.realtime_calls import CALLS, TYPED
from roark_otel.sandbox import Sandbox
from support.lateness import judge, watch

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

    from frameworks.livekit.rig import Truth


TALKS = ["talk", "talk-client"]


@dataclass(frozen=True, slots=True)
class Held:
    """The calls as Roark has them, what really happened, what the app exported, and when the loop was late."""

    bodies: dict[str, Body]
    truths: dict[str, Truth]
    exported: tuple[ReadableSpan, ...]
    waits: list[tuple[float, float]]


@pytest.fixture(name="held", scope="module")
def _held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    return hold_all(CALLS, tmp_path_factory.mktemp("realtime"))


def hold_all(ids: Collection[str], spool: Path) -> Held:
    """Holds these calls all at once, as an app that listens to LiveKit."""
    offline.stay()
    roark_otel.instrument("livekit")
    with Sandbox() as roark:
        provider = stage.traced(roark.url, spool)
        return _hold_all(ids, roark, provider)


def _hold_all(ids: Collection[str], roark: Sandbox, provider: TracerProvider) -> Held:
    waits: list[tuple[float, float]] = []
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def hold(external_id: str) -> tuple[str, Truth]:
        call = CALLS[external_id]
        rig = call.rig()
        async with roark_otel.call_attributes(external_id=external_id):
            await rig.start(call.agent())
        try:
            await call.play(rig)
        finally:
            truth = await rig.close()
        return external_id, truth

    async def hold_each() -> dict[str, Truth]:
        watching = asyncio.create_task(watch(waits))
        try:
            return dict(await asyncio.gather(*(hold(external_id) for external_id in ids)))
        finally:
            watching.cancel()

    try:
        truths = asyncio.run(hold_each())
        provider.force_flush(int(stage.LONG * 1000))
    finally:
        provider.shutdown()
    bodies = {str(body["externalId"]): dict(body) for body in roark.calls()}
    return Held(bodies, truths, exporter.get_finished_spans(), waits)


@pytest.mark.parametrize("external_id", TALKS)
def test_a_conversation_is_the_sessions_own_history(held: Held, external_id: str) -> None:
    truth, body = held.truths[external_id], held.bodies[external_id]

    assert len(said(truth)) == 12
    assert transcript(body) == said(truth)
    assert tools(body) == asked(truth) == [("find_shop", {"town": "Lindau"})]
    assert results(body) == ["Main Street, Lindau"]
    compare_times(body, truth, typed=[TYPED])


@pytest.mark.parametrize("external_id", TALKS)
def test_the_customer_begins_and_the_agent_ends_when_they_really_did(
    held: Held, tmp_path: Path, external_id: str
) -> None:
    def check(held: Held) -> None:
        compare_edges(held.bodies[external_id], held.truths[external_id], held.waits, typed=[TYPED])

    judge(check, held, lambda: hold_all([external_id], tmp_path))


@pytest.mark.parametrize("external_id", CALLS)
def test_the_customer_said_it_when_it_was_said(held: Held, external_id: str) -> None:
    """How far off the times are is printed and not judged: a model, too, notices a silence only after a while."""
    spoken, customer = held.truths[external_id].customer, stated(held.bodies[external_id], "CUSTOMER")

    assert [one.what for one in customer] == [words for words, _, _ in CALLS[external_id].said]
    for one, (words, first, last) in zip(customer, CALLS[external_id].said, strict=True):
        if words == TYPED:
            continue
        start, end = 1000 * (one.start - spoken[first].start), 1000 * (one.end - spoken[last].end)
        print(f"  {external_id:22} {words[:30]!r}: start {start:+.0f} ms, end {end:+.0f} ms")  # noqa: T201
        for number, real in enumerate(spoken):
            assert overlap(one, real) is (first <= number <= last)


def test_no_response_latency_is_claimed_where_the_model_detects_turns(held: Held) -> None:
    claim = {id_ for id_, body in held.bodies.items() if "response_latency_max_ms" in body["properties"]}

    assert "talk-client" in claim
    assert not {id_ for id_ in claim if CALLS[id_].detects_turns}


def test_no_exporter_of_the_app_gets_a_word_of_it(held: Held) -> None:
    recognised = next(span.context.trace_id for span in held.exported if "will you" in span.to_json())
    everything = "".join(span.to_json() for span in held.exported if span.context.trace_id != recognised)

    assert "agent_session" in everything
    for words in ("Are you open", "What can I return", TYPED):
        assert words not in everything
    assert not any(span.name == "customer_said" for span in held.exported)
