"""Decompresses bodies without letting a small one grow past a limit."""

from __future__ import annotations

import zlib

# The window size doubles as the choice of container.
_WINDOW_BITS = {"gzip": 31, "deflate": 15}


class UnknownEncodingError(ValueError):
    """The content encoding is not gzip, deflate or identity."""


class DamagedError(ValueError):
    """The body does not match its content encoding."""


class TooLongError(ValueError):
    """The body is longer than the limit, before or after decompression."""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Decompresses a body.

    Args:
        body: The body as it was sent.
        encoding: The value of `Content-Encoding`; empty without that header.
        limit: The most bytes that the body may have, before and after.

    Raises:
        UnknownEncodingError: The encoding is not gzip, deflate or identity.
        DamagedError: The body was not compressed that way, or is cut off.
        TooLongError: The body has more bytes than the limit.
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
    # A gzip file may have several members, one after the other.
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
