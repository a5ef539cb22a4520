"""Unpacks the bodies of requests, and stops where they become too large."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

GZIP_WINDOW: Final = 31
CHUNK: Final = 256 * 1024
"""How many bytes are unpacked in one go."""


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
        encoding: Its `Content-Encoding`: empty, `identity`, `gzip`, `zstd` or `deflate`.
        most: The most bytes that it may have.

    Raises:
        TooLargeBody: if it has more.
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
    found: list[bytes] = []
    size, rest = 0, body
    while rest:
        member = zlib.decompressobj(window)
        while not member.eof:
            try:
                piece = member.decompress(rest, CHUNK)
            except zlib.error:
                raise DamagedBody from None
            size += len(piece)
            if size > most:
                raise TooLargeBody
            found.append(piece)
            rest = member.unconsumed_tail or member.unused_data
            if not piece and not rest and not member.eof:
                raise DamagedBody
    return b"".join(found)


def _zstd(body: bytes, most: int) -> bytes:
    decompressor, fault = _zstd_parts()
    found: list[bytes] = []
    size, rest = 0, body
    while rest:
        one = decompressor()
        data = rest
        while not one.eof:
            try:
                piece = one.decompress(data, CHUNK)
            except fault:
                raise DamagedBody from None
            size += len(piece)
            if size > most:
                raise TooLargeBody
            found.append(piece)
            data = b""
            if not piece and one.needs_input:
                raise DamagedBody
        rest = one.unused_data
    return b"".join(found)


def _zstd_parts() -> tuple[Callable[[], Any], type[Exception]]:
    """Returns Python's own decompressor, or that of the package with the same interface."""
    try:
        found: Any = import_module("compression.zstd")  # since Python 3.14
    except ImportError:
        found = import_module("backports.zstd")
    return found.ZstdDecompressor, found.ZstdError


_UNPACKERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {"gzip": _gzip, "deflate": _deflate, "zstd": _zstd}
