"""A language model that answers by the book, and a voice that says everything in silence."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livekit.agents.llm import LLM, ChatChunk, ChoiceDelta, CompletionUsage, FunctionToolCall, LLMStream
from livekit.agents.tts import TTS, ChunkedStream, SynthesizeStream, TTSCapabilities
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livekit.agents.tts import AudioEmitter

SAMPLE_RATE = 24_000
_THINKING = 0.05
_FRAME = SAMPLE_RATE // 100


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answers.

    Attributes:
        text: What it writes.
        tools: The tools that it calls, with their arguments as the model writes them.
        fault: What it raises instead.
    """

    text: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    fault: Exception | None = None


class ScriptedLLM(LLM):
    """Answers by a script.

    Args:
        script: Replies by what was said or asked last; to the result of a tool, by `tool:` and its name.
    """

    def __init__(self, script: Mapping[str, Reply]) -> None:
        super().__init__()
        self.script = script

    @property
    def model(self) -> str:
        return "scripted"

    def chat(
        self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any
    ) -> Any:
        return _Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Answer(LLMStream):
    _llm: ScriptedLLM

    async def _run(self) -> None:
        reply = self._llm.script[_cue(self._chat_ctx.items)]
        await asyncio.sleep(_THINKING)
        if reply.fault is not None:
            raise reply.fault
        for word in reply.text.split():
            self._say(ChoiceDelta(role="assistant", content=f"{word} "))
        if reply.tools:
            calls = [
                FunctionToolCall(name=name, arguments=arguments, call_id=f"call_{uuid.uuid4().hex[:8]}")
                for name, arguments in reply.tools
            ]
            self._say(ChoiceDelta(role="assistant", tool_calls=calls))
        usage = CompletionUsage(completion_tokens=10, prompt_tokens=42, total_tokens=52)
        self._event_ch.send_nowait(ChatChunk(id="answer", usage=usage))

    def _say(self, delta: ChoiceDelta) -> None:
        self._event_ch.send_nowait(ChatChunk(id="answer", delta=delta))


def _cue(items: list[Any]) -> str:
    last = next(item for item in reversed(items) if item.type in {"message", "function_call_output"})
    if last.type == "function_call_output":
        return f"tool:{last.name}"
    return (last.text_content or "").rpartition("\n")[2]  # instructions for one reply may come below the agent's own


class SilentTTS(TTS):
    """Turns text into silence of the right length.

    Args:
        seconds_a_character: How slowly it speaks.
    """

    def __init__(self, seconds_a_character: float) -> None:
        super().__init__(
            capabilities=TTSCapabilities(streaming=True, aligned_transcript=False),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
        )
        self.pace = seconds_a_character

    @property
    def model(self) -> str:
        return "silent"

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> ChunkedStream:
        raise NotImplementedError

    def stream(self, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> SynthesizeStream:
        return _Silence(tts=self, conn_options=conn_options)


class _Silence(SynthesizeStream):
    _tts: SilentTTS

    async def _run(self, output_emitter: AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="speech", sample_rate=SAMPLE_RATE, num_channels=1, mime_type="audio/pcm", stream=True
        )
        text = ""
        async for piece in self._input_ch:
            if isinstance(piece, str):
                text += piece
            elif text:
                self._mark_started()
                output_emitter.start_segment(segment_id=uuid.uuid4().hex)
                for _ in range(max(1, int(SAMPLE_RATE * self._tts.pace * len(text)) // _FRAME)):
                    output_emitter.push(bytes(2 * _FRAME))
                output_emitter.flush()
                text = ""
