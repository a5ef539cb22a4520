"""A call as rows in order of time: who said what, which tool was used, who talked over whom."""

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
class Span:
    """A stretch of the call, in milliseconds since it began; a point where nobody told an end."""

    start_ms: int
    end_ms: int

    @property
    def seconds(self) -> str:
        """How long it is."""
        return f"{(self.end_ms - self.start_ms) / 1000:.3f}s"  # no blank: it stays on the line of the number


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody said something.

    Attributes:
        when: From first to last sound.
        who: The speaker.
        text: What was heard.
        over: The stretch in which the other one was still talking: a barge-in.
        is_cut: Whether the speaker was interrupted.
    """

    when: Span
    who: Speaker
    text: str
    over: Span | None
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Used:
    """A tool was used.

    Attributes:
        when: From its call to its answer.
        call: Its name and arguments.
        answer: Its result, or its error.
        is_error: Which of them.
    """

    when: Span
    call: str
    answer: str
    is_error: bool


Row: TypeAlias = Said | Used


def clock(milliseconds: int) -> str:
    """A time of the call, as a player shows it: `m:ss.mmm`."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 60}:{seconds % 60:02}.{rest:03}"


def rows(call: SeenCall) -> list[Row]:
    """What happened in a call, in order of time."""
    posted = Call.model_validate(call.body)
    happened: list[Row] = [*_said(call.entries, posted), *(_used(tool) for tool in posted.tool_invocations or ())]
    return sorted(happened, key=lambda row: (row.when.start_ms, row.when.end_ms))


def length_ms(happened: Iterable[Row]) -> int:
    """When the last of it ends."""
    return max((row.when.end_ms for row in happened), default=0)


def _said(entries: Sequence[Mapping[str, Any]], posted: Call) -> Iterable[Said]:
    # The answer about a transcript leaves the payload out.
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


def _over(entry: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Span | None:
    mine = _when(entry)
    ends = [_when(other).end_ms for other in before if other["role"] != entry["role"]]
    until = min(max(ends, default=0), mine.end_ms)
    return Span(mine.start_ms, until) if until > mine.start_ms else None


def _when(entry: Mapping[str, Any]) -> Span:
    return Span(entry["startOffsetMs"], entry["endOffsetMs"])


def _used(tool: ToolInvocation) -> Used:
    end_ms = tool.start_offset_ms if tool.end_offset_ms is None else tool.end_offset_ms
    arguments = ", ".join(f"{name}={_text(value, quoted=True)}" for name, value in tool.parameters.items())
    error = tool.result.get("error") if isinstance(tool.result, dict) else None
    return Used(
        when=Span(tool.start_offset_ms, end_ms),
        call=f"{tool.name}({arguments})",
        answer=_text(tool.result if error is None else error),
        is_error=error is not None,
    )


def _text(value: object, *, quoted: bool = False) -> str:
    return value if isinstance(value, str) and not quoted else json.dumps(value, ensure_ascii=False)
