"""Unpacks the bodies of requests, and stops where they become too large."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

GZIP_WINDOW: Final = 31
CHUNK: Final = 256 * 1024
"""The most bytes that come of a slice in one go."""

SLICE: Final = 4 * 1024
"""How many bytes are unpacked in one go. Of a member that ends within them the rest is copied."""

MAX_MEMBERS: Final = 16_384
"""The most members of a body: to begin one takes up to 0.1 ms, also where it is empty. Senders have one."""


class TooLargeBody(ValueError):  # noqa: N818 - named as what it says
    """A body is larger than the limit once it is unpacked, or has too many members."""


class DamagedBody(ValueError):  # noqa: N818
    """A body is not what its encoding says."""


class UnknownEncoding(ValueError):  # noqa: N818
    """A body has an encoding that the gateway does not know."""


def unpacked_body(body: bytes, encoding: str, most: int) -> bytes:
    """Returns a body without its encoding.

    Args:
        body: The body as it came.
        encoding: Its `Content-Encoding`: empty, `identity`, `gzip`, `zstd` or `deflate`.
        most: The most bytes that it may have.

    Raises:
        TooLargeBody: if it has more, or too many members.
        DamagedBody: if it is damaged, or ends too early.
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
    return _unpacked(body, most, lambda: _ZlibMember(window), zlib.error)


def _zstd(body: bytes, most: int) -> bytes:
    decompressor, fault = _zstd_parts()
    return _unpacked(body, most, decompressor, fault)


def _unpacked(body: bytes, most: int, new_member: Callable[[], Any], fault: type[Exception]) -> bytes:
    """Unpacks members after each other. Each is given a slice at a time, because it copies what it does not take."""
    found: list[bytes] = []
    size = at = members = 0
    member: Any = None
    while at < len(body) or (member is not None and not member.needs_input):
        if member is None:
            member, members = new_member(), members + 1
            if members > MAX_MEMBERS:
                raise TooLargeBody
        given = body[at : at + SLICE] if member.needs_input else b""
        try:
            piece = member.decompress(given, CHUNK)
        except fault:
            raise DamagedBody from None
        at += len(given)
        size += len(piece)
        if size > most:
            raise TooLargeBody
        found.append(piece)
        if member.eof:
            at -= len(member.unused_data)
            member = None
    if member is not None:
        raise DamagedBody
    return b"".join(found)


class _ZlibMember:
    """A decompressor of zlib with the interface that those of zstd have."""

    def __init__(self, window: int) -> None:
        self._zlib = zlib.decompressobj(window)

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, most)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail


def _zstd_parts() -> tuple[Callable[[], Any], type[Exception]]:
    """Returns Python's own decompressor, or that of the package with the same interface."""
    try:
        found: Any = import_module("compression.zstd")  # since Python 3.14
    except ImportError:
        found = import_module("backports.zstd")
    return found.ZstdDecompressor, found.ZstdError


_UNPACKERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {"gzip": _gzip, "deflate": _deflate, "zstd": _zstd}
