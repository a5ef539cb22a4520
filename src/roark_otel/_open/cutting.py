"""Cuts the attributes of a conversation's spans down to what is new in them.

The result is flat, and made of exact atoms and tuples if the values are, so that `marshal` packs it:

- `(names, marks, *values)`: the number of the shape, or the names themselves; the places of the values that are written
  otherwise, see below; the values.
- `(None, slot, runs of names, fresh names, runs of texts, others, marks, *fresh texts)`: many numbered attributes.
  Their names, and the values that are texts, are runs of those of the span kept in this slot; `others` are the rest.

A marked value is one of

- a text that may be repeated, or the number of the one that it repeats;
- `(WHOLE, replaced, text)`, `(REPEATED, replaced, number)`, `(CUT, replaced, base, *pieces)`: a text that others may go
  on with; `replaced` is the number of the one that is kept no longer, or -1;
- `(AGAIN, base)`: it equals a text that is kept.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias, cast

from roark_otel._open.heads import grown_from_end, head_and_end, is_same
from roark_otel._open.pieces import END, copied, grown, overlapping
from roark_otel._open.runs import cut_items, cut_names
from roark_otel._open.shapes import NUMBERED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._open.pieces import Pieces
    from roark_otel._open.shapes import Shapes

Packed: TypeAlias = tuple[object, ...]
"""The attributes of a span, cut."""

REPEATABLE = 64
"""The fewest characters of a text that is looked up among earlier ones."""

CUTTABLE = 512
"""The fewest characters of a text that is compared with earlier ones of its attribute."""

AGAIN, WHOLE, REPEATED, CUT = range(4)  # how a text of this length is written

KEPT_WHOLE = 32_768
"""The most characters of a text that are kept. Of a longer one a digest and its end are enough, as long as it grows."""

MAX_DIGESTS = 256
"""The most texts that may be repeated, the newest ones."""

MAX_BASES = 3
"""The most texts that are kept of one attribute of one kind of span."""

MAX_TEXTS = 32
"""The most texts that are kept in all."""

MAX_KINDS = 4
"""The most kinds of spans with many numbered attributes of which the last one is kept."""

_Span: TypeAlias = tuple[tuple[str, ...], tuple[str | None, ...], int]
"""The names of a span's attributes, the values that are texts, the bytes of both."""

_DIGEST = 16
_DIGITS = dict.fromkeys(range(ord("0"), ord("9") + 1))


