"""What of a text is speech: not recorded audio, not data, and no object that an instrumentation wrote with `repr`."""

from __future__ import annotations

import json
import re
from typing import Final

from roark_otel._model import reading

_MIN_BASE64: Final = 48
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\-\r\n]+=*")
_DATA_URI: Final = re.compile(r"data:[^,\s]*;base64,")

_REPR: Final = re.compile(r"\[?[A-Z]\w*\((?:\w+=|\))")
"""An object, or a list of objects, as Python writes it."""

_LANGCHAIN: Final = "content=", " additional_kwargs={"
"""What LangChain's messages begin with, and have in them, where they are written as text."""

_HIDDEN: Final = "__REDACTED__"
"""What OpenInference writes in the place of words that it was asked to hide."""

_TOOL_SYNTAX: Final = re.compile(r"<tool_call>|<function[=_]|<\|python_tag\|>|<\|tool_call|\[TOOL_CALLS\]")
"""How models write the call of a tool, where nothing took it out of their text."""

_DATA: Final = re.compile(
    r"""(?:```\w*\s*)?(?P<begin>\{\s*(?:"(?:[^"\\]|\\.){0,200}"\s*:|'[^'\n]{0,200}'\s*:)|\[\s*\{\s*["']|\{\s*\}|\[\s*\]|\[\s*")"""
)
"""The beginning of a JSON object or of a list of objects or texts, as Python writes objects too; or of a block of code
with one."""

_AFTER: Final = " \t\r\n`"
_DECODER: Final = json.JSONDecoder()


def spoken(value: object) -> str | None:
    """Returns the value as words, stripped; None if it is not text, says nothing, or is not speech."""
    words = reading.text(value)
    if words is None or is_data(words) or _DATA_URI.match(words) or _is_base64(words):
        return None
    if words == _HIDDEN or _REPR.match(words) or _TOOL_SYNTAX.match(words):
        return None
    return None if words.startswith(_LANGCHAIN[0]) and _LANGCHAIN[1] in words else words


def is_data(words: str) -> bool:
    """Returns whether a text is JSON, or the beginning of JSON that was cut: an answer to a program, not to a person.

    Where words follow the JSON, all of it is speech.
    """
    found = _DATA.match(words) if words.startswith(("{", "[", "`")) else None
    if found is None:
        return False
    begin = found.start("begin")
    try:
        _, end = _DECODER.raw_decode(words[begin : begin + reading.MAX_JSON])
    except (ValueError, RecursionError):
        return not found.group("begin").endswith('["')
    return not words[begin + end :].strip(_AFTER)


def _is_base64(words: str) -> bool:
    # Few languages have words as long; those, and a laugh of many letters, are in lower case but for the first.
    return len(words) >= _MIN_BASE64 and _BASE64.fullmatch(words) is not None and not words[1:].islower()


def deserialized(text: str) -> object | None:
    """Returns the dict or list of dicts of which a text is the `repr`, or the list of objects of which it is JSON."""
    try:
        if text.startswith(("{'", "[{'")):
            found = reading.literal(text)
            return None if found is None else reading.json_value(found)
        if text.startswith('[{"'):
            return reading.json_value(reading.parsed(text))
    except ValueError:  # not JSON, or a key that is too large a number for a text
        pass
    return None
