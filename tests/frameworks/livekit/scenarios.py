"""The calls: who answers, by which script, and what the customer does."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livekit.agents import Agent, RunContext, function_tool
from livekit.agents.llm import ToolError
from livekit.agents.voice.agent_session import SessionConnectOptions

from frameworks.livekit.models import Reply
from frameworks.livekit.rig import Ran, Rig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

GREETING = "Hello there, how can I help?"
_GREET = "Greet the customer."
_GREETS = {_GREET: Reply(GREETING)}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A call to be played.

    Attributes:
        agent: Makes the agent that answers.
        script: What the model answers.
        play: What the customer does.
        pace: How many seconds a character takes the agent to say.
        options: Further arguments of the session.
    """

    agent: Callable[[], Agent]
    script: Mapping[str, Reply]
    play: Callable[[Rig], Awaitable[None]]
    pace: float = 0.03
    options: Mapping[str, Any] = field(default_factory=dict)

    def rig(self) -> Rig:
        """The session and its customer."""
        return Rig(self.script, self.pace, **self.options)


class Desk(Agent):
    """Speaks first."""

    def __init__(self) -> None:
        super().__init__(instructions="You are the order desk of a bicycle shop.")

    async def on_enter(self) -> None:
        self.session.generate_reply(instructions=_GREET)


@contextmanager
def _noted(context: RunContext[list[Ran]]) -> Iterator[None]:
    """Keeps when a tool ran."""
    ran = Ran(context.function_call.name, time.time())
    context.userdata.append(ran)
    try:
        yield
    finally:
        ran.end = time.time()


class ToolDesk(Desk):
    """Has tools of every kind. Their results are in the history as text; these are the values."""

    ORDER = {"status": "shipped", "items": [1, 2, None], "weight": 3.5, "note": "süß"}  # noqa: RUF012

    @function_tool
    async def find_order(self, context: RunContext[list[Ran]], order_id: str, lines: int) -> dict[str, Any]:
        """Find an order."""
        assert (order_id, lines) in {("A-17", 3), ("B-2", 1)}
        with _noted(context):
            await asyncio.sleep(0.3)
            return self.ORDER

    @function_tool
    async def find_shop(self, context: RunContext[list[Ran]], town: str) -> str:
        """Find a shop."""
        with _noted(context):
            await asyncio.sleep(0.5)
            return f"Main Street, {town}"

    @function_tool
    async def forget(self, context: RunContext[list[Ran]]) -> None:
        """Has no result."""
        with _noted(context):
            await asyncio.sleep(0.1)

    @function_tool
    async def break_down(self, context: RunContext[list[Ran]]) -> str:
        """Raises what nobody expects."""
        with _noted(context):
            await asyncio.sleep(0.1)
            raise RuntimeError("the warehouse does not answer")

    @function_tool
    async def refuse(self, context: RunContext[list[Ran]], order_id: str) -> str:
        """Raises what the model shall know."""
        with _noted(context):
            await asyncio.sleep(0.1)
            raise ToolError(f"there is no order {order_id}")


class Billing(Agent):
    """The second agent."""

    def __init__(self) -> None:
        super().__init__(instructions="You are the billing desk.")

    async def on_enter(self) -> None:
        self.session.generate_reply(instructions="Introduce yourself.")

    @function_tool
    async def refund(self, context: RunContext[list[Ran]], amount: int) -> str:
        """Refund."""
        with _noted(context):
            return f"{amount} refunded"


class Triage(Desk):
    """The first agent, which hands over to the second."""

    @function_tool
    async def to_billing(self, context: RunContext[list[Ran]]) -> tuple[Agent, str]:
        """Hand over to billing."""
        with _noted(context):
            return Billing(), "handed over"


def asking(*turns: tuple[str, str]) -> Callable[[Rig], Awaitable[None]]:
    """A customer who is greeted, and then says something and hears the answer to its end, turn by turn."""

    async def play(rig: Rig) -> None:
        await rig.heard(GREETING)
        for said, answer in turns:
            await rig.customer.say(said)
            await rig.heard(answer)

    return play


def _talk(*turns: tuple[str, str]) -> Scenario:
    return Scenario(Desk, _GREETS | {said: Reply(answer) for said, answer in turns}, asking(*turns))


THREE_TURNS = _talk(
    ("Are you open today", "Yes, until six."),
    ("And on Sunday", "No, we rest on Sundays."),
    ("Thank you, bye", "Goodbye."),
)
FIRST_OF_TWO = _talk(("What is it like in Oslo", "It rains."), ("And tomorrow", "Snow."))
SECOND_OF_TWO = _talk(("What is it like in Rome", "It is hot."), ("And tomorrow", "Hotter still."))

