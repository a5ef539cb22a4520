"""A customer made of events: what LiveKit's voice detection and speech recognition would tell of a real one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from livekit.agents.stt import STT, RecognizeStream, SpeechData, SpeechEvent, SpeechEventType, STTCapabilities
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN
from livekit.agents.vad import VAD, VADCapabilities, VADEvent, VADEventType, VADStream

try:
    from livekit.agents import LanguageCode
except ImportError:  # before 1.5
    LanguageCode = str

if TYPE_CHECKING:
    from livekit.agents.utils.aio import Chan

_STEP = 0.05
_SILENCE = 0.3
_RECOGNITION = 0.15


class Speech(NamedTuple):
    """A stretch of speech, in Unix seconds; `text` is empty where only its sound is known."""

    text: str
    start: float
    end: float


class Customer:
    """Speaks when told, and remembers when it did."""

    def __init__(self) -> None:
        self.voices: list[_Voice] = []
        self.words: list[_Words] = []
        self.speeches: list[Speech] = []

    async def say(self, text: str, seconds: float = 0.6) -> None:
        """Speaks for so long; returns when the silence after it was noticed and the words were recognised."""
        voice, words = self.voices[-1], self.words[-1]
        start = time.time()
        await asyncio.sleep(_STEP)
        voice.tell(VADEventType.START_OF_SPEECH, spoken=_STEP)
        while (spoken := time.time() - start) < seconds:
            voice.tell(VADEventType.INFERENCE_DONE, spoken=spoken)
            await asyncio.sleep(_STEP)
        words.tell(SpeechEventType.INTERIM_TRANSCRIPT, text.split()[0])
        self.speeches.append(Speech(text, start, time.time()))
        recognition = asyncio.create_task(self._recognise(words, text))
        await self._fall_silent(voice, spoken)
        await recognition

    async def _recognise(self, words: _Words, text: str) -> None:
        await asyncio.sleep(_RECOGNITION)
        words.tell(SpeechEventType.FINAL_TRANSCRIPT, text)

    async def _fall_silent(self, voice: _Voice, spoken: float) -> None:
        since = time.time()
        while (silent := time.time() - since) < _SILENCE:
            await asyncio.sleep(_STEP)
            voice.tell(VADEventType.INFERENCE_DONE, spoken=spoken, silent=silent + _STEP)
        voice.tell(VADEventType.END_OF_SPEECH, spoken=spoken, silent=silent)


class VoiceDetection(VAD):
    """Detects the voice of a customer."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(capabilities=VADCapabilities(update_interval=_STEP))
        self.customer = customer

    def stream(self) -> VADStream:
        return _Voice(self)


class _Voice(VADStream):
    _event_ch: Chan[VADEvent]

    def __init__(self, detection: VoiceDetection) -> None:
        super().__init__(detection)
        detection.customer.voices.append(self)

    async def _main_task(self) -> None:
        async for _ in self._input_ch:
            pass

    def tell(self, kind: VADEventType, *, spoken: float, silent: float = 0.0) -> None:
        if self._event_ch.closed:  # the session is over, and the customer does not know it yet
            return
        event = VADEvent(
            type=kind,
            samples_index=0,
            timestamp=time.time(),
            speech_duration=spoken,
            silence_duration=silent,
            speaking=not silent,
            probability=0.9,
            raw_accumulated_speech=0.0 if silent else spoken,
            raw_accumulated_silence=silent,
        )
        self._event_ch.send_nowait(event)


class Recognition(STT):
    """Recognises the words of a customer."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(capabilities=STTCapabilities(streaming=True, interim_results=True))
        self.customer = customer

    async def _recognize_impl(self, *_args: Any, **_kwargs: Any) -> SpeechEvent:
        raise NotImplementedError

    def stream(self, *, language: Any = NOT_GIVEN, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> RecognizeStream:  # noqa: ARG002
        return _Words(self, conn_options)


class _Words(RecognizeStream):
    _event_ch: Chan[SpeechEvent]

    def __init__(self, recognition: Recognition, conn_options: Any) -> None:
        super().__init__(stt=recognition, conn_options=conn_options)
        recognition.customer.words.append(self)

    async def _run(self) -> None:
        async for _ in self._input_ch:
            pass

    def tell(self, kind: SpeechEventType, text: str) -> None:
        if not self._event_ch.closed:
            data = SpeechData(text=text, language=LanguageCode("en"), confidence=0.93)
            self._event_ch.send_nowait(SpeechEvent(type=kind, request_id="recognition", alternatives=[data]))
