"""When the customer's audio came in, for voice activity: it counts in samples, and knows of them later."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._instrumentation.pipecat.clock import pushed_ns
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from roark_otel._instrumentation.pipecat.kinds import Pushed

_NS: Final = 1_000_000_000
_MOST: Final = 512

_BURST_NS: Final = 1_000_000_000
"""Audio comes in at most this long after it was spoken."""


class _Came(NamedTuple):
    frame_id: int
    at_ns: int
    samples: int
    lasts_ns: int


class Audio:
    """The audio of the last seconds.

    Attributes:
        rate: The sample rate of the pipeline, as if audio had which voice activity counts; 0 until it starts.
    """

    __slots__ = ("_came", "_examined_id", "_examiner_id", "_newest_id", "rate")

    def __init__(self) -> None:
        self.rate = 0
        self._came: deque[_Came] = deque(maxlen=_MOST)
        self._newest_id = self._examined_id = self._examiner_id = 0

    def pushed(self, data: Pushed) -> None:
        """Hears audio, which passes every processor of a pipeline 50 times a second. Frames are numbered."""
        frame_id: int = data.frame.id
        if frame_id > self._newest_id:
            self._newest_id = frame_id
            self._comes(data)
        if id(data.source) == self._examiner_id:
            self._examined_id = frame_id

    def before_ns(self, at_ns: int, seconds: object, processor: object) -> int:
        """Returns when something began that a processor was sure of only later.

        Args:
            at_ns: When it was sure.
            seconds: How much audio that took.
            processor: Which processor. It has passed on what it examines, which a busy one does late.
        """
        if not isinstance(seconds, (int, float)) or seconds < 0:
            return at_ns
        if self._examiner_id != id(processor):
            self._examiner_id, self._examined_id = id(processor), self._newest_id
        samples, is_examined, until_ns = seconds * self.rate, False, at_ns
        for came in reversed(self._came):
            # What comes in a burst was said one after another, before that.
            until_ns = max(min(came.at_ns, until_ns), came.at_ns - _BURST_NS)
            is_examined = is_examined or came.frame_id == self._examined_id
            if is_examined and samples > 0:
                samples -= came.samples
                if samples <= 0:
                    return until_ns - came.lasts_ns
            until_ns -= came.lasts_ns
        return at_ns - int(seconds * _NS)

    @guarded(None)
    def _comes(self, data: Pushed) -> None:
        frame = data.frame
        if frame.sample_rate:
            lasts_ns = frame.num_frames * _NS // frame.sample_rate
            self._came.append(_Came(frame.id, pushed_ns(data), frame.num_frames, lasts_ns))
