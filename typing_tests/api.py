"""The API as users write it: type-checked, never run."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.sdk.trace import TracerProvider
from typing_extensions import assert_type

import roark_otel
from roark_otel import RoarkSpanProcessor, Settings, attributes
from roark_otel.dialects import DIALECTS
from roark_otel.moments import Agent, Moment, Utterance
from roark_otel.records import SpanRecord
from roark_otel.types import (
    Attached,
    Delivered,
    Dialect,
    FinishedCall,
    Kept,
    NoRecording,
    Reader,
    Receipt,
    Refused,
    Rejected,
    Stats,
    TryAgain,
    Warn,
)

provider = TracerProvider()
provider.add_span_processor(RoarkSpanProcessor())
provider.add_span_processor(RoarkSpanProcessor(settings=Settings.from_env(), recording_url="https://example.com/a.wav"))

assert_type(RoarkSpanProcessor().force_flush(1_000), bool)
assert_type(RoarkSpanProcessor().stats(), Stats)
assert_type(roark_otel.force_flush(), bool)
assert_type(roark_otel.get_processor(), RoarkSpanProcessor | None)
assert_type(roark_otel.stats().delivered, int)
name: str = attributes.EXTERNAL_ID

with roark_otel.call_attributes(external_id="call-1", properties={"plan": "gold"}):
    pass


async def inside() -> None:
    """An async app."""
    async with roark_otel.call_attributes(external_id="call-1", as_baggage=True):
        pass


class MyReader:
    """A reader of one's own."""

    def __init__(self, warn: Warn) -> None:
        self._said: list[Utterance] = []

    def read(self, span: SpanRecord) -> None:
        """Takes in a span."""
        if span.name == "said" and span.end_ns is not None:
            self._said.append(Utterance(Agent(), str(span.attributes["words"]), span.start_ns, span.end_ns))

    def moments(self) -> Iterable[Moment]:
        """Everything said."""
        return self._said


def find(call: FinishedCall) -> str | None:
    """A resolver of one's own."""
    if call.turns == 0:
        raise NoRecording
    return f"https://recordings.example.com/{call.started_at:%Y}/{call.external_id}.wav"


def note(call: FinishedCall, receipt: Receipt) -> None:
    """A hook of one's own."""
    match receipt:
        case Delivered(call_id, already):
            assert_type((call_id, already), tuple[str | None, bool])
        case Rejected(status, reason):
            assert_type((call.external_id, status, reason), tuple[str, int, str])
        case Refused(status):
            assert_type(status, int)
        case TryAgain(after, why):
            assert_type((after, why), tuple[float | None, str])


RoarkSpanProcessor(recording_url=find, on_receipt=note)
attached: Attached | Kept = roark_otel.attach_recording("call-1", "https://recordings.example.com/call-1.wav")
mine = Dialect(name="mine", reader=MyReader, scopes=frozenset({"my.voice"}), live=True)
reader: Reader = MyReader(lambda _: None)
RoarkSpanProcessor(dialects=[mine, *DIALECTS])
