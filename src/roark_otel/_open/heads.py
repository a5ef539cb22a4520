"""Stands for a long text by its head and its end: a digest says whether another begins as it does."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from roark_otel._open.pieces import BRACKETS, END, extended

if TYPE_CHECKING:
    from roark_otel._open.pieces import Pieces

_DIGEST: Final = 20
_STEP: Final = 65_536
"""The characters that are digested at once."""


def head_and_end(text: str) -> tuple[bytes, str]:
    """Returns what stands for the beginning of a text, all but its last brackets, and its end."""
    return _head(_digest(text, 0, len(text) - BRACKETS), text), text[-END:]


def is_same(head: bytes, end: str, text: str) -> bool:
    """Returns whether a text is the one with this head and end."""
    length = _length(head)
    if len(text) != length or not text.endswith(end):
        return False
    return _head(_digest(text, 0, length - BRACKETS), text) == head


def grown_from_end(head: bytes, end: str, text: str) -> tuple[Pieces, bytes] | None:
    """Returns the pieces of a text that extends the one with this head and end, and its own head, or None."""
    length = _length(head)
    kept = length - BRACKETS
    # The end is compared first, because that costs nearly nothing.
    if len(text) < length or not text.startswith(end[:-BRACKETS], length - len(end)):
        return None
    digest = _digest(text, 0, kept)
    if digest.digest() != head[:_DIGEST]:
        return None
    pieces = extended(end, length - len(end), kept, text)
    return pieces, _head(_digest(text, kept, len(text) - BRACKETS, digest), text)


def _length(head: bytes) -> int:
    return int.from_bytes(head[_DIGEST:], "little")


def _head(digest: hashlib._Hash, text: str) -> bytes:
    return digest.digest() + len(text).to_bytes(8, "little")


def _digest(text: str, begin: int, end: int, digest: hashlib._Hash | None = None) -> hashlib._Hash:
    """Digests a part of a text, after the part before it. SHA-1 is the fastest: processors have instructions for it."""
    found = hashlib.sha1(usedforsecurity=False) if digest is None else digest
    for at in range(begin, end, _STEP):
        found.update(text[at : min(at + _STEP, end)].encode("utf-8", "surrogatepass"))
    return found
