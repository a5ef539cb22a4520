"""What the moments of a reader say: who said what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._model.moments import Customer, Fact, Moment, ToolUse, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._model.dialect import Dialect
    from roark_otel._model.rows import SpanView
    from roark_otel.types import Unreadable

T0: Final = 1_795_348_364_000_000_000
MS: Final = 1_000_000


def read_by(dialect: Dialect, spans: Iterable[SpanView], warned: list[Unreadable] | None = None) -> list[Moment]:
    """Returns the moments that a dialect reads, and appends what it cannot read."""
    reader = dialect.reader(([] if warned is None else warned).append)
    for one in spans:
        reader.read(one)
    return list(reader.moments())


def utterances(moments: Iterable[Moment]) -> list[Utterance]:
    return sorted((one for one in moments if isinstance(one, Utterance)), key=lambda one: one.start_ns)


def said(moments: Iterable[Moment]) -> list[tuple[str, str]]:
    return [(role(one), one.text) for one in utterances(moments)]


def role(one: Utterance) -> str:
    return "CUSTOMER" if isinstance(one.speaker, Customer) else "AGENT"


def tools(moments: Iterable[Moment]) -> list[ToolUse]:
    found = (one for one in moments if isinstance(one, ToolUse))
    return sorted(found, key=lambda one: (one.start_ns, one.call_id or "", one.name))


def used(moments: Iterable[Moment]) -> list[tuple[str, object, object, str | None]]:
    """Returns the tool uses as name, arguments, outcome and id."""
    return [(one.name, one.parameters, one.outcome, one.call_id) for one in tools(moments)]


def facts(moments: Iterable[Moment]) -> dict[str, object]:
    """Returns the last value of each fact."""
    return {one.name: one.value for one in moments if isinstance(one, Fact)}


def agents(moments: Iterable[Moment]) -> list[object]:
    """Returns who the agents are."""
    return [one.value for one in moments if isinstance(one, Fact) and one.name == "agent"]


def timed(moments: Iterable[Moment]) -> list[tuple[str, int, int | None]]:
    """Returns what was said with its start and its end, in whole ms."""
    return [
        (one.text, (one.start_ns - T0) // MS, None if one.end_ns is None else (one.end_ns - T0) // MS)
        for one in utterances(moments)
    ]


def interrupted(moments: Iterable[Moment]) -> list[str]:
    return [one.text for one in utterances(moments) if one.payload.get("interrupted")]
