"""The timeline of a call: utterances and tool uses as entries with offsets in ms from its start."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import median
from typing import TYPE_CHECKING, TypeVar, cast

from typing_extensions import assert_never

from roark_otel._model import reading
from roark_otel._model.call import AgentEntry, AgentReference, CustomerEntry, CustomerReference, ToolInvocation
from roark_otel._model.moments import Agent, Customer, Failed, Outcome, Returned, ToolUse, Unanswered, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from roark_otel._model.call import TranscriptEntry

MAX_TEXT = 65_536
"""The longest text of an entry, a description or a prompt, in characters. A longer one is cut with a mark."""

MAX_RESULT = 262_144
"""The longest result, and the longest parameters as JSON text, in characters."""

MAX_NAME = 255
"""The longest name of a tool, an agent or a label, in characters."""

_NS_PER_MS = 1_000_000

T = TypeVar("T", Utterance, ToolUse)


def cut(value: str, limit: int) -> str:
    """Makes text fit for JSON: without lone surrogates, and cut at `limit` with a mark that states its length."""
    value = reading.unicode_text(value)
    if len(value) <= limit:
        return value
    mark = f"… [cut, {len(value)} characters]"
    return value[: max(0, limit - len(mark))] + mark


@dataclass(frozen=True, slots=True)
class Timeline:
    """Computes offsets from `zero_ns`; what was before it moves to 0."""

    zero_ns: int

    def offset(self, time_ns: int) -> int:
        """Returns the offset in ms, at least 0."""
        return max(0, (time_ns - self.zero_ns) // _NS_PER_MS)

    def span(self, moment: Utterance | ToolUse) -> tuple[int, int]:
        """Returns the offsets of start and end of a moment, the end not before the start."""
        start = self.offset(moment.start_ns)
        return start, max(start, self.offset(moment.start_ns if moment.end_ns is None else moment.end_ns))

    def entry(self, said: Utterance, speaker: AgentReference | CustomerReference | None) -> TranscriptEntry:
        """Makes the transcript entry of an utterance."""
        start, end = self.span(said)
        fields: dict[str, object] = {
            "text": cut(said.text, MAX_TEXT),
            "start_offset_ms": start,
            "end_offset_ms": end,
        }
        if said.language_code:
            fields["language_code"] = said.language_code
        if said.payload:
            fields["payload"] = dict(said.payload)
        match said.speaker:
            case Agent():
                agent = {"agent": speaker} if isinstance(speaker, AgentReference) else {}
                return AgentEntry.model_validate({"role": "AGENT", **fields, **agent})
            case Customer():
                customer = {"customer": speaker} if isinstance(speaker, CustomerReference) else {}
                return CustomerEntry.model_validate({"role": "CUSTOMER", **fields, **customer})
        assert_never(said.speaker)

    def invocation(self, use: ToolUse, agent: AgentReference | None) -> ToolInvocation:
        """Makes the tool invocation of a tool use."""
        start, end = self.span(use)
        fields: dict[str, object] = {
            "name": cut(use.name, MAX_NAME),
            "parameters": _fitting(use.parameters),
            "result": _result(use.outcome),
            "start_offset_ms": start,
        }
        if use.end_ns is not None:
            fields["end_offset_ms"] = end
        if use.description:
            fields["description"] = cut(use.description, MAX_TEXT)
        if agent is not None:
            fields["agent"] = agent
        return ToolInvocation.model_validate(fields)

    def clamped(self, moments: Iterable[Utterance | ToolUse]) -> Mapping[str, int]:
        """Returns properties that count the moments moved to 0, and by how much if the clocks seem to differ."""
        before = [self.zero_ns - moment.start_ns for moment in moments if moment.start_ns < self.zero_ns]
        if not before:
            return {}
        skew = int(median(before)) // _NS_PER_MS
        return {"roark_clamped": len(before), **({"roark_clock_skew_ms": skew} if skew > 1000 else {})}


def in_order(moments: Iterable[T]) -> list[T]:
    """Sorts moments by start; equal starts in an order that does not depend on how the spans ended."""
    by_start = groupby(sorted(moments, key=_start), key=_start)
    return [one for _, together in by_start for one in _ordered(list(together))]


def _start(moment: Utterance | ToolUse) -> int:
    return moment.start_ns


def _ordered(together: list[T]) -> list[T]:
    return together if len(together) == 1 else sorted(together, key=_order)


def _order(moment: Utterance | ToolUse) -> tuple[int, str, str]:
    end = -1 if moment.end_ns is None else moment.end_ns
    match moment:
        case Utterance():
            return end, type(moment.speaker).__name__, repr(moment)
        case ToolUse():
            return end, moment.name, repr(moment)
    assert_never(moment)


def with_ends(said: Sequence[Utterance], ended_ns: int) -> list[Utterance]:
    """Gives each utterance, in order, an end: its own, else the start of the next one, else the call's end."""
    closing = replace(said[-1], start_ns=max(said[-1].start_ns, ended_ns)) if said else None
    followed = pairwise([*said, closing] if closing else [])
    return [one if one.end_ns is not None else replace(one, end_ns=after.start_ns) for one, after in followed]


def _fitting(parameters: Mapping[str, object]) -> Mapping[str, object]:
    size = len(json.dumps(parameters, default=str))
    return parameters if size <= MAX_RESULT else {"roark_cut": f"parameters of {size} characters left out"}


def _result(outcome: Outcome) -> str | Mapping[str, JsonValue]:
    match outcome:
        case Returned(value):
            return _returned(value)
        case Failed(error):
            return {"error": cut(error, MAX_TEXT)}
        case Unanswered():
            return ""
    assert_never(outcome)


def _returned(value: object) -> str | Mapping[str, JsonValue]:
    if isinstance(value, str):
        return cut(value, MAX_RESULT)
    as_text = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, dict) and len(as_text) <= MAX_RESULT:
        return cast("Mapping[str, JsonValue]", value)
    return cut(as_text, MAX_RESULT)
