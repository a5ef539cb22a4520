"""The public types: what a dialect is made of, the hooks an app may pass, and the handles and numbers that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from typing_extensions import TypedDict

from roark_otel._model.dialect import Dialect as Dialect
from roark_otel._model.dialect import OwnId as OwnId
from roark_otel._model.dialect import Reader as Reader
from roark_otel._model.dialect import Unreadable as Unreadable
from roark_otel._model.dialect import Warn as Warn
from roark_otel._model.hooks import FinishedCall as FinishedCall
from roark_otel._model.hooks import NoRecording as NoRecording
from roark_otel._model.hooks import ReceiptHook as ReceiptHook
from roark_otel._model.hooks import RecordingResolver as RecordingResolver
from roark_otel._model.hooks import Redactable as Redactable
from roark_otel._model.hooks import Redactor as Redactor
from roark_otel._model.receipts import Delivered as Delivered
from roark_otel._model.receipts import Receipt as Receipt
from roark_otel._model.receipts import Refused as Refused
from roark_otel._model.receipts import Rejected as Rejected
from roark_otel._model.receipts import TryAgain as TryAgain
from roark_otel._model.stats import Stats as Stats

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from typing_extensions import Self, Unpack


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
            ended_status: How it ended, one of `roark_otel.types.EndedStatus`, in any case.
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
class Attached:
    """Calls that waited have the recording now. `calls`: how many."""

    calls: int


@dataclass(frozen=True, slots=True)
class Kept:
    """No call of this id waits: the URL is kept for one that comes within a week."""
