"""The texts that are kept of a conversation, to write later ones as pieces of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._open.heads import head_and_end, is_same
from roark_otel._open.pieces import END

if TYPE_CHECKING:
    from roark_otel._open.shapes import Shapes

KEPT_WHOLE = 32_768
"""The most characters of a text that are always kept whole.

Longer ones share the room that `Shapes.spare_bytes` says with those of all conversations. Where there is none left, or
texts grow by more than `KEPT_MORE`, a digest and its end stand for one as long as it only grows; but a digest takes ten
times as long as a comparison.
"""

KEPT_MORE: Final = 256
"""The most characters that are kept of a longer text for each text that came before: memory grows with what is new."""

MAX_BASES: Final = 3
"""The most texts that are kept of one attribute of one kind of span."""

MAX_TEXTS: Final = 32
"""The most texts that are kept in all."""

NOTHING: Final = b""
"""The head of a text that is kept whole."""


_NO_TEXTS: Final[dict[int, tuple[str, str, bytes]]] = {}


class KeptTexts:
    """Keeps the newest texts of each stream: of each attribute of a kind of span.

    It is part of a group. All that it has are atoms, and dicts and tuples of them: nothing that the collector tracks.

    Attributes:
        texts_size: The number of bytes that are kept.
    """

    __slots__ = ("_edited", "_kept", "_next", "_shapes", "texts_size")

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._begin_anew()

    def _begin_anew(self) -> None:
        # By number, the one used last at the end: the stream, the text or its end, and the head of which only that is.
        self._kept = _NO_TEXTS
        self._edited: tuple[str, ...] = ()
        self._next = 0  # the number of the next text that is kept
        self.texts_size: int = 0

    def forget_texts(self) -> None:
        """Begins anew: what is cut from now on refers to nothing before."""
        for number in tuple(self._kept):
            self._drop(number)
        self._begin_anew()

    def _bases(self, stream: str) -> list[int]:
        """Returns the numbers of the texts of a stream, the newest first."""
        return [number for number, (its, _, _) in self._kept.items() if its == stream][::-1]

    def _same(self, bases: list[int], text: str) -> int | None:
        """Returns the number of an equal text that is kept, of any attribute: two may show one history."""
        kept = self._kept
        for base in bases:
            _, end, head = kept[base]
            if is_same(head, end, text) if head else end == text:
                kept[base] = kept.pop(base)
                return base
        for base, (_, end, head) in kept.items():
            if is_same(head, end, text) if head else end == text:
                return base
        return None

    def _note_edited(self, stream: str) -> None:
        """Notes that texts of a stream do not only grow: then the end of one is not enough to cut the next."""
        if stream not in self._edited:
            self._edited = (*self._edited[1 - MAX_TEXTS :], stream)

    def _make_room(self, bases: list[int]) -> int:
        if len(bases) == MAX_BASES:
            return self._drop(bases[-1])
        return self._drop(next(iter(self._kept))) if len(self._kept) == MAX_TEXTS else -1

    def _drop(self, number: int) -> int:
        _, text, head = self._kept.pop(number)
        size = text.__sizeof__()
        if len(text) > KEPT_WHOLE:
            self._shapes.spare_bytes += size
        self.texts_size -= size + len(head)
        return number

    def _keep_next(self, stream: str, text: str, head: bytes = NOTHING) -> None:
        """Keeps a text as the one that was used last; of a long one, only the end if there is no more room."""
        size = text.__sizeof__()
        is_too_long = len(text) > KEPT_WHOLE + KEPT_MORE * self._next or size > self._shapes.spare_bytes
        if len(text) > KEPT_WHOLE and is_too_long and stream not in self._edited:
            head, text = (head, text[-END:]) if head else head_and_end(text)
            size = text.__sizeof__()
        else:
            head = NOTHING
        if len(text) > KEPT_WHOLE:
            self._shapes.spare_bytes -= size
        self.texts_size += size + len(head)
        if self._kept is _NO_TEXTS:
            self._kept = {}
        self._kept[self._next] = stream, text, head
        self._next += 1
