"""The outputs of the conversation state machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from roark_otel._model.finished import FinishedConversation


@dataclass(frozen=True, slots=True)
class Finished:
    """A conversation is finished; its call is to be sent after `rest` seconds."""

    conversation: FinishedConversation
    rest: float


@dataclass(frozen=True, slots=True)
class Reopened:
    """A conversation whose call rests in the spool goes on: the call is not to be sent before it is finished again."""

    conversation: FinishedConversation


@dataclass(frozen=True, slots=True)
class Late:
    """Moments came after a conversation was closed: the conversation as it was, with these moments only."""

    conversation: FinishedConversation


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The trace is over, and capture can forget it."""

    trace_id: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something to count and to log. `kind` is a counter of `Stats`."""

    kind: str
    external_id: str | None
    detail: str = ""


Output: TypeAlias = "Finished | Reopened | Late | Forgotten | Noticed"
