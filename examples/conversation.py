"""A voice agent behind a websocket, without a framework: `start_conversation`, one handle for each caller.

Run it against a local Roark, in two terminals:

    pip install "roark-otel[local]" websockets
    roark-otel sandbox

    ROARK_API_KEY=anything ROARK_BASE_URL=http://127.0.0.1:4319 python examples/conversation.py

A client connects, says three sentences and hangs up; here both ends are in one process. The words arrive as text, as
a speech-to-text service would send them; everything else is as in an app.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

import roark_otel
from roark_otel import RoarkSpanProcessor

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

    from roark_otel.types import ConversationHandle

CUSTOMER = ("Hi, where is my order A-17?", "And B-2?", "Great, thank you.")
RECORDINGS_URL = os.environ.get("RECORDINGS_URL", "https://recordings.example.com")


async def handle(websocket: ServerConnection) -> None:
    """Serves one caller, from the first message to the hang-up, which is not an error."""
    hello = json.loads(await websocket.recv())
    call = roark_otel.start_conversation(
        hello["call_id"],
        interface_type="PHONE",
        call_direction="INBOUND",
        agent_name="Order desk",
        customer_phone_number=hello["from"],
        recording_url=f"{RECORDINGS_URL}/{hello['call_id']}.wav",
    )
    try:
        async for message in websocket:
            heard = json.loads(message)
            # Speech-to-text knows when the customer spoke; without times, now would be used.
            call.customer_said(heard["text"], start_time=heard["began"], end_time=heard["ended"])
            reply = answer(call, heard["text"])
            began = time.time()
            await websocket.send(reply)
            call.agent_said(reply, start_time=began, end_time=time.time())
    finally:
        call.end("CUSTOMER_ENDED_CALL")


def answer(call: ConversationHandle, text: str) -> str:
    """Does what a model would do: uses a tool, or just answers."""
    order = next((word.strip("?") for word in text.split() if word.strip("?")[-1:].isdigit()), None)
    if order is None:
        return "Goodbye!"
    try:
        with call.tool("find_order", {"order_id": order}) as tool:
            tool.result(found := find_order(order))
    except KeyError:
        return f"I cannot find {order}."
    return f"It is {found['status']}."


def find_order(order_id: str) -> dict[str, str]:
    """Looks up an order; raises KeyError for an unknown one."""
    return {"A-17": {"status": "in transit"}}[order_id]


async def talk(port: int, call_id: str) -> None:
    """Acts as the customer, who says something, listens, and hangs up."""
    async with connect(f"ws://127.0.0.1:{port}") as websocket:
        await websocket.send(json.dumps({"call_id": call_id, "from": "+15550100"}))
        for text in CUSTOMER:
            began = time.time()
            await asyncio.sleep(0.05)
            await websocket.send(json.dumps({"text": text, "began": began, "ended": time.time()}))
            await websocket.recv()


async def main() -> int:
    """Sets up tracing once, answers one call, and prints what became of it."""
    provider = TracerProvider(resource=Resource.create({"service.name": "order-desk"}))
    provider.add_span_processor(RoarkSpanProcessor())  # everything from the environment
    trace.set_tracer_provider(provider)

    call_id = f"example-{time.time_ns()}"
    async with serve(handle, "127.0.0.1", 0) as server:
        await talk(server.sockets[0].getsockname()[1], call_id)
    await asyncio.to_thread(provider.force_flush)
    stats = roark_otel.stats()
    print(f"{call_id}: delivered {stats.delivered}")
    provider.shutdown()
    return 0 if stats.delivered else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
