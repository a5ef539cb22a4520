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
    return _head(text, *_digests(text, len(text) - BRACKETS)), text[-END:]


def is_same(head: bytes, end: str, text: str) -> bool:
    """Returns whether a text is the one with this head and end."""
    return len(text) == _length(head) and text.endswith(end) and head_and_end(text)[0] == head


def grown_from_end(head: bytes, end: str, text: str) -> tuple[Pieces, bytes] | None:
    """Returns the pieces of a text that extends the one with this head and end, and its own head, or None."""
    length = _length(head)
    kept = length - BRACKETS
    # The end is compared first, because that costs nearly nothing.
    if len(text) < length or not text.startswith(end[:-BRACKETS], length - len(end)):
        return None
    before, now = _digests(text, kept, len(text) - BRACKETS)
    if before != head[:_DIGEST]:
        return None
    return extended(end, length - len(end), kept, text), _head(text, now)


def _length(head: bytes) -> int:
    return int.from_bytes(head[_DIGEST:], "little")


def _head(text: str, digest: bytes) -> bytes:
    return digest + len(text).to_bytes(8, "little")


def _digests(text: str, *ends: int) -> list[bytes]:
    """Returns the digests of a text up to each of these places. SHA-1 is the fastest: processors have it built in."""
    digest, found = hashlib.sha1(usedforsecurity=False), list[bytes]()
    begin = 0
    for end in ends:
        for at in range(begin, end, _STEP):
            digest.update(text[at : min(at + _STEP, end)].encode("utf-8", "surrogatepass"))
        found.append(digest.digest())
        begin = end
    return found
