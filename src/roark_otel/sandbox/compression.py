"""Undoing a content encoding without letting a small body grow past a limit."""

from __future__ import annotations

import zlib

# The window size doubles as the choice of container.
_WINDOW_BITS = {"gzip": 31, "deflate": 15}


class UnknownEncodingError(ValueError):
    """The content encoding is none of those that OTLP exporters use."""


class DamagedError(ValueError):
    """The body is not what its content encoding says."""


class TooLongError(ValueError):
    """The body is, or would become, longer than the limit."""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as it was before it was compressed.

    Args:
        body: What was sent.
        encoding: The value of `Content-Encoding`; empty when there was none.
        limit: How many bytes it may have, before and after.

    Raises:
        UnknownEncodingError: The encoding is not gzip, deflate or identity.
        DamagedError: The body was not compressed that way, or is cut off.
        TooLongError: There are more bytes than the limit.
    """
    name = encoding.strip().lower()
    if name not in (*_WINDOW_BITS, "identity", ""):
        raise UnknownEncodingError(f"content encoding {encoding!r} is not supported")
    plain = _inflated(body, _WINDOW_BITS[name], limit) if name in _WINDOW_BITS and len(body) <= limit else body
    if len(plain) > limit:
        raise TooLongError(f"the body is longer than {limit} bytes")
    return plain


def _inflated(body: bytes, window_bits: int, limit: int) -> bytes:
    plain = bytearray()
    rest = body
    # A gzip file may be several, one after the other.
    while rest and len(plain) <= limit:
        inflator = zlib.decompressobj(window_bits)
        try:
            plain += inflator.decompress(rest, limit + 1 - len(plain))
        except zlib.error as error:
            raise DamagedError(f"the body cannot be decompressed: {error}") from error
        if not inflator.eof and len(plain) <= limit:
            raise DamagedError("the compressed body is cut off")
        rest = inflator.unused_data
    return bytes(plain)