TOOL = Scenario(
    ToolDesk,
    _GREETS
    | {
        "Where is my order": Reply("Let me check.", (("find_order", '{"order_id": "A-17", "lines": 3}'),)),
        "tool:find_order": Reply("It has been shipped."),
        "Forget me": Reply("All is forgotten.", (("forget", "{}"),)),  # what has no result is not answered
    },
    asking(("Where is my order", "It has been shipped."), ("Forget me", "All is forgotten.")),
)
PARALLEL_TOOLS = Scenario(
    ToolDesk,
    _GREETS
    | {
        "Where is it and where are you": Reply(
            "", (("find_order", '{"order_id": "B-2", "lines": 1}'), ("find_shop", '{"town": "Lindau"}'))
        ),
        "tool:find_order": Reply("In our shop."),
        "tool:find_shop": Reply("In our shop."),
    },
    asking(("Where is it and where are you", "In our shop.")),
)
BAD_TOOLS = Scenario(
    ToolDesk,
    _GREETS
    | {
        "Call the warehouse": Reply("", (("break_down", "{}"),)),
        "tool:break_down": Reply("It does not answer."),
        "Find order nine": Reply("", (("refuse", '{"order_id": "9"}'),)),
        "tool:refuse": Reply("There is none."),
        "Do magic": Reply("", (("abracadabra", '{"rabbits": 1}'),)),
        "tool:abracadabra": Reply("I cannot."),
    },
    asking(
        ("Call the warehouse", "It does not answer."), ("Find order nine", "There is none."), ("Do magic", "I cannot.")
    ),
)


async def _handed_over(rig: Rig) -> None:
    await rig.heard(GREETING)
    await rig.customer.say("I have a question about a bill")
    await rig.heard("Billing here.")
    await rig.customer.say("I want ten back")
    await rig.heard("It is done.")


HANDOFF = Scenario(
    Triage,
    _GREETS
    | {
        "I have a question about a bill": Reply("One moment.", (("to_billing", "{}"),)),
        "tool:to_billing": Reply("Over to them."),
        "Introduce yourself.": Reply("Billing here."),
        "I want ten back": Reply("", (("refund", json.dumps({"amount": 10})),)),
        "tool:refund": Reply("It is done."),
    },
    _handed_over,
)

POLICY = "You can return what you bought. You have thirty days for it. We pay for the way back. Bring the bill along."


async def _interrupted(rig: Rig) -> None:
    await rig.heard(GREETING)
    await rig.customer.say("What can I return")
    await rig.speaking()
    await asyncio.sleep(2.0)
    await rig.customer.say("Stop it please", seconds=1.0)
    await rig.heard("I stop.")


INTERRUPTION = Scenario(
    Desk, _GREETS | {"What can I return": Reply(POLICY), "Stop it please": Reply("I stop.")}, _interrupted, pace=0.05
)


async def _broken(rig: Rig) -> None:
    await rig.heard(GREETING)
    await rig.customer.say("Are you open")
    await rig.heard("Yes.")
    await rig.customer.say("Do you sell bells")


async def _broken_for_good(rig: Rig) -> None:
    await _broken(rig)
    await rig.ended()


async def _broken_once(rig: Rig) -> None:
    await _broken(rig)
    await rig.failed()
    await rig.customer.say("Are you there")
    await rig.heard("I am back.")


_BROKEN = _GREETS | {
    "Are you open": Reply("Yes."),
    "Do you sell bells": Reply(fault=RuntimeError("the model is gone")),
    "Are you there": Reply("I am back."),
}
MODEL_ERROR = Scenario(
    Desk, _BROKEN, _broken_for_good, options={"conn_options": SessionConnectOptions(max_unrecoverable_errors=0)}
)
MODEL_ERROR_ONCE = Scenario(Desk, _BROKEN, _broken_once)


async def _typed(rig: Rig) -> None:
    await rig.heard(GREETING)
    rig.session.generate_reply(user_input="Do you have helmets")
    await rig.heard("Many of them.")
    rig.session.say("We close in five minutes.")
    await rig.heard("We close in five minutes.")
    await rig.customer.say("Then goodbye")
    await rig.heard("Goodbye.")


TYPED = Scenario(
    Desk, _GREETS | {"Do you have helmets": Reply("Many of them."), "Then goodbye": Reply("Goodbye.")}, _typed
)
