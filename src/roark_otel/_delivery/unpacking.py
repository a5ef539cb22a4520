"""Unpacks the body of an answer, never to more than a number of bytes. Pure.

httpx unpacks whatever a piece of an answer contains at once: a megabyte becomes a gigabyte, and with two encodings more
than any memory has.
"""

from __future__ import annotations

import zlib
from typing import Final

ACCEPTED: Final = "gzip, deflate"
"""The encodings that a server is asked for."""

MAX_ENCODINGS: Final = 3
"""The most encodings that are undone, one after the other."""

_ZLIB: Final = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class UnpackingError(ValueError):
    """The body is not what its encoding says."""


def unpacked(body: bytes, encodings: str, limit: int) -> bytes:
    """Returns the beginning of a body, at most `limit` bytes. The body may be cut.

    Args:
        body: The beginning of the body as it was sent.
        encodings: The value of `Content-Encoding`. Unknown encodings are passed over: none was asked for.
        limit: The most bytes that any step may make.

    Raises:
        UnpackingError: if the body is damaged, or has more than `MAX_ENCODINGS` encodings.
    """
    names = [name.strip().lower() for name in encodings.split(",")]
    known = [name for name in names if name in _ZLIB]
    if len(known) > MAX_ENCODINGS:
        raise UnpackingError("too many encodings")
    for name in reversed(known):
        body = _unpacked(body, name, limit)
    return body[:limit]


def _unpacked(body: bytes, name: str, limit: int) -> bytes:
    try:
        return zlib.decompressobj(_ZLIB[name]).decompress(body, limit)
    except zlib.error as fault:
        if name != "deflate":
            raise UnpackingError(str(fault)) from fault
    try:  # some servers send deflate without the header of zlib
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, limit)
    except zlib.error as fault:
        raise UnpackingError(str(fault)) from fault
