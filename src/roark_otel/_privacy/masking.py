"""Masks what people said on spans, where content is not to be captured.

Every word is replaced by a keyed hash of it, so equal words stay equal: readers still see who spoke when, what was
interrupted, and which two spans report the same use of a tool. The key is random in each process and never leaves it.
Spans are masked as they are taken in, before anything else keeps them. Linking then leaves the words out altogether, so
nothing that is sent depends on the lists of names that dialects bring.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Final, cast

from roark_otel._model import reading
from roark_otel._model.dialect import Words
from roark_otel._model.hangups import bare_trace
from roark_otel._model.json_lists import AT_ONCE, items
from roark_otel._model.sizes import MAX_TEXT
from roark_otel.attributes import PROPERTY_PREFIX

EXCEPTIONS: Final = Words(names=frozenset({"message", "stacktrace", "status_description"}))
"""The content that OpenTelemetry itself writes, on spans of any source: exceptions quote what people said."""

_STACK_TRACE: Final = "exception.stacktrace"
_WORD = re.compile(r"\w+")
_PIECE: Final = 4_096


class Masking:
    """Masks content in the attributes of spans, events, resources and contexts.

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

    def attribute(self, name: str, value: object) -> object:
        """Returns the value of an attribute of this name with its content masked."""
        last = str(name).rpartition(".")[2]
        if name == _STACK_TRACE:
            return bare_trace(value)
        if last not in self._names or str(name).startswith(PROPERTY_PREFIX) or isinstance(value, (bool, int, float)):
            return value
        return self._value(value, is_whole=last in self._whole)

    def _value(self, value: object, *, is_whole: bool, depth: int = 0) -> object:
        if isinstance(value, str):
            return self._text(value, is_whole=is_whole, depth=depth)
        if isinstance(value, Mapping):
            items = cast("Mapping[object, object]", value).items() if depth < reading.MAX_LEVELS else ()
            return {key: self._item(key, item, is_whole=is_whole, depth=depth + 1) for key, item in items}
        if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            several = cast("Sequence[object]", value) if depth < reading.MAX_LEVELS else ()
            return [self._value(item, is_whole=is_whole, depth=depth + 1) for item in several]
        if value is None or isinstance(value, bool) or (isinstance(value, (int, float)) and not is_whole):
            return value
        return self._words(str(value))

    def _item(self, key: object, item: object, *, is_whole: bool, depth: int) -> object:
        if key in self._structure and not is_whole and isinstance(item, (str, bool, int, float)):
            return item
        return self._value(item, is_whole=is_whole or key in self._whole, depth=depth)

    def _text(self, text: str, *, is_whole: bool, depth: int) -> str:
        begin = text[:64].lstrip()[:1]
        if begin == "[" and len(text) > AT_ONCE:
            # Each item by itself. What says nothing but how long a conversation is may have megabytes.
            masked = (
                json.dumps(self._value(one, is_whole=is_whole, depth=depth + 1), ensure_ascii=False)
                for one in items(text.lstrip())
            )
            return f"[{', '.join(masked)}]"
        if begin in {"{", "["}:
            with suppress(ValueError):
                found = self._value(reading.parsed(text), is_whole=is_whole, depth=depth)
                return json.dumps(found, ensure_ascii=False)
        return text if text in self._states else self._words(text)

    def _words(self, text: str) -> str:
        """Masks the words of a text as far as they could be sent, in pieces."""
        ends = range(0, min(len(text), MAX_TEXT), _PIECE)
        return "".join([_WORD.sub(self._hashed, text[at : at + _PIECE]) for at in ends])

    def _hashed(self, word: re.Match[str]) -> str:
        return self._word(word.group())

    def _word(self, word: str) -> str:
        return blake2b(word.casefold().encode("utf-8", "replace"), digest_size=4, key=self._key).hexdigest()
