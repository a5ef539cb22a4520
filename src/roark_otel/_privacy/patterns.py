"""Replaces card numbers, phone numbers, mail addresses, and matches of the app's own patterns in texts.

Numbers are found in digits only, not where they are spelled in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Kind: TypeAlias = Literal["card", "phone", "email"]
"""A kind of data that is replaced without a pattern of the app's own."""

REDACTED: Final = "[redacted]"
"""Replaces each match of a pattern of the app's own."""

# Every repetition is bounded or cannot match in two ways: a text of any length takes linear time.
_EMAIL = re.compile(r"[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}")
_SEPARATOR = r"[ \u00a0\u2009\u202f.,()/\-\u2010-\u2015]{1,3}"
_NUMBER = re.compile(rf"(?<!\w)[(+]{{0,2}}\d+(?:{_SEPARATOR}\d+)*(?!\w)")
_GROUP = re.compile(r"(\d+)")

_CARD_SHAPES = re.compile(r"4,4,4,[1-7]|4,4,4,4,[1-3]|4,6,[45]")
_DOUBLED: Final = {str(digit): str(2 * digit - 9 * (digit > 4)) for digit in range(10)}
_PHONE_SHAPES = frozenset(
    {"3,3,4", "1,3,3,4", "3,3,3", "3,4,4", "5,5", "2,3,2,2", "2,2,2,2", "3,2,3", "3,2,2,2"}
)  # North America with and without its 1, Spain, Poland, China, India, Denmark, Norway


class _Digits(NamedTuple):
    """Consecutive groups of digits in a text, with what stands before the first group and between the groups."""

    prefix: str
    number: str
    groups: list[str]
    separators: list[str]

    @property
    def shape(self) -> str:
        return ",".join(str(len(group)) for group in self.groups)

    @property
    def is_spelled(self) -> bool:
        """Whether it is written digit by digit, as it was dictated."""
        return len(self.groups) > 1 and all(len(group) == 1 for group in self.groups)


class Patterns:
    """Replaces matches of patterns in texts, and in all texts of JSON values. Pure, and safe from any thread.

    Args:
        what: `card`, `phone`, `email`, or compiled patterns of the app's own.
    """

    def __init__(self, what: Iterable[Kind | re.Pattern[str]] = ()) -> None:
        several = tuple(what)
        self._kinds: frozenset[Kind] = frozenset(one for one in several if isinstance(one, str))
        self._own = tuple(one for one in several if not isinstance(one, str))

    def __bool__(self) -> bool:
        """Returns whether it replaces anything at all."""
        return bool(self._kinds or self._own)

    def remembering(self) -> Patterns:
        """Returns the same patterns, which remember each text: what occurs twice is searched once."""
        return _Remembering((*self._kinds, *self._own))

    def text(self, text: str) -> str:
        """Returns the text with each match replaced by `[card]`, `[phone]`, `[email]` or `[redacted]`."""
        for pattern in self._own:
            text = pattern.sub(REDACTED, text)
        if "email" in self._kinds and "@" in text:
            text = _EMAIL.sub("[email]", text)
        if "card" in self._kinds:
            text = _replaced(text, _is_card, range(13, 20), "[card]")
        if "phone" in self._kinds:
            text = _replaced(text, _is_phone, range(7, 18), "[phone]")
        return text

    def value(self, value: object) -> object:
        """Returns a JSON value with matches replaced in its texts. Keys stay; a number that matches becomes text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._number(value)
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in cast("Mapping[object, object]", value).items()}
        if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            return [self.value(item) for item in cast("Sequence[object]", value)]
        return value

    def _number(self, value: float) -> object:
        if isinstance(value, float) and not value.is_integer():
            return value
        written = str(int(value))
        found = self.text(written)
        return value if found == written else found


class _Remembering(Patterns):
    """Patterns for the texts of one conversation."""

    def __init__(self, what: Iterable[Kind | re.Pattern[str]]) -> None:
        super().__init__(what)
        self._known: dict[str, str] = {}

    def text(self, text: str) -> str:
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = super().text(text)
        return found


def _replaced(text: str, is_one: Callable[[_Digits], bool], sizes: range, mark: str) -> str:
    """Returns the text with a mark for each longest run of groups of digits that has one of these sizes and matches."""
    return _NUMBER.sub(lambda found: _marked(found.group(), is_one, sizes, mark), text)


def _marked(run: str, is_one: Callable[[_Digits], bool], sizes: range, mark: str) -> str:
    if len(run) < sizes[0]:
        return run
    # Groups of digits at even places, what stands before, between and behind them at odd ones.
    prefix, *parts = _GROUP.split(run)
    pieces = [prefix]
    until = -2  # the last group of the run that is being replaced
    for first in range(0, len(parts), 2):
        last = _last_of(prefix if first == 0 else "", parts, first, is_one, sizes)
        if first > until:
            pieces.append(parts[first] if last is None else mark)
        if last is not None and first == 0:
            pieces[0] = ""  # the plus sign or bracket belongs to the number
        # Where two matches overlap, either may be the right one: both are replaced.
        until = max(until, -2 if last is None else last)
        if first >= until:
            pieces.append(parts[first + 1])
    return "".join(pieces)


def _last_of(prefix: str, parts: list[str], first: int, is_one: Callable[[_Digits], bool], sizes: range) -> int | None:
    """Returns the index of the last group of the longest match that begins at `first`; None if there is none."""
    number, found = "", None
    for last in range(first, len(parts), 2):
        number += parts[last]
        if len(number) > sizes[-1]:
            break
        if len(number) in sizes and is_one(
            _Digits(prefix, _ascii(number), parts[first : last + 1 : 2], parts[first + 1 : last : 2])
        ):
            found = last
    return found


def _ascii(number: str) -> str:
    """Returns digits of any script as ASCII digits."""
    return number if number.isascii() else "".join(str(int(digit)) for digit in number)


def _is_card(digits: _Digits) -> bool:
    """Returns whether it is a payment card's number (ISO/IEC 7812): 13 to 19 digits with a valid Luhn check digit."""
    number = digits.number
    if number[0] not in "123456":
        return False
    is_list = any("," in one or "." in one for one in digits.separators)
    return (not is_list or _CARD_SHAPES.fullmatch(digits.shape) is not None) and _is_luhn(number)


def _is_luhn(number: str) -> bool:
    doubled = "".join([_DOUBLED[digit] for digit in number[-2::-2]])
    return sum(map(int, number[-1::-2] + doubled)) % 10 == 0


def _is_phone(digits: _Digits) -> bool:
    """Returns whether it is a phone number: international (E.164), with a national 0, or in a country's groups."""
    number, size = digits.number, len(digits.number)
    if any("," in one for one in digits.separators):
        return False
    if "+" in digits.prefix:
        return 7 <= size <= 15
    if number.startswith("00"):
        return 9 <= size <= 17
    if number.startswith("0") and (len(digits.groups[0]) > 1 or digits.is_spelled):
        return 9 <= size <= 12
    if digits.is_spelled or "(" in digits.prefix:
        return 7 <= size <= 12
    if len(digits.groups) == 1:
        return (size == 10 and number[0] in "23456789") or (size == 11 and number[0] == "1")
    if digits.shape == "3,4":
        return digits.separators == ["-"]
    return digits.shape in _PHONE_SHAPES and ("." not in digits.separators or digits.shape in {"3,3,4", "1,3,3,4"})
