"""Frames and processors as Pipecat has them, by the names of their classes, which is what they are known by."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from roark_otel._instrumentation.pipecat.ears import Ears

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._instrumentation.pipecat.agent import Spoken
    from roark_otel._instrumentation.pipecat.customer import Said
    from roark_otel._instrumentation.pipecat.tools import Use

_ids = count(1)
_kinds: dict[str, type] = {}
_PARENTS = {"TTSTextFrame": "TextFrame", "TranscriptionFrame": "TextFrame", "BotBackchannelFrame": "TTSSpeakFrame"}


class _Thing:
    def get_clock(self) -> Any:
        return SimpleNamespace(get_time=lambda: 0)


def _kind(name: str) -> type:
    if name not in _kinds:
        above = _kind(_PARENTS[name]) if name in _PARENTS else _Thing
        _kinds[name] = type(name, (above,), {})
    return _kinds[name]


def processor(name: str) -> Any:
    """A processor whose class has this name."""
    return _kind(name)()


def frame(name: str, **fields: Any) -> Any:
    """A frame whose class has this name."""
    made = _kind(name)()
    for key, value in {"id": next(_ids), "broadcast_sibling_id": None, "text": "", **fields}.items():
        setattr(made, key, value)
    return made


class Written:
    """What was written of a call, in the place of `Call`."""

    def __init__(self) -> None:
        self.spoken: list[Spoken] = []
        self.lines: list[tuple[str, str]] = []
        self.ways: dict[str, str] = {}
        self.uses: list[Use] = []
        self.begun = False
        self.facts: Mapping[str, Any] | None = None

    def begin(self, _: int) -> None:
        self.begun = True

    def spoke(self, spoken: Spoken) -> None:
        self.spoken.append(spoken)
        self.lines.append(("AGENT", spoken.text))

    def said(self, said: Said, way: str | None = None) -> None:
        self.lines.append(("CUSTOMER", said.text))
        if way is not None:
            self.ways[said.text] = way

    def used(self, use: Use) -> None:
        self.uses.append(use)

    def end(self, _: int, facts: Mapping[str, Any]) -> None:
        assert self.facts is None
        self.facts = facts


class Pipe:
    """A pipeline of named processors, with ears at it."""

    def __init__(self, *names: str, starts: bool = True) -> None:
        self.written = Written()
        self.ears = Ears(self.written)  # type: ignore[arg-type]
        self.line = {name: processor(name) for name in ("PipelineSource", *names, "PipelineSink")}
        if starts:
            self.push(frame("StartFrame", audio_in_sample_rate=16_000))

    def push(self, pushed: Any, begins: str = "PipelineSource", until: str = "PipelineSink") -> Any:
        """Lets a frame pass from a processor down to another, hop by hop."""
        names = list(self.line)
        for index in range(names.index(begins), names.index(until)):
            self.hop(pushed, names[index], names[index + 1])
        return pushed

    def hop(self, pushed: Any, source: str, destination: str) -> None:
        """Lets a frame pass between two processors."""
        if (hears := self.ears.hears(type(pushed))) is not None:
            hears(
                SimpleNamespace(frame=pushed, source=self.line[source], destination=self.line[destination], timestamp=0)
            )

    def both_ways(self, name: str, begins: str, **fields: Any) -> None:
        """Lets a frame pass down and its sibling up."""
        down, up = frame(name, **fields), frame(name, **fields)
        down.broadcast_sibling_id, up.broadcast_sibling_id = up.id, down.id
        self.push(down, begins)
        names = list(self.line)
        for index in range(names.index(begins), 0, -1):
            self.hop(up, names[index], names[index - 1])

    def speak(self, *words: str, context: str = "a", spaced: bool = False) -> None:
        """The output transport plays words to their end."""
        self.push(frame("TTSStartedFrame", context_id=context), "BaseOutputTransport")
        self.both_ways("BotStartedSpeakingFrame", "BaseOutputTransport")
        for word in words:
            text = frame("TTSTextFrame", text=word, context_id=context, includes_inter_frame_spaces=spaced)
            self.push(text, "TTSService")
        self.both_ways("BotStoppedSpeakingFrame", "BaseOutputTransport")

    def hears(self, text: str, begins: str = "STTService") -> Any:
        """The customer's words come."""
        return self.push(frame("TranscriptionFrame", text=text), begins, "LLMUserAggregator")

    def finish(self) -> list[tuple[str, str]]:
        """The pipeline ends. Returns who said what, in the order in which it was written."""
        self.ears.finish()
        return self.written.lines


CASCADE = (
    *("BaseInputTransport", "STTService", "DTMFAggregator", "VADProcessor", "LLMUserAggregator", "LLMService"),
    *("TTSService", "BaseOutputTransport", "LLMAssistantAggregator"),
)
