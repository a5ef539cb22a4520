"""The events of Azure's Voice Live, which are those of OpenAI's realtime protocol: one span for each message.

An item is one stretch of speech or one use of a tool. When it began, what was said and how it ended come in events of
their own, in any order, which have the item's id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast
from zlib import crc32

from roark_otel._model import reading
from roark_otel._model.dialect import Unreadable
from roark_otel._model.json_lists import parsed_message
from roark_otel._model.moments import Returned, ToolUse, Unanswered
from roark_otel.dialects.chat import Ran, Role, Said, fields_of, messages, spoken
from roark_otel.dialects.gen_ai import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roark_otel._model.dialect import Warn
    from roark_otel._model.rows import SpanEvent, SpanView

_STARTED: Final = "input_audio_buffer.speech_started"
_STOPPED: Final = "input_audio_buffer.speech_stopped"
_HEARD: Final = "conversation.item.input_audio_transcription.completed"
_CREATED: Final = frozenset({"conversation.item.created", "conversation.item.added", "conversation.item.done"})
_SENT: Final = "conversation.item.create"
_AUDIO: Final = frozenset({"response.audio.delta", "response.output_audio.delta"})
_AUDIO_DONE: Final = frozenset({"response.audio.done", "response.output_audio.done"})
_WORDS: Final = frozenset(
    {
        *("response.audio_transcript.done", "response.output_audio_transcript.done"),
        *("response.text.done", "response.output_text.done"),
    }
)
_CALLED: Final = "response.function_call_arguments.done"
_OUTPUT: Final = frozenset({"response.output_item.added", "response.output_item.done"})
_DONE: Final = "response.done"

_MAX_NS: Final = 1 << 63

_WHOLE: Final = -1
"""The place of an item's words where one event has all of them; other events have those of one part."""


class _Item:
    """What is known of an item. The earliest start and the latest end hold, whichever event comes first."""

    __slots__ = (
        *("added_ns", "arguments", "asked_id", "asked_ns", "by_agent", "call_id", "end_ns", "start_ns", "texts"),
        *("tool", "was_cut"),
    )

    def __init__(self) -> None:
        self.by_agent = True
        self.added_ns: int | None = None
        self.start_ns: int | None = None
        self.end_ns: int | None = None
        self.texts: dict[int, tuple[int, str, int]] = {}
        self.was_cut = False
        self.tool: str | None = None
        self.call_id: str | None = None
        self.arguments: object = None
        self.asked_ns: int | None = None
        self.asked_id: int = 0

    def say(self, place: int, at_ns: int, words: str | None, span_id: int) -> None:
        """Takes in the words of a part, or all of them, which were known at this time by a span."""
        if words:
            found = at_ns, words, span_id
            self.texts[place] = min(found, self.texts.get(place, found))

    def said(self) -> Said | None:
        """Returns what was said, None if it is not known or nothing was."""
        parts = [self.texts[_WHOLE]] if _WHOLE in self.texts else [self.texts[at] for at in sorted(self.texts)]
        if not parts:
            return None
        known_ns = min(at_ns for at_ns, _, _ in parts)
        start_ns = next((at for at in (self.start_ns, self.added_ns) if at is not None), known_ns)
        end_ns = known_ns if self.by_agent and self.end_ns is None else self.end_ns
        end_ns = None if end_ns is None or end_ns < start_ns else end_ns
        text, (_, _, span_id) = " ".join(words for _, words, _ in parts), parts[0]
        return Said(start_ns, self.by_agent, text, start_ns, None, self.was_cut, end_ns, span_id=span_id)


