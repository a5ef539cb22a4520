"""The public types: what a dialect is made of, the hooks an app may pass, and the handles and numbers that it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, Union

from typing_extensions import TypedDict

from roark_otel.receipts import Delivered as Delivered
from roark_otel.receipts import Receipt as Receipt  # noqa: TC001 - public here
from roark_otel.receipts import Refused as Refused
from roark_otel.receipts import Rejected as Rejected
from roark_otel.receipts import TryAgain as TryAgain
from roark_otel.stats import Stats as Stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from roark_otel.call import UnrecordedCall
    from roark_otel.moments import Moment, ToolUse, Utterance
    from roark_otel.records import SpanRecord


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something on a span that could not be read, for a warning that never quotes the value."""

    span: SpanRecord
    attribute: str
    why: str


Warn: TypeAlias = "Callable[[Unreadable], None]"
"""Where a reader says what it could not read; it goes on with everything else."""


OwnId: TypeAlias = "Callable[[Mapping[str, object], int], str | None]"
"""From the attributes of a framework's open root and its span id: what the framework calls the conversation, if it is
known already. `ROARK_AUTO_EXTERNAL_ID` makes that its external id."""


class Reader(Protocol):
    """Reads the spans of one conversation in one dialect."""

    def read(self, span: SpanRecord) -> None:
        """Take in one span of the conversation, in whatever order spans end; ignore those of other dialects.

        A span may come again, with more on it: it then replaces what it said before.
        """
        ...

    def moments(self) -> Iterable[Moment]:
        """What was said, used and learned so far, in any order. May be asked again after further spans."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """The vocabulary of one source of spans.

    Args:
        name: What logs and properties call it.
        reader: Makes the reader of one conversation.
        scopes: Instrumentation scopes all of whose spans may belong to a conversation, although they carry no id.
        prefixes: Prefixes of attribute and event names that do the same for a span of any scope.
        roots: Names of spans in those scopes whose end ends the conversation.
        live: Whether an open span may be read: False where the framework filters private content only at the end.
        generic: Whether its words count only where no other dialect says any, because they repeat a voice framework's.
        own_id: What the framework calls the conversation of one of its roots.
        yields: Whether an app's own span around such a root, with the same id and open longer, is the root instead.
    """

    name: str
    reader: Callable[[Warn], Reader]
    scopes: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    roots: frozenset[str] = frozenset()
    live: bool = False
    generic: bool = False
    own_id: OwnId | None = None
    yields: bool = False


Redactable: TypeAlias = Union["Utterance", "ToolUse", "UnrecordedCall"]  # apps write `Redactable | None`
"""What a redactor is asked about: each utterance and tool use of a call, then the call with them in it."""

Redactor: TypeAlias = Callable[[Redactable], Redactable | None]
"""A hook of the app's own: answers the same, with other words in it, or None to leave it out.

A whole call answered with None is not sent. It runs on the assembler's thread, after the patterns. Where it raises, or
answers something else, the words are dropped and not the call. Times, a tool's name and the call's id cannot be
changed. It may be asked about the same thing again, as a call is finished again with what came late.
"""


class CallAttributes(TypedDict, total=False):
    """What an app may say of a call in arguments; None says nothing. `roark_otel.attributes` has the same names.

    `interface_type` is PHONE or WEB, `call_direction` INBOUND or OUTBOUND, in any case. `properties` are scalars.
    """

    recording_url: str | None
    stereo_recording_url: str | None
    interface_type: str | None
    call_direction: str | None
    agent_name: str | None
    agent_custom_id: str | None
    agent_roark_id: str | None
    agent_description: str | None
    agent_prompt: str | None
    customer_phone_number: str | None
    customer_label: str | None
    livekit_room_id: str | None
    vapi_call_id: str | None
    properties: Mapping[str, str | bool | int | float] | None


Instant: TypeAlias = datetime | float | timedelta
"""A time: an aware datetime, seconds since the epoch, or a timedelta since the conversation began."""


class ToolHandle(Protocol):
    """One use of a tool, from `ConversationHandle.tool` to the end of its block or to `end`."""

    def __enter__(self) -> Self:
        """Makes the tool's span the current one."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the use. An exception is the tool's error, and goes on."""
        ...

    async def __aenter__(self) -> Self:
        """As `__enter__`."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `__exit__`."""
        ...

    def result(self, value: object) -> None:
        """What the tool gave back: text, or any value that JSON can carry. Of several the last one counts."""
        ...

    def error(self, message: str | BaseException) -> None:
        """The tool failed. Of several errors and results the last one counts."""
        ...

    def end(self, end_time: Instant | None = None) -> None:
        """Ends the use, for whom a block does not fit. Default: now. Only the first end counts."""
        ...


