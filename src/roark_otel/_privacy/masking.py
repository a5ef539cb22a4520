"""Spans without what people said, where content is not to be captured.

Every word is replaced by one that means nothing, the same for the same: readers see as before who spoke when, what was
interrupted, and which two spans tell of one use of a tool, and no word of anybody is kept. The key is made anew in each
process and never leaves it. This is done as spans are taken in; linking then leaves the words out altogether, so
nothing that is sent depends on the list of names here.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, cast

from typing_extensions import assert_never

from roark_otel._model import reading
from roark_otel._model.spans import Entry, EventsSeen, SpanAbandoned, SpanGone, SpanRecord, SpanStart
from roark_otel.attributes import PROPERTY_PREFIX

if TYPE_CHECKING:
    from roark_otel._model.spans import SpanEvent

_CONTENT: Final = frozenset(
    {
        *("arguments", "body", "chat_ctx", "completion", "content", "contents", "definitions", "description", "error"),
        *("events", "function_calls", "input", "input_text", "instructions", "invocation_parameters", "json_schema"),
        *("message", "messages", "metadata", "msg", "output", "output_items", "parameters", "payload", "prompt"),
        *("query", "raw_input", "response", "result", "stacktrace", "summary", "system_instruction"),
        *("system_instructions", "text", "thinking", "tool_calls", "tools", "transcript", "user_input"),
        *("user_transcript", "value"),
    }
)
"""Last parts of the names of attributes that hold words."""

_ALL: Final = frozenset({"args", "arguments", "output", "parameters", "payload", "response", "result"})
"""Keys of JSON values below which numbers are words too."""

_STRUCTURE: Final = frozenset(
    {
        *("call_id", "event.name", "finish_reason", "function_call_id", "group_id", "id", "interrupted", "language"),
        *("name", "object", "role", "status", "tool_call_id", "toolUseId", "tool_use_id", "type"),
    }
)
"""Keys of JSON values that say how a text is built, and not what it says."""

_STATES: Final = frozenset({"IN_PROGRESS", "COMPLETED", "CANCELLED"})
"""What Pipecat's history says in the place of a result."""

_WORD = re.compile(r"\w+")


MAX_SHARED = 256
"""So many resources and contexts are remembered with what they are without words: many spans share one."""


class Hiding:
    """Hides words.

    Args:
        key: At most 64 bytes that nobody else has.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._shared: OrderedDict[int, tuple[Mapping[str, object], Mapping[str, object]]] = OrderedDict()

    def entry(self, entry: Entry) -> Entry:
        """An entry of the inbox without a word of anybody."""
        match entry:
            case SpanRecord():
                return self.record(entry)
            case EventsSeen():
                return entry._replace(events=self._events(entry.events))
            case SpanAbandoned(record=SpanRecord() as record):
                return entry._replace(record=self.record(record))
            case SpanStart():
                return entry._replace(context=self._once(entry.context), resource=self._once(entry.resource))
            case SpanGone() | SpanAbandoned():
                return entry
        assert_never(entry)

    def record(self, record: SpanRecord) -> SpanRecord:
        """A span record without a word of anybody."""
        return record._replace(
            attributes=self._attributes(record.attributes),
            events=self._events(record.events),
            resource=self._once(record.resource),
        )

    def _once(self, shared: Mapping[str, object]) -> Mapping[str, object]:
        """The same for the same: readers tell resources and contexts apart by their identity."""
        if not shared:
            return shared
        known = self._shared.get(id(shared))
        if known is None:
            known = self._shared[id(shared)] = shared, self._attributes(shared)
            if len(self._shared) > MAX_SHARED:
                self._shared.popitem(last=False)
        return known[1]

    def _events(self, events: tuple[SpanEvent, ...]) -> tuple[SpanEvent, ...]:
        return tuple([event._replace(attributes=self._attributes(event.attributes)) for event in events])

    def _attributes(self, attributes: Mapping[str, object]) -> Mapping[str, object]:
        return {name: self._attribute(name, value) for name, value in attributes.items()}

    def _attribute(self, name: str, value: object) -> object:
        last = str(name).rpartition(".")[2]
        if last not in _CONTENT or str(name).startswith(PROPERTY_PREFIX) or isinstance(value, (bool, int, float)):
            return value
        return self._value(value, is_all=last in _ALL)

    def _value(self, value: object, *, is_all: bool) -> object:
        if isinstance(value, str):
            return self._text(value, is_all=is_all)
        if isinstance(value, Mapping):
            items = cast("Mapping[object, object]", value).items()
            return {key: self._item(key, item, is_all=is_all) for key, item in items}
        if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            return [self._value(item, is_all=is_all) for item in cast("Sequence[object]", value)]
        if value is None or isinstance(value, bool) or (isinstance(value, (int, float)) and not is_all):
            return value
        return self._words(str(value))

    def _item(self, key: object, item: object, *, is_all: bool) -> object:
        if key in _STRUCTURE and not is_all and isinstance(item, (str, bool, int, float)):
            return item
        return self._value(item, is_all=is_all or key in _ALL)

    def _text(self, text: str, *, is_all: bool) -> str:
        if text.lstrip()[:1] in {"{", "["}:
            try:
                return json.dumps(self._value(reading.parsed(text), is_all=is_all), ensure_ascii=False)
            except ValueError:
                pass
        return text if text in _STATES else self._words(text)

    def _words(self, text: str) -> str:
        return _WORD.sub(lambda word: self._word(word.group()), text)

    def _word(self, word: str) -> str:
        return blake2b(word.casefold().encode("utf-8", "replace"), digest_size=4, key=self._key).hexdigest()
