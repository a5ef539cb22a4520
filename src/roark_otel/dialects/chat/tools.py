"""Tool uses, each once: from spans of their own and from what messages ask for and answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from roark_otel._model.moments import Failed, Returned
from roark_otel._model.repeated_uses import repeats
from roark_otel._model.tool_uses import is_answered, joined
from roark_otel.dialects.chat.calls import Calls, Mentioned
from roark_otel.dialects.chat.runs import Ran, once
from roark_otel.dialects.chat.values import NO_REASON, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from roark_otel._model.moments import ToolUse
    from roark_otel.dialects.chat.recital import Recital, Span
    from roark_otel.dialects.chat.shapes import Message

_NEVER_NS: Final = 1 << 64


class Tools:
    """Gathers tool uses, in any order of spans.

    Where tools have spans, messages only say what spans leave out: a model also asks for what is no tool.
    """

    __slots__ = ("_calls", "_has_runs", "_parents", "_ran")

    def __init__(self) -> None:
        self._ran: dict[int, Ran] = {}
        self._parents: dict[int, int | None] = {}
        self._calls = Calls()
        self._has_runs = False

    def expect_runs(self) -> None:
        """Notes that the source gives every tool a span, so a use that only messages mention is none."""
        self._has_runs = True

    def below(self, span_id: int, parent_id: int | None) -> None:
        """A span is below another one."""
        self._parents[span_id] = parent_id

    def ran(self, tool: Ran) -> None:
        """A tool ran."""
        self.expect_runs()
        self._ran[tool.span_id] = tool

    def shown(
        self,
        span: Span,
        before: Recital,
        messages: Iterable[Message],
        agent: str | None,
        *,
        is_wrapped: bool = False,
    ) -> None:
        """A model was asked with a history, of which `messages` are what `before` does not have yet.

        `is_wrapped`: whether results that are no objects are in one.
        """
        self._calls.shown(span, before, messages, agent, is_wrapped=is_wrapped)

    def asked(self, span: Span, before: Recital, messages: Sequence[Message], agent: str | None) -> None:
        """A model asked for tools, after a history."""
        self._calls.asked(span, before.digest, messages, agent)

    def uses(self, asked_ns: Mapping[int, int] | None = None) -> list[tuple[ToolUse, str | None]]:
        """Every tool use and the name of its agent.

        Args:
            asked_ns: By the id of a span, when the model asked there for the tools below it, whose own spans only say
                when they were done.
        """
        mentioned = self._calls.mentioned()
        if not self._has_runs:
            return [(one.use, one.agent) for one in mentioned]
        began = asked_ns or {}
        ran = once(self._ran.values(), self._parents)
        return [
            (_begun(tool.use, began.get(tool.parent_id or 0)), tool.agent)
            for tool in map(_with_other, _filled(ran, mentioned))
        ]


def _filled(ran: list[Ran], mentioned: Iterable[Mentioned]) -> list[Ran]:
    """The tools that ran, with what only messages say of them."""
    uses = sorted(((_as_known(one), one.agent) for one in mentioned), key=lambda one: (one[0].start_ns, repr(one)))
    for index, known in repeats([tool.use for tool in ran], [use for use, _ in uses]).items():
        tool, (use, agent) = ran[known], uses[index]
        filled = replace(joined(tool.use, use), start_ns=tool.use.start_ns, end_ns=tool.use.end_ns)
        if tool.use.outcome == Failed(NO_REASON) and isinstance(use.outcome, Returned):
            # What the model was given says why, although the span has nothing but its status.
            filled = replace(filled, outcome=Failed(words_of(use.outcome.value) or NO_REASON))
        ran[known] = tool._replace(use=filled, agent=tool.agent or agent)
    return ran


def _as_known(mentioned: Mentioned) -> ToolUse:
    """A use at the times at which it may have been, as far as messages show."""
    use = mentioned.use
    return replace(
        use,
        start_ns=use.start_ns if mentioned.was_asked else 0,
        end_ns=use.end_ns if is_answered(use) else _NEVER_NS,
    )


def _with_other(tool: Ran) -> Ran:
    return tool if tool.use.parameters else tool._replace(use=replace(tool.use, parameters=tool.other))


def _begun(use: ToolUse, at_ns: int | None) -> ToolUse:
    return use if at_ns is None or at_ns > use.start_ns else replace(use, start_ns=at_ns)
