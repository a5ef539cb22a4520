"""Finds numbers of payment cards and phones in texts, where they are written in digits."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._privacy.digits import Digits, has_dot, is_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel._model.steps import Pause

Span: TypeAlias = tuple[int, int]
"""Where a match begins and ends in a text."""

_CARD_SIZES: Final = range(13, 20)
_PHONE_SIZES: Final = range(7, 18)
_SPELLED_PHONE: Final = 12
_STEP: Final = 16

_NOT_NUMBERS = re.compile(
    r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9a-fA-F])"  # UUIDs
    r"|(?<!\d)(?:19|20)\d\d([-./])(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?!\d)"  # dates
    r"|(?<!\d)(?:0?[1-9]|[12]\d|3[01])([-./])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)\d\d(?!\d|\2\d)"
)

_NO_CARD = re.compile(
    r"1(?!\d{14}$)\d*"  # 1 is for airlines: as one group it has 15 digits, and epoch times others
    r"|20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?:\d{3})?"
)
"""Digits in one group that are not the number of a card, for all their check digit (ISO/IEC 7812)."""

_CARD_SHAPES = re.compile(r"\d+|4,4,4,[1-7]|4,4,4,4,[1-3]|4,6,[45]|1(?:,1)+|2(?:,2)+(?:,1)?")
_GLUED_SHAPES = re.compile(r"\d+|4,4,4,[1-7]|4,4,4,4,[1-3]|4,6,[45]")
_PHONE_SHAPES = frozenset(
    {"3,3,4", "1,3,3,4", "3,3,3", "3,4,4", "5,5", "2,3,2,2", "2,2,2,2", "3,2,3", "3,2,2,2"}
)  # North America with and without its 1, Spain, Poland, China, India, Denmark, Norway
_FIRM_SHAPES = frozenset({"3,3,4", "1,3,3,4"})
_PHONE_WORD = re.compile(r"(?i)(?:tel|telephone|phone|ph|cell|mobile?|mob|fax|sms|call|whatsapp|nummer|number)\Z")

_EXTENSION = re.compile(r"(?i)(?:x|ext)\d{1,6}\Z")


def innocent(text: str, first: int, last: int) -> Iterator[Span]:
    """Yields what looks like numbers in a piece of a text, and is a date or an id."""
    for found in _NOT_NUMBERS.finditer(text, first, last):
        yield found.span()


def cards(digits: Digits, until: int, pause: Pause) -> Iterator[Span]:
    """Yields the payment cards that begin before `until`: 13 to 19 digits with a valid check digit."""
    for first, group in enumerate(digits.groups):
        if group.start >= until:
            return
        if first % _STEP == 0:
            pause()
        for last in digits.lasts(first, _CARD_SIZES):
            if digits.has_check_digit(first, last) and _is_card(digits, first, last):
                yield group.start - len(digits.prefix(first)), digits.groups[last].end
                break


def _is_card(digits: Digits, first: int, last: int) -> bool:
    number = digits.number(first, last)
    if number[0] not in "123456" or (first == last and _NO_CARD.fullmatch(number)):
        return False
    gaps, shape = digits.gaps(first, last), digits.shape(first, last)
    if glued := digits.word_before(first) + digits.word_after(last):
        return glued.isalpha() and _GLUED_SHAPES.fullmatch(shape) is not None
    return _CARD_SHAPES.fullmatch(shape) is not None or not (is_list(gaps) or any("." in gap for gap in gaps))


def phones(digits: Digits, until: int, pause: Pause) -> Iterator[Span]:
    """Yields the phone numbers that begin before `until`: international (E.164), national, or in usual groups."""
    for first, group in enumerate(digits.groups):
        if group.start >= until:
            return
        if first % _STEP == 0:
            pause()
        spelled = digits.chain(first, _SPELLED_PHONE) if group.size == 1 else 0
        is_spelled = spelled >= _PHONE_SIZES[0]
        last = _spelled(digits, first, spelled) if is_spelled else _grouped(digits, first)
        if last >= 0:
            yield group.start - len(digits.prefix(first)), digits.groups[last].end


def _spelled(digits: Digits, first: int, most: int) -> int:
    """Returns the last group of the longest number that is dictated digit by digit; -1 if there is none."""
    if digits.word_before(first):
        return -1
    number = digits.number(first, first + most - 1)
    counted = _counted(number)
    if "+" in digits.prefix(first) and most > counted:
        return first + most - 1
    listed = is_list(digits.gaps(first, first + most - 1))
    sizes = _sizes(number) if listed else range(_PHONE_SIZES[0], most + 1)
    size = min(most, sizes[-1]) if sizes else 0
    return first + size - 1 if size in sizes and size > counted else -1


def _sizes(number: str) -> range:
    """Returns how many digits a number may have that begins with these, where they are in a list."""
    if number[0] == "0":
        return range(9, 13) if number[1] != "0" else range(0)
    return range(11, 12) if number[0] == "1" else range(10, 11)


def _counted(number: str) -> int:
    """Returns how many of the first digits count up or down."""
    step = (int(number[1]) - int(number[0])) % 10
    if step not in {1, 9}:
        return 0
    count = 1
    for one, two in pairwise(number):
        if (int(two) - int(one)) % 10 != step:
            return count
        count += 1
    return count


def _grouped(digits: Digits, first: int) -> int:
    """Returns the last group of the longest number that begins with a group; -1 if there is none."""
    lasts = digits.lasts(first, _PHONE_SIZES)
    if not lasts:
        return -1
    prefix = digits.prefix(first)
    if not prefix and digits.number(first, first)[0] != "0":
        lasts = range(min(lasts[0], first + 3), lasts[-1] - 1, -1)  # the shapes have at most four groups
    before = digits.word_before(first)
    for last in lasts:
        shape = digits.shape(first, last)
        if _is_free(digits, last, before, prefix, shape) and _is_phone(
            prefix, digits.number(first, last), digits.gaps(first, last), shape
        ):
            return last
    return -1


def _is_free(digits: Digits, last: int, before: str, prefix: str, shape: str) -> bool:
    """Returns whether a number is glued to nothing but a word for a phone, a unit, or an extension."""
    after = digits.word_after(last)
    if before and not (prefix or _PHONE_WORD.search(before)):
        return False
    if not after or _EXTENSION.match(after):
        return True
    return after[0].isalpha() and (bool(before or prefix) or shape in _FIRM_SHAPES)


def _is_phone(prefix: str, number: str, gaps: list[str], shape: str) -> bool:
    size, listed = len(number), is_list(gaps)
    commas = any("," in gap for gap in gaps)
    if "+" in prefix:
        return size <= 15 and not (commas and has_dot(gaps))
    if commas:
        # Three prices or counts have the same shape, but end with zeros more often.
        return shape in _FIRM_SHAPES and all(len(gap) > 1 for gap in gaps) and not _is_round(number, shape)
    if number.startswith("00"):
        return size >= 9 and number[2] != "0"
    if number[0] == "0" and not shape.startswith("1,"):
        return 9 <= size <= 12 and number[1] != "0"
    if "(" in prefix:
        return size <= 12
    if not gaps:
        return (size == 10 and number[0] in "23456789") or (size == 11 and number[0] == "1")
    if shape in _FIRM_SHAPES:
        return True
    if shape == "3,4":
        return gaps == ["-"] or gaps == ["\u2011"]
    is_even = len(set(gaps)) == 1 or shape != "2,2,2,2"
    return shape in _PHONE_SHAPES and is_even and not (listed or has_dot(gaps) or _is_counted_by_group(number, shape))


def _is_round(number: str, shape: str) -> bool:
    """Returns whether the last three groups all end with a zero."""
    return all(number[-back] == "0" for back in (1, 5, 8)) and shape in _FIRM_SHAPES


def _is_counted_by_group(number: str, shape: str) -> bool:
    """Returns whether pairs of digits count up in equal steps."""
    if shape != "2,2,2,2":
        return False
    pairs = [int(number[at : at + 2]) for at in range(0, 8, 2)]
    return len({two - one for one, two in pairwise(pairs)}) == 1
