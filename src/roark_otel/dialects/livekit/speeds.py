"""How fast and how sure LiveKit's services were: of each entry, and of the call.

Turns say how long it took to understand the customer and to answer. Models and voices report their first byte since
1.5 on their nodes, before only in the metrics of each request, which do not say whose turn it was.
"""

from __future__ import annotations

from array import array
from enum import IntEnum
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.moments import Fact
from roark_otel._model.reading import MAX_DURATION_MS, json_object, number
from roark_otel.dialects.livekit import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roark_otel._model.spans import SpanRecord

_MILLIONTHS = 1_000_000


class Kind(IntEnum):
    """What was measured."""

    CONFIDENCE = 0
    STT = 1
    ANSWER = 2
    LLM = 3
    TTS = 4
    LLM_REQUEST = 5
    TTS_REQUEST = 6


_ATTRIBUTES = {
    names.USER_TURN: ((Kind.CONFIDENCE, names.CONFIDENCE), (Kind.STT, names.TRANSCRIPTION_DELAY)),
    names.AGENT_TURN: ((Kind.ANSWER, names.E2E_LATENCY),),
    names.LLM_NODE: ((Kind.LLM, names.TTFT),),
    names.TTS_NODE: ((Kind.TTS, names.TTFB),),
}
_METRICS = {
    names.LLM_REQUEST: (Kind.LLM_REQUEST, names.LLM_METRICS, "ttft"),
    names.TTS_REQUEST: (Kind.TTS_REQUEST, names.TTS_METRICS, "ttfb"),
}
_OF_THE_CALL = {
    "stt": (Kind.STT,),
    "llm": (Kind.LLM, Kind.LLM_REQUEST),
    "tts": (Kind.TTS, Kind.TTS_REQUEST),
}


class _Measured(NamedTuple):
    start_ns: int
    span_id: int
    parent_id: int
    millionths: int

    @property
    def ms(self) -> int:
        return round(self.millionths / 1000)


class Speeds:
    """Gathers measurements, in any order of spans: a few numbers for each, packed."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: array[int] = array("Q")

    def read(self, span: SpanRecord) -> None:
        """Takes in what one span that has ended measured."""
        for kind, name in _ATTRIBUTES.get(span.name, ()):
            self._add(kind, span, span.attributes.get(name))
        if span.name in _METRICS:
            kind, name, key = _METRICS[span.name]
            try:
                self._add(kind, span, json_object(span.attributes.get(name)).get(key))
            except ValueError:
                return  # a request that failed has none

    def _add(self, kind: Kind, span: SpanRecord, value: object) -> None:
        seconds = number(value)
        # A negative one says that there was no first byte.
        if seconds is not None and 0 <= seconds <= MAX_DURATION_MS / 1000:
            row = (kind, span.start_ns, span.span_id, span.parent_id or 0, round(seconds * _MILLIONTHS))
            self._rows.extend(row)

    def measured(self) -> Measurements:
        """All of it, by kind."""
        rows = sorted(set(zip(*[iter(self._rows)] * 5, strict=True)))
        return Measurements([(Kind(kind), _Measured(*rest)) for kind, *rest in rows])


class Measurements:
    """What was measured in a conversation, in order."""

    __slots__ = ("_by_kind", "_by_turn")

    def __init__(self, rows: list[tuple[Kind, _Measured]]) -> None:
        self._by_kind: dict[Kind, list[_Measured]] = {}
        self._by_turn: dict[tuple[Kind, int], list[_Measured]] = {}
        for kind, row in rows:
            self._by_kind.setdefault(kind, []).append(row)
            turn_id = row.parent_id if kind in {Kind.LLM, Kind.TTS} else row.span_id
            self._by_turn.setdefault((kind, turn_id), []).append(row)

    def of_customer(self, turn_id: int) -> Mapping[str, object]:
        """What is known of a turn of the customer, as a payload."""
        sure, understood = self._first(Kind.CONFIDENCE, turn_id), self._first(Kind.STT, turn_id)
        found: dict[str, object] = {} if sure is None else {"confidence": sure.millionths / _MILLIONTHS}
        return found if understood is None else {**found, "stt_ttfb_ms": understood.ms}

    def of_agent(self, turn_id: int, start_ns: int, *, is_first: bool) -> Mapping[str, object]:
        """What is known of what the agent said from `start_ns` in a turn, as a payload; `is_first`: nothing before."""
        found = {
            "response_latency_ms": self._first(Kind.ANSWER, turn_id) if is_first else None,
            "llm_ttfb_ms": self._before(Kind.LLM, turn_id, start_ns),
            "tts_ttfb_ms": self._before(Kind.TTS, turn_id, start_ns),
        }
        return {name: row.ms for name, row in found.items() if row is not None}

    def facts(self, when: tuple[int, int]) -> Iterator[Fact]:
        """The medians of the call as properties."""
        for name, kinds in _OF_THE_CALL.items():
            rows = next((self._by_kind[kind] for kind in kinds if kind in self._by_kind), ())
            if rows:
                yield Fact(f"property.{name}_ttfb_ms", round(median(row.millionths for row in rows) / 1000), *when)

    def _first(self, kind: Kind, turn_id: int) -> _Measured | None:
        return next(iter(self._by_turn.get((kind, turn_id), ())), None)

    def _before(self, kind: Kind, turn_id: int, start_ns: int) -> _Measured | None:
        """The last of its kind in a turn that began before what was said then."""
        rows = self._by_turn.get((kind, turn_id), ())
        return next((row for row in reversed(rows) if row.start_ns <= start_ns), None)
