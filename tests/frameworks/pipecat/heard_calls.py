"""Calls in which something is said or used that Pipecat puts on no span."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.bus.bridge_processor import BusBridgeProcessor
from pipecat.flows import (
    ContextStrategy,
    ContextStrategyConfig,
    FlowArgs,
    FlowManager,
    FlowsFunctionSchema,
    NodeConfig,
)
from pipecat.frames import frames
from pipecat.processors.aggregators.dtmf_aggregator import DTMFAggregator
from pipecat.services.llm_service import FunctionCallParams  # noqa: TC002 - Pipecat reads the annotations of tools
from pipecat.workers.llm.llm_worker import LLMWorker, LLMWorkerActivationArgs
from pipecat.workers.llm.tool_decorator import tool

from frameworks.pipecat import bot as bots
from frameworks.pipecat.calls import INTERRUPTION, Scenario, answer, end, find_order, talk
from frameworks.pipecat.line import Stretch
from frameworks.pipecat.roster import GREETING, POLICY
from frameworks.pipecat.script import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipecat.processors.frame_processor import FrameProcessor

    from frameworks.pipecat.bot import Bot

_TURNS = (("Are you open today", "Yes, until six."), ("Thank you, bye", "Goodbye."))


def _with_keypad(bot: Bot, url: str) -> Sequence[FrameProcessor]:
    microphone, *others = bots.cascade(bot, url)
    return [microphone, DTMFAggregator(timeout=1.0), *others]


async def _press(bot: Bot) -> None:
    await answer(bot, _TURNS[0])
    for key in "12#":
        await bot.worker.queue_frame(frames.InputDTMFFrame(button=KeypadEntry(key)))
        await asyncio.sleep(0.1)
    await bot.heard("Number twelve, thanks.")
    await bot.microphone.say(_TURNS[1][0])
    await bot.heard(_TURNS[1][1])
    await end(bot)


_PRESSED = {**talk(*_TURNS).script, "DTMF: 12#": Reply("Number twelve, thanks.")}
KEYPAD = replace(talk(*_TURNS), wiring=_with_keypad, play=_press, script=_PRESSED)
_ADDRESS = "my address is 12 Lake Road"


async def _type(bot: Bot) -> None:
    """As a client's text comes, which Pipecat appends to the context."""
    await answer(bot, _TURNS[0])
    await bot.worker.queue_frame(frames.LLMMessagesAppendFrame([{"role": "user", "content": _ADDRESS}], run_llm=True))
    await bot.heard("Noted.")
    await bot.microphone.say(_TURNS[1][0])
    await bot.heard(_TURNS[1][1])
    await end(bot)


async def _append(bot: Bot) -> None:
    """What the app tells the model is not said by the customer."""
    hint = {"role": "developer", "content": "The customer looks at bells."}
    await answer(bot, _TURNS[0])
    await bot.worker.queue_frame(frames.LLMMessagesAppendFrame([hint], run_llm=True))
    await bot.heard("Do you want a bell?")
    await end(bot)


TYPED = replace(talk(*_TURNS), play=_type, script={**talk(*_TURNS).script, _ADDRESS: Reply("Noted.")})
APPENDED = replace(
    TYPED, play=_append, script={**talk(*_TURNS).script, "The customer looks at bells.": Reply("Do you want a bell?")}
)


def _node(name: str, task: str, *functions: FlowsFunctionSchema) -> NodeConfig:
    return NodeConfig(name=name, task_messages=[{"role": "developer", "content": task}], functions=list(functions))


def _function(name: str, argument: str, result: dict[str, Any], then: NodeConfig) -> FlowsFunctionSchema:
    async def run(_: FlowArgs, __: FlowManager) -> tuple[dict[str, Any], NodeConfig]:
        await asyncio.sleep(0.1)
        return result, then

    properties = {argument: {"type": "string"}}
    return FlowsFunctionSchema(name=name, description=name, properties=properties, required=[argument], handler=run)


async def _flow(bot: Bot, strategy: ContextStrategy) -> None:
    goodbye = _node("goodbye", "Say goodbye.")
    order = _function("take_order", "item", {"item": "bell", "days": 3}, goodbye)
    name = _function("take_name", "name", {"name": "Ada"}, _node("order", "Ask for the order.", order))
    manager = FlowManager(
        llm=bot.model,
        context_aggregator=bot.aggregators,
        worker=bot.worker,
        context_strategy=ContextStrategyConfig(strategy=strategy),
    )
    await bot.running()
    await manager.initialize(_node("name", "Ask for the name.", name))
    for asked, said in (("What is your name?", "my name is Ada"), ("What would you like?", "a bell please")):
        await bot.heard(asked)
        await bot.microphone.say(said)
    await bot.heard("It comes in three days.")
    await end(bot)


async def _reset(bot: Bot) -> None:
    await _flow(bot, ContextStrategy.RESET)


async def _keep(bot: Bot) -> None:
    await _flow(bot, ContextStrategy.APPEND)


_FLOW = {
    "Ask for the name.": Reply("What is your name?"),
    "my name is Ada": Reply(tools=(("take_name", {"name": "Ada"}),)),
    "Ask for the order.": Reply("What would you like?"),
    "a bell please": Reply(tools=(("take_order", {"item": "bell"}),)),
    "Say goodbye.": Reply("It comes in three days."),
}
FLOW_RESET = Scenario(_FLOW, _reset)
FLOW_APPEND = Scenario(_FLOW, _keep)


