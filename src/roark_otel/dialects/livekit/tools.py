"""LiveKit's tool uses: those that ran, and those that failed before they could."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.growth import Growth
from roark_otel._model.moments import ToolUse
from roark_otel._model.reading import flag, parsed, text
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.names import content, spelling
from roark_otel.dialects.livekit.values import as_text, outcome_of, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from roark_otel._model.rows import SpanView

_OUTPUT = re.compile(r'\{"id":\s*"([^"\\]*)",\s*"type":\s*"function_call_output"')
_ITEM = '{"id"'
_CLOSING = "]} \n"
_DECODER = json.JSONDecoder()

Answer: TypeAlias = "tuple[str, bool]"
"""What the history says came of a call, and whether that is an error."""


class Asked(NamedTuple):
    """A tool that the model asked for, at `at_ns` in the agent's turn `turn_id`."""

    at_ns: int
    turn_id: int
    name: str
    arguments: str
    call_id: str


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
    """

    __slots__ = ("_answers", "_asked", "_growth", "_ran", "_ran_ids", "_seen", "_warn")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._ran: dict[int, Ran] = {}
        self._ran_ids: set[str] = set()
        self._asked: dict[str, Asked] = {}
        self._answers: dict[str, Answer] = {}
        self._seen: set[str] = set()
        self._growth: Growth[None] = Growth()

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
            call_id=text(get(names.TOOL_ID)),
            description=text(get(names.TOOL_DESCRIPTION)),
        )
        self._ran[span.span_id] = Ran(use, "" if use.call_id else written, text(get(names.TURN_AGENT_NAME)))
        if call_id := use.call_id:
            self._ran_ids.add(call_id)
            self._asked.pop(call_id, None)
            self._answers.pop(call_id, None)

    def asked(self, span: SpanView, end_ns: int) -> bool:
        """Takes in that the model was asked, with a history. Returns whether it asked for tools."""
        history = content(span.attributes, names.CHAT_CTX)
        if isinstance(history, str):
            self._history(span, history)
        asked = content(span.attributes, names.FUNCTION_CALLS)
        if asked is None or asked == "[]":
            return False
        calls: list[Asked] = []
        try:
            calls = _calls(asked, end_ns, span.parent_id or 0)
        except ValueError as fault:
            self._warn(Unreadable(span, spelling(span.attributes, names.FUNCTION_CALLS), str(fault)))
        for one in calls:
            if one.call_id not in self._ran_ids:
                self._asked[one.call_id] = min(one, self._asked.get(one.call_id, one))
        return bool(calls)

    def _history(self, span: SpanView, items: str) -> None:
        """Takes the answers from a history, which repeats itself each time the model is asked: only what is new."""
        known = self._growth.known(items)
        since = 0 if known is None else max(0, items.rfind(_ITEM, 0, known[0]))
        until = len(items)
        while until and items[until - 1] in _CLOSING:  # `rstrip` would copy all of it
            until -= 1
        for found in _OUTPUT.finditer(items, since):
            if found[1] in self._seen:
                continue
            try:
                item: object = _DECODER.raw_decode(items, found.start())[0]
            except (ValueError, RecursionError):
                self._warn(Unreadable(span, spelling(span.attributes, names.CHAT_CTX), "not JSON"))
                until = found.start()
                break
            self._seen.add(found[1])
            if isinstance(item, dict):
                self._answer(cast("dict[str, object]", item))
        self._growth.remember(items, until, None)

    def _answer(self, item: Mapping[str, object]) -> None:
        call_id, output = item.get("call_id"), item.get("output")
        if isinstance(call_id, str) and isinstance(output, str) and call_id not in self._ran_ids:
            answer = (output, item.get("is_error") is True)
            self._answers[call_id] = min(answer, self._answers.get(call_id, answer))

    def uses(self) -> Iterator[tuple[ToolUse, int, str | None]]:
        """Yields every tool use, with the id of its agent's turn (0: not known) and the name of its agent."""
        never_ran = dict(self._asked)
        for _, ran in sorted(self._ran.items(), key=lambda one: (one[1].use.start_ns, one[0])):
            use = ran.use
            if use.call_id is None and (asked := _asked_for(ran, never_ran.values())):
                use = replace(use, call_id=never_ran.pop(asked.call_id).call_id)
            yield use, 0, ran.agent
        for asked in never_ran.values():
            if answer := self._answers.get(asked.call_id):
                given = parameters(asked.arguments)
                given = as_text(asked.arguments) if given is None else given
                outcome = outcome_of(answer[0], is_error=answer[1])
                yield ToolUse(asked.name, asked.at_ns, asked.at_ns, given, outcome, asked.call_id), asked.turn_id, None


def _asked_for(ran: Ran, asked: Iterable[Asked]) -> Asked | None:
    """Returns the call that a tool answers whose span has no call id, as before 1.3.12."""
    alike = (one for one in asked if one.name == ran.use.name and one.arguments == ran.arguments)
    return min(alike, default=None)


def _calls(value: object, at_ns: int, turn_id: int) -> list[Asked]:
    found = parsed(value) if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)):
        if found is None:
            return []
        raise ValueError("not a JSON array")
    asked: list[Asked] = []
    for call in cast("list[object]", found):
        if isinstance(call, dict):
            get = cast("dict[str, object]", call).get
            name, call_id, arguments = text(get("name")), text(get("call_id")), get("arguments")
            if name and call_id:
                asked.append(Asked(at_ns, turn_id, name, arguments if isinstance(arguments, str) else "", call_id))
    return asked
