"""Cuts the attributes of a conversation's spans down to what is new in them.

The result is flat, and made of exact atoms and tuples if the values are, so that `marshal` packs it:

- `(names, marks, *values)`: the number of the shape, or the names themselves; the places of the values that are written
  otherwise, see below; the values.
- `(None, slot, runs of names, fresh names, runs of texts, others, marks, *fresh texts)`: many numbered attributes.
  Their names, and the values that are texts, are runs of those of the span kept in this slot; `others` are the rest.

A marked value is one of

- a text that may be repeated, or the number of the one that it repeats;
- `(WHOLE, replaced, text)`, `(REPEATED, replaced, number)`, `(CUT, replaced, base, *pieces)`: a text that others may go
  on with, as bytes if it is packed; `replaced` is the number of the one that is kept no longer, or -1;
- `(AGAIN, base)`: it equals a text that is kept.
"""

from __future__ import annotations

import zlib
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from roark_otel._open.heads import grown_from_end
from roark_otel._open.kept_texts import KeptTexts
from roark_otel._open.pieces import copied, grown, overlapping
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

PACKED_TEXTS = range(1_024, 16_384)
"""How many characters of a text are packed where it is written whole: shorter ones get no smaller, and packing a longer
one would hold the interpreter for long."""

MAX_DIGESTS = 256
"""The most texts that may be repeated, the newest ones."""

MAX_KINDS = 4
"""The most kinds of spans with many numbered attributes of which the last one is kept."""

_Span: TypeAlias = tuple[tuple[str, ...], tuple[str | None, ...], int]
"""The names of a span's attributes, the values that are texts, the bytes of both."""

_DIGEST = 16


_NO_KINDS: Final[dict[str, int]] = {}
_NO_SPANS: Final[dict[int, _Span]] = {}


class Cutter(KeptTexts):
    """Cuts the attributes of one conversation, in the order in which they will be joined."""

    __slots__ = ("_digests", "_first", "_kinds", "_spans")

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._digests: bytes | bytearray = b""
        self._first = 0  # the number of the text with the first digest
        self._kinds = _NO_KINDS  # slots by kind of span, the one used last at the end
        self._spans = _NO_SPANS

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
        marks = long_texts(values)
        return (shape, tuple(marks), *self.cut_texts(kind, names, values, marks))

    def cut_texts(
        self, kind: str, names: Sequence[str], values: Sequence[object], marks: Sequence[int]
    ) -> Iterable[object]:
        """Returns values of which those at the marked places, the `long_texts`, are cut."""
        written = list(values)
        for place in marks:
            text = cast("str", values[place])
            if len(text) < CUTTABLE:
                written[place] = self._repeated(text)
            else:
                written[place] = self._cut_text(self._shapes.stream(kind, names[place]), text)
        return written

    def _cut_numbered(self, kind: str, names: tuple[str, ...], values: Sequence[object]) -> Packed:
        if not self._spans:
            self._kinds, self._spans = {}, {}
        slot = self._kinds.pop(kind, None)
        if slot is None:
            slot = self._kinds.pop(next(iter(self._kinds))) if len(self._kinds) == MAX_KINDS else len(self._kinds)
            self._spans[slot] = (), (), 0
        self._kinds[kind] = slot
        names_before, texts_before, size_before = self._spans[slot]
        texts = tuple([value if type(value) is str else None for value in values])
        others = tuple([value for value in values if type(value) is not str])
        name_runs, fresh_names = cut_items(names_before, names)
        text_runs, fresh = cut_items(texts_before, texts)
        fresh_texts = [texts[place] for place in fresh]
        marks = long_texts(fresh_texts)
        cut = self.cut_texts(kind, [names[place] for place in fresh], fresh_texts, marks)
        size = sum(map(str.__sizeof__, names)) + sum(map(str.__sizeof__, filter(None, texts)))
        self._spans[slot] = names, texts, size
        self.texts_size += size - size_before
        return (None, slot, name_runs, cut_names(names, fresh_names), text_runs, others, tuple(marks), *cut)

    def _repeated(self, text: str) -> str | int:
        """Returns the number of an equal text, or the text itself, which has the next number then."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()
        digests = self._digests
        place = digests.find(digest)
        if place >= 0 and place % _DIGEST == 0:
            return self._first + place // _DIGEST
        if not isinstance(digests, bytearray):
            digests = self._digests = bytearray()
        elif len(digests) == MAX_DIGESTS * _DIGEST:
            self.texts_size -= len(digests) // 2
            self._first += MAX_DIGESTS // 2
            del digests[: len(digests) // 2]
        digests += digest
        self.texts_size += _DIGEST
        return text

    def _cut_text(self, stream: str, text: str) -> tuple[int | str | bytes, ...]:
        bases = self._bases(stream)
        if (same := self._same(bases, text)) is not None:
            return AGAIN, same
        kept = self._kept
        for base in bases:
            _, end, head = kept[base]
            if head and (longer := grown_from_end(head, end, text)):
                pieces, head = longer
                replaced = self._drop(base)
                self._keep_next(stream, text, head)
                return (CUT, replaced, base, *pieces)
        for cut in (grown, overlapping):
            for base in bases:
                _, before, head = kept[base]
                some = None if head else cut(before, text)
                if some is not None:
                    if cut is overlapping:
                        self._note_edited(stream)
                    replaced = self._replace(base, some, bases)
                    self._keep_next(stream, text)
                    return (CUT, replaced, base, *some)
        if any(kept[base][2] for base in bases):
            self._note_edited(stream)
        replaced = self._make_room(bases)
        self._keep_next(stream, text)
        whole = self._repeated(text)
        return (WHOLE, replaced, _packed(whole)) if isinstance(whole, str) else (REPEATED, replaced, whole)

    def _replace(self, base: int, pieces: Pieces, bases: list[int]) -> int:
        """Returns the number of the text that is kept no longer: the base, if nearly all of it is in the new text."""
        if 4 * copied(pieces) < 3 * len(self._kept[base][1]):
            return self._make_room(bases)
        return self._drop(base)


def _packed(text: str) -> str | bytes:
    """Returns a text, packed if it is worth that: a history begins with a long prompt."""
    if len(text) not in PACKED_TEXTS:
        return text
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1)


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


def long_texts(values: Sequence[object]) -> list[int]:
    """Returns the places of the texts that may repeat others."""
    return [place for place, value in enumerate(values) if type(value) is str and len(value) >= REPEATABLE]
