"""A real LiveKit session between a customer who is made of events and models that follow a script."""

from __future__ import annotations

import asyncio
import inspect
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livekit.agents import AgentSession
from livekit.agents.voice.transcription.synchronizer import TranscriptSynchronizer

from frameworks.livekit.audio import Loudspeaker, Microphone, Subtitles
from frameworks.livekit.customer import Customer, Recognition, VoiceDetection
from frameworks.livekit.models import ScriptedLLM, SilentTTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from livekit.agents import Agent

    from frameworks.livekit.customer import Speech
    from frameworks.livekit.models import Reply

PATIENCE = 60.0
"""So many seconds are waited for something that is sure to come."""

_POLL = 0.02


@dataclass(slots=True)
class Ran:
    """A tool that ran, as it saw itself."""

    name: str
    start: float
    end: float = 0.0


@dataclass(slots=True)
class Truth:
    """What really happened in a call.

    Attributes:
        history: The items of the session's own history.
        customer: When the customer spoke.
        agent: When the agent was played.
        tools: When tools ran.
        closed: When the session was over.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    customer: list[Speech] = field(default_factory=list)
    agent: list[Speech] = field(default_factory=list)
    tools: list[Ran] = field(default_factory=list)
    closed: float = 0.0


class Rig:
    """One session with its customer.

    Args:
        script: What the model answers.
        pace: How many seconds a character takes to be said.
        customer: Who calls. Default: a customer whom a chain of models serves.
        options: Further arguments of the session, such as its models.
    """

    def __init__(
        self, script: Mapping[str, Reply], pace: float = 0.03, customer: Customer | None = None, **options: Any
    ) -> None:
        self.customer = customer or Customer()
        self.microphone, self.loudspeaker = Microphone(), Loudspeaker()
        chain = {
            "vad": VoiceDetection(self.customer),
            "stt": Recognition(self.customer),
            "llm": ScriptedLLM(script),
            "tts": SilentTTS(pace),
        }
        made_of = {**(chain if customer is None else {}), "userdata": [], **turn_taking(), **options}
        self.session: AgentSession[list[Ran]] = AgentSession(**made_of)
        self._synchronizer = TranscriptSynchronizer(
            next_in_chain_audio=self.loudspeaker, next_in_chain_text=Subtitles()
        )
        self._closed, self._failed = asyncio.Event(), asyncio.Event()
        self._closed_at = 0.0
        self.session.on("close", self._on_close)
        self.session.on("error", lambda _: self._failed.set())

    def _on_close(self, _event: object) -> None:
        self._closed_at = time.time()
        self._closed.set()

    async def start(self, agent: Agent, **options: Any) -> None:
        self.session.input.audio = self.microphone
        self.session.output.audio = self._synchronizer.audio_output
        self.session.output.transcription = self._synchronizer.text_output
        await self.session.start(agent, **options)
        self.microphone.open()

    async def heard(self, text: str) -> None:
        """Waits until the agent has said this to its end, and nothing else goes on."""
        await until(lambda: text in self._said() and self.session.agent_state == "listening", f"hear {text!r}")

    async def speaking(self) -> None:
        """Waits until the agent speaks."""
        await until(lambda: self.loudspeaker.is_playing, "hear the agent begin")

    async def failed(self) -> None:
        """Waits until something went wrong, and the agent listens again."""
        await until(lambda: self._failed.is_set() and self.session.agent_state == "listening", "see an error")

    async def ended(self) -> None:
        """Waits until the session is over."""
        await until(self._closed.is_set, "see the session end")

    async def close(self) -> Truth:
        """Ends the session, unless it has ended itself. Returns what happened in it."""
        await self.session.aclose()
        await self._synchronizer.aclose()
        return self.truth()

    def truth(self) -> Truth:
        return Truth(
            [item.model_dump(mode="json") for item in self.session.history.items],
            self.customer.speeches,
            self.loudspeaker.speeches,
            self.session.userdata,
            self._closed_at,
        )

    def _said(self) -> list[str]:
        messages = (item for item in self.session.history.items if item.type == "message" and item.role == "assistant")
        return [(message.text_content or "").strip() for message in messages]


async def until(is_so: Callable[[], bool], what: str) -> None:
    """Waits until something is so.

    Raises:
        TimeoutError: It did not come.
    """
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s in vain to {what}")
        await asyncio.sleep(_POLL)


def turn_taking(detection: str = "vad", delay: float = 0.2) -> dict[str, Any]:
    """Short waits, in the words of the version."""
    known = inspect.signature(AgentSession.__init__).parameters
    warm = {"aec_warmup_duration": None} if "aec_warmup_duration" in known else {}
    if "turn_handling" in known:
        return warm | {
            "turn_handling": {
                "turn_detection": detection,
                "endpointing": {"min_delay": delay, "max_delay": max(1.0, delay)},
                "interruption": {"min_duration": 0.2, "false_interruption_timeout": 1.0},
            }
        }
    return warm | {
        "turn_detection": detection,
        "min_endpointing_delay": delay,
        "max_endpointing_delay": max(1.0, delay),
        "min_interruption_duration": 0.2,
        "false_interruption_timeout": 1.0,
    }
