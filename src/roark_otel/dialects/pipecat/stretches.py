"""What is kept of Pipecat's spans: the stretch of time of each, and what it says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.reading import MAX_DURATION_MS, number
from roark_otel._model.rows import ERROR
from roark_otel.dialects.pipecat import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.rows import Row

_NS = 1_000_000_000
_TO_SPEAKER_NS = 6_000_000
"""How long the first byte of speech takes through the pipeline until it is played: 3 to 12 ms were measured."""
_MAX_NS = MAX_DURATION_MS * 1_000_000


class Stretch(NamedTuple):
    """A model was asked, or a text went to a speech service.

    `end_ns` is None if the span never ended. `text` is what was written or was to be spoken, None if the span does not
    hold it. `ttfb_ns` is how long the first byte took. `flag`: of a model that it is a speech-to-speech model, of a
    speech that it was interrupted.
    """

    start_ns: int
    span_id: int
    turn_id: int
    end_ns: int | None
    text: str | None
    ttfb_ns: int | None = None
    flag: bool = False

    @property
    def until_ns(self) -> int:
        """The end, or the start of a span that has none."""
        return self.start_ns if self.end_ns is None else self.end_ns

    @property
    def spoken_ns(self) -> int:
        """When a speech was played if it had to wait for no other."""
        return self.start_ns if self.ttfb_ns is None else self.start_ns + self.ttfb_ns + _TO_SPEAKER_NS


class Turn(NamedTuple):
    """An exchange. `latency_ns` is how long the agent took to answer, `lasted_ns` how long Pipecat says it lasted."""

    start_ns: int
    span_id: int
    end_ns: int | None
    latency_ns: int | None
    lasted_ns: int | None
    interrupted: bool

    @property
    def until_ns(self) -> int:
        """The end, or the start of a turn that has none."""
        return self.start_ns if self.end_ns is None else self.end_ns


def ttfb_ns(row: Row, attributes: Mapping[str, object]) -> int | None:
    """Returns how long the first byte of a service took; of one that failed it says how long the failure did."""
    if row[ERROR]:
        return None
    seconds = attributes.get(names.TTFB)
    if seconds is not None and (found := seconds_ns(seconds)) is not None:
        return found
    written = attributes.get(names.TTFB_MS)
    milliseconds = None if written is None else number(written)
    return None if milliseconds is None else seconds_ns(milliseconds / 1000)


def seconds_ns(value: object) -> int | None:
    """Returns a number of seconds as nanoseconds, None if it is not a duration."""
    if value is None:
        return None
    seconds = value if type(value) is float else number(value)  # one that is not finite is not in the range either
    if seconds is None or not 0 <= seconds * _NS <= _MAX_NS:
        return None
    return int(seconds * _NS)
