"""An app as users have it: `python app.py APP FOLDER CALL …`. It answers these calls at once, and ends.

Where Roark is, it knows from its environment. What really happened in each call is left in the folder as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from frameworks.pipecat import loopback

loopback.stay()

from aiohttp import web  # noqa: E402 - offline from here on
from loguru import logger  # noqa: E402
from opentelemetry import trace  # noqa: E402
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: E402
from opentelemetry.sdk.resources import Resource  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402
from pipecat.utils.tracing.setup import setup_tracing  # noqa: E402

from frameworks.pipecat import calls, cartesia_like, heard_calls, recipes, speech_calls  # noqa: E402
from frameworks.pipecat.bot import Bot  # noqa: E402
from frameworks.pipecat.openai_like import OpenAILike  # noqa: E402
from frameworks.pipecat.realtime_like import RealtimeLike  # noqa: E402
from frameworks.pipecat.roster import BY_CONTEXT, HEARD, INSTRUMENTED, LISTENING, OWN, README, SCENARIOS, SPEECH  # noqa: E402
from roark_otel import RoarkSpanProcessor, attributes, call_attributes, configure  # noqa: E402
from support.lateness import watch  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frameworks.pipecat.calls import Scenario

_PATIENCE = 60.0

APP, FOLDER, CALLS = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]


def exporter() -> OTLPSpanExporter:
    """Sends traces to Roark, so that they are linked to the calls."""
    url, key = os.environ["ROARK_BASE_URL"], os.environ["ROARK_API_KEY"]
    return OTLPSpanExporter(f"{url}/v1/traces", headers={"authorization": f"Bearer {key}"}, timeout=_PATIENCE)


def trace_with_a_provider_of_our_own() -> None:
    """The app's provider is set before Pipecat asks for a tracer."""
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(RoarkSpanProcessor())
    provider.add_span_processor(BatchSpanProcessor(exporter()))
    trace.set_tracer_provider(provider)


def trace_with_pipecats_provider() -> None:
    """Pipecat makes a provider, and our processor is added to it."""
    assert setup_tracing("shop", exporter=exporter())
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(RoarkSpanProcessor())


def trace_and_listen(exported: InMemorySpanExporter) -> None:
    """The app has exporters, one of its own among them, and everything else is set up in a line."""
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(exporter()))
    provider.add_span_processor(SimpleSpanProcessor(exported))
    trace.set_tracer_provider(provider)
    configure()


def scenarios() -> dict[str, Scenario]:
    """The calls that are to be played."""
    if APP in {**LISTENING, **INSTRUMENTED}:
        return {one: getattr(speech_calls if one in SPEECH else heard_calls, HEARD[one]) for one in CALLS}
    return {external_id: getattr(calls, SCENARIOS[external_id]) for external_id in CALLS}


def leave(name: str, found: object) -> None:
    """Leaves something in the folder."""
    (FOLDER / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


def span_attributes(external_id: str) -> dict[str, str] | None:
    """What Pipecat is to put on its span, as README says or with a property besides; nothing if the context tells."""
    if external_id == README:
        options = recipes.worker_options()
        assert options["enable_tracing"]
        assert options["params"] == {"enable_metrics": True}
        return dict(options["additional_span_attributes"])
    if external_id in BY_CONTEXT:
        return None
    return {attributes.EXTERNAL_ID: external_id, "roark.property.shop": "Lakeside"}


async def play(url: str, external_id: str, scenario: Scenario) -> Bot:
    """One call, from the pipeline's start to its end."""
    bot = Bot(
        url,
        external_id,
        streaming=scenario.streaming,
        metrics=scenario.metrics,
        tools=scenario.tools,
        wiring=scenario.wiring,
        additional_span_attributes=span_attributes(external_id),
        **scenario.options,
    )
    running = asyncio.create_task(bot.run())
    try:
        await scenario.play(bot)
    except BaseException:
        await bot.worker.cancel()
        raise
    finally:
        await running
    return bot


async def answer(url: str, external_id: str, scenario: Scenario) -> None:
    """One call, with its id in the context or on Pipecat's span; what happened is left in the folder."""
    if external_id in BY_CONTEXT:
        async with call_attributes(external_id=external_id, properties={"shop": "Lakeside"}):
            bot = await play(url, external_id, scenario)
    else:
        bot = await play(url, external_id, scenario)
    leave(external_id, asdict(bot.truth()))


async def main(scenarios: Mapping[str, Scenario]) -> int:
    """Answers all calls, next to the services that they need. Returns how many failed."""
    services = OpenAILike()
    services.scripts = {external_id: scenario.script for external_id, scenario in scenarios.items()}
    application = web.Application()
    realtime = RealtimeLike(services.scripts)
    application.add_routes([*services.routes(), *cartesia_like.routes(), *realtime.routes()])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    waits: list[tuple[float, float]] = []
    watching = asyncio.create_task(watch(waits))
    answering = (answer(f"http://{host}:{port}", *one) for one in scenarios.items())
    faults = [one for one in await asyncio.gather(*answering, return_exceptions=True) if one is not None]
    watching.cancel()
    await runner.cleanup()
    leave("waits", waits)
    for fault in faults:
        traceback.print_exception(fault)
    return len(faults)


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    ear = logging.FileHandler(FOLDER / "said.log")
    ear.setLevel(logging.WARNING)
    logging.getLogger("roark_otel").addHandler(ear)
    exported = InMemorySpanExporter()
    if APP == OWN:
        trace_with_a_provider_of_our_own()
    elif APP in LISTENING:
        trace_and_listen(exported)
    elif APP not in INSTRUMENTED:
        trace_with_pipecats_provider()
    failed = asyncio.run(main(scenarios()))
    leave("refused", loopback.refused)
    leave("exported", [span.to_json() for span in exported.get_finished_spans()])
    sys.exit(failed)  # nothing is flushed: calls and traces are to get through although the app just ends
