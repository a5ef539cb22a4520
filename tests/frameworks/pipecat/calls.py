"""The calls: by which script the agent answers, and what the customer does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipecat.frames.frames import CancelFrame, EndFrame, TTSSpeakFrame

from frameworks.pipecat.roster import GOODBYE_TEXT, GREETING, POLICY
from frameworks.pipecat.script import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pipecat.frames.frames import Frame
    from pipecat.processors.frame_processor import FrameProcessor

    from frameworks.pipecat.bot import Bot

ORDER = {"status": "shipped", "items": [1, 2, None], "weight": 3.5, "note": "süß"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A call to be played.

    Attributes:
        script: What the model answers.
        play: What the customer does, up to the end of the pipeline's life.
        tools: What the model can call.
        streaming: Whether speech goes over web sockets; else over HTTP.
        metrics: Whether the pipeline measures its services.
        wiring: Makes the pipeline, as in `bot.Bot`.
        options: Further arguments of the worker.
    """

    script: Mapping[str, Reply]
    play: Callable[[Bot], Awaitable[None]]
    tools: tuple[Callable[..., Any], ...] = ()
    streaming: bool = True
    metrics: bool = True
    wiring: Callable[[Bot, str], Sequence[FrameProcessor]] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


async def find_order(order_id: str, lines: int) -> dict[str, Any]:
    """Find an order."""
    assert (order_id, lines) in {("A-17", 3), ("B-2", 1)}
    await asyncio.sleep(0.3)
    return ORDER


async def find_shop(town: str) -> str:
    """Find a shop."""
    await asyncio.sleep(0.6)
    return f"Main Street, {town}"


async def forget() -> None:
    """Has no result."""
    await asyncio.sleep(0.1)


async def break_down() -> str:
    """Raises."""
    await asyncio.sleep(0.1)
    raise RuntimeError("the warehouse does not answer")


async def answer(bot: Bot, *turns: tuple[str, str], pause: float = 0.3) -> None:
    """The customer is greeted, and then says something and hears the answer to its end, turn by turn."""
    await bot.say(GREETING)
    await bot.heard(GREETING)
    for said, answer in turns:
        await asyncio.sleep(pause)
        await bot.microphone.say(said)
        await bot.heard(answer)


async def end(bot: Bot, *last: Frame) -> None:
    """The app ends the call."""
    await bot.worker.queue_frames([*last, EndFrame(reason="all is said")])


def talk(*turns: tuple[str, str], pause: float = 0.3) -> Scenario:
    """A call in which everybody waits for the other to finish."""

    async def play(bot: Bot) -> None:
        await answer(bot, *turns, pause=pause)
        await end(bot)

    return Scenario({said: Reply(answer) for said, answer in turns}, play)


_TURNS = (
    ("Are you open today", "Yes, until six."),
    ("And on Sunday", "No, we rest on Sundays."),
    ("Thank you, bye", "Goodbye."),
)
THREE_TURNS = talk(*_TURNS)
OVER_HTTP = replace(THREE_TURNS, streaming=False)
METRICS_OFF = replace(THREE_TURNS, metrics=False)
WITH_PAUSES = talk(*_TURNS[:2], pause=3.5)  # longer than the 2.5 seconds after which Pipecat closes a turn
FIRST_OF_TWO = talk(("What is it like in Oslo", "It rains."), ("And tomorrow", "Snow."))
SECOND_OF_TWO = talk(("What is it like in Rome", "It is hot."), ("And tomorrow", "Hotter still."))


async def _with_tools(bot: Bot) -> None:
    await answer(bot, ("Where is my order", "It has been shipped."))
    await bot.microphone.say("Forget me")
    await bot.used("forget")
    await bot.microphone.say("Thank you")
    await bot.heard("Goodbye.")
    await end(bot)


TOOL = Scenario(
    {
        "Where is my order": Reply(tools=(("find_order", {"order_id": "A-17", "lines": 3}),)),
        "tool:find_order": Reply("It has been shipped."),
        "Forget me": Reply(tools=(("forget", {}),)),  # what has no result is not answered
        "Thank you": Reply("Goodbye."),
    },
    _with_tools,
    tools=(find_order, forget),
)
_BOTH = (("find_order", {"order_id": "B-2", "lines": 1}), ("find_shop", {"town": "Lindau"}))
PARALLEL_TOOLS = replace(
    talk(("Where is it and where are you", "In our shop."), ("Thanks", "Goodbye.")),
    tools=(find_order, find_shop),
    script={
        "Where is it and where are you": Reply(tools=_BOTH),
        "tool:find_order": Reply("In our shop."),
        "tool:find_shop": Reply("In our shop."),
        "Thanks": Reply("Goodbye."),
    },
)
BAD_TOOLS = replace(
    talk(("Call the warehouse", "It does not answer."), ("Do magic", "I cannot.")),
    tools=(break_down,),
    script={
        "Call the warehouse": Reply(tools=(("break_down", {}),)),
        "tool:break_down": Reply("It does not answer."),
        "Do magic": Reply(tools=(("abracadabra", {"rabbits": 1}),)),
        "tool:abracadabra": Reply("I cannot."),
    },
)


async def _broken(bot: Bot) -> None:
    await answer(bot, _TURNS[0])
    await bot.microphone.say("Do you sell bells")
    await bot.failed()
    await bot.microphone.say(_TURNS[1][0])
    await bot.heard(_TURNS[1][1])
    await end(bot)


MODEL_ERROR = replace(THREE_TURNS, play=_broken)
"""The model has no answer to what the customer says in between."""


async def _interrupted(bot: Bot) -> None:
    await answer(bot)
    await bot.microphone.say("What can I return")
    await bot.speaking()
    await asyncio.sleep(1.5)
    await bot.microphone.say("Stop it please", seconds=1.0)
    await bot.heard("I stop.")
    await end(bot)


INTERRUPTION = Scenario({"What can I return": Reply(POLICY), "Stop it please": Reply("I stop.")}, _interrupted)


async def _cancelled(bot: Bot) -> None:
    await answer(bot, *_TURNS[:1])
    await bot.worker.cancel(reason="the customer is gone")


async def _cut_off(bot: Bot) -> None:
    await answer(bot)
    await bot.microphone.say("What can I return")
    await bot.speaking()
    await asyncio.sleep(1.5)
    await bot.worker.queue_frame(CancelFrame(reason="the customer is gone"))


async def _with_goodbye(bot: Bot) -> None:
    await answer(bot, *_TURNS[:1])
    await end(bot, TTSSpeakFrame(GOODBYE_TEXT))


CANCELLED = replace(THREE_TURNS, play=_cancelled)
CUT_OFF = Scenario({"What can I return": Reply(POLICY)}, _cut_off)
GOODBYE_AND_END = replace(THREE_TURNS, play=_with_goodbye)
