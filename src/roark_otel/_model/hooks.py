"""The hooks that an app may give to a processor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    from datetime import datetime

    from roark_otel._model.call import UnrecordedCall
    from roark_otel._model.moments import ToolUse, Utterance
    from roark_otel._model.receipts import Receipt

Redactable: TypeAlias = Union["Utterance", "ToolUse", "UnrecordedCall"]  # apps write `Redactable | None`
"""The argument of a redactor: each utterance and tool use of a call, then the call that contains them."""

Redactor: TypeAlias = Callable[[Redactable], Redactable | None]
"""Returns its argument with other words in it, or None to leave it out. A call for which it returns None is not sent.

It runs on a thread of its own, after the patterns. If it raises, returns anything else or takes more than 10 seconds,
the words are dropped and the call is sent without them; when the process ends, it has less time. Times, a tool's name
and the call's id cannot be changed. It may get the same moment again, because a call is made again when spans arrive
late. In a hook, `force_flush()` returns False at once: it would wait for the hook.
"""


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """Describes a call to hooks, without any of its words. `trace_id` is 32 hex digits, times are aware, in UTC."""

    external_id: str
    trace_id: str
    turns: int
    tools: int
    started_at: datetime
    finished_at: datetime


class NoRecording(Exception):  # noqa: N818 - a fact, not an error
    """Raise this from a resolver when the call will never have a recording."""


RecordingResolver: TypeAlias = "Callable[[FinishedCall], str | Awaitable[str | None] | None]"
"""Returns the URL of a call's recording, or None if there is none yet. It may be a coroutine function.

After None or an exception it is called again with backoff. It runs on a thread of its own, a coroutine in
an event loop of its own there: make clients inside it. An attempt that takes more than 10 seconds is abandoned.
"""

ReceiptHook: TypeAlias = "Callable[[FinishedCall, Receipt], None]"
"""Gets the outcome of each attempt to deliver a call, in their order.

It runs on a thread of its own, which is abandoned after 10 seconds: do long work elsewhere. `force_flush()` waits for
it as long, and returns False at once in it.
"""

Accepts: TypeAlias = Callable[[str, Mapping[str, object]], bool]
"""Returns whether a processor takes the conversation of an external id: one project's, where several share a process.

It is asked once for each conversation, when this is first saved or exported, which may be while it goes on. The
mapping has the attributes of the resource, of `call_attributes`, and of the conversation's root span as they are then,
the later over the earlier: those that are read, such as `roark.property.tenant`. It runs on a thread of its own. If it
raises, returns anything but a bool or takes more than 10 seconds, the call is not sent: it is kept in `rejected/`.
"""


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks of one processor.

    `recording_url` is the recording of every call whose spans name none, or a resolver of it. `redact` changes or
    withholds what is sent. `on_receipt` gets the outcome of each attempt to deliver a call. `accepts` chooses among
    conversations.
    """

    recording_url: str | RecordingResolver | None = None
    redact: Redactor | None = None
    on_receipt: ReceiptHook | None = None
    accepts: Accepts | None = None
