"""Joins attributes that were cut."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, cast

from roark_otel._open.cutting import AGAIN, CUT
from roark_otel._open.runs import fresh_places, join_items, join_names
from roark_otel._open.texts import Joined, Later, Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel._open.cutting import Packed
    from roark_otel._open.runs import Runs
    from roark_otel._open.shapes import Shapes


class Joiner:
    """Joins the attributes of one conversation's spans, all of them and in the order in which they were cut."""

    __slots__ = ("_next", "_repeatable", "_shapes", "_spans", "_texts")

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._repeatable: list[str] = []
        self._texts = Texts()
        self._next = 0  # the number of the next text that is kept
        self._spans: dict[int, tuple[Sequence[str], Sequence[object]]] = {}

    def join(self, packed: Packed) -> dict[str, object]:
        """Returns the attributes again: the same names and values in the same order."""
        joined = self.join_later(packed)
        return joined.whole() if isinstance(joined, Joined) else joined

    def join_later(self, packed: Packed) -> dict[str, object]:
        """Returns the attributes again, or `Joined` where some texts are long."""
        head = packed[0]
        if head is None:
            return self._join_numbered(*cast("Any", packed[1:]))
        names = self._shapes.names(head) if isinstance(head, int) else cast("tuple[str, ...]", head)
        return self.join_values(names, packed[2:], cast("tuple[int, ...]", packed[1]))

    def join_values(self, names: Sequence[str], values: Sequence[object], marks: Sequence[int]) -> dict[str, object]:
        """Returns attributes with these names, of which the values at the marked places were cut."""
        if not marks:
            return dict(zip(names, values, strict=True))
        joined = self._join_texts(values, marks)
        found = zip(names, joined, strict=True)
        return Joined(found) if Later in map(type, joined) else dict(found)

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
        texts = join_items(texts_before, text_runs, self._join_texts(fresh, marks))
        self._spans[slot] = names, texts
        rest = iter(others)
        return Joined({name: next(rest) if text is None else text for name, text in zip(names, texts, strict=True)})

    def _join_texts(self, values: Sequence[object], marks: Sequence[int]) -> list[object]:
        joined = list(values)
        for place in marks:
            value: Any = values[place]
            joined[place] = self._repeated(value) if isinstance(value, (str, int)) else self._join_text(value)
        return joined

    def _repeated(self, text: str | int) -> str:
        if isinstance(text, int):
            return self._repeatable[text]
        self._repeatable.append(text)
        return text

    def _join_text(self, cut: tuple[Any, ...]) -> Later:
        if cut[0] == AGAIN:
            return Later(cut[1], self._texts)
        number = self._next
        self._next += 1
        if cut[0] == CUT:
            self._texts.add_cut(number, cut[2], cut[3:])
        else:
            whole = cut[2]
            if isinstance(whole, bytes):
                whole = zlib.decompress(whole).decode("utf-8", "surrogatepass")
            self._texts.add_whole(number, self._repeated(whole))
        return Later(number, self._texts)
