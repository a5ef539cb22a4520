"""Speech-to-speech models as Pipecat has them, which take no turns: one tells of words at once, one late, in pieces."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pipecat.frames import frames
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import FunctionCallFromLLM, LLMService
from pipecat.services.settings import LLMSettings
from pipecat.utils.text.base_text_aggregator import TextType
from pipecat.utils.time import time_now_iso8601

from frameworks.pipecat import sound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frameworks.pipecat.script import Reply

_SILENCE = 0.3
"""So many seconds of silence end what the customer says."""

_CHUNK = 4800


class SpeechModel(LLMService):
    """Hears sound, and answers by a script."""

    def __init__(self, script: Mapping[str, Reply]) -> None:
        nothing = dict.fromkeys(("model", "system_instruction", "temperature", "max_tokens", "top_p", "top_k"))
        penalties = dict.fromkeys(("frequency_penalty", "presence_penalty", "seed"))
        turns = {"filter_incomplete_user_turns": False, "user_turn_completion_config": None}
        super().__init__(settings=LLMSettings(**nothing, **penalties, **turns))
        self._script = script
        self._audio = b""
        self._quiet = 0.0
        self._answering: asyncio.Task[None] | None = None
        self._numbers = 0

    def service_metadata_frame(self) -> frames.LLMServiceMetadataFrame:
        return frames.LLMServiceMetadataFrame(service_name=self.name, is_realtime_service=True)

    async def process_frame(self, frame: frames.Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, frames.InputAudioRawFrame):
            await self._listen(frame.audio)
        elif isinstance(frame, frames.LLMContextFrame):
            await self._take(frame.context.get_messages())
        else:
            if isinstance(frame, frames.InterruptionFrame) and self._answering is not None:
                await self.cancel_task(self._answering)
            await self.push_frame(frame, direction)

    async def _listen(self, audio: bytes) -> None:
        if sound.loudness(audio):
            self._audio += audio
            self._quiet = 0.0
        elif self._audio:
            self._quiet += len(audio) / 2 / sound.MICROPHONE_RATE
            if self._quiet > _SILENCE:
                said, self._audio = sound.words_in(self._audio), b""
                self._answering = self.create_task(self._answer(said))

    async def _take(self, messages: list[dict[str, Any]]) -> None:
        """What a tool returned is answered."""
        last = messages[-1] if messages else {}
        if last.get("role") == "tool" and last.get("content") != "IN_PROGRESS":
            self._answering = self.create_task(
                self._say(self._script["tool:" + last["tool_call_id"].split("#")[0]].text)
            )

    async def _answer(self, said: str) -> None:
        raise NotImplementedError

    async def _reply(self, said: str) -> None:
        reply = self._script[said]
        for name, arguments in reply.tools:
            self._numbers += 1
            call = FunctionCallFromLLM(
                function_name=name, tool_call_id=f"{name}#{self._numbers}", arguments=arguments, context=None
            )
            await self.run_function_calls([call])
        if reply.text:
            await self._say(reply.text)

    async def _say(self, text: str) -> None:
        """Sound and words, as fast as they come."""
        await self.push_frame(frames.LLMFullResponseStartFrame())
        await self.push_frame(frames.TTSStartedFrame())
        for word in text.split(" "):
            audio = sound.tone((len(word) + 1) * sound.SECONDS_A_CHARACTER, sound.LOUDSPEAKER_RATE)
            spoken = frames.TTSTextFrame(f"{word} ", text_type=TextType.WORD)
            spoken.includes_inter_frame_spaces = True
            await self.push_frame(spoken)
            for start in range(0, len(audio), _CHUNK):
                piece = audio[start : start + _CHUNK]
                await self.push_frame(frames.TTSAudioRawFrame(piece, sound.LOUDSPEAKER_RATE, 1))
        await self.push_frame(frames.TTSStoppedFrame())
        await self.push_frame(frames.LLMFullResponseEndFrame())

    async def _tell(self, said: str) -> None:
        """What the customer said goes up the pipeline."""
        frame = frames.TranscriptionFrame(said, "", time_now_iso8601(), result=said)
        await self.push_frame(frame, FrameDirection.UPSTREAM)


class UltravoxLike(SpeechModel):
    """Tells what was said, and then answers."""

    async def _answer(self, said: str) -> None:
        await self._tell(said)
        await self._reply(said)


class GeminiLike(SpeechModel):
    """Answers, and tells what was said a little later, in pieces."""

    async def _answer(self, said: str) -> None:
        await self._reply(said)
        await asyncio.sleep(0.2)
        first, _, rest = said.partition(" ")
        for piece in filter(None, (first, rest)):
            await self._tell(piece)
            await asyncio.sleep(0.02)
