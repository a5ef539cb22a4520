"""Calls with a model that hears and speaks, whose customer Pipecat puts on no span."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.realtime.events import AudioConfiguration, AudioInput, SessionProperties
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from frameworks.pipecat.calls import INTERRUPTION, Scenario, end, find_order
from frameworks.pipecat.script import Reply
from frameworks.pipecat.speech_models import GeminiLike, UltravoxLike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipecat.processors.frame_processor import FrameProcessor

    from frameworks.pipecat.bot import Bot


def _speech_to_speech(bot: Bot, model: FrameProcessor, pair: Sequence[FrameProcessor]) -> Sequence[FrameProcessor]:
    user, assistant = pair
    return [bot.microphone, user, bot.teach(model), bot.loudspeaker, assistant]


def _ultravox(bot: Bot, _: str) -> Sequence[FrameProcessor]:
    return _speech_to_speech(bot, UltravoxLike(ULTRAVOX.script), list(bot.aggregators))


def _gemini(bot: Bot, _: str) -> Sequence[FrameProcessor]:
    return _speech_to_speech(bot, GeminiLike(GEMINI.script), list(bot.aggregators))


def _realtime_service(url: str, *, takes_turns: bool) -> OpenAIRealtimeLLMService:
    heard = AudioInput() if takes_turns else AudioInput(turn_detection=False)
    properties = SessionProperties(audio=AudioConfiguration(input=heard))
    return OpenAIRealtimeLLMService(
        api_key="dummy",
        base_url=f"{url.replace('http://', 'ws://')}/realtime",
        settings=OpenAIRealtimeLLMService.Settings(model="gpt-realtime", session_properties=properties),
    )


def _realtime(bot: Bot, url: str) -> Sequence[FrameProcessor]:
    return _speech_to_speech(bot, _realtime_service(url, takes_turns=False), list(bot.aggregators))


def _server_turns(bot: Bot, url: str) -> Sequence[FrameProcessor]:
    pair = list(LLMContextAggregatorPair(bot.context))
    return _speech_to_speech(bot, _realtime_service(url, takes_turns=True), pair)


def _ask_model(question: str, answer: str, thanks: str, goodbye: str) -> Scenario:
    """A call in which a model that hears and speaks uses a tool before it answers."""

    async def play(bot: Bot) -> None:
        await bot.running()
        await asyncio.sleep(0.5)
        await bot.microphone.say(question)
        await bot.heard(answer)
        await asyncio.sleep(0.3)
        await bot.microphone.say(thanks)
        await bot.heard(goodbye)
        await end(bot)

    script = {
        question: Reply(tools=(("find_order", {"order_id": "A-17", "lines": 3}),)),
        "tool:find_order": Reply(answer),
        thanks: Reply(goodbye),
    }
    return Scenario(script, play, tools=(find_order,))


async def _interrupt_model(bot: Bot) -> None:
    await bot.running()
    await asyncio.sleep(0.5)
    await bot.microphone.say("What can I return")
    await bot.speaking()
    await asyncio.sleep(1.5)
    await bot.microphone.say("Stop it please", seconds=1.0)
    await bot.heard("I stop.")
    await asyncio.sleep(0.3)
    await end(bot)


_ULTRAVOX_SAYS = ("Is my wheel built", "It left on Tuesday.", "Much obliged", "Ride well.")
_GEMINI_SAYS = ("Did the pump arrive", "It is in the post.", "Cheers then", "So long.")
ULTRAVOX = replace(_ask_model(*_ULTRAVOX_SAYS), wiring=_ultravox)
GEMINI = replace(_ask_model(*_GEMINI_SAYS), wiring=_gemini)
SERVER_TURNS = replace(
    _ask_model("Where is my order", "It has been shipped.", "Thank you", "Goodbye."), wiring=_server_turns
)
REALTIME = replace(INTERRUPTION, play=_interrupt_model, wiring=_realtime)
