"""Tests a Pipecat bot, in text, by the call that it makes: `pytest examples/testing/with_pipecat`.

A script stands for the model, so that nothing is sent. With a model of yours, pass that to `new_bot` instead.
"""

import asyncio
import json
import uuid

import pytest

pytest.importorskip("pipecat.pipeline.worker", reason="needs pipecat-ai")

from desk_bot import new_bot
from pipecat.frames.frames import EndFrame, LLMMessagesAppendFrame, LLMRunFrame, LLMTextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallFromLLM
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.utils.tracing.service_decorators import traced_llm
from pipecat.workers.runner import WorkerRunner

from roark_otel.testing import CapturedCall, CapturedCalls, Tool


class Script(OpenAILLMService):
    """Greets, asks for the order, and then says what the tool has found."""

    def __init__(self) -> None:
        super().__init__(api_key="none", settings=OpenAILLMService.Settings(model="scripted"))

    @traced_llm
    async def _process_context(self, context: LLMContext) -> None:
        last = dict(context.get_messages()[-1]) if context.get_messages() else {}
        if last.get("role") == "user":
            asked = FunctionCallFromLLM("find_order", "call_1", {"order_id": "A-17"}, context)
            await self.run_function_calls([asked])
            return
        found = json.loads(str(last["content"])) if last else {}
        await self.push_frame(LLMTextFrame(f"It was {found['status']}." if found else "Order desk, hello."))


async def ask(calls: CapturedCalls, question: str) -> CapturedCall:
    """Holds a conversation of one question."""
    bot, context = new_bot(Script(), f"call-{uuid.uuid4()}")
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(bot)
    running = asyncio.create_task(runner.run())
    for frame in (LLMRunFrame(), LLMMessagesAppendFrame([{"role": "user", "content": question}], run_llm=True)):
        before = answers(context)
        await bot.queue_frame(frame)
        while answers(context) == before:
            await asyncio.sleep(0.01)
    await bot.queue_frame(EndFrame())
    await running
    return await calls.aone()


def answers(context: LLMContext) -> list[object]:
    """Returns what the bot has said so far."""
    messages = [dict(one) for one in context.get_messages()]
    return [one["content"] for one in messages if one["role"] == "assistant" and one.get("content")]


def test_an_order_is_found(roark_calls: CapturedCalls) -> None:
    call = asyncio.run(asyncio.wait_for(ask(roark_calls, "Where is order A-17?"), timeout=60))

    assert call.said == [
        ("agent", "Order desk, hello."),
        ("customer", "Where is order A-17?"),
        ("agent", "It was shipped."),
    ]
    assert call.tools == [Tool("find_order", {"order_id": "A-17"}, {"status": "shipped"})]