class VoiceLive:
    """Gathers the items of a session, in any order of its events."""

    __slots__ = ("_answers", "_items", "_span_id", "_warn")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._items: dict[str, _Item] = {}
        self._answers: dict[str, tuple[int, str, object]] = {}
        self._span_id = 0

    def __bool__(self) -> bool:
        return bool(self._items)

    def read(self, span: SpanView) -> None:
        """Takes in a span of the session."""
        self._span_id = span.span_id
        for event in span.events:
            if isinstance(event.time_ns, int) and 0 <= event.time_ns < _MAX_NS:
                self._event(span, event, event.time_ns)

    def said(self) -> Iterator[Said]:
        """Yields what was said."""
        return (found for item in self._items.values() if (found := item.said()) is not None)

    def used(self) -> Iterator[Ran]:
        """Yields the uses of tools, from the model's call to what the app gave back, as if each had a span."""
        for item_id, item in self._items.items():
            if not item.tool or item.asked_ns is None:
                continue
            answer = self._answers.get(item.call_id or "")
            use = ToolUse(
                name=item.tool,
                start_ns=item.asked_ns,
                end_ns=None if answer is None else max(item.asked_ns, answer[0]),
                parameters=_arguments(item.arguments),
                outcome=Unanswered() if answer is None else Returned(reading.json_or_text(answer[2])),
                call_id=item.call_id,
                span_id=item.asked_id,
            )
            yield Ran(-1 - crc32(item_id.encode("utf-8", "surrogatepass")), None, use, None)

    def _event(self, span: SpanView, event: SpanEvent, at_ns: int) -> None:
        kind = reading.text(event.attributes.get(names.VOICE_LIVE_EVENT))
        if kind in _AUDIO:  # long, and nothing in it is needed
            self._begin(span.attributes.get(names.VOICE_LIVE_ITEM), at_ns)
            return
        body = event.attributes.get(names.EVENT_CONTENT)
        try:
            fields = fields_of(parsed_message(body) if isinstance(body, str) else body)
        except ValueError as fault:
            self._warn(Unreadable(span, names.EVENT_CONTENT, str(fault)))
            return
        self._take(reading.text(fields.get("type")), fields, at_ns)

    def _take(self, kind: str | None, fields: Mapping[str, object], at_ns: int) -> None:
        inner = fields_of(fields.get("item"))
        if kind in _CREATED or kind == _SENT:
            self._created(inner, at_ns)
        elif kind in _OUTPUT:
            self._output(inner, at_ns)
        elif kind == _DONE:
            output = fields_of(fields.get("response")).get("output")
            for one in cast("list[object]", output) if isinstance(output, list) else ():
                self._output(fields_of(one), at_ns)
        elif (item := self._item(fields.get("item_id"))) is not None:
            self._of_item(item, kind, fields, at_ns)

    def _of_item(self, item: _Item, kind: str | None, fields: Mapping[str, object], at_ns: int) -> None:
        place = fields.get("content_index")
        place = place if isinstance(place, int) else 0
        if kind == _STARTED:
            item.by_agent, item.start_ns = False, _first(item.start_ns, at_ns)
        elif kind == _STOPPED:
            item.by_agent, item.end_ns = False, _last(item.end_ns, at_ns)
        elif kind == _HEARD:
            item.by_agent = False
            item.say(place, at_ns, spoken(fields.get("transcript")), self._span_id)
        elif kind in _WORDS:
            item.say(place, at_ns, spoken(fields.get("transcript", fields.get("text"))), self._span_id)
        elif kind in _AUDIO:
            item.start_ns = _first(item.start_ns, at_ns)
        elif kind in _AUDIO_DONE:
            item.end_ns = _last(item.end_ns, at_ns)
        elif kind == _CALLED:
            self._call(item, fields, at_ns)

    def _begin(self, item_id: object, at_ns: int) -> None:
        if (item := self._item(item_id)) is not None:
            item.start_ns = _first(item.start_ns, at_ns)

    def _created(self, fields: Mapping[str, object], at_ns: int) -> None:
        """An item of the app's or of the customer's: what a tool gave back, or words that were typed."""
        if fields.get("type") == "function_call_output":
            call_id, output = reading.text(fields.get("call_id")), fields.get("output")
            if call_id is not None:
                given = (at_ns, repr(output), output)
                self._answers[call_id] = min(given, self._answers.get(call_id, given), key=lambda one: one[:2])
            return
        item = self._item(fields.get("id")) if fields.get("role") == "user" else None
        if item is not None:
            item.by_agent = False
            item.say(0, at_ns, _words(fields), self._span_id)

    def _output(self, fields: Mapping[str, object], at_ns: int) -> None:
        """An item of the model's, when it is announced or done."""
        item = self._item(fields.get("id"))
        if item is None:
            return
        item.added_ns = _first(item.added_ns, at_ns)
        if fields.get("type") == "function_call":
            item.tool = reading.text(fields.get("name")) or item.tool
            if fields.get("arguments"):
                self._call(item, fields, at_ns)
        elif fields.get("role") == "assistant":
            item.was_cut = item.was_cut or fields.get("status") == "incomplete"
            item.say(_WHOLE, at_ns, _words(fields), self._span_id)

    def _call(self, item: _Item, fields: Mapping[str, object], at_ns: int) -> None:
        item.tool = item.tool or reading.text(fields.get("name"))
        item.call_id = item.call_id or reading.text(fields.get("call_id"))
        item.arguments = fields.get("arguments") if item.arguments is None else item.arguments
        if item.asked_ns is None or at_ns < item.asked_ns:
            item.asked_ns, item.asked_id = at_ns, self._span_id

    def _item(self, item_id: object) -> _Item | None:
        return self._items.setdefault(item_id, _Item()) if isinstance(item_id, str) else None


def _arguments(value: object) -> dict[str, object]:
    try:
        return reading.json_object(value)
    except ValueError:
        return {} if value in (None, "") else {"arguments": reading.json_value(value)}


def _words(fields: Mapping[str, object]) -> str | None:
    return next((one.text for one in messages(fields, Role.UNKNOWN) if one.text), None)


def _first(known: int | None, at_ns: int) -> int:
    return at_ns if known is None else min(known, at_ns)


def _last(known: int | None, at_ns: int) -> int:
    return at_ns if known is None else max(known, at_ns)
