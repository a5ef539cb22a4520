"""Masks what people said on spans, where content is not to be captured.

Every word is replaced by a keyed hash of it, so equal words stay equal: readers still see who spoke when, what was
interrupted, and which two spans report the same use of a tool. The key is random in each process and never leaves it.
Spans are masked as they are taken in, before anything else keeps them. Linking then leaves the words out altogether, so
nothing that is sent depends on the lists of names that dialects bring.
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
from roark_otel._model.dialect import Words
from roark_otel._model.spans import Entry, EventsSeen, SpanAbandoned, SpanGone, SpanRecord, SpanStart
from roark_otel.attributes import PROPERTY_PREFIX

if TYPE_CHECKING:
    from roark_otel._model.spans import SpanEvent

EXCEPTIONS: Final = Words(names=frozenset({"message", "stacktrace"}))
"""The content that OpenTelemetry itself writes, on spans of any source: exceptions quote what people said."""

MAX_SHARED: Final = 256
"""The most resources and contexts that are remembered with their masked copy: many spans share one."""

_WORD = re.compile(r"\w+")


class Masking:
    """Masks content in spans and in everything else that the inbox holds.

    Args:
        key: At most 64 random bytes, known to this process only.
        words: Where the attributes of all dialects hold content.
    """

    def __init__(self, key: bytes, words: Words) -> None:
        joined = Words.joined((EXCEPTIONS, words))
        self._key = key
        self._names = joined.names | joined.whole
        self._whole = joined.whole
        self._structure = joined.structure
        self._states = joined.states
        self._shared: OrderedDict[int, tuple[Mapping[str, object], Mapping[str, object]]] = OrderedDict()

    def entry(self, entry: Entry) -> Entry:
        """Returns an entry of the inbox with its content masked."""
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
        """Returns a span record with its content masked."""
        return record._replace(
            attributes=self._attributes(record.attributes),
            events=self._events(record.events),
            resource=self._once(record.resource),
        )

    def _once(self, shared: Mapping[str, object]) -> Mapping[str, object]:
        """Masks a mapping that many spans share, and returns the same copy each time: readers compare its identity."""
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
        if last not in self._names or str(name).startswith(PROPERTY_PREFIX) or isinstance(value, (bool, int, float)):
            return value
        return self._value(value, is_whole=last in self._whole)

    def _value(self, value: object, *, is_whole: bool) -> object:
        if isinstance(value, str):
            return self._text(value, is_whole=is_whole)
        if isinstance(value, Mapping):
            items = cast("Mapping[object, object]", value).items()
            return {key: self._item(key, item, is_whole=is_whole) for key, item in items}
        if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            return [self._value(item, is_whole=is_whole) for item in cast("Sequence[object]", value)]
        if value is None or isinstance(value, bool) or (isinstance(value, (int, float)) and not is_whole):
            return value
        return self._words(str(value))

    def _item(self, key: object, item: object, *, is_whole: bool) -> object:
        if key in self._structure and not is_whole and isinstance(item, (str, bool, int, float)):
            return item
        return self._value(item, is_whole=is_whole or key in self._whole)

    def _text(self, text: str, *, is_whole: bool) -> str:
        if text.lstrip()[:1] in {"{", "["}:
            try:
                return json.dumps(self._value(reading.parsed(text), is_whole=is_whole), ensure_ascii=False)
            except ValueError:
                pass
        return text if text in self._states else self._words(text)

    def _words(self, text: str) -> str:
        return _WORD.sub(lambda word: self._word(word.group()), text)

    def _word(self, word: str) -> str:
        return blake2b(word.casefold().encode("utf-8", "replace"), digest_size=4, key=self._key).hexdigest()
