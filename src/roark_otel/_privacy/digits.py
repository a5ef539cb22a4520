"""Finds the groups of digits in a text, and which of them may belong to one number.

Whether groups are a number depends on them, on what stands between them, and on the few characters around them. So a
text can be read in overlapping pieces, and what is found does not depend on where it was divided.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.steps import in_steps

if TYPE_CHECKING:
    from roark_otel._model.steps import Pause

ZERO_WIDTH: Final = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe0e\ufe0f\ufeff"
"""Characters without a width, as they stand in a class of a regular expression: nothing is seen of them."""

_BETWEEN = re.compile(
    rf"[\s{ZERO_WIDTH}\u20e3.,()/_\"'\-\u00b7\u2010-\u2015\u2022\u2212\u060c\u066b\u066c\u3001\u3002"
    r"\uff08\uff09\uff0c\uff0d\uff0e\uff0f\uff3f]{1,5}"
)
_GROUP = re.compile(r"\d+")
_PREFIX: Final = frozenset("(+\uff08\uff0b")
_LISTED = re.compile(r"[,\u060c\u3001\uff0c\r\n\t\x0b\x0c\u2028\u2029]")
_DOT: Final = frozenset(".\u3002\uff0e\u066b\u066c")
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_TOKEN: Final = 32


class Group(NamedTuple):
    """A group of digits: where it is, how many it has, and what is between it and the next one.

    `gap` is None where the next group is not part of the same number, or there is none.
    """

    start: int
    end: int
    size: int
    gap: str | None


class Digits:
    """The groups of digits in a piece of a text.

    Args:
        text: The text.
        first: Where the piece begins. A group that began before is not in it.
        last: Where it ends. A group that goes on beyond is not in it.
        pause: Called after every few groups.
    """

    __slots__ = ("_digits", "_even", "_odd", "_starts", "groups", "text")

    def __init__(self, text: str, first: int, last: int, pause: Pause) -> None:
        self.text = text
        spans = [found.span() for found in _GROUP.finditer(text, first, last)]
        if spans and spans[0][0] == first > 0 and text[first - 1].isdecimal():
            del spans[0]
        if spans and spans[-1][1] == last < len(text) and text[last].isdecimal():
            del spans[-1]
        starts = [start for start, _ in spans]
        self.groups = [
            Group(start, end, end - start, _gap(text, end, following))
            for (start, end), following in in_steps(zip(spans, (*starts[1:], None), strict=False), pause)
        ]
        self._digits = _ascii("".join([text[start:end] for start, end in spans]))
        self._starts = list(accumulate([one.size for one in self.groups], initial=0))
        self._even: list[int] = []
        self._odd: list[int] = []

    def lasts(self, first: int, sizes: range) -> range:
        """Returns with which groups a number of such a size may end that begins with a group, the last one first."""
        starts, begin = self._starts, self._starts[first]
        low = max(first, bisect_left(starts, begin + sizes[0], first) - 1)
        high = bisect_right(starts, begin + sizes[-1], first) - 2
        groups = self.groups
        for last in range(first, min(high, len(groups) - 1)):
            if groups[last].gap is None:
                high = last
                break
        return range(high, low - 1, -1)

    def number(self, first: int, last: int) -> str:
        """Returns the digits from one group to another, in ASCII."""
        return self._digits[self._starts[first] : self._starts[last + 1]]

    def gaps(self, first: int, last: int) -> list[str]:
        """Returns what is between the groups from one to another."""
        return [one.gap or "" for one in self.groups[first:last]]

    def shape(self, first: int, last: int) -> str:
        """Returns how many digits the groups from one to another have, such as `3,3,4`."""
        return ",".join([str(one.size) for one in self.groups[first : last + 1]])

    def chain(self, first: int, most: int) -> int:
        """Returns the number of groups of one digit from this one on, `most` at most."""
        count = 0
        for group in islice(self.groups, first, first + most):
            if group.size > 1:
                return count
            count += 1
            if group.gap is None:
                return count
        return count

    def prefix(self, first: int) -> str:
        """Returns the plus sign and the bracket before a group."""
        start, text = self.groups[first].start, self.text
        if start == 0 or text[start - 1] not in _PREFIX:
            return ""
        two = text[max(0, start - 2) : start]
        found = two if two[0] in _PREFIX else two[-1]
        return found.replace("\uff0b", "+").replace("\uff08", "(")

    def word_before(self, first: int) -> str:
        """Returns the letters that a group is glued to; if there are digits in them too, a digit is in the answer."""
        start = self.groups[first].start
        if start == 0 or not self.text[start - 1].isalnum():
            return ""
        return _token(self.text[max(0, start - _TOKEN) : start][::-1])[::-1]

    def word_after(self, last: int) -> str:
        """Returns the letters that are glued to a group, as `word_before` does."""
        end = self.groups[last].end
        return _token(self.text[end : end + _TOKEN])

    def has_check_digit(self, first: int, last: int) -> bool:
        """Returns whether the digits of some groups end with the check digit of Luhn."""
        if not self._even:
            plain = [int(digit) for digit in self._digits]
            even = [_DOUBLED[digit] if place % 2 else digit for place, digit in enumerate(plain)]
            odd = [digit if place % 2 else _DOUBLED[digit] for place, digit in enumerate(plain)]
            self._even, self._odd = list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))
        begin, end = self._starts[first], self._starts[last + 1]
        sums = self._odd if end % 2 == 0 else self._even
        return (sums[end] - sums[begin]) % 10 == 0


def is_list(gaps: list[str]) -> bool:
    """Returns whether groups stand in a list, or on lines of their own, and need not belong together."""
    return _LISTED.search("".join(gaps)) is not None


def has_dot(gaps: list[str]) -> bool:
    """Returns whether groups are parted by a dot alone, as decimals, versions and addresses are."""
    return any(gap in _DOT for gap in gaps)


def _gap(text: str, end: int, following: int | None) -> str | None:
    if following is None or following - end > 5 or _BETWEEN.fullmatch(text, end, following) is None:
        return None
    return text[end:following]


def _ascii(digits: str) -> str:
    """Returns digits of any script as ASCII digits."""
    return digits if digits.isascii() else "".join([str(int(digit)) for digit in digits])


def _token(text: str) -> str:
    """Returns the letters and digits that a text begins with."""
    length = 0
    for character in text:
        if not character.isalnum():
            break
        length += 1
    return text[:length]
