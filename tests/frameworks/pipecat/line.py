"""Both ends of a telephone line without a network. They keep a record of when there was sound on it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from pipecat.audio.vad.vad_analyzer import VADAnalyzer
from pipecat.frames.frames import InputAudioRawFrame
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from frameworks.pipecat import sound

if TYPE_CHECKING:
    from pipecat.frames.frames import CancelFrame, OutputAudioRawFrame, StartFrame

_STEP = 0.02
_PARAMS = TransportParams(
    audio_in_enabled=True,
    audio_out_enabled=True,
    audio_in_sample_rate=sound.MICROPHONE_RATE,
    audio_out_sample_rate=sound.LOUDSPEAKER_RATE,
)


class Stretch(NamedTuple):
    """A stretch of time in Unix seconds, and what it was filled with."""

    what: str
    start: float
    end: float


class _Speech:
    """Words on their way into the pipeline. A busy machine sends them late, so it counts when they are sent."""

    def __init__(self, loudness: int, steps: int) -> None:
        self.start = self.end = 0.0
        self.is_said = asyncio.Event()
        self._loudness, self._steps = loudness, steps

    def next_step(self) -> int:
        """How loud the next step is; it is sent now."""
        if not self._steps:
            self.is_said.set()
            return 0
        now = time.time()
        self.start, self.end = self.start or now, now + _STEP
        self._steps -= 1
        return self._loudness


class Microphone(BaseInputTransport):
    """Sends silence, or the customer's words."""

    def __init__(self) -> None:
        super().__init__(_PARAMS)
        self.speeches: list[Stretch] = []
        self._speech = _Speech(0, 0)
        self._sending: asyncio.Task[None] | None = None

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._sending = self.create_task(self._send())

    async def cancel(self, frame: CancelFrame) -> None:
        await super().cancel(frame)
        await self._stop()

    async def cleanup(self) -> None:
        await self._stop()
        await super().cleanup()

    async def say(self, text: str, seconds: float = 0.6) -> None:
        """Says something; returns when it is said."""
        speech = _Speech(sound.loudness_of(text), round(seconds / _STEP))
        self._speech = speech
        await speech.is_said.wait()
        self.speeches.append(Stretch(text, speech.start, speech.end))

    async def _send(self) -> None:
        while True:  # no faster after a pause of a busy machine: the pipeline measures speech by its own clock
            due = time.monotonic() + _STEP
            audio = sound.tone(_STEP, sound.MICROPHONE_RATE, self._speech.next_step())
            await self.push_audio_frame(InputAudioRawFrame(audio, sound.MICROPHONE_RATE, 1))
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _stop(self) -> None:
        if self._sending is not None:
            await self.cancel_task(self._sending)
            self._sending = None


class Loudspeaker(BaseOutputTransport):
    """Plays sound for as long as it lasts."""

    def __init__(self) -> None:
        super().__init__(_PARAMS)
        self.speeches: list[Stretch] = []
        self._until = 0.0
        self._is_new = True

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    def fell_silent(self) -> None:
        """What is played from here on is another speech."""
        self._is_new = True

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        start = max(time.time(), self._until)
        self._until = start + len(frame.audio) / 2 / frame.sample_rate
        if sound.loudness(frame.audio):
            if not self._is_new:
                start = self.speeches.pop().start
            self.speeches.append(Stretch("", start, self._until))
            self._is_new = False
        await asyncio.sleep(max(0.0, self._until - time.time()))
        return True


class Hearing(VADAnalyzer):
    """Tells sound from silence."""

    def num_frames_required(self) -> int:
        return int(self.sample_rate * _STEP)

    def voice_confidence(self, buffer: bytes, *_: Any) -> float:
        return 1.0 if sound.loudness(buffer) else 0.0
