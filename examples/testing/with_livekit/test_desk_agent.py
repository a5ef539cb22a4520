"""Tests a LiveKit agent, in text, by the call that it makes: `pytest examples/testing/with_livekit`.

A script stands for the model, so that nothing is sent. With a model of yours, pass that to `AgentSession` instead.
"""

import asyncio
import uuid
from typing import Any

import pytest

pytest.importorskip("livekit.agents", reason="needs livekit-agents")

from desk_agent import Desk
from livekit.agents import AgentSession
from livekit.agents.llm import LLM, ChatChunk, ChoiceDelta, FunctionToolCall, LLMStream
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

import roark_otel
from roark_otel.testing import CapturedCall, CapturedCalls, Tool


class Script(LLM):
    """Asks for the order first, and then says what the tool has found."""

    def chat(self, **given: Any) -> LLMStream:  # noqa: ANN401 - as the model's interface has it
        """Answers what was said last."""
        options = given.get("conn_options") or DEFAULT_API_CONNECT_OPTIONS
        return _Answer(self, chat_ctx=given["chat_ctx"], tools=given.get("tools") or [], conn_options=options)


class _Answer(LLMStream):
    async def _run(self) -> None:
        last = self._chat_ctx.items[-1]
        if last.type == "function_call_output":
            delta = ChoiceDelta(role="assistant", content=f"It was {last.output}.")
        else:
            call = FunctionToolCall(name="find_order", arguments='{"order_id": "A-17"}', call_id="call_1")
            delta = ChoiceDelta(role="assistant", tool_calls=[call])
        self._event_ch.send_nowait(ChatChunk(id="answer", delta=delta))


async def ask(calls: CapturedCalls, question: str) -> CapturedCall:
    """Holds a conversation of one question."""
    with roark_otel.call_attributes(external_id=f"call-{uuid.uuid4()}"):
        async with AgentSession(llm=Script()) as session:
            await session.start(Desk())
            result = await session.run(user_input=question)
            result.expect.next_event().is_function_call(name="find_order", arguments={"order_id": "A-17"})
    return await calls.aone()


def test_an_order_is_found(roark_calls: CapturedCalls) -> None:
    call = asyncio.run(ask(roark_calls, "Where is order A-17?"))

    assert call.said == [("customer", "Where is order A-17?"), ("agent", "It was shipped.")]
    assert call.tools == [Tool("find_order", {"order_id": "A-17"}, "shipped")]
