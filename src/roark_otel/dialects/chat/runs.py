"""Tools that ran in spans of their own, each once, however many spans report it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.moments import Failed, Outcome, ToolUse, Unanswered
from roark_otel._model.repeated_uses import are_alike
from roark_otel._model.tool_uses import agree, is_answered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_RECENT: Final = 8
"""The most uses of one name, or of one id, that may go on at the same time as another one."""

_MAX_DEPTH: Final = 64


class Ran(NamedTuple):
    """A tool ran in a span.

    `agent`: the name of the agent that used it. `other`: what it was given if that is not an object.
    `is_request`: it only asks another process to run the tool, as the Model Context Protocol does.
    """

    span_id: int
    parent_id: int | None
    use: ToolUse
    agent: str | None
    other: Mapping[str, object] = {}
    is_request: bool = False


def once(ran: Iterable[Ran], parents: Mapping[int, int | None]) -> list[Ran]:
    """Returns the uses without those that another span reports as well; the outer span says when, both say what.

    Args:
        ran: What spans report.
        parents: The parents of all spans that were read.
    """
    found = _Found(parents)
    for tool in sorted(ran, key=_outer_first):
        found.add(tool)
    return found.kept


class _Found:
    """The uses that were found so far."""

    def __init__(self, parents: Mapping[int, int | None]) -> None:
        self.kept: list[Ran] = []
        self._parents = parents
        self._of_span: dict[int, int] = {}
        self._by_id: defaultdict[str, list[int]] = defaultdict(list)
        self._by_name: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, tool: Ran) -> None:
        """Adds what one span reports."""
        index = self._above(tool)
        if index is None and tool.use.call_id:
            index = self._latest(self._by_id[tool.use.call_id], tool, _is_same_by_id)
        if index is None:
            index = self._latest(self._by_name[tool.use.name], tool, _is_same_by_name)
        if index is None:
            index = len(self.kept)
            self.kept.append(tool)
            self._by_name[tool.use.name].append(index)
        else:
            self.kept[index] = _joined(self.kept[index], tool)
        self._of_span[tool.span_id] = index
        if tool.use.call_id and self._by_id[tool.use.call_id][-1:] != [index]:
            self._by_id[tool.use.call_id].append(index)

    def _above(self, tool: Ran) -> int | None:
        """The use of the nearest span of a tool above this one, if it is the same."""
        above = tool.parent_id
        for depth in range(_MAX_DEPTH):
            if above is None:
                return None
            if (index := self._of_span.get(above)) is not None:
                return index if _is_same_below(self.kept[index], tool, is_direct=depth == 0) else None
            above = self._parents.get(above)
        return None

    def _latest(self, indexes: list[int], tool: Ran, is_same: Callable[[Ran, Ran], bool]) -> int | None:
        return next((index for index in reversed(indexes[-_RECENT:]) if is_same(self.kept[index], tool)), None)


def _outer_first(tool: Ran) -> tuple[int, int, int]:
    return tool.use.start_ns, -_end_ns(tool.use), tool.span_id


def _is_same_below(outer: Ran, inner: Ran, *, is_direct: bool) -> bool:
    one, other = outer.use, inner.use
    if one.call_id and other.call_id and one.call_id != other.call_id:
        return False
    if inner.is_request:
        return are_alike(one.name, other.name)
    return one.name == other.name and (is_direct or agree(one, other))


def _is_same_by_id(known: Ran, tool: Ran) -> bool:
    """Whether two spans of one id report one use: they complete each other, or say the same at the same time."""
    one, other = known.use, tool.use
    if not agree(one, other):
        return False
    if _follows(one, other):
        return is_answered(one) != is_answered(other)
    return known.parent_id != tool.parent_id or not _are_two(one, other)


def _is_same_by_name(known: Ran, tool: Ran) -> bool:
    """Whether spans, one of which has no id, report one use: they say the same at the same time in different places."""
    one, other = known.use, tool.use
    if (one.call_id and other.call_id) or _follows(one, other) or not agree(one, other):
        return False
    is_elsewhere = known.parent_id != tool.parent_id
    if tool.is_request and is_elsewhere and _end_ns(other) <= _end_ns(one):
        return True
    return one.parameters == other.parameters and (is_elsewhere or is_answered(one) != is_answered(other))


def _follows(one: ToolUse, other: ToolUse) -> bool:
    return other.start_ns >= _end_ns(one) and other.start_ns > one.start_ns


def _are_two(one: ToolUse, other: ToolUse) -> bool:
    return is_answered(one) and is_answered(other) and one.outcome != other.outcome


def _joined(known: Ran, tool: Ran) -> Ran:
    one, other = known.use, tool.use
    use = replace(
        one,
        end_ns=other.end_ns if one.end_ns is None else one.end_ns,
        parameters=one.parameters or other.parameters,
        outcome=_better(one.outcome, other.outcome),
        call_id=one.call_id or other.call_id,
        description=one.description or other.description,
    )
    return known._replace(use=use, agent=known.agent or tool.agent, other=known.other or tool.other)


def _better(one: Outcome, other: Outcome) -> Outcome:
    if isinstance(one, Unanswered) or (isinstance(other, Failed) and not isinstance(one, Failed)):
        return other
    return one


def _end_ns(use: ToolUse) -> int:
    return use.start_ns if use.end_ns is None else use.end_ns
