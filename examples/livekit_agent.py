"""A LiveKit agent whose calls go to Roark: all it needs are `trace_calls` and `call_attributes`.

    pip install roark-otel "livekit-agents~=1.8"

    export ROARK_API_KEY=...                                    # or try it with: roark-otel sandbox
    export RECORDINGS_URL=https://recordings.example.com        # where your egress puts the recordings
    export LIVEKIT_URL=... LIVEKIT_API_KEY=... LIVEKIT_API_SECRET=...
    python examples/livekit_agent.py dev

The transcript, the tools, the interruptions and the timing come from the spans that LiveKit creates anyway.
"""

from __future__ import annotations

import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, JobProcess, RunContext, cli, function_tool
from livekit.agents.telemetry import set_tracer_provider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor, aforce_flush, call_attributes

RECORDINGS_URL = os.environ.get("RECORDINGS_URL", "https://recordings.example.com")


def trace_calls(_process: JobProcess) -> None:
    """Sets up tracing, once in every job process, before its first call.

    LiveKit looks for a provider when it is imported, so a later one must be passed to it: it would not notice a new
    global provider of OpenTelemetry.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": "order-desk"}))
    provider.add_span_processor(RoarkSpanProcessor())
    # To link the trace as well, send it to Roark: pip install opentelemetry-exporter-otlp-proto-http, and
    # provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=..., headers=...)))
    set_tracer_provider(provider)


class OrderDesk(Agent):
    """The order desk of a bicycle shop."""

    def __init__(self) -> None:
        super().__init__(instructions="You are the order desk of a bicycle shop. Keep your answers short.")

    async def on_enter(self) -> None:
        """Greets the customer."""
        self.session.generate_reply(instructions="Greet the customer and ask how you can help.")

    @function_tool
    async def find_order(self, _context: RunContext, order_id: str) -> dict[str, str]:
        """Find out where an order is.

        Args:
            order_id: The number of the order, such as A-17.
        """
        return {"order": order_id, "status": "in transit", "arrives": "Thursday"}


def new_session() -> AgentSession:
    """Chooses the models of one call."""
    return AgentSession(stt="deepgram/nova-3", llm="openai/gpt-4.1-mini", tts="cartesia/sonic-3")


async def flush() -> None:
    """Delivers what has ended, before LiveKit closes the log."""
    await aforce_flush()


server = AgentServer(setup_fnc=trace_calls)


@server.rtc_session()
async def answer(ctx: JobContext) -> None:
    """Answers one call. Everything that starts inside `call_attributes` keeps them: the whole session."""
    # The log of a job process is closed before its exit hooks run: what went wrong at the end is logged here.
    ctx.add_shutdown_callback(flush)
    external_id = ctx.job.id  # unique, and yours to find the call again
    recording_url = f"{RECORDINGS_URL}/{external_id}.ogg"
    async with call_attributes(external_id=external_id, recording_url=recording_url, properties={"shop": "Lakeside"}):
        await new_session().start(OrderDesk(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)
