"""Replaces card numbers, phone numbers, mail addresses, and matches of the app's own patterns in texts.

Numbers are found in digits only, not where they are spelled in words. A text is cut to what is sent of it first, and
read in pieces, so no call of a regular expression reads more than a few thousand characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from roark_otel._model.cut_marks import BEYOND, cut_mark
from roark_otel._model.steps import in_steps, no_pause
from roark_otel._privacy.digits import Digits
from roark_otel._privacy.mails import mails
from roark_otel._privacy.numbers import cards, innocent, phones
from roark_otel._privacy.own_patterns import matches
from roark_otel._privacy.passages import Passages, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._model.steps import Pause

Kind: TypeAlias = Literal["card", "phone", "email"]
"""A kind of data that is replaced without a pattern of the app's own."""

REDACTED: Final = "[redacted]"
"""Replaces each match of a pattern of the app's own."""

_ROUNDS: Final = 4
"""The most times that a text is searched for numbers; each round but the last has found some."""

_FEWEST_DIGITS: Final = 7
_HAS_DIGIT = re.compile(r"\d")
_LISTED: Final = 8
"""The longest text or number of a list that may be part of a number that is written as a list."""


class Patterns:
    """Replaces matches of patterns in texts, and in all texts of JSON values. Pure, and safe from any thread.

    Args:
        what: `card`, `phone`, `email`, or compiled patterns of the app's own.
        pause: Called after every few characters, so that other threads may run.
    """

    def __init__(self, what: Iterable[Kind | re.Pattern[str]] = (), pause: Pause = no_pause) -> None:
        several = tuple(what)
        self._kinds: frozenset[Kind] = frozenset(one for one in several if isinstance(one, str))
        self._own = tuple(one for one in several if not isinstance(one, str))
        self._pause = pause

    def __bool__(self) -> bool:
        """Returns whether it replaces anything at all."""
        return bool(self._kinds or self._own)

    def remembering(self, pause: Pause = no_pause) -> Patterns:
        """Returns the same patterns, which remember each text: what occurs twice is searched once."""
        return _Remembering((*self._kinds, *self._own), pause)

    def text(self, text: str, limit: int | None = None) -> str:
        """Returns the text with each match replaced by `[card]`, `[phone]`, `[email]` or `[redacted]`.

        `limit`: the most characters of the answer; a longer text is cut with a mark. No half of a match is left there.
        """
        if limit is None or len(text) <= limit:
            passages = self._passages(text)
            return passages.rendered(text, len(text)) if passages else text
        mark = cut_mark(text)
        until = limit - len(mark)
        head = text[: limit + BEYOND]
        return self._passages(head).rendered(head, until)[:until] + mark

    def _passages(self, text: str) -> Passages:
        found = Passages(text, self._pause)
        for pattern in self._own:
            found.take(matches(pattern, found.text, self._pause), REDACTED)
        if "email" in self._kinds:
            found.take(self._mails(found.text), "[email]")
        if ("card" in self._kinds or "phone" in self._kinds) and self._may_have_numbers(text):
            found.take(self._innocent(found.text), "")
            self._take_numbers(found)
        return found

    def _take_numbers(self, found: Passages) -> None:
        """Takes numbers until there is none: one may be glued to another, as a card to a phone number before it."""
        for _ in range(_ROUNDS):
            before = found.text
            if "card" in self._kinds:
                found.take(self._cards(found.text), "[card]")
            if "phone" in self._kinds:
                found.take(self._phones(found.text), "[phone]")
            if found.text == before:
                return

    def _may_have_numbers(self, text: str) -> bool:
        """Returns whether a text has any digit. Most have none."""
        if len(text) < _FEWEST_DIGITS:
            return False
        for first, _, last in pieces_of(len(text)):
            if _HAS_DIGIT.search(text, first, last):
                return True
            self._pause()
        return False

    def _mails(self, text: str) -> Iterable[tuple[int, int]]:
        for first, until, _ in pieces_of(len(text)):
            yield from mails(text, first, until, self._pause)
            self._pause()

    def _innocent(self, text: str) -> Iterable[tuple[int, int]]:
        for first, _, last in pieces_of(len(text)):
            yield from in_steps(innocent(text, first, last), self._pause)
            self._pause()

    def _cards(self, text: str) -> Iterable[tuple[int, int]]:
        for first, until, last in pieces_of(len(text)):
            yield from cards(Digits(text, first, last, self._pause), until, self._pause)

    def _phones(self, text: str) -> Iterable[tuple[int, int]]:
        for first, until, last in pieces_of(len(text)):
            yield from phones(Digits(text, first, last, self._pause), until, self._pause)

    def value(self, value: object) -> object:
        """Returns a JSON value with matches replaced in its texts. Keys stay; a number that matches becomes text."""
        if not self:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._number(value)
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in cast("Mapping[object, object]", value).items()}
        if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            return self._list(cast("Sequence[object]", value))
        return value

    def _number(self, value: float) -> object:
        if isinstance(value, float) and not value.is_integer():
            return value
        written = str(int(value))
        found = self.text(written)
        return value if found == written else found

    def _list(self, values: Sequence[object]) -> object:
        """Returns a list with matches replaced, also those that are written as a list of their groups or digits."""
        self._pause()
        if not (self._kinds & {"card", "phone"} and len(values) > 1 and all(map(_is_part, values))):
            return [self.value(item) for item in values]
        written = [str(item) for item in values]
        starts, at = list[int](), 0
        for one in written:
            starts.append(at)
            at += len(one) + 2
        passages = self._passages(", ".join(written))
        return [
            self.value(item) if mark is None else mark
            for item, mark in zip(values, passages.marks_over(starts, written), strict=True)
        ]


def _is_part(value: object) -> bool:
    """Returns whether a value may be a few digits of a number."""
    if isinstance(value, int):
        return not isinstance(value, bool) and 0 <= value < 10**_LISTED
    # A phone number's plus sign may stand before its first group.
    return isinstance(value, str) and len(value) <= _LISTED and value.strip().removeprefix("+").isdecimal()


class _Remembering(Patterns):
    """Patterns for the texts of one conversation."""

    def __init__(self, what: Iterable[Kind | re.Pattern[str]], pause: Pause) -> None:
        super().__init__(what, pause)
        self._known: dict[tuple[str, int | None], str] = {}

    def text(self, text: str, limit: int | None = None) -> str:
        key = text, None if limit is None or len(text) <= limit else limit
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = super().text(text, limit)
        return found