class ConversationHandle(Protocol):
    """One conversation, told by the app itself. Every method may be called from any task or thread, and none raises."""

    @property
    def external_id(self) -> str:
        """The id that the conversation was started with."""
        ...

    def customer_said(
        self,
        text: str,
        *,
        start_time: Instant | None = None,
        end_time: Instant | None = None,
        language_code: str | None = None,
        label: str | None = None,
        phone_number: str | None = None,
        payload: Mapping[str, object] | None = None,
    ) -> None:
        """The customer said something.

        Args:
            text: The words.
            start_time: When it began. Default: now.
            end_time: When it ended. Default: it lasts until somebody else speaks.
            language_code: Its language, such as `en-GB`.
            label: Which customer, where there are several.
            phone_number: That customer's number, E.164.
            payload: A JSON object that is kept with the words.
        """
        ...

    def agent_said(
        self,
        text: str,
        *,
        start_time: Instant | None = None,
        end_time: Instant | None = None,
        language_code: str | None = None,
        interrupted: bool = False,
        agent_custom_id: str | None = None,
        agent_roark_id: str | None = None,
        payload: Mapping[str, object] | None = None,
    ) -> None:
        """The agent said something, as `customer_said`. Tell what was heard, and whether it was interrupted.

        `agent_custom_id` or `agent_roark_id` say which agent, where there are several.
        """
        ...

    def tool(
        self,
        name: str,
        parameters: Mapping[str, object] | str | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word of the event
        description: str | None = None,
        start_time: Instant | None = None,
    ) -> ToolHandle:
        """The agent uses a tool: `with call.tool("lookup", {"id": 17}) as tool: tool.result(...)`.

        Args:
            name: The tool's name.
            parameters: Its arguments, also as the JSON text that a model wrote.
            id: The model's id of this use, which joins it with what other instrumentation says of it.
            description: What the tool does.
            start_time: When the use began. Default: now.
        """
        ...

    def update(self, **about: Unpack[CallAttributes]) -> None:
        """Says more of the call, or says it anew: its recording, say, once that is known."""
        ...

    def current(self) -> AbstractContextManager[None]:
        """Makes the conversation the current one for a block: spans that other libraries start in it are its own."""
        ...

    def end(self, ended_status: str | None = None, end_time: Instant | None = None) -> None:
        """Ends the conversation, which makes it a call. Only the first end counts.

        Args:
            ended_status: How it ended, one of `roark_otel.call.EndedStatus`, in any case.
            end_time: When. Default: now.
        """
        ...


TracesGo: TypeAlias = Literal["to_roark", "elsewhere", "nowhere"]
"""Where the spans of conversations are exported to; `elsewhere` is wherever another processor of the provider sends
them."""


@dataclass(frozen=True, slots=True)
class Configured:
    """What `roark_otel.configure` did.

    Attributes:
        provider: It was `made` and is the global one now, was there and was `joined`, or was left `untouched`.
        processor: Ours was `added` or was `there` already; `none` where no calls are made.
        traces: Where the spans go.
    """

    provider: Literal["made", "joined", "untouched"]
    processor: Literal["added", "there", "none"]
    traces: TracesGo


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
class Attached:
    """Calls that waited have the recording now. `calls`: how many."""

    calls: int


@dataclass(frozen=True, slots=True)
class Kept:
    """No call of this id waits: the URL is kept for one that comes within a week."""
