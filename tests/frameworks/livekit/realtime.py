"""A realtime model that answers by the book, and a customer whom it hears itself: no speech recognition, no voice."""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from typing import TYPE_CHECKING, Any

from livekit import rtc
from livekit.agents import llm, utils
from livekit.agents.stt import SpeechEventType
from livekit.agents.vad import VADEventType

from frameworks.livekit.customer import Customer, Speech, VoiceDetection
from frameworks.livekit.models import SAMPLE_RATE, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEP = 0.05
_SILENCE = 0.3
_FRAME = SAMPLE_RATE // 100

GIVES_STARTS = "turn_started_at" in inspect.signature(llm.InputTranscriptionCompleted).parameters
"""Whether a provider can say when the speech of a transcript began."""


class ScriptedRealtime(llm.RealtimeModel):
    """Speaks and listens itself.

    Args:
        script: What it answers to what was said or asked, and to the result of a tool by `tool:` and its name.
        detects_turns: Whether it finds out itself when the customer speaks.
        transcribes: Whether it says what the customer said.
        pace: How many seconds a character takes it to say.
    """

    def __init__(
        self, script: Mapping[str, Reply], *, detects_turns: bool, transcribes: bool = True, pace: float = 0.03
    ) -> None:
        wanted = {
            "message_truncation": True,
            "turn_detection": detects_turns,
            "user_transcription": transcribes,
            "auto_tool_reply_generation": False,
            "audio_output": True,
            "manual_function_calls": True,
            "mutable_chat_context": True,
            "mutable_instructions": True,
            "mutable_tools": True,
            "per_response_tool_choice": True,
        }
        known = inspect.signature(llm.RealtimeCapabilities).parameters
        super().__init__(
            capabilities=llm.RealtimeCapabilities(**{key: value for key, value in wanted.items() if key in known})
        )
        self.script, self.pace = script, pace
        self.sessions: list[RealtimeVoice] = []

    @property
    def model(self) -> str:
        return "scripted-realtime"

    def session(self, **_: Any) -> RealtimeVoice:
        self.sessions.append(RealtimeVoice(self))
        return self.sessions[-1]

    async def aclose(self) -> None:
        """Nothing is open."""


