"""What of a text is speech: not recorded audio, and no Python object that an instrumentation wrote with `repr`."""

from __future__ import annotations

import re

from roark_otel._model import reading

_MIN_BASE64 = 48
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\r\n]+=*")
_DATA_URI = re.compile(r"data:[^,\s]*;base64,")
_REPR = re.compile(r"[A-Z]\w*\((?:\w+=|\))")


def spoken(value: object) -> str | None:
    """The value as words, stripped; None if it is not text, says nothing, or is not speech."""
    words = reading.text(value)
    if words is None or _DATA_URI.match(words) or _REPR.match(words) or _is_base64(words):
        return None
    return words


def _is_base64(words: str) -> bool:
    # So long a word in no language; a laugh of many letters is at least in lower case.
    return len(words) >= _MIN_BASE64 and _BASE64.fullmatch(words) is not None and not words.islower()


def deserialized(text: str) -> object | None:
    """Returns the dict or list of dicts of which a text is the `repr`, or the list of objects of which it is JSON."""
    try:
        if text.startswith(("{'", "[{'")):
            found = reading.literal(text)
            return None if found is None else reading.json_value(found)
        if text.startswith('[{"') and len(text) <= reading.MAX_LITERAL:
            return reading.json_value(reading.parsed(text))
    except ValueError:  # not JSON, or a key that is too large a number for a text
        pass
    return None
