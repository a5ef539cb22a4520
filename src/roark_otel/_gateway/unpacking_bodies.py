"""Unpacks the bodies of requests, and stops where they become too large."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

GZIP_WINDOW: Final = 31
CHUNK: Final = 256 * 1024
"""How many bytes are read, and unpacked, in one go."""

MOST_MEMBERS: Final = 100
"""The most members of gzip, or frames of zstd, in one body. Senders write one.

One may have 8 bytes and no content, so that millions would pass the limits of bytes, and to begin each takes time.
"""


class TooLargeBody(ValueError):  # noqa: N818 - named as what it says
    """A body is larger than the limit once it is unpacked."""


class DamagedBody(ValueError):  # noqa: N818
    """A body is not what its encoding says."""


class UnknownEncoding(ValueError):  # noqa: N818
    """A body has an encoding that the gateway does not know."""


def unpacked_body(body: bytes, encoding: str, most: int) -> bytes:
    """Returns a body without its encoding.

    Args:
        body: The body as it came.
        encoding: Its `Content-Encoding`: empty, `identity`, `gzip` (`x-gzip`: RFC 9110, 8.4.1.3), `zstd` or `deflate`.
        most: The most bytes that it may have.

    Raises:
        TooLargeBody: if it has more.
        DamagedBody: if it is damaged, ends too early, or has more than `MOST_MEMBERS` members.
        UnknownEncoding: if the encoding is another one.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        if len(body) > most:
            raise TooLargeBody
        return body
    unpack = _UNPACKERS.get(name)
    if unpack is None:
        raise UnknownEncoding
    return unpack(body, most)


def _gzip(body: bytes, most: int) -> bytes:
    """Unpacks gzip, of one member or several."""
    return _zlib(body, most, GZIP_WINDOW)


def _deflate(body: bytes, most: int) -> bytes:
    return _zlib(body, most, zlib.MAX_WBITS)


def _zlib(body: bytes, most: int, window: int) -> bytes:
    unpacked = _Unpacked(body, most)
    rest = unpacked.next_step()
    while rest:
        unpacked.begin_member()
        member = zlib.decompressobj(window)
        while not member.eof:
            try:
                piece = member.decompress(rest, CHUNK)
            except zlib.error:
                raise DamagedBody from None
            unpacked.add(piece)
            rest = member.unconsumed_tail or member.unused_data or unpacked.next_step()
            if not piece and not rest and not member.eof:
                raise DamagedBody
    return unpacked.content()


def _zstd(body: bytes, most: int) -> bytes:
    decompressor, fault = _zstd_parts()
    unpacked = _Unpacked(body, most)
    rest = unpacked.next_step()
    while rest:
        unpacked.begin_member()
        frame = decompressor()
        data = rest
        while not frame.eof:
            try:
                piece = frame.decompress(data, CHUNK)
            except fault:
                raise DamagedBody from None
            unpacked.add(piece)
            data = unpacked.next_step() if frame.needs_input and not frame.eof else b""
            if not piece and not data and frame.needs_input:
                raise DamagedBody
        rest = frame.unused_data or unpacked.next_step()
    return unpacked.content()


class _Unpacked:
    """What has been unpacked of a body, which is read in steps: what follows a member is copied once for each of them.

    Args:
        body: The body.
        most: The most bytes that it may have without its encoding.
    """

    def __init__(self, body: bytes, most: int) -> None:
        self._body = body
        self._most = most
        self._read = self._size = self._members = 0
        self._found: list[bytes] = []

    def next_step(self) -> bytes:
        """Returns what comes next; empty at the end."""
        first, self._read = self._read, self._read + CHUNK
        return self._body[first : self._read]

    def begin_member(self) -> None:
        """Counts a member of gzip, or a frame of zstd."""
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise DamagedBody

    def add(self, piece: bytes) -> None:
        """Takes what was unpacked."""
        self._size += len(piece)
        if self._size > self._most:
            raise TooLargeBody
        if piece:
            self._found.append(piece)

    def content(self) -> bytes:
        """Returns all of it."""
        return b"".join(self._found)


def _zstd_parts() -> tuple[Callable[[], Any], type[Exception]]:
    """Returns Python's own decompressor, or that of the package with the same interface."""
    try:
        found: Any = import_module("compression.zstd")  # since Python 3.14
    except ImportError:
        found = import_module("backports.zstd")
    return found.ZstdDecompressor, found.ZstdError


_UNPACKERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
