"""Finds out whether a pattern takes linear time, also on texts that are made to slow it down.

The texts are derived from the pattern: what leads to one of its repetitions, then something that this repetition may
match, many times, then something that does not match. The steps of each are counted while its length doubles.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Final

from roark_otel._privacy.backtracking import Machine, TooMany, Unknown, parsed
from roark_otel._privacy.characters import char_test

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence

    from roark_otel._privacy.characters import Node

MOST_PER_CHARACTER: Final = 320
"""The most steps for each character of a text, which is what a repetition up to 64 takes."""

_SHORTEST: Final = 40
_LONGEST: Final = 4_096
_LINEAR: Final = 2.5
"""The most by which the steps may grow where the text doubles."""

_MOST_ATTACKS: Final = 240
_MOST_PUMP: Final = 48
_GAPS: Final = ("", " ", "-")
"""What may stand between two beginnings, so that a boundary of a word is there."""

_ALPHABET: Final = "a0 _\n-.!Z\u00e9\x00~@"
_REPEATS: Final = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_WITHOUT_PARSER: Final = frozenset("*+{(")


@lru_cache(maxsize=256)
def is_linear(pattern: re.Pattern[str]) -> bool:
    """Returns whether a pattern takes linear time on every text that can be derived from it.

    It ends after a bounded number of steps, whatever the pattern. One that cannot be tried counts as not linear, unless
    nothing in it is repeated.
    """
    try:
        nodes = parsed(pattern)
        machine = Machine(nodes, pattern.flags)
        shortest = _SHORTEST + 2 * _longest_wait(nodes)
        return all(_is_linear_on(machine, attack, shortest) for attack in _attacks(nodes, machine, pattern.flags))
    except (Unknown, RecursionError):
        return not _WITHOUT_PARSER.intersection(pattern.pattern)


def _is_linear_on(machine: Machine, attack: tuple[str, str, str], shortest: int) -> bool:
    length, before = shortest, 0
    while length <= _LONGEST:
        text = _text(attack, length)
        try:
            steps = machine.steps(text, MOST_PER_CHARACTER * len(text))
        except TooMany:
            return False
        if before and steps <= _LINEAR * before:
            return True
        length, before = 2 * length, steps
    return True


def _text(attack: tuple[str, str, str], length: int) -> str:
    prefix, pump, suffix = attack
    return prefix + pump * (length // len(pump) + 1) + suffix


def _longest_wait(nodes: Sequence[Node]) -> int:
    """Returns how much of a text may have to be there before something is repeated without a limit."""
    counts = [int(value[0]) for kind, value, _ in _walk(nodes) if str(kind) in _REPEATS]
    return min(sum(counts), _LONGEST // 4)


def _attacks(nodes: Sequence[Node], machine: Machine, flags: int) -> Iterator[tuple[str, str, str]]:
    """Yields texts in three parts, each once: what leads to a repetition, what is repeated, what ends it."""
    letters = _letters(nodes, machine)
    never = next((one for one in letters if not any(test(one) for test in machine.tests)), "\x00")
    prefixes, pumps = {"": None}, dict.fromkeys(letters)
    for kind, value, before in _walk(nodes):
        if str(kind) in _REPEATS:
            led_to = dict.fromkeys(_sample(before, letters, flags, variant) for variant in (0, 1))
            prefixes.update(led_to)
            # What begins a match again and again, so that each beginning reads to the end of the text.
            pumps.update(dict.fromkeys(one[:_MOST_PUMP] + gap for one in led_to if one for gap in _GAPS))
            bodies = (_sample(value[2], letters, flags, variant) for variant in range(5))
            pumps.update(dict.fromkeys(body[:_MOST_PUMP] for body in bodies if body))
    pairs = {one + two: None for one, two in product(letters[:7], repeat=2) if one != two}
    alone = product([""], [*pumps, *pairs], [never, ""])
    led = product(islice(prefixes, 1, 9), pumps, [never])
    yield from islice(_in_turn(alone, led), _MOST_ATTACKS)


def _in_turn(one: Iterable[Any], other: Iterable[Any]) -> Iterator[Any]:
    first, second = iter(one), iter(other)
    for each in first:
        yield each
        yield from islice(second, 1)
    yield from second


def _letters(nodes: Sequence[Node], machine: Machine) -> list[str]:
    """Returns characters, one for all that this pattern treats alike."""
    own = [chr(code) for code in _codes(nodes)]
    found: dict[tuple[bool, ...], str] = {}
    for one in (*_ALPHABET, *own):
        found.setdefault(tuple([test(one) for test in machine.tests]), one)
    return list(found.values())[:24]


def _codes(nodes: Sequence[Node]) -> Iterator[int]:
    for kind, value, _ in _walk(nodes):
        if str(kind) in {"LITERAL", "NOT_LITERAL"}:
            yield value
        elif str(kind) == "IN":
            for inner, each in value:
                if str(inner) == "LITERAL":
                    yield each
                elif str(inner) == "RANGE":
                    yield from each


def _walk(nodes: Sequence[Node], before: tuple[Node, ...] = ()) -> Iterator[tuple[Any, Any, tuple[Node, ...]]]:
    """Yields every part of a pattern, at any depth, with the parts that lead to it."""
    led = before
    for kind, value in nodes:
        yield kind, value, led
        for inside in _inside(str(kind), value):
            yield from _walk(inside, led)
        led = (*led, (kind, value))


def _inside(kind: str, value: Any) -> Iterable[Sequence[Node]]:  # noqa: ANN401 - as Python parses it
    if kind in _REPEATS:
        return (value[2],)
    if kind == "SUBPATTERN":
        return (value[3],)
    if kind == "BRANCH":
        return tuple(value[1])
    if kind in {"ASSERT", "ASSERT_NOT"}:
        return (value[1],)
    if kind == "ATOMIC_GROUP":
        return (value,)
    return tuple(one for one in value[1:] if one) if kind == "GROUPREF_EXISTS" else ()


def _sample(nodes: Sequence[Node], letters: Sequence[str], flags: int, variant: int) -> str:
    """Returns a text that these parts may match, another one for each variant."""
    pieces: list[str] = []
    for kind, value in nodes:
        name = str(kind)
        if (test := char_test(name, value, flags)) is not None:
            fitting = [one for one in letters if test(one)] or [chr(value)] * (name == "LITERAL")
            pieces += fitting[variant % len(fitting)] if fitting else ""
        elif name in _REPEATS:
            low, _, inside = value
            pieces += _sample(inside, letters, flags, variant) * min(max(low, variant), _MOST_PUMP)
        elif name == "BRANCH":
            pieces += _sample(value[1][variant % len(value[1])], letters, flags, variant)
        elif name in {"SUBPATTERN", "ATOMIC_GROUP"} or (name == "ASSERT" and value[0] < 0):
            pieces += "".join([_sample(inside, letters, flags, variant) for inside in _inside(name, value)])
    return "".join(pieces)
