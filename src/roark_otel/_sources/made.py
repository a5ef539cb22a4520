"""What becomes of the spans of a conversation that come from elsewhere: a call, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ReadyCall:
    """A call that Roark takes.

    Attributes:
        external_id: Its id in the app.
        body: What to send to `POST /v1/call`, as UTF-8 JSON.
        turns: The number of entries in its transcript.
        tools: The number of its tool invocations.
    """

    external_id: str
    body: bytes
    turns: int
    tools: int


@dataclass(frozen=True, slots=True)
class CallWithoutRecording:
    """A call that lacks only a recording URL, which Roark requires.

    Attributes:
        external_id: Its id in the app.
        body: The call as UTF-8 JSON. With `recordingUrl` in it, Roark takes it.
    """

    external_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class NotEnded:
    """The conversation has no root among the spans, so that more of it may come.

    Attributes:
        external_id: Its id in the app.
    """

    external_id: str


@dataclass(frozen=True, slots=True)
class NoCall:
    """The conversation makes no call.

    Attributes:
        external_id: Its id in the app.
        reason: `not_found`: no span shows the id; `empty`: nothing was said or done, and nothing marks a root;
            `skipped`: a span has `roark.skip`; `sampled_out`: the settings send only a share of calls.
    """

    external_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailedCall:
    """The conversation makes no call because of a fault in this package, which is in the log.

    Attributes:
        external_id: Its id in the app.
    """

    external_id: str


AssembledCall: TypeAlias = "ReadyCall | CallWithoutRecording | NotEnded | NoCall | FailedCall"
"""What `assemble_call` makes of a conversation."""
