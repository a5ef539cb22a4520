"""What tools were called, and what they gave back: from histories, and from Gemini Live's own spans."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.moments import Outcome, Returned, ToolUse, Unanswered
from roark_otel._model.reading import json_object, json_or_text, text, unicode_text
from roark_otel.dialects.pipecat import names
from roark_otel.dialects.pipecat.mentioned_tools import CANCELLED, Answer, Call, Use, settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.pipecat.stretches import Stretch

_MODELS = 4


class _Span(NamedTuple):
    """A span of Gemini Live's own: of a call, or of what it gave back, in `content`."""

    at_ns: int
    span_id: int
    call_id: str
    name: str
    content: str
    is_result: bool


class _Timed(NamedTuple):
    """A use, and what spans of Gemini Live's own say of when it began and ended."""

    use: Use
    began_ns: int | None = None
    ended_ns: int | None = None
    began_id: int | None = None

    def lacks(self, span: _Span) -> bool:
        """Returns whether a span may say what none has said of this use."""
        return self.ended_ns is None and (span.is_result or self.began_ns is None)

    def with_(self, span: _Span) -> _Timed:
        """Returns the same with what a span says."""
        if not span.is_result:
            return self._replace(began_ns=span.at_ns, began_id=span.span_id)
        self.use.answer = self.use.answer or Answer(span.at_ns, span.content)
        return self._replace(ended_ns=span.at_ns)


class Tools:
    """Gathers what Gemini Live's own spans say of tools, in any order, and adds it to what histories say."""

    __slots__ = ("_spans", "_warn")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._spans: dict[int, _Span] = {}

    def began(self, span: SpanView) -> None:
        """Takes in the span of a call; it holds only the first of several calls, and cuts long arguments."""
        if self._take(span, span.attributes.get(names.TOOL_ARGUMENTS), is_result=False) and not _is_object(
            self._spans[span.span_id].content
        ):
            self._warn(Unreadable(span, names.TOOL_ARGUMENTS, "not a JSON object, or cut"))

    def ended(self, span: SpanView) -> None:
        """Takes in the span of a result."""
        given = span.attributes.get(names.TOOL_RESULT)
        content = settled(given) if isinstance(given, str) else None
        if content is not None:
            self._take(span, content, is_result=True)

    def _take(self, span: SpanView, content: object, *, is_result: bool) -> bool:
        get = span.attributes.get
        call_id, name = text(get(names.TOOL_CALL_ID)) or "", text(get(names.TOOL_NAME))
        if name is None or (span.end_ns is None and span.span_id in self._spans):
            return False
        kept = content if isinstance(content, str) else ""
        self._spans[span.span_id] = _Span(span.start_ns, span.span_id, call_id, name, kept, is_result)
        return True

    def uses(
        self, mentioned: Iterable[Use], models: Sequence[Stretch], interruptions: Sequence[int]
    ) -> Iterator[ToolUse]:
        """Yields every tool use. Of several with one id only the first has it: it does not distinguish them.

        Args:
            mentioned: The uses that histories mention.
            models: The calls of models, by start: a tool runs from the end of one to the start of the next.
            interruptions: When the customer began to speak, in order: that cancels a tool.
        """
        known: set[str] = set()
        for timed in self._timed(mentioned):
            call, answer = timed.use.call, timed.use.answer
            start_ns = _asked_ns(call.seen_ns, models) if timed.began_ns is None else timed.began_ns
            end_ns = timed.ended_ns
            if end_ns is None and answer is not None:
                end_ns = _ended_ns(answer, start_ns, interruptions)
            given = _parameters(call.arguments)
            yield ToolUse(
                name=call.name,
                start_ns=start_ns,
                end_ns=None if end_ns is None else max(start_ns, end_ns),
                parameters={"arguments": unicode_text(call.arguments)} if given is None else given,
                outcome=_outcome(None if answer is None else answer.content),
                call_id=call.call_id if call.call_id and call.call_id not in known else None,
                span_id=call.span_id if timed.began_id is None else timed.began_id,
            )
            known.add(call.call_id)

    def _timed(self, mentioned: Iterable[Use]) -> list[_Timed]:
        """Returns all uses, histories joined with spans, which hold the times, but only the beginnings of texts."""
        found = [_Timed(use) for use in mentioned]
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, timed in enumerate(found):
            places[timed.use.call.call_id or timed.use.call.name].append(place)
        for one in sorted(self._spans.values()):
            alike = places[one.call_id or one.name]
            lacking = [place for place in alike if found[place].lacks(one)][:1]
            if lacking:
                found[lacking[0]] = found[lacking[0]].with_(one)
            elif not (one.is_result and one.call_id and alike):  # it may be reported in parts
                alike.append(len(found))
                found.append(_alone(one))
        return found


def _alone(span: _Span) -> _Timed:
    """Returns a use of which only a span is known."""
    use = Use(Call(span.at_ns, span.name, "" if span.is_result else span.content, span.call_id, span.span_id))
    return _Timed(use, span.at_ns).with_(span)


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
    if answer.content == CANCELLED:
        first = bisect_right(interruptions, start_ns)
        if first < len(interruptions):
            return min(interruptions[first], answer.seen_ns)
    return answer.seen_ns


def _outcome(content: str | None) -> Outcome:
    """Returns what the model got back. A failure is in words of Pipecat's own, like any other result."""
    return Unanswered() if content is None else Returned(json_or_text(content))


def _is_object(arguments: str) -> bool:
    return _parameters(arguments) is not None


def _parameters(arguments: str) -> dict[str, object] | None:
    try:
        return json_object(arguments) if arguments.strip() else {}
    except ValueError:
        return None
