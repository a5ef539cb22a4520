"""An open conversation, when it is over, and how what is known of it stands in the state. Pure.

Its spans and recordings are elements of a list, `s/ID/N`. Each begins with what is known of all so far, so that the
last one says it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Final

from roark_otel._worker.frames import Tail
from roark_otel._worker.records import RootEnded
from roark_otel._worker.state import element_key, length_of

if TYPE_CHECKING:
    from roark_otel._worker.state import PartitionState

_PIECE: Final = Struct(">cBQQQ")
"""Of an element: its kind, and of all so far what has ended, when a root ended last, and the first and last times."""

SPANS: Final = b"S"
RECORDING: Final = b"R"

LONGEST_SETTLE: Final = 6
"""By how much the wait after a root may be prolonged by what still comes, in waits."""


@dataclass(frozen=True, slots=True)
class ConversationWaits:
    """How long a conversation is waited for, in ms of log time since its last message.

    Args:
        settle: After a marked or a framework's root.
        quiet: After an implied one.
        idle: Where none has ended.
        recording: For its recording, once it is over.
        remembered: For what comes late, or again, once its call is delivered.
    """

    settle: int
    quiet: int
    idle: int
    recording: int
    remembered: int


@dataclass(slots=True, eq=False)
class OpenConversation:
    """An open conversation: all but its spans. Times are of the log, in ms.

    `is_asked`: whether it was found to go on, with the spans that there are. `retry_at` is in monotonic seconds: how
    often Roark is asked decides nothing about the call.
    """

    external_id: str
    place: int
    pieces: int = 0
    ended: RootEnded = RootEnded.NOTHING
    first_ms: int = 0
    last_ms: int = 0
    ended_ms: int = 0
    is_late: bool = False
    is_asked: bool = False
    is_unrecorded: bool = False
    tail: Tail = field(default_factory=Tail)
    tries: int = 0
    retry_at: float = 0.0
    under_way: bool = False
    planned: int | None = None

    def due_ms(self, waits: ConversationWaits) -> int:
        """Returns when it is over."""
        if self.is_unrecorded:
            return self.last_ms + max(waits.recording, waits.settle)
        if self.is_late:
            return self.last_ms + waits.settle
        if self.ended is RootEnded.SURELY and not self.is_asked:
            # Where a trace goes on with another conversation, its spans come here, too.
            return min(self.last_ms + waits.settle, self.ended_ms + LONGEST_SETTLE * waits.settle)
        wait = waits.quiet if self.ended is RootEnded.PERHAPS and not self.is_asked else waits.idle
        return self.last_ms + max(wait, waits.settle)

    def piece(self, kind: bytes, content: bytes) -> bytes:
        """Returns an element of its list, `SPANS` or `RECORDING`."""
        return _PIECE.pack(kind, self.ended, self.ended_ms, self.first_ms, self.last_ms) + content


def kind_and_content(piece: bytes) -> tuple[bytes, bytes]:
    """Returns the kind of an element, and what is in it."""
    return piece[:1], piece[_PIECE.size :]


def read_conversation(external_id: str, place: int, state: PartitionState) -> OpenConversation:
    """Returns an open conversation as it was written: its last element says what is known of all of them."""
    name = f"s/{external_id}"
    pieces = length_of(name, state)
    is_late = state.get_bytes(f"d/{external_id}") is not None
    one = OpenConversation(external_id, place, pieces, is_late=is_late)
    if pieces and (last := state.get_bytes(element_key(name, pieces - 1))) is not None:
        _, ended, one.ended_ms, one.first_ms, one.last_ms = _PIECE.unpack_from(last)
        one.ended = RootEnded(ended)
    return one
