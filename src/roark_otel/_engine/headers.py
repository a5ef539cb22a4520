"""What a file in the spool says about a call beside its body."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from roark_otel._spool.file import Header

if TYPE_CHECKING:
    from roark_otel._model.finished import FinishedConversation

MAX_SERVICE = 255
"""The most characters of a service name in a header."""


def header_of(
    conversation: FinishedConversation, turns: int, tools: int, recording_wait: float = 0, *, has_resolver: bool = True
) -> Header:
    """Returns the header of a conversation's call, as of now."""
    return Header(
        external_id=conversation.external_id,
        trace_id=f"{conversation.trace_id:032x}",
        finished_at=time.time(),
        not_before=0.0,
        turns=turns,
        tools=tools,
        started_at=conversation.started_ns / 1e9,
        recording_wait=recording_wait,
        service=(conversation.service_name or "")[:MAX_SERVICE].encode(errors="replace").decode(),
        has_resolver=has_resolver,
    )


def resting(header: Header, rest: float) -> Header:
    """Returns a header as of now, of a call that rests for this many seconds."""
    now = time.time()
    return replace(header, finished_at=now, not_before=now + rest if rest > 0 else 0.0)
