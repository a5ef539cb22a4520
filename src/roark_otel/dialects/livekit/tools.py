"""LiveKit's tool uses: those that ran, and those that failed before they could."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, cast

from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.json_lists import listed
from roark_otel._model.moments import ToolUse
from roark_otel._model.reading import flag, text
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.names import content, spelling
from roark_otel.dialects.livekit.values import as_text, from_json, outcome_of, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from roark_otel._model.rows import SpanView

_LATER = re.compile(r"(.+)_(?:final|update_\d+)", re.DOTALL)
"""The id of a result that came after the first one of a call: the call's own id, and this."""

NO_CALLS: Final = (None, "[]", "null")
"""How the answer of a model says that it asks for no tools."""

Answer: TypeAlias = "tuple[str, bool]"
"""What the history says came of a call, and whether that is an error."""


class Asked(NamedTuple):
    """A tool that the model asked for, at `at_ns` in the agent's turn `turn_id`."""

    at_ns: int
    turn_id: int
    name: str
    arguments: str
    call_id: str
    span_id: int


class Later(NamedTuple):
    """What came of a call of a tool that had answered already, and when the model knew it at the latest."""

    at_ns: int
    id: str
    call_id: str
    answer: Answer


class Ran(NamedTuple):
    """A tool that ran, for the agent of that name."""

    use: ToolUse
    arguments: str
    agent: str | None


class Tools:
    """Gathers the tool uses of a conversation, in any order of spans.

    A tool that ran has a span. One that the model made up, or called with arguments that are not JSON, has none: the
    model's answer asks for it, and the history that the model gets next says what was wrong. A call of a discarded
    answer is in no history.

    A tool that goes on after its first answer, as one does that reports its progress, has further results in the
    history, each as a use of its own.
    """

    __slots__ = ("_answers", "_asked", "_later", "_ran", "_ran_ids", "_warn")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._ran: dict[int, Ran] = {}
        self._ran_ids: set[str] = set()
        self._asked: dict[str, Asked] = {}
        self._answers: dict[str, Answer] = {}
        self._later: dict[str, Later] = {}

    def ran(self, span: SpanView, end_ns: int) -> None:
        """Takes in a tool that ran; what the history says of it is not needed any more."""
        attributes = span.attributes
        get = attributes.get
        name, arguments = text(get(names.TOOL_NAME)), content(attributes, names.TOOL_ARGUMENTS)
        if not name:
            return
        written = arguments if isinstance(arguments, str) else ""
        given = parameters(written)
        if given is None:
            self._warn(Unreadable(span, spelling(span.attributes, names.TOOL_ARGUMENTS), "not a JSON object"))
        use = ToolUse(
            name=name,
            start_ns=span.start_ns,
            end_ns=end_ns,
            parameters=as_text(written) if given is None else given,
            outcome=outcome_of(content(attributes, names.TOOL_OUTPUT), is_error=flag(get(names.TOOL_IS_ERROR)) is True),
            call_id=text(get(names.TOOL_ID)) or text(get(names.TOOL_CALL_ID)),
            description=text(get(names.TOOL_DESCRIPTION)),
            span_id=span.span_id,
        )
        self._ran[span.span_id] = Ran(use, "" if use.call_id else written, text(get(names.TURN_AGENT_NAME)))
        if call_id := use.call_id:
            self._ran_ids.add(call_id)
            self._asked.pop(call_id, None)
            self._answers.pop(call_id, None)

    def asked(self, span: SpanView, calls: object, end_ns: int) -> bool:
        """Takes in what a model asked for, which is none of `NO_CALLS`. Returns whether that are tools."""
        found = listed(calls)
        if found.flaw:
            self._warn(Unreadable(span, spelling(span.attributes, names.FUNCTION_CALLS), found.flaw))
        several = _calls(found.items, end_ns, span)
        for one in several:
            if one.call_id not in self._ran_ids:
                self._asked[one.call_id] = min(one, self._asked.get(one.call_id, one))
        return bool(several)

    def answered(self, item: Mapping[str, object], at_ns: int) -> None:
        """Takes in an item of a history that says what came of a call, and when the model was given it."""
        call_id, output = item.get("call_id"), item.get("output")
        if isinstance(call_id, str) and isinstance(output, str) and call_id not in self._ran_ids:
            answer = (output, item.get("is_error") is True)
            self._answers[call_id] = min(answer, self._answers.get(call_id, answer))
            if later := _LATER.fullmatch(call_id):
                self._later[str(item.get("id"))] = Later(at_ns, call_id, later[1], answer)

    def uses(self, *, in_json: bool) -> Iterator[tuple[ToolUse, int, str | None]]:
        """Yields every tool use, with the id of its agent's turn (0: not known) and the name of its agent.

        `in_json`: whether outputs were written as JSON, rather than with `str()`.
        """
        for use, turn_id, agent in self._uses():
            outcome = from_json(use.outcome) if in_json else use.outcome
            yield (use if outcome is use.outcome else replace(use, outcome=outcome)), turn_id, agent

    def _uses(self) -> Iterator[tuple[ToolUse, int, str | None]]:
        never_ran = dict(self._asked)
        for _, ran in sorted(self._ran.items(), key=lambda one: (one[1].use.start_ns, one[0])):
            use = ran.use
            if use.call_id is None and (asked := _asked_for(ran, never_ran.values())):
                use = replace(use, call_id=never_ran.pop(asked.call_id).call_id)
            yield use, 0, ran.agent
        yield from self._went_on()
        for asked in never_ran.values():
            if answer := self._answers.get(asked.call_id):
                given = parameters(asked.arguments)
                given = as_text(asked.arguments) if given is None else given
                outcome = outcome_of(answer[0], is_error=answer[1])
                at_ns = asked.at_ns
                use = ToolUse(asked.name, at_ns, at_ns, given, outcome, asked.call_id, span_id=asked.span_id)
                yield use, asked.turn_id, None

    def _went_on(self) -> Iterator[tuple[ToolUse, int, str | None]]:
        """Yields the further results of tools that ran, from the start of the tool to when the result was known."""
        for later in sorted(self._later.values()):
            ran = [one for one in self._ran.values() if one.use.call_id == later.call_id]
            if before := [one for one in ran if one.use.start_ns <= later.at_ns]:
                first = max(before, key=lambda one: one.use.start_ns)
                outcome = outcome_of(later.answer[0], is_error=later.answer[1])
                use = replace(first.use, end_ns=later.at_ns, outcome=outcome, call_id=later.id)
                yield use, 0, first.agent


def _asked_for(ran: Ran, asked: Iterable[Asked]) -> Asked | None:
    """Returns the call that a tool answers whose span has no call id, as before 1.3.12."""
    alike = (one for one in asked if one.name == ran.use.name and one.arguments == ran.arguments)
    return min(alike, default=None)


def _calls(found: Iterable[object], at_ns: int, span: SpanView) -> list[Asked]:
    asked: list[Asked] = []
    for call in found:
        if isinstance(call, dict):
            get = cast("dict[str, object]", call).get
            name, call_id, arguments = text(get("name")), text(get("call_id")), get("arguments")
            if name and call_id:
                written = arguments if isinstance(arguments, str) else ""
                asked.append(Asked(at_ns, span.parent_id or 0, name, written, call_id, span.span_id))
    return asked
