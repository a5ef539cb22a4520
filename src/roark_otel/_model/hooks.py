"""The hooks of an app: what it gives a processor beside settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    from datetime import datetime

    from roark_otel._model.call import UnrecordedCall
    from roark_otel._model.moments import ToolUse, Utterance
    from roark_otel._model.receipts import Receipt

Redactable: TypeAlias = Union["Utterance", "ToolUse", "UnrecordedCall"]  # apps write `Redactable | None`
"""What a redactor is asked about: each utterance and tool use of a call, then the call with them in it."""

Redactor: TypeAlias = Callable[[Redactable], Redactable | None]
"""A hook of the app's own: answers the same, with other words in it, or None to leave it out.

A whole call answered with None is not sent. It runs on the assembler's thread, after the patterns. Where it raises, or
answers something else, the words are dropped and not the call. Times, a tool's name and the call's id cannot be
changed. It may be asked about the same thing again, as a call is finished again with what came late.
"""


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """What hooks are told about a call: never a word of it. `trace_id` is 32 hex digits, times are aware, in UTC."""

    external_id: str
    trace_id: str
    turns: int
    tools: int
    started_at: datetime
    finished_at: datetime


class NoRecording(Exception):  # noqa: N818 - it tells a fact, not a fault
    """A resolver raises it for a call that will never have a recording."""


RecordingResolver: TypeAlias = "Callable[[FinishedCall], str | None]"
"""Finds the recording's URL of a call; None for not yet (asked again with backoff, as after an exception).

It runs on a thread of its own. An attempt that takes more than 10 seconds is abandoned.
"""

ReceiptHook: TypeAlias = "Callable[[FinishedCall, Receipt], None]"
"""Told what became of each attempt to deliver a call, on the courier's thread: be quick, and hand long work on."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What an app is asked while calls are made and delivered.

    `recording_url` is the recording of every call whose spans name none, or what finds it; `redact` the app's own word
    on what may be sent; `on_receipt` is told what became of each attempt to deliver a call.
    """

    recording_url: str | RecordingResolver | None = None
    redact: Redactor | None = None
    on_receipt: ReceiptHook | None = None