class _Desk(LLMWorker):
    """An agent that sends customers to the workshop."""

    @tool
    async def transfer(self, params: FunctionCallParams, reason: str) -> None:
        """Transfer the customer.

        Args:
            params: The call of the tool.
            reason: Why.
        """
        task = [{"role": "user", "content": f"Welcome the customer: {reason}."}]
        args = LLMWorkerActivationArgs(messages=task)
        await self.activate_worker("workshop", args=args, deactivate_self=True)
        await params.result_callback({"to": "workshop"})


def _with_two_agents(bot: Bot, url: str) -> Sequence[FrameProcessor]:
    """The pipeline has the line; two workers have a model each, and frames go to and fro."""
    service = {"api_key": "dummy", "base_url": f"{url}/v1"}
    bot.helpers = [
        _Desk("desk", llm=bots.scripted(service), bridged=(), active=True),
        LLMWorker("workshop", llm=bots.scripted(service), bridged=()),
    ]
    bridge = BusBridgeProcessor(bus=bot.runner.bus, worker_name="line")
    user, assistant = bot.aggregators
    return [bot.microphone, bot.ears, user, bridge, bot.voice, bot.loudspeaker, assistant]


async def _hand_off(bot: Bot) -> None:
    await bot.running()
    await asyncio.sleep(0.5)
    await bot.microphone.say(_TURNS[0][0])
    await bot.heard(_TURNS[0][1])
    await bot.microphone.say("my brake is broken")
    await bot.heard("This is the workshop.")
    await bot.microphone.say("can you mend it")
    await bot.heard("We can.")
    await end(bot)
    await asyncio.sleep(3.0)
    await bot.runner.cancel()


_WHY = "its cable has snapped"
HAND_OFF = Scenario(
    {
        **talk(_TURNS[0]).script,
        "my brake is broken": Reply(tools=(("transfer", {"reason": _WHY}),)),
        "tool:transfer": Reply(""),
        f"Welcome the customer: {_WHY}.": Reply("This is the workshop."),
        "can you mend it": Reply("We can."),
    },
    _hand_off,
    wiring=_with_two_agents,
)


async def _hang_up(bot: Bot) -> None:
    await answer(bot)
    await bot.microphone.say("What can I return")
    await bot.speaking()
    await asyncio.sleep(1.5)
    await bot.worker.cancel(reason="client disconnected")


HUNG_UP = Scenario({"What can I return": Reply(POLICY)}, _hang_up)


async def end_call(reason: str) -> dict[str, Any]:
    """Ends the call."""
    return {"noted": f"{reason} indeed"}


def _with_a_last_tool(bot: Bot, url: str) -> Sequence[FrameProcessor]:
    """After `end_call` the model is not asked again, so that no span has its arguments or its result."""
    steps = bots.cascade(bot, url)

    async def run(call: FunctionCallParams) -> None:
        start = time.time()
        properties = frames.FunctionCallResultProperties(run_llm=False)
        await call.result_callback(await end_call(**call.arguments), properties=properties)
        bot.ran.append(Stretch(call.function_name, start, time.time()))

    bot.model.register_function("end_call", run)
    return steps


async def _end_by_tool(bot: Bot) -> None:
    await answer(bot, _TURNS[0])
    await bot.microphone.say("that is all")
    await bot.used("end_call")
    await bot.worker.queue_frame(frames.EndFrame())


TOOL_LAST = Scenario(
    {**talk(_TURNS[0]).script, "that is all": Reply(tools=(("end_call", {"reason": "pleased with the saddle"}),))},
    _end_by_tool,
    tools=(end_call,),
    wiring=_with_a_last_tool,
)


HEARD_INTERRUPTION = INTERRUPTION
_ORDER = {
    "Where is my order": Reply(tools=(("find_order", {"order_id": "A-17", "lines": 3}),)),
    "tool:find_order": Reply("It has been shipped."),
    "Thank you": Reply("Goodbye."),
}
UNTRACED = replace(
    talk(("Where is my order", "It has been shipped."), ("Thank you", "Goodbye.")),
    script=_ORDER,
    tools=(find_order,),
    options={"enable_tracing": False},
)


async def _only_speak(bot: Bot) -> None:
    for text in (GREETING, "Please leave a message."):
        await bot.say(text)
        await bot.heard(text)
    await end(bot)


SPOKEN_ONLY = Scenario({}, _only_speak)


def _without_a_voice(bot: Bot, url: str) -> Sequence[FrameProcessor]:
    """The agent writes, as in a chat beside the line."""
    return [step for step in bots.cascade(bot, url) if step is not bot.voice]


async def _write(bot: Bot) -> None:
    await bot.running()
    for text, reply in (("is the shop open", "Until six."), ("and on Sunday", "It is closed. Come on Monday!")):
        await bot.worker.queue_frame(frames.LLMMessagesAppendFrame([{"role": "user", "content": text}], run_llm=True))
        await bot.heard(reply)
    await end(bot)


WRITTEN = Scenario(
    {"is the shop open": Reply("Until six."), "and on Sunday": Reply("It is closed. Come on Monday!")},
    _write,
    wiring=_without_a_voice,
)
