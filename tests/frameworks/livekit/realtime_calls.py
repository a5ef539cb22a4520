"""Calls with a realtime model: what the customer does, and how the model tells what it heard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livekit.agents import Agent, UserInputTranscribedEvent

from frameworks.livekit.customer import Recognition
from frameworks.livekit.models import Reply
from frameworks.livekit.realtime import GIVES_STARTS, HeardCustomer, ScriptedRealtime, models
from frameworks.livekit.rig import Rig, turn_taking
from frameworks.livekit.scenarios import GREETING, POLICY, ToolDesk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

SCRIPT: Mapping[str, Reply] = {
    "Greet the customer.": Reply(GREETING),
    "Are you open today": Reply("Yes, until six."),
    "Where are you": Reply("Let me check.", (("find_shop", '{"town": "Lindau"}'),)),
    "tool:find_shop": Reply("In Main Street."),
    "What can I return": Reply(POLICY),
    "Stop it please": Reply("I stop."),
    "Do you have helmets": Reply("Many of them."),
    "and bells": Reply("Bells too."),
    "cough": Reply("Pardon?"),
}
TYPED = "Do you have helmets"

Said = tuple[str, int, int]
"""Words of the customer, and the numbers of the first and the last speech that they have."""


@dataclass(frozen=True, slots=True)
class RealtimeCall:
    """A call to be played.

    Attributes:
        does: What the customer does, once the agent has greeted.
        said: What the customer says, in order.
        detects_turns: Whether the model finds out itself when the customer speaks; else the framework does.
        transcribes: Whether the model says what it heard.
        recognises: Whether speech recognition listens beside the model.
        delay: How many seconds of silence end a turn that the framework detects.
    """

    does: Callable[[Rig, HeardCustomer], Awaitable[None]]
    said: tuple[Said, ...]
    detects_turns: bool = True
    transcribes: bool = True
    recognises: bool = False
    delay: float = 0.2
    options: Mapping[str, Any] = field(default_factory=dict)

    def rig(self) -> Rig:
        """The session and its customer."""
        model = ScriptedRealtime(SCRIPT, detects_turns=self.detects_turns, transcribes=self.transcribes)
        customer = HeardCustomer(model)
        taking = turn_taking("realtime_llm" if self.detects_turns else "vad", self.delay)
        more = {"stt": Recognition(customer)} if self.recognises else {}
        return Rig(SCRIPT, 0.03, customer, **{**taking, **models(model, customer), **more, **self.options})

    def agent(self) -> Agent:
        """Who answers."""
        return ToolDesk()

    async def play(self, rig: Rig) -> None:
        """What the customer does."""
        assert isinstance(rig.customer, HeardCustomer)
        await rig.heard(GREETING)
        await self.does(rig, rig.customer)


async def _talk(rig: Rig, customer: HeardCustomer) -> None:
    await customer.say("Are you open today")
    await rig.heard("Yes, until six.")
    await customer.say("Where are you")
    await rig.heard("In Main Street.")
    rig.session.generate_reply(user_input=TYPED)
    await rig.heard("Many of them.")
    await customer.say("What can I return")
    await rig.speaking()
    await asyncio.sleep(1.0)
    await customer.say("Stop it please", 1.0)
    await rig.heard("I stop.")


_TALK: tuple[Said, ...] = (
    ("Are you open today", 0, 0),
    ("Where are you", 1, 1),
    (TYPED, -1, -1),
    ("What can I return", 2, 2),
    ("Stop it please", 3, 3),
)


async def _late(rig: Rig, customer: HeardCustomer) -> None:
    await customer.speak("Are you open today")
    customer.be_answered("Are you open today")
    await rig.speaking()
    customer.ear.transcribe("item_1", "Are you open today")
    await rig.heard("Yes, until six.")
    await customer.speak("Stop it please")
    customer.be_answered("Stop it please")
    await rig.heard("I stop.")
    customer.ear.transcribe("item_2", "Stop it please")


async def _later_than_the_next(rig: Rig, customer: HeardCustomer) -> None:
    await customer.speak("Are you open today")
    customer.be_answered("Are you open today")
    await rig.heard("Yes, until six.")
    await customer.speak("Stop it please")
    customer.be_answered("Stop it please")
    customer.ear.transcribe("item_1", "Are you open today")
    await asyncio.sleep(0.3)
    customer.ear.transcribe("item_2", "Stop it please")
    await rig.heard("I stop.")


async def _crossed(rig: Rig, customer: HeardCustomer) -> None:
    first = await customer.speak("Are you open today")
    customer.be_answered("Are you open today")
    await rig.heard("Yes, until six.")
    second = await customer.speak("Stop it please")
    customer.be_answered("Stop it please")
    customer.ear.transcribe("item_2", "Stop it please", started=second.start)
    customer.ear.transcribe("item_1", "Are you open today", started=first.start)
    await rig.heard("I stop.")


async def _one_for_several(rig: Rig, customer: HeardCustomer) -> None:
    await customer.speak("Do you have")
    await customer.speak("Are you open today")
    customer.ear.transcribe("item_1", "Do you have ... are you open today")
    customer.be_answered("Are you open today")
    await rig.heard("Yes, until six.")
    await customer.say("Stop it please")
    await rig.heard("I stop.")


async def _gradual(rig: Rig, customer: HeardCustomer) -> None:
    speaking = asyncio.create_task(customer.speak("Are you open today", 1.0))
    for words in ("Are", "Are you", "Are you open"):
        await asyncio.sleep(0.2)
        customer.ear.transcribe("item_1", words, is_final=False)
    await speaking
    customer.ear.transcribe("item_1", "Are you open today")
    customer.be_answered("Are you open today")
    await rig.heard("Yes, until six.")


async def _empty(rig: Rig, customer: HeardCustomer) -> None:
    await customer.say("Are you open today")
    await rig.heard("Yes, until six.")
    await customer.speak("cough")
    customer.ear.transcribe("item_x", "")
    customer.ear.transcribe("item_y", " ")
    customer.be_answered("cough")
    await rig.heard("Pardon?")
    await customer.say("Stop it please")
    await rig.heard("I stop.")


async def _noise(rig: Rig, customer: HeardCustomer) -> None:
    await customer.speak("cough")
    customer.be_answered("cough")
    await rig.heard("Pardon?")
    await customer.say("Are you open today")
    await rig.heard("Yes, until six.")
    await customer.say("Stop it please")
    await rig.heard("I stop.")


async def _corrected(rig: Rig, customer: HeardCustomer) -> None:
    await customer.speak("Are you open today")
    customer.ear.transcribe("item_1", "Are you open to day")
    await asyncio.sleep(0.1)
    customer.ear.transcribe("item_1", "Are you open today")
    customer.be_answered("Are you open today")
    await rig.heard("Yes, until six.")


async def _untranscribed(rig: Rig, customer: HeardCustomer) -> None:
    await customer.speak("Are you open today")
    customer.be_answered("Are you open today")
    await rig.heard("Yes, until six.")


async def _after_the_close(rig: Rig, customer: HeardCustomer) -> None:
    await customer.speak("Are you open today")
    customer.be_answered("Are you open today")
    await rig.heard("Yes, until six.")
    await rig.session.aclose()
    event = UserInputTranscribedEvent(transcript="Are you open today", is_final=True)
    if hasattr(event, "item_id"):
        event.item_id = "item_1"
    rig.session.emit("user_input_transcribed", event)
    await asyncio.sleep(0)


async def _recognised(rig: Rig, customer: HeardCustomer) -> None:
    """Speech recognition hears the customer beside the model, in its own words."""
    for words, answer in (("Are you open today", "Yes, until six."), ("Stop it please", "I stop.")):
        recognition = asyncio.create_task(customer.recognise(f"{words}, will you"))
        await customer.speak(words, 0.8)
        await recognition
        await rig.heard(answer)


CALLS: dict[str, RealtimeCall] = {
    "talk": RealtimeCall(_talk, _TALK),
    "talk-client": RealtimeCall(_talk, _TALK, detects_turns=False),
    "late": RealtimeCall(_late, (("Are you open today", 0, 0), ("Stop it please", 1, 1))),
    "later-than-the-next": RealtimeCall(_later_than_the_next, (("Are you open today", 0, 0), ("Stop it please", 1, 1))),
    "one-for-several": RealtimeCall(
        _one_for_several, (("Do you have ... are you open today", 0, 1), ("Stop it please", 2, 2))
    ),
    "one-for-several-client": RealtimeCall(
        _one_for_several,
        (("Do you have ... are you open today", 0, 1), ("Stop it please", 2, 2)),
        detects_turns=False,
        delay=1.0,
    ),
    "gradual": RealtimeCall(_gradual, (("Are you open today", 0, 0),)),
    "empty": RealtimeCall(_empty, (("Are you open today", 0, 0), ("Stop it please", 2, 2))),
    "noise": RealtimeCall(_noise, (("Are you open today", 1, 1), ("Stop it please", 2, 2))),
    "corrected": RealtimeCall(_corrected, (("Are you open today", 0, 0),)),
    "untranscribed": RealtimeCall(_untranscribed, (), transcribes=False),
    "after-the-close": RealtimeCall(_after_the_close, (("Are you open today", 0, 0),)),
    "recognised": RealtimeCall(
        _recognised,
        (("Are you open today, will you", 0, 0), ("Stop it please, will you", 1, 1)),
        detects_turns=False,
        transcribes=False,
        recognises=True,
    ),
}
"""The calls, by their ids."""

if GIVES_STARTS:
    CALLS["crossed"] = RealtimeCall(_crossed, (("Are you open today", 0, 0), ("Stop it please", 1, 1)))
