"""Reads the body of a request within its limits. A sender that is slow, or lies about its length, holds up itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from roark_otel._gateway.unpacking_bodies import DamagedBody, TooLargeBody, UnknownEncoding, unpacked_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Self

    from roark_otel._gateway.door import Room

UNPACKED_AT_ONCE: Final = 16 * 1024
"""Packed bodies up to this size in bytes are unpacked on the event loop, because it takes a thread longer to begin.

The worst of them has 16 MiB, which takes 20 ms.
"""


LINGER_SECONDS: Final = 5.0
"""The longest that the rest of a refused request is received.

Where the server closes the connection before, the system discards the answer, and the sender sends again.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bodies may be.

    Attributes:
        packed: The most bytes as they come.
        unpacked: The most bytes without their encoding.
        seconds: The longest that a body may take to come.
    """

    packed: int
    unpacked: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A body without its encoding, and how much room it takes until it is given back."""

    content: bytes
    room: int


@dataclass(frozen=True, slots=True)
class NoBody:
    """A body that is not taken: the status to answer with, and why. `is_busy`: whether it may be sent again."""

    status: int
    why: str
    is_busy: bool = False


class Incoming:
    """Receives the parts of a request, and knows whether the last one has come.

    Args:
        receive: Receives the next part.
    """

    def __init__(self, receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._receive = receive
        self.is_complete = False

    async def __call__(self) -> dict[str, Any]:
        """Receives the next part."""
        message = await self._receive()
        self.is_complete = not message.get("more_body", False)
        return message

    async def let_go(self) -> None:
        """Receives what is left, for some seconds, and keeps none of it."""
        with _Deadline(LINGER_SECONDS):
            while not self.is_complete:
                await self()


_MOST_DIGITS: Final = 20
"""The most digits that a length may have. Python makes no number of thousands of them."""

_TOO_LARGE: Final = NoBody(413, "the request is larger than the gateway takes")
_BUSY: Final = NoBody(503, "too much is being received at the moment", is_busy=True)


async def received_body(
    headers: dict[bytes, str], receive: Callable[[], Awaitable[dict[str, Any]]], limits: Limits, room: Room
) -> RequestBody | NoBody:
    """Reads a body. The room that it takes has to be given back.

    Args:
        headers: The headers of the request.
        receive: Receives the next part of it.
        limits: What it may be.
        room: How much there is room for.
    """
    length = headers.get(b"content-length", "0")
    if length.isdecimal() and (len(length) > _MOST_DIGITS or int(length) > limits.packed):
        return _TOO_LARGE
    taken = _Taken(room)
    found: RequestBody | NoBody = _BUSY
    content: bytes | NoBody = b""
    try:
        with _Deadline(limits.seconds) as deadline:
            content = await _received(receive, limits, taken)
        if deadline.is_over:
            found = NoBody(408, "the request took too long to come")
        elif isinstance(content, NoBody):
            found = content
        else:
            found = await _unpacked(content, headers.get(b"content-encoding", ""), limits, taken)
    finally:
        if isinstance(found, NoBody):
            taken.give_back()
    return found


async def _unpacked(content: bytes, encoding: str, limits: Limits, taken: _Taken) -> RequestBody | NoBody:
    if not encoding:
        return RequestBody(content, taken.size)
    try:
        if len(content) <= UNPACKED_AT_ONCE:
            content = unpacked_body(content, encoding, limits.unpacked)
        else:
            loop = asyncio.get_running_loop()
            content = await loop.run_in_executor(None, unpacked_body, content, encoding, limits.unpacked)
    except TooLargeBody:
        return _TOO_LARGE
    except DamagedBody:
        return NoBody(400, "the body is not what its encoding says")
    except UnknownEncoding:
        return NoBody(415, "the gateway knows gzip, zstd and deflate")
    if not taken.more(max(0, len(content) - taken.size)):
        return _BUSY
    return RequestBody(content, taken.size)


class _Deadline:
    """Ends what its block waits for. Unlike `asyncio.wait_for` it starts no task, which most requests would pay for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.is_over = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()

        def end() -> None:
            self.is_over = True
            if task is not None:
                task.cancel()

        self._handle = asyncio.get_running_loop().call_later(self._seconds, end)
        self._task: Any = task
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: object) -> bool:
        self._handle.cancel()
        if not self.is_over or kind is not asyncio.CancelledError:
            return False
        if hasattr(self._task, "uncancel"):  # since Python 3.11
            self._task.uncancel()
        return True


class _Taken:
    """The room that one body takes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def more(self, size: int) -> bool:
        if not self._room.take(size):
            return False
        self.size += size
        return True

    def give_back(self) -> None:
        self._room.give_back(self.size)
        self.size = 0


async def _received(receive: Callable[[], Awaitable[dict[str, Any]]], limits: Limits, taken: _Taken) -> bytes | NoBody:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return NoBody(400, "the sender went away")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limits.packed:
            return _TOO_LARGE
        if not taken.more(len(part)):
            return _BUSY
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
