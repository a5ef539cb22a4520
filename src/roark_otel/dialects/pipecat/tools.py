"""What tools were called, and what they gave back: from histories, and from Gemini Live's own spans."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.moments import Outcome, Returned, ToolUse, Unanswered
from roark_otel._model.reading import json_object, json_or_text, text, unicode_text
from roark_otel.dialects.pipecat import names
from roark_otel.dialects.pipecat.messages import Answered, Called, async_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.pipecat.stretches import Stretch

_RUNNING = "IN_PROGRESS"
_CANCELLED = "CANCELLED"
_MODELS = 4


class Call(NamedTuple):
    """A tool was called. `seen_ns` is when the model was first asked with it in its history."""

    seen_ns: int
    name: str
    arguments: str


class Answer(NamedTuple):
    """A tool gave this back. `seen_ns` is when the model was first asked with it in its history."""

    seen_ns: int
    content: str


class Result(NamedTuple):
    """A span of Gemini Live's own held what a tool gave back, and which one it was."""

    at_ns: int
    content: str
    name: str


class Tools:
    """Gathers the tool uses of a conversation, in any order of spans: of several tellings the earliest holds."""

    __slots__ = ("_answers", "_began", "_calls", "_ended", "_warn")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._calls: dict[str, Call] = {}
        self._answers: dict[str, Answer] = {}
        self._began: dict[str, Call] = {}
        self._ended: dict[str, Result] = {}

    def learn(self, item: Called | Answered, at_ns: int) -> None:
        """Takes in what a history says."""
        if isinstance(item, Called):
            call = Call(at_ns, item.name, item.arguments)
            self._calls[item.call_id] = min(call, self._calls.get(item.call_id, call))
        elif (content := _settled(item.content)) is not None:
            answer = Answer(at_ns, content)
            self._answers[item.call_id] = min(answer, self._answers.get(item.call_id, answer))

    def began(self, span: SpanView) -> None:
        """Takes in the span of a call; it holds only the first of several calls, and cuts long arguments."""
        get = span.attributes.get
        call_id, name, arguments = text(get(names.TOOL_CALL_ID)), text(get(names.TOOL_NAME)), get(names.TOOL_ARGUMENTS)
        if call_id and name:
            call = Call(span.start_ns, name, arguments if isinstance(arguments, str) else "")
            self._began[call_id] = min(call, self._began.get(call_id, call))
            if _parameters(call.arguments) is None:
                self._warn(Unreadable(span, names.TOOL_ARGUMENTS, "not a JSON object, or cut"))

    def ended(self, span: SpanView) -> None:
        """Takes in the span of a result."""
        get = span.attributes.get
        call_id, name, given = text(get(names.TOOL_CALL_ID)), text(get(names.TOOL_NAME)), get(names.TOOL_RESULT)
        content = _settled(given) if isinstance(given, str) else None
        if call_id and name and content is not None:
            result = Result(span.start_ns, content, name)
            self._ended[call_id] = min(result, self._ended.get(call_id, result))

    def uses(self, models: Sequence[Stretch], interruptions: Sequence[int]) -> Iterator[ToolUse]:
        """Yields every tool use.

        Args:
            models: The calls of models, by start: a tool runs from the end of one to the start of the next.
            interruptions: When the customer began to speak, in order: that cancels a tool.
        """
        for call_id in self._calls.keys() | self._began.keys() | self._ended.keys():
            call, start_ns = self._call(call_id, models)
            answer, result = self._answers.get(call_id), self._ended.get(call_id)
            end_ns = result.at_ns if result else _ended_ns(answer, start_ns, interruptions) if answer else None
            given = _parameters(call.arguments)
            yield ToolUse(
                name=call.name,
                start_ns=start_ns,
                end_ns=None if end_ns is None else max(start_ns, end_ns),
                parameters={"arguments": unicode_text(call.arguments)} if given is None else given,
                # A history holds all of it, a span only the beginning.
                outcome=_outcome(answer.content if answer else result.content if result else None),
                call_id=call_id,
            )

    def _call(self, call_id: str, models: Sequence[Stretch]) -> tuple[Call, int]:
        """Returns the best account of a call, and when it was made."""
        seen, began, result = self._calls.get(call_id), self._began.get(call_id), self._ended.get(call_id)
        if seen:
            return seen, began.seen_ns if began else _asked_ns(seen.seen_ns, models)
        call = began or Call(*(result[0], result[2], "") if result else (0, "", ""))
        return call, call.seen_ns


def _asked_ns(seen_ns: int, models: Sequence[Stretch]) -> int:
    """Returns when the model asked for a tool: at the end of the call before the one that first knows of it.

    Of several models in one turn it is the last one that said nothing.
    """
    before = bisect_left(models, seen_ns, key=lambda one: one.start_ns)
    recent = models[max(0, before - _MODELS) : before]
    if not recent:
        return seen_ns
    silent = (one for one in reversed(recent) if one.text is None and one.turn_id == recent[-1].turn_id)
    return min(next(silent, recent[-1]).until_ns, seen_ns)


def _ended_ns(answer: Answer, start_ns: int, interruptions: Sequence[int]) -> int:
    if answer.content == _CANCELLED:
        first = bisect_right(interruptions, start_ns)
        if first < len(interruptions):
            return min(interruptions[first], answer.seen_ns)
    return answer.seen_ns


def _outcome(content: str | None) -> Outcome:
    """Returns what the model got back. A failure is in words of Pipecat's own, like any other result."""
    return Unanswered() if content is None else Returned(json_or_text(content))


def _settled(content: str) -> str | None:
    """Returns what a tool gave back, None as long as it runs."""
    if fields := async_tool(content):
        result = fields.get("result")
        return result if fields.get("status") == "finished" and isinstance(result, str) else None
    plain = content.strip().strip('"')
    return None if plain == _RUNNING else _CANCELLED if plain == _CANCELLED else content


def _parameters(arguments: str) -> dict[str, object] | None:
    try:
        return json_object(arguments) if arguments.strip() else {}
    except ValueError:
        return None
