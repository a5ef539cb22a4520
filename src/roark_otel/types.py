"""The public types: what a dialect is made of, the hooks an app may pass, and the handles and values that it gets.

Nothing is defined here. `Call` and `UnrecordedCall` are pydantic models, which take a while to build, so they are
imported when something first asks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._handles.arguments import CallAttributes
from roark_otel._handles.conversation import ConversationHandle
from roark_otel._handles.times import Instant
from roark_otel._handles.tool import ToolHandle
from roark_otel._model.dialect import Dialect, Harmless, OwnId, Reader, Unreadable, Warn, Words
from roark_otel._model.enums import EndedStatus
from roark_otel._model.hooks import (
    Accepts,
    FinishedCall,
    NoRecording,
    ReceiptHook,
    RecordingResolver,
    Redactable,
    Redactor,
)
from roark_otel._model.moments import (
    Agent,
    Customer,
    Fact,
    Failed,
    Moment,
    Outcome,
    Returned,
    ToolUse,
    Unanswered,
    Utterance,
)
from roark_otel._model.receipts import Delivered, Receipt, Refused, Rejected, TryAgain
from roark_otel._model.rows import SpanEvent, SpanView
from roark_otel._model.stats import Stats
from roark_otel._safety.late_imports import importing
from roark_otel._setup.attach_recording import Attached, Kept
from roark_otel._setup.configure import Configured, TracesGo
from roark_otel._sources.made import AssembledCall, CallWithoutRecording, FailedCall, NoCall, NotEnded, ReadyCall
from roark_otel._sources.otlp.limits import UnreadableRequest

if TYPE_CHECKING:
    from roark_otel._model.call import Call, UnrecordedCall

__all__ = [
    "Accepts",
    "Agent",
    "AssembledCall",
    "Attached",
    "Call",
    "CallAttributes",
    "CallWithoutRecording",
    "Configured",
    "ConversationHandle",
    "Customer",
    "Delivered",
    "Dialect",
    "EndedStatus",
    "Fact",
    "Failed",
    "FailedCall",
    "FinishedCall",
    "Harmless",
    "Instant",
    "Kept",
    "Moment",
    "NoCall",
    "NoRecording",
    "NotEnded",
    "Outcome",
    "OwnId",
    "Reader",
    "ReadyCall",
    "Receipt",
    "ReceiptHook",
    "RecordingResolver",
    "Redactable",
    "Redactor",
    "Refused",
    "Rejected",
    "Returned",
    "SpanEvent",
    "SpanView",
    "Stats",
    "ToolHandle",
    "ToolUse",
    "TracesGo",
    "TryAgain",
    "Unanswered",
    "Unreadable",
    "UnreadableRequest",
    "UnrecordedCall",
    "Utterance",
    "Warn",
    "Words",
]


if not TYPE_CHECKING:  # a misspelt name is an error for type checkers too

    def __getattr__(name: str) -> object:
        if name in {"Call", "UnrecordedCall"}:
            with importing():
                from roark_otel._model import call

            globals().update(Call=call.Call, UnrecordedCall=call.UnrecordedCall)  # found without this function from now
            return getattr(call, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
