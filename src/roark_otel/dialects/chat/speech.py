"""What of a text is speech: not recorded audio, and no Python object that an instrumentation wrote with `repr`."""

from __future__ import annotations

import ast
import re

from roark_otel._model import reading

_MAX_LITERAL = 100_000
_MIN_BASE64 = 48
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\r\n]+=*")
_DATA_URI = re.compile(r"data:[^,\s]*;base64,")
_REPR = re.compile(r"[A-Z]\w*\((?:\w+=|\))")
_FOREIGN_ESCAPE = re.compile(r"""\\(?!\\|['"nrtxuU])""")


def spoken(value: object) -> str | None:
    """The value as words, stripped; None if it is no text, says nothing, or is not speech."""
    words = reading.text(value)
    if words is None or _DATA_URI.match(words) or _REPR.match(words) or _is_base64(words):
        return None
    return words


def _is_base64(words: str) -> bool:
    # So long a word in no language; a laugh of many letters is at least in lower case.
    return len(words) >= _MIN_BASE64 and _BASE64.fullmatch(words) is not None and not words.islower()


def literal(text: str) -> object | None:
    """What a text is the `repr` of, a dict or a list of dicts, or the list of objects that it is JSON of, if any."""
    if len(text) > _MAX_LITERAL:
        return None
    try:
        if text.startswith('[{"'):
            return reading.json_value(reading.parsed(text))
        # `repr` writes no other escapes, and Python warns of them aloud.
        if text.startswith(("{'", "[{'")) and not _FOREIGN_ESCAPE.search(text):
            return reading.json_value(ast.literal_eval(text.strip()))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    return None
