"""Which requests the disk has room for.

Only conversations that end empty the disk. So while it is nearly full, the last room is kept for requests that have a
root, and half of that for the calls that are made.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from roark_otel._safety.guard import log_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._gateway.pieces import Cut

RESERVED_BYTES: Final = 64 * 1024 * 1024
"""The room that requests without a root leave free. Those with one leave half of it."""

WRITTEN_TIMES: Final = 2
"""How often SQLite writes what it stores: into its log, and from there into its file."""

_NEARLY_FULL: Final = (
    "the disk of the gateway's store is nearly full: only what has the root of a conversation is accepted, and other "
    "senders come again, until conversations that end have made room; give it a larger disk"
)


class Admission:
    """Says which requests are stored, for the keeper's thread.

    Args:
        room: Returns how many bytes can be stored.
    """

    def __init__(self, room: Callable[[], int]) -> None:
        self._measure = room
        self._room = room()
        self._has_refused = False

    @property
    def is_short(self) -> bool:
        """Whether requests without a root are refused."""
        return self._room < RESERVED_BYTES

    @property
    def is_open(self) -> bool:
        """Whether requests with a root are stored."""
        return self._room >= RESERVED_BYTES // 2

    def look(self) -> None:
        """Measures the room. Call it once a second."""
        self._room = self._measure()
        if self._has_refused and not self.is_short:
            self._has_refused = False
            log_once(logging.WARNING, (), "the disk of the gateway's store has room again: all requests are accepted")

    def takes(self, cut: Cut) -> bool:
        """Returns whether a request is stored, and then counts its bytes until the next look."""
        if self.is_short and not (self.is_open and _has_root(cut)):
            self._has_refused = True
            log_once(logging.WARNING, (), _NEARLY_FULL)
            return False
        self._room -= WRITTEN_TIMES * sum(len(piece.body) for piece in cut.pieces)
        return True


def _has_root(cut: Cut) -> bool:
    return any(strength is not None for piece in cut.pieces for _, strength in piece.shown)
