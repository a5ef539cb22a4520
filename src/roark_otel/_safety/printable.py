"""Escapes what does something to a terminal or a log: line feeds, escape sequences, bidi overrides, lone surrogates.

Ids, names and reasons come from outside, from whoever calls the app or answers us. So every log line and everything
that a command prints goes through here.
"""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Returns text of which every character that cannot be printed is escaped as Python writes it: `\n`, `\x1b`."""
    if text.isprintable():
        return text
    return "".join([one if one.isprintable() else one.encode("unicode_escape").decode() for one in text])


def printable_json(text: str) -> str:
    """Returns JSON text of which every character that cannot be printed is escaped as JSON writes it."""
    if text.isprintable():
        return text
    return "".join([one if one.isprintable() or one == "\n" else _in_json(one) for one in text])


def _in_json(one: str) -> str:
    units = one.encode("utf-16-be", "surrogatepass").hex()
    return "".join([f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)])


def printable_value(value: object) -> object:
    """Returns a value for a log line: numbers as they are, anything else as text that can be printed."""
    return value if value is None or isinstance(value, (int, float)) else printable(str(value))
