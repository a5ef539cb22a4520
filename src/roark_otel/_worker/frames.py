"""Several requests in one value, each with its length before it: one that is damaged spoils no other. Pure."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTH: Final = Struct(">I")

MAX_GROWN_BYTES: Final = 64 * 1024
"""The size up to which a value grows with what comes within `TOGETHER_MS`; a larger request has a value of its own."""

TOGETHER_MS: Final = 1000
"""How long a value grows, in ms of log time: about as long as the engine takes until it writes it down."""


def framed(request: bytes) -> bytes:
    """Returns a request with its length."""
    return _LENGTH.pack(len(request)) + request


def requests_of(content: bytes) -> Iterator[bytes]:
    """Yields the requests in a value, up to one that is cut."""
    at = 0
    while at + _LENGTH.size <= len(content):
        end = at + _LENGTH.size + int(_LENGTH.unpack_from(content, at)[0])
        if end > len(content):
            return
        yield content[at + _LENGTH.size : end]
        at = end


class Tail:
    """The last value of a list, while what comes may still go into it.

    Within one commit of the engine a value that is written several times is sent to the changelog once.
    """

    __slots__ = ("_began_ms", "_content")

    def __init__(self) -> None:
        self._content: bytes | None = None
        self._began_ms = 0

    def grow(self, content: bytes, at_ms: int) -> bytes | None:
        """Returns the last value with this content; None if the content begins a value of its own."""
        known = self._content
        if known is None or at_ms - self._began_ms >= TOGETHER_MS or len(known) + len(content) > MAX_GROWN_BYTES:
            self._content, self._began_ms = content, at_ms
            return None
        self._content = known + content
        return self._content

    def seal(self) -> None:
        """Has the next content begin a value of its own."""
        self._content = None
