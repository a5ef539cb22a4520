"""Turns a call into rows in order of time: who said what, which tool was used, who interrupted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from roark_otel._model.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from roark_otel._model.call import ToolInvocation
    from roark_otel.cli.demo.readback import SeenCall

Speaker: TypeAlias = Literal["agent", "customer"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the call, in milliseconds since it began; both ends are equal where the end is unknown."""

    start_ms: int
    end_ms: int

    @property
    def seconds(self) -> str:
        """Its length in seconds, as text."""
        return f"{(self.end_ms - self.start_ms) / 1000:.3f}s"  # without a space, so that the unit never wraps


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance.

    Attributes:
        when: From first to last sound.
        who: The speaker.
        text: The words that were heard.
        over: The stretch in which the other speaker was still talking: a barge-in.
        is_cut: Whether the speaker was interrupted.
    """

    when: Stretch
    who: Speaker
    text: str
    over: Stretch | None
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Used:
    """One use of a tool.

    Attributes:
        when: From its call to its answer.
        call: Its name and arguments.
        answer: Its result or its error.
        is_error: Whether `answer` is an error.
    """

    when: Stretch
    call: str
    answer: str
    is_error: bool


Row: TypeAlias = Said | Used


def clock(milliseconds: int) -> str:
    """Formats a time of the call as a player does: `m:ss.mmm`."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 60}:{seconds % 60:02}.{rest:03}"


def rows(call: SeenCall) -> list[Row]:
    """Returns the utterances and tool uses of a call, in order of time."""
    posted = Call.model_validate(call.body)
    happened: list[Row] = [*_said(call.entries, posted), *(_used(tool) for tool in posted.tool_invocations or ())]
    return sorted(happened, key=lambda row: (row.when.start_ms, row.when.end_ms))


def length_ms(happened: Iterable[Row]) -> int:
    """Returns the time at which the last row ends, in ms since the call began; 0 without rows."""
    return max((row.when.end_ms for row in happened), default=0)


def _said(entries: Sequence[Mapping[str, Any]], posted: Call) -> Iterable[Said]:
    # Roark's transcript endpoint leaves the payload out.
    cut = {
        (entry.role, entry.start_offset_ms)
        for entry in posted.transcript or ()
        if (entry.payload or {}).get("interrupted") is True
    }
    for index, entry in enumerate(entries):
        yield Said(
            when=_when(entry),
            who="agent" if entry["role"] == "AGENT" else "customer",
            text=entry["text"],
            over=_over(entry, entries[:index]),
            is_cut=(entry["role"], entry["startOffsetMs"]) in cut,
        )


def _over(entry: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Stretch | None:
    mine = _when(entry)
    ends = [_when(other).end_ms for other in before if other["role"] != entry["role"]]
    until = min(max(ends, default=0), mine.end_ms)
    return Stretch(mine.start_ms, until) if until > mine.start_ms else None


def _when(entry: Mapping[str, Any]) -> Stretch:
    return Stretch(entry["startOffsetMs"], entry["endOffsetMs"])


def _used(tool: ToolInvocation) -> Used:
    end_ms = tool.start_offset_ms if tool.end_offset_ms is None else tool.end_offset_ms
    arguments = ", ".join(f"{name}={_text(value, quoted=True)}" for name, value in tool.parameters.items())
    error = tool.result.get("error") if isinstance(tool.result, dict) else None
    return Used(
        when=Stretch(tool.start_offset_ms, end_ms),
        call=f"{tool.name}({arguments})",
        answer=_text(tool.result if error is None else error),
        is_error=error is not None,
    )


def _text(value: object, *, quoted: bool = False) -> str:
    return value if isinstance(value, str) and not quoted else json.dumps(value, ensure_ascii=False)
