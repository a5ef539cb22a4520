"""Counts the steps that a regular expression takes, as `re` would take them, and stops at a limit.

A call of `re` cannot be interrupted, and its time depends on the machine. So a pattern is tried here: it is compiled
into a small program that backtracks in the same order, and every step is counted.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from roark_otel._privacy.characters import category, char_test

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roark_otel._privacy.characters import Node

Program: TypeAlias = "list[tuple[Any, ...]]"
"""Instructions: a name and its operands."""

MAX_PROGRAM: Final = 6_000
"""The most instructions of a pattern: one with more repeats in repeats cannot be tried."""


class Unknown(Exception):  # noqa: N818 - a fact, not an error
    """The pattern cannot be read or tried."""


class TooMany(Exception):  # noqa: N818 - a fact, not an error
    """The pattern took more steps than it may."""


def parsed(pattern: re.Pattern[str]) -> Sequence[Node]:
    """Returns the parts of a pattern.

    Raises:
        Unknown: this Python has no parser that can be called.
    """
    for name in ("re._parser", "sre_parse"):
        try:
            found: Sequence[Node] = import_module(name).parse(pattern.pattern, pattern.flags)
        except Exception:  # noqa: BLE001, S112 - private to Python, so anything may be different
            continue
        return found
    raise Unknown


class Machine:
    """Runs a pattern over texts.

    Args:
        nodes: The pattern, parsed.
        flags: Its flags.

    Raises:
        Unknown: there is a part in it that is not known here, or it is too large.
    """

    def __init__(self, nodes: Sequence[Node], flags: int) -> None:
        self.tests: list[Callable[[str], bool]] = []
        self._registers = 0
        self._left = 0
        self._program = self._compiled(nodes, flags)

    def steps(self, text: str, most: int) -> int:
        """Returns the steps that it takes to find all matches in a text.

        Raises:
            TooMany: they are more than `most`.
        """
        self._left = most
        at = 0
        while at <= len(text):
            end = self._run(self._program, text, at)
            at = at + 1 if end is None or end == at else end
        return most - self._left

    # Compiling

    def _compiled(self, nodes: Sequence[Node], flags: int) -> Program:
        program: Program = []
        for kind, value in nodes:
            program += self._one(str(kind), value, flags, len(program))
            if len(program) > MAX_PROGRAM:
                raise Unknown
        return program

    def _one(self, kind: str, value: Any, flags: int, at: int) -> Program:  # noqa: ANN401 - as Python parses it
        if (test := char_test(kind, value, flags)) is not None:
            self.tests.append(test)
            known: dict[str, bool] = {}
            return [("char", test, known)]
        if kind in {"MAX_REPEAT", "MIN_REPEAT"}:
            return self._repeat(value, flags, at, is_lazy=kind == "MIN_REPEAT")
        if kind == "POSSESSIVE_REPEAT":
            return [("atomic", self._repeat(value, flags, 0, is_lazy=False))]
        if kind == "ATOMIC_GROUP":
            return [("atomic", self._compiled(value, flags))]
        if kind == "SUBPATTERN":
            group, added, removed, inside = value
            body = self._moved(self._compiled(inside, (flags | added) & ~removed), at + 1)
            return [("open", group), *body, ("close", group)] if group else [("jump", at + 1), *body]
        if kind == "BRANCH":
            return self._branch([self._compiled(one, flags) for one in value[1]], at)
        if kind in {"ASSERT", "ASSERT_NOT"}:
            direction, inside = value
            back = -1 if direction > 0 else inside.getwidth()[0]
            return [("look", kind == "ASSERT", back, self._compiled(inside, flags))]
        if kind == "AT":
            return [("at", str(value), bool(flags & re.MULTILINE))]
        if kind == "GROUPREF":
            return [("same", value, bool(flags & re.IGNORECASE))]
        if kind == "GROUPREF_EXISTS":
            group, yes, no = value
            first = self._compiled(yes, flags)
            other = self._compiled(no or (), flags)
            head = [("if", group, at + 1, at + 2 + len(first))]
            end = at + 2 + len(first) + len(other)
            return [*head, *self._moved(first, at + 1), ("jump", end), *self._moved(other, at + 2 + len(first))]
        if kind == "FAILURE":
            return [("fail",)]
        raise Unknown

    def _branch(self, bodies: Sequence[Program], at: int) -> Program:
        end = at + sum(len(body) + 2 for body in bodies) - 2
        program: Program = []
        for number, body in enumerate(bodies):
            here = at + len(program)
            if number == len(bodies) - 1:
                program += self._moved(body, here)
            else:
                program += [("split", here + 1, here + 2 + len(body)), *self._moved(body, here + 1), ("jump", end)]
        return program

    def _repeat(self, value: Any, flags: int, at: int, *, is_lazy: bool) -> Program:  # noqa: ANN401 - see above
        low, high, inside = value
        body = self._compiled(inside, flags)
        is_endless = str(high) == "MAXREPEAT"
        copies = low if is_endless else high
        if copies * (len(body) + 1) > MAX_PROGRAM:
            raise Unknown
        program: Program = []
        for _ in range(low):
            program += self._moved(body, at + len(program))
        if is_endless:
            here, register = at + len(program), self._registers
            self._registers += 1
            end = here + len(body) + 4
            both = (end, here + 1) if is_lazy else (here + 1, end)
            loop = self._moved(body, here + 2)
            return [*program, ("split", *both), ("mark", register), *loop, ("moved", register), ("jump", here)]
        end = at + len(program) + (high - low) * (len(body) + 1)
        for _ in range(high - low):
            here = at + len(program)
            both = (end, here + 1) if is_lazy else (here + 1, end)
            program += [("split", *both), *self._moved(body, here + 1)]
        return program

    def _moved(self, program: Program, by: int) -> Program:
        """Returns a program whose jumps are right where it begins at another place."""
        found: Program = []
        for one in program:
            if one[0] in {"split", "jump"}:
                found.append((one[0], *[place + by for place in one[1:]]))
            elif one[0] == "if":
                found.append(("if", one[1], one[2] + by, one[3] + by))
            else:
                found.append(one)
        return found

    # Running

    def _run(self, program: Program, text: str, at: int, known: dict[Any, int] | None = None) -> int | None:
        """Returns where a match ends that begins at a place; None if there is none."""
        length, end = len(text), len(program)
        waiting: list[tuple[int, int, dict[Any, int]]] = [(0, at, known or {})]
        while waiting:
            place, at, seen = waiting.pop()
            while place < end:
                self._left -= 1
                if self._left < 0:
                    raise TooMany
                one = program[place]
                kind = one[0]
                place += 1
                if kind == "char":
                    if at >= length:
                        break
                    character, tested = text[at], one[2]
                    good = tested.get(character)
                    if good is None:
                        good = tested[character] = one[1](character)
                    if not good:
                        break
                    at += 1
                elif kind == "split":
                    waiting.append((one[2], at, seen))
                    place = one[1]
                elif kind == "jump":
                    place = one[1]
                elif kind in {"mark", "open"}:
                    seen = {**seen, (kind, one[1]): at}
                elif kind == "close":
                    seen = {**seen, ("close", one[1]): at, ("from", one[1]): seen[("open", one[1])]}
                elif kind == "moved":
                    if seen[("mark", one[1])] == at:
                        break
                elif kind == "look":
                    if not self._looks(one, text, at, seen):
                        break
                else:
                    moved = self._rare(one, text, at, seen)
                    if moved is None:
                        break
                    at, place = moved[0], place if moved[1] is None else moved[1]
            else:
                return at
        return None

    def _looks(self, one: tuple[Any, ...], text: str, at: int, seen: dict[Any, int]) -> bool:
        _, is_wanted, back, program = one
        start = at if back < 0 else at - back
        found = None if start < 0 else self._run(program, text, start, seen)
        return bool((found is not None and (back < 0 or found == at)) == is_wanted)

    def _rare(self, one: tuple[Any, ...], text: str, at: int, seen: dict[Any, int]) -> tuple[int, int | None] | None:
        """Returns where the text and the program go on; None if it does not match."""
        kind = one[0]
        if kind == "atomic":
            end = self._run(one[1], text, at, seen)
            return None if end is None else (end, None)
        if kind == "at":
            return (at, None) if _is_at(one[1], text, at, is_multiline=one[2]) else None
        if kind == "if":
            return at, one[2] if ("close", one[1]) in seen else one[3]
        if kind == "same" and ("close", one[1]) in seen:
            said = text[seen[("from", one[1])] : seen[("close", one[1])]]
            here = text[at : at + len(said)]
            self._left -= len(said)
            return (at + len(said), None) if here == said or (one[2] and here.lower() == said.lower()) else None
        return None


def _is_at(where: str, text: str, at: int, *, is_multiline: bool) -> bool:
    before, after = text[at - 1 : at] if at else "", text[at : at + 1]
    if where.endswith("BOUNDARY"):
        is_edge = (bool(before) and category(before, "WORD")) != (bool(after) and category(after, "WORD"))
        return is_edge != ("NON" in where)
    if where.endswith("STRING"):
        return not (after if "END" in where else before)
    if where.endswith("BEGINNING"):
        return not before or (is_multiline and before == "\n")
    return not after or (after == "\n" and (is_multiline or at + 1 == len(text)))
