"""The two ends of a line without a network: a microphone nobody speaks into, and a loudspeaker that keeps a record."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities, TextOutput

from frameworks.livekit.customer import Speech
from frameworks.livekit.models import SAMPLE_RATE

if TYPE_CHECKING:
    from livekit.agents.utils.aio import Chan

_MICROPHONE_RATE = 16_000


class Microphone(AudioInput):
    """Carries a little silence, because LiveKit starts to listen with the first frame."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: Chan[rtc.AudioFrame] = utils.aio.Chan()

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.__anext__()

    def open(self) -> None:
        count = _MICROPHONE_RATE // 10
        self._frames.send_nowait(rtc.AudioFrame(bytes(2 * count), _MICROPHONE_RATE, 1, count))


class Loudspeaker(AudioOutput):
    """Plays audio for as long as it lasts, and remembers when it did."""

    def __init__(self) -> None:
        super().__init__(
            label="loudspeaker",
            capabilities=AudioOutputCapabilities(pause=False),
            next_in_chain=None,
            sample_rate=SAMPLE_RATE,
        )
        self.speeches: list[Speech] = []
        self._since: float | None = None
        self._seconds = 0.0
        self._end: asyncio.TimerHandle | None = None

    @property
    def is_playing(self) -> bool:
        return self._since is not None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._seconds += frame.duration
        if self._since is None:
            self._since = time.time()
            self.on_playback_started(created_at=self._since)

    def flush(self) -> None:
        super().flush()
        if self._since is not None:
            left = self._seconds - (time.time() - self._since)
            self._end = asyncio.get_running_loop().call_later(max(0.0, left), self._finish, self._seconds, False)

    def clear_buffer(self) -> None:
        if self._since is not None:
            self._finish(min(self._seconds, time.time() - self._since), interrupted=True)

    def _finish(self, position: float, interrupted: bool) -> None:
        if self._end is not None:
            self._end.cancel()
        self.speeches.append(Speech("", self._since or 0.0, time.time()))
        self._since, self._seconds, self._end = None, 0.0, None
        self.on_playback_finished(playback_position=position, interrupted=interrupted, synchronized_transcript=None)


class Subtitles(TextOutput):
    """Takes the words that go with the audio, and lets them go."""

    def __init__(self) -> None:
        super().__init__(label="subtitles", next_in_chain=None)

    async def capture_text(self, text: str) -> None:
        """Nothing to do: what was heard is in the session's history."""

    def flush(self) -> None:
        """Nothing was kept."""
