"""What killed processes left of conversations that go on here: each is joined to every version of its call."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from roark_otel._spool.joining import joined
from roark_otel._spool.names import CallName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._spool.open_calls import OpenCalls

MAX_PARTS: Final = 256
"""The most conversations of which an earlier part is kept in memory. It is on disk too, in the call saved last."""


class Parts:
    """The earlier parts of conversations, by the hash of their ids.

    Args:
        open_calls: Where killed processes left them; None in memory.
    """

    def __init__(self, open_calls: OpenCalls | None) -> None:
        self._open_calls = open_calls
        self._parts: OrderedDict[str, bytes] = OrderedDict()

    def joined(self, name: str, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Returns a call with what came before it, and the names of the files that may be dropped once it is saved."""
        if self._open_calls is None:
            return body, ()
        key = CallName.parse(name).id_hash
        part, names = self._open_calls.part_of(key, name)
        known = self._parts.get(key)
        if part:
            known = self._parts[key] = part if known is None else joined([known, part])
            if len(self._parts) > MAX_PARTS:
                self._parts.popitem(last=False)
        return (body if known is None else joined([known, body])), names

    def forget(self, name: str) -> None:
        """Lets go of what came before a call."""
        self._parts.pop(CallName.parse(name).id_hash, None)

    def drop(self, names: Iterable[str]) -> None:
        """Removes files whose content is in a call that was saved."""
        for name in names:
            if self._open_calls is not None:
                self._open_calls.drop(name)