class RealtimeVoice(llm.RealtimeSession):
    """One connection to the model."""

    _realtime_model: ScriptedRealtime

    def __init__(self, model: ScriptedRealtime) -> None:
        super().__init__(model)
        self._context = llm.ChatContext.empty()
        self._tools = llm.ToolContext.empty()
        self._open: list[utils.aio.Chan[Any]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.cue = ""
        """What the customer said last."""

    @property
    def chat_ctx(self) -> llm.ChatContext:
        return self._context.copy()

    @property
    def tools(self) -> llm.ToolContext:
        return self._tools

    async def update_instructions(self, instructions: str) -> None:
        """Follows no instructions."""

    async def update_chat_ctx(self, chat_ctx: llm.ChatContext) -> None:
        before = {item.id for item in self._context.items}
        for item in chat_ctx.items:
            if item.id not in before and item.type == "function_call_output":
                self.cue = f"tool:{item.name}"
            if item.id not in before and item.type == "message" and item.role == "user":
                self.cue = item.text_content or ""
        self._context = chat_ctx.copy()

    async def update_tools(self, tools: list[Any]) -> None:
        self._tools = llm.ToolContext(tools)

    def update_options(self, **_: Any) -> None:
        """Has no options."""

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Hears nothing: the customer is made of events."""

    def push_video(self, frame: rtc.VideoFrame) -> None:
        """Sees nothing."""

    def commit_audio(self) -> None:
        """Has no audio to commit."""

    def clear_audio(self) -> None:
        """Has no audio to clear."""

    def truncate(self, **_: Any) -> None:
        """Keeps no history of its own."""

    def interrupt(self) -> None:
        for channel in self._open:
            channel.close()
        self._open.clear()

    async def aclose(self) -> None:
        self.interrupt()

    def generate_reply(self, *, instructions: Any = None, **_: Any) -> asyncio.Future[llm.GenerationCreatedEvent]:
        asked = instructions.rpartition("\n")[2] if isinstance(instructions, str) else self.cue
        future: asyncio.Future[llm.GenerationCreatedEvent] = asyncio.get_running_loop().create_future()
        future.set_result(self._generation(asked, asked_for=True))
        return future

    def answer(self, cue: str) -> None:
        """Answers of its own accord, as a model does that finds out when the customer has finished."""
        self.emit("generation_created", self._generation(cue, asked_for=False))

    def transcribe(self, item_id: str, text: str, *, is_final: bool = True, started: float | None = None) -> None:
        """Says what the customer said; `started` where the version can say when."""
        more = {"turn_started_at": started} if GIVES_STARTS else {}
        said = llm.InputTranscriptionCompleted(item_id=item_id, transcript=text, is_final=is_final, **more)
        self.emit("input_audio_transcription_completed", said)

    def _generation(self, cue: str, *, asked_for: bool) -> llm.GenerationCreatedEvent:
        reply = self._realtime_model.script[cue]
        messages: utils.aio.Chan[llm.MessageGeneration] = utils.aio.Chan()
        functions: utils.aio.Chan[llm.FunctionCall] = utils.aio.Chan()
        self._open += [messages, functions]
        task = asyncio.get_running_loop().create_task(self._generate(reply, messages, functions))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return llm.GenerationCreatedEvent(
            message_stream=messages, function_stream=functions, user_initiated=asked_for, response_id=_new_id("resp")
        )

    async def _generate(self, reply: Reply, messages: utils.aio.Chan[Any], functions: utils.aio.Chan[Any]) -> None:
        if reply.text:
            text: utils.aio.Chan[str] = utils.aio.Chan()
            audio: utils.aio.Chan[rtc.AudioFrame] = utils.aio.Chan()
            self._open += [text, audio]
            modalities: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            modalities.set_result(["audio", "text"])
            if not messages.closed:
                messages.send_nowait(llm.MessageGeneration(_new_id("item"), text, audio, modalities))
            for word in reply.text.split():
                if not text.closed:
                    text.send_nowait(f"{word} ")
            for _ in range(max(1, int(SAMPLE_RATE * self._realtime_model.pace * len(reply.text)) // _FRAME)):
                if not audio.closed:
                    audio.send_nowait(rtc.AudioFrame(bytes(2 * _FRAME), SAMPLE_RATE, 1, _FRAME))
            text.close()
            audio.close()
        for name, arguments in reply.tools:
            functions.send_nowait(llm.FunctionCall(call_id=_new_id("call"), name=name, arguments=arguments))
        messages.close()
        functions.close()


class HeardCustomer(Customer):
    """A customer whom a realtime model hears.

    Args:
        model: The model.
    """

    def __init__(self, model: ScriptedRealtime) -> None:
        super().__init__()
        self.model = model

    @property
    def ear(self) -> RealtimeVoice:
        """The model's present connection."""
        return self.model.sessions[-1]

    async def say(self, text: str, seconds: float = 0.6, *, item_id: str | None = None) -> None:
        """Speaks for so long, and is transcribed and answered after it."""
        await self.speak(text, seconds)
        self.ear.transcribe(item_id or _new_id("item"), text)
        self.be_answered(text)

    async def recognise(self, text: str) -> None:
        """Has speech recognition understand something a little later."""
        await asyncio.sleep(1.0)
        self.words[-1].tell(SpeechEventType.FINAL_TRANSCRIPT, text)

    def be_answered(self, text: str) -> None:
        """Has what was said answered by a model that finds out itself that the customer has finished."""
        if self.model.capabilities.turn_detection:
            self.ear.answer(text)

    async def speak(self, text: str, seconds: float = 0.6) -> Speech:
        """Speaks for so long; returns when the silence after it was noticed."""
        self.ear.cue = text
        start = time.time()
        if self.model.capabilities.turn_detection:
            self.ear.emit("input_speech_started", llm.InputSpeechStartedEvent())
            await asyncio.sleep(seconds)
            end = time.time()
            await asyncio.sleep(_SILENCE)
            is_transcribed = self.model.capabilities.user_transcription
            self.ear.emit("input_speech_stopped", llm.InputSpeechStoppedEvent(is_transcribed))
        else:
            voice = self.voices[-1]
            await asyncio.sleep(_STEP)
            voice.tell(VADEventType.START_OF_SPEECH, spoken=_STEP)
            while (spoken := time.time() - start) < seconds:
                voice.tell(VADEventType.INFERENCE_DONE, spoken=spoken)
                await asyncio.sleep(_STEP)
            end = time.time()
            await self._fall_silent(voice, spoken)
        self.speeches.append(Speech(text, start, end))
        return self.speeches[-1]


def models(model: ScriptedRealtime, customer: HeardCustomer) -> dict[str, Any]:
    """What a session is made of: the model, and voice detection where the model does not find out about turns."""
    vad = None if model.capabilities.turn_detection else VoiceDetection(customer)
    return {"llm": model, "vad": vad}


def _new_id(kind: str) -> str:
    return f"{kind}_{uuid.uuid4().hex[:12]}"