class Cutter:
    """Cuts the attributes of one conversation, in the order in which they will be joined.

    `size` is the number of bytes of the texts and digests that it keeps.
    """

    __slots__ = (
        "_digests",
        "_edited",
        "_first",
        "_heads",
        "_kinds",
        "_next",
        "_shapes",
        "_spans",
        "_streams",
        "_texts",
        "size",
    )

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._digests = bytearray()
        self._first = 0  # the number of the text with the first digest
        self._texts: dict[int, str] = {}  # by number, the one used last at the end
        self._heads: dict[int, bytes] = {}  # by number: of a text of which only the end is kept
        self._edited: dict[str, None] = {}  # streams whose texts do not only grow: long ones are kept whole
        self._streams: dict[int, str] = {}  # kind of span and name of the attribute, by the number of the text
        self._next = 0  # the number of the next text that is kept
        self._kinds: dict[str, int] = {}  # slots by kind of span, the one used last at the end
        self._spans: dict[int, _Span] = {}
        self.size = 0

    def cut(self, kind: str, names: tuple[str, ...], values: Sequence[object]) -> Packed:
        """Returns the attributes of a span, cut.

        Args:
            kind: What its histories have in common with those of others: the name of the span, say.
            names: The names of the attributes.
            values: Their values, as many. Whatever is not text is passed through.
        """
        shape: object = self._shapes.numbers.get(names)
        if shape is None:
            shape = self._shapes.add(names)
            if shape is None and len(names) >= NUMBERED:
                return self._cut_numbered(kind, names, values)
            shape = names if shape is None else shape
        for value in values:
            if type(value) is str and len(value) >= REPEATABLE:
                break
        else:
            return (shape, (), *values)  # nearly every span
        marks = _long(values)
        return (shape, tuple(marks), *self._cut_texts(kind, names, values, marks))

    def _cut_numbered(self, kind: str, names: tuple[str, ...], values: Sequence[object]) -> Packed:
        slot = self._kinds.pop(kind, None)
        if slot is None:
            slot = self._kinds.pop(next(iter(self._kinds))) if len(self._kinds) == MAX_KINDS else len(self._kinds)
            self._spans[slot] = (), (), 0
        self._kinds[kind] = slot
        names_before, texts_before, _ = self._spans[slot]
        texts = tuple([value if type(value) is str else None for value in values])
        others = tuple([value for value in values if type(value) is not str])
        name_runs, fresh_names = cut_items(names_before, names)
        text_runs, fresh = cut_items(texts_before, texts)
        fresh_texts = [texts[place] for place in fresh]
        marks = _long(fresh_texts)
        cut = self._cut_texts(kind, [names[place] for place in fresh], fresh_texts, marks)
        size = sum(map(str.__sizeof__, names)) + sum(map(str.__sizeof__, filter(None, texts)))
        self._spans[slot] = names, texts, size
        self._measure()
        return (None, slot, name_runs, cut_names(names, fresh_names), text_runs, others, tuple(marks), *cut)

    def _cut_texts(
        self, kind: str, names: Sequence[str], values: Sequence[object], marks: list[int]
    ) -> Iterable[object]:
        written = list(values)
        for place in marks:
            text = cast("str", values[place])
            if len(text) < CUTTABLE:
                written[place] = self._repeated(text)
            else:
                written[place] = self._cut_text(f"{kind} {names[place].translate(_DIGITS)}", text)
        return written

    def _repeated(self, text: str) -> str | int:
        """Returns the number of an equal text, or the text itself, which has the next number then."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()
        place = self._digests.find(digest)
        if place >= 0 and place % _DIGEST == 0:
            return self._first + place // _DIGEST
        if len(self._digests) == MAX_DIGESTS * _DIGEST:
            del self._digests[: len(self._digests) // 2]
            self._first += MAX_DIGESTS // 2
            self._measure()
        self._digests += digest
        self.size += _DIGEST
        return text

    def _cut_text(self, stream: str, text: str) -> tuple[int | str, ...]:
        bases = [number for number, its in self._streams.items() if its == stream][::-1]
        if (same := self._same(bases, text)) is not None:
            return AGAIN, same
        for base in bases:
            if base in self._heads and (longer := grown_from_end(self._heads[base], self._texts[base], text)):
                pieces, head = longer
                replaced = self._drop(base)
                self._keep_next(stream, text, head)
                return (CUT, replaced, base, *pieces)
        for cut in (grown, overlapping):
            for base in bases:
                some = None if base in self._heads else cut(self._texts[base], text)
                if some is not None:
                    if cut is overlapping:
                        self._note_edited(stream)
                    replaced = self._replace(base, some, bases)
                    self._keep_next(stream, text)
                    return (CUT, replaced, base, *some)
        if any(base in self._heads for base in bases):
            self._note_edited(stream)
        replaced = self._make_room(bases)
        self._keep_next(stream, text)
        whole = self._repeated(text)
        return (WHOLE if whole is text else REPEATED), replaced, whole

    def _same(self, bases: list[int], text: str) -> int | None:
        """Returns the number of an equal text that is kept, of any attribute: two may show one history."""
        for base in [*bases, *self._texts]:
            head, end = self._heads.get(base), self._texts[base]
            if end == text if head is None else is_same(head, end, text):
                if base in bases:
                    self._keep(base, self._streams[base], self._texts.pop(base))
                return base
        return None

    def _note_edited(self, stream: str) -> None:
        """Notes that texts of a stream do not only grow: then the end of one is not enough to cut the next."""
        self._edited[stream] = None
        if len(self._edited) > MAX_TEXTS:
            del self._edited[next(iter(self._edited))]

    def _replace(self, base: int, pieces: Pieces, bases: list[int]) -> int:
        """Returns the number of the text that is kept no longer: the base, if nearly all of it is in the new text."""
        if 4 * copied(pieces) < 3 * len(self._texts[base]):
            return self._make_room(bases)
        return self._drop(base)

    def _make_room(self, bases: list[int]) -> int:
        if len(bases) == MAX_BASES:
            return self._drop(bases[-1])
        return self._drop(next(iter(self._texts))) if len(self._texts) == MAX_TEXTS else -1

    def _drop(self, number: int) -> int:
        del self._texts[number], self._streams[number]
        self._heads.pop(number, None)
        return number

    def _keep_next(self, stream: str, text: str, head: bytes | None = None) -> None:
        if head is not None:
            self._heads[self._next], text = head, text[-END:]
        elif len(text) > KEPT_WHOLE and stream not in self._edited:
            self._heads[self._next], text = head_and_end(text)
        self._keep(self._next, stream, text)
        self._next += 1
        self._measure()

    def _keep(self, number: int, stream: str, text: str) -> None:
        """Keeps a text as the one that was used last."""
        self._streams.pop(number, None)
        self._texts[number], self._streams[number] = text, stream

    def _measure(self) -> None:
        texts = sum(map(str.__sizeof__, self._texts.values()))
        heads = sum(map(len, self._heads.values()))
        self.size = len(self._digests) + heads + texts + sum(size for _, _, size in self._spans.values())


def plain(shapes: Shapes, names: tuple[str, ...], values: Sequence[object]) -> Packed | None:
    """Returns the attributes of a span as a cutter would write them, None where one has to look for repetitions."""
    shape: object = shapes.numbers.get(names)
    if shape is None:
        shape = shapes.add(names)
        if shape is None:
            if len(names) >= NUMBERED:
                return None
            shape = names
    for value in values:
        if type(value) is str and len(value) >= REPEATABLE:
            return None
    return (shape, (), *values)


def _long(values: Sequence[object]) -> list[int]:
    """Returns the places of the texts that may repeat others."""
    return [place for place, value in enumerate(values) if type(value) is str and len(value) >= REPEATABLE]
