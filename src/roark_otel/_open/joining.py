"""Joins attributes that were cut, and says how a text goes on with an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from roark_otel._open.cutting import AGAIN, CUT
from roark_otel._open.pieces import copies_in
from roark_otel._open.runs import fresh_places, join_items, join_names
from roark_otel._open.texts import Joined, Later, Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel._open.cutting import Packed
    from roark_otel._open.runs import Runs
    from roark_otel._open.shapes import Shapes


@dataclass(frozen=True)
class Fresh:
    """A text with nothing known of it. Its number is how later ones refer to it."""

    number: int


@dataclass(frozen=True)
class Again:
    """A text that equals the one with this number."""

    number: int


@dataclass(frozen=True)
class Continues:
    """A text that holds parts of the text with the number `base`.

    `copies` are these parts: where each begins in this text, where in the base, and its length, in characters and in
    the order of this text.
    """

    number: int
    base: int
    copies: tuple[tuple[int, int, int], ...]

    @property
    def kept(self) -> int:
        """How many characters at the beginning are those of the base."""
        return self.copies[0][2] if self.copies and self.copies[0][:2] == (0, 0) else 0


Growth: TypeAlias = Fresh | Again | Continues


class Joiner:
    """Joins the attributes of one conversation's spans, all of them and in the order in which they were cut."""

    __slots__ = ("_cut", "_next", "_repeatable", "_shapes", "_spans", "_texts")

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._repeatable: list[str] = []
        self._texts = Texts()
        self._next = 0  # the number of the next text that is kept
        self._spans: dict[int, tuple[Sequence[str], Sequence[object]]] = {}
        self._cut: dict[str, tuple[int, tuple[Any, ...]]] = {}  # of the last span, by name: number and how it was cut

    def join(self, packed: Packed) -> dict[str, object]:
        """Returns the attributes again: the same names and values in the same order."""
        joined = self.join_later(packed)
        return joined.whole() if isinstance(joined, Joined) else joined

    def join_later(self, packed: Packed) -> dict[str, object]:
        """Returns the attributes again, or `Joined` where some texts are long."""
        self._cut = {}
        head = packed[0]
        if head is None:
            return self._join_numbered(*cast("Any", packed[1:]))
        names = self._shapes.names(head) if isinstance(head, int) else cast("tuple[str, ...]", head)
        values: Sequence[object] = packed[2:]
        if not packed[1]:
            return dict(zip(names, values, strict=True))
        values = self._join_texts(names, values, cast("tuple[int, ...]", packed[1]))
        joined = zip(names, values, strict=True)
        return Joined(joined) if self._cut else dict(joined)

    def growth(self, name: str) -> Growth | None:
        """Returns how the text of an attribute of the span joined last goes on with earlier texts.

        None if the attribute is missing, is not text, is too short for it to matter (512 characters), or is one of many
        numbered ones and equals one of the span before.
        """
        number, cut = self._cut.get(name, (0, None))
        if cut is None:
            return None
        if cut[0] == AGAIN:
            return Again(number)
        if cut[0] != CUT:
            return Fresh(number)
        return Continues(number, cut[2], copies_in(cut[3:]))

    def _join_numbered(
        self,
        slot: int,
        name_runs: Runs,
        fresh_names: tuple[str | int, ...],
        text_runs: Runs,
        others: tuple[object, ...],
        marks: tuple[int, ...],
        *fresh: object,
    ) -> dict[str, object]:
        names_before, texts_before = self._spans.get(slot, ((), ()))
        names = join_names(join_items(names_before, name_runs, fresh_names), fresh_places(name_runs))
        fresh_at = fresh_places(text_runs)
        texts = join_items(
            texts_before, text_runs, self._join_texts([names[place] for place in fresh_at], fresh, marks)
        )
        self._spans[slot] = names, texts
        rest = iter(others)
        return Joined({name: next(rest) if text is None else text for name, text in zip(names, texts, strict=True)})

    def _join_texts(self, names: Sequence[str], values: Sequence[object], marks: tuple[int, ...]) -> list[object]:
        joined_values = list(values)
        for place in marks:
            value: Any = values[place]
            joined_values[place] = (
                self._repeated(value) if isinstance(value, (str, int)) else self._join_text(names[place], value)
            )
        return joined_values

    def _repeated(self, text: str | int) -> str:
        if isinstance(text, int):
            return self._repeatable[text]
        self._repeatable.append(text)
        return text

    def _join_text(self, name: str, cut: tuple[Any, ...]) -> Later:
        if cut[0] == AGAIN:
            self._cut[name] = cut[1], cut
            return Later(cut[1], self._texts)
        number = self._next
        self._next += 1
        if cut[0] == CUT:
            self._texts.add_cut(number, cut[2], cut[3:])
        else:
            self._texts.add_whole(number, self._repeated(cut[2]))
        self._cut[name] = number, cut
        return Later(number, self._texts)
