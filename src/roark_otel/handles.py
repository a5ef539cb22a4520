"""The handles of a conversation that the app tells itself.

It is a marked root, and below it one span for each utterance and each use of a tool, so that no limit on events bites.
The spans say it in the words of the dialect `roark`, so nothing downstream knows where they came from. Without a tracer
provider, or where the trace is sampled out, they are spans that do nothing.
"""

from __future__ import annotations

import json
import threading
import time
from asyncio import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from opentelemetry.context import Context
from opentelemetry.trace import StatusCode, get_current_span, set_span_in_context

from roark_otel import attributes, enums, reading
from roark_otel.arguments import bad, span_attributes
from roark_otel.current import Attached, CurrentSpan
from roark_otel.guard import guarded
from roark_otel.hangups import is_hang_up
from roark_otel.instants import instant_ns

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from opentelemetry.trace import Span, Tracer
    from typing_extensions import Self, Unpack

    from roark_otel.types import CallAttributes, Instant


class TracedConversation:
    """A `roark_otel.types.ConversationHandle`.

    Args:
        external_id: The id of the call.
        root: Its root span.
        tracer: Makes the spans below.
        start_ns: When it began.
    """

    def __init__(self, external_id: str, root: Span, tracer: Tracer, start_ns: int) -> None:
        self._external_id = external_id
        self._root = root
        self._tracer = tracer
        self._start_ns = start_ns
        self._below = set_span_in_context(root, Context())
        self._is_traced = root.get_span_context().is_valid
        self._end_once = Once()
        self._open_tools: dict[int, TracedTool] = {}

    @property
    def external_id(self) -> str:
        """The id that the conversation was started with."""
        return self._external_id

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
        """The customer said something."""
        about = {"customer.label": label, "customer.phone_number": phone_number}
        self._said("customer", text, (start_time, end_time), language_code, payload, about)

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
        """The agent said something."""
        about = {
            "agent.custom_id": agent_custom_id,
            "agent.roark_id": agent_roark_id,
            "interrupted": interrupted or None,
        }
        self._said("agent", text, (start_time, end_time), language_code, payload, about)

    @guarded(None)
    def _said(
        self,
        role: str,
        text: object,
        times: tuple[Instant | None, Instant | None],
        language_code: object,
        payload: object,
        about: Mapping[str, object],
    ) -> None:
        if not self._is_traced:
            return
        if not isinstance(text, str):
            bad(f"{role}_said", "takes text")
            return
        start_ns, end_ns = self._times(*times)
        told = {"role": role, "text": text, "language_code": language_code, **about}
        if payload is not None:
            told["payload"] = as_json(payload)
        if end_ns is not None:
            told["duration_ms"] = (end_ns - start_ns) / 1e6
        span = self._tracer.start_span(f"{role}_said", self._below, start_time=start_ns)
        span.add_event(attributes.TRANSCRIPT_EVENT, present(told), start_ns)
        span.end(max(start_ns, time.time_ns()) if end_ns is None else end_ns)

    def _times(self, start_time: Instant | None, end_time: Instant | None) -> tuple[int, int | None]:
        """When something began and ended, in ns since the epoch; without a good start it began now, or at its end."""
        start_ns, end_ns = self.instant_ns("start_time", start_time), self.instant_ns("end_time", end_time)
        if start_ns is None:
            start_ns = min(time.time_ns(), end_ns or time.time_ns())
        if end_ns is not None and end_ns < start_ns:
            bad("end_time", "is before start_time")
            end_ns = None
        return start_ns, end_ns

    def instant_ns(self, name: str, value: Instant | None) -> int | None:
        """A time in ns since the epoch; one that is no good is told and is None."""
        if value is None:
            return None
        try:
            return instant_ns(value, self._start_ns)
        except ValueError as fault:
            bad(name, str(fault))
            return None

    def tool(
        self,
        name: str,
        parameters: Mapping[str, object] | str | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word of the event
        description: str | None = None,
        start_time: Instant | None = None,
    ) -> TracedTool:
        """The agent uses a tool."""
        told: dict[str, object] = {"name": name, "id": id, "description": description}
        tool = TracedTool(self, told)
        tool.begin(parameters, start_time)
        return tool

    def opened(self, tool: TracedTool, start_ns: int) -> Span | None:
        """The span of a use of a tool that began; None where nothing is traced."""
        if not self._is_traced:
            return None
        self._open_tools[id(tool)] = tool
        return self._tracer.start_span(f"execute_tool {tool.name}", self._below, start_time=start_ns)

    def closed(self, tool: TracedTool) -> None:
        """The use of a tool has ended."""
        self._open_tools.pop(id(tool), None)

    @guarded(None)
    def update(self, **about: Unpack[CallAttributes]) -> None:
        """Says more of the call, or says it anew."""
        if self._root.is_recording():
            self._root.set_attributes(span_attributes(about))
        elif self._is_traced and self._end_once.is_done:
            bad("update", "came after the end of the conversation")

    def current(self) -> AbstractContextManager[None]:
        """Makes the conversation the current one for a block."""
        return being_current(self._root)

    @guarded(None)
    def end(self, ended_status: str | None = None, end_time: Instant | None = None) -> None:
        """Ends the conversation, which makes it a call."""
        if not self._end_once.begin():
            return
        for tool in list(self._open_tools.values()):
            tool.end()
        if ended_status is not None:
            status = str(ended_status).upper()
            if status in enums.ENDED_STATUSES:
                self._root.set_attribute(attributes.ENDED_STATUS, status)
            else:
                bad("ended_status", "is not one of roark_otel.call.EndedStatus")
        end_ns = self.instant_ns("end_time", end_time)
        self._root.end(max(self._start_ns, time.time_ns() if end_ns is None else end_ns))

    @guarded(None)
    def fail(self, fault: BaseException) -> None:
        """Notes the exception that ends the conversation, unless it is somebody's hang-up."""
        if self._end_once.is_done or is_goodbye(fault):
            return
        self._root.record_exception(fault)
        self._root.set_status(StatusCode.ERROR, type(fault).__name__)


class TracedTool:
    """A `roark_otel.types.ToolHandle`. `told` is what is known of the use: the attributes of its event."""

    def __init__(self, conversation: TracedConversation, told: dict[str, object]) -> None:
        self._conversation = conversation
        self._told = told
        self._start_ns = time.time_ns()
        self._span: Span | None = None
        self._end_once = Once()
        self._blocks: list[AbstractContextManager[None]] = []

    @property
    def name(self) -> str:
        """The tool's name."""
        return str(self._told["name"])

    @guarded(None)
    def begin(self, parameters: object, start_time: Instant | None) -> None:
        """The use begins."""
        self._start_ns = self._conversation.instant_ns("start_time", start_time) or self._start_ns
        self._span = self._conversation.opened(self, self._start_ns)
        if self._span is not None and parameters is not None:
            self._told["parameters"] = parameters if isinstance(parameters, str) else as_json(parameters)

    def __enter__(self) -> Self:
        self._enter()
        return self

    @guarded(None)
    def _enter(self) -> None:
        if self._span is not None:
            block = being_current(self._span)
            block.__enter__()
            self._blocks.append(block)

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit(fault)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit(fault)

    @guarded(None)
    def _exit(self, fault: BaseException | None) -> None:
        if self._blocks:
            self._blocks.pop().__exit__(None, None, None)
        if fault is not None and not isinstance(fault, GeneratorExit):
            self.error(fault)
        self.end()

    @guarded(None)
    def result(self, value: object) -> None:
        """What the tool gave back."""
        if self._is_open("result"):
            self._told.pop("error", None)
            self._told["result"] = value if isinstance(value, str) else as_json(value)

    @guarded(None)
    def error(self, message: str | BaseException) -> None:
        """The tool failed."""
        if not self._is_open("error") or self._span is None:
            return
        self._told.pop("result", None)
        if isinstance(message, BaseException):
            self._span.record_exception(message)
            message = f"{type(message).__name__}: {message}"
        self._told["error"] = str(message) or "failed"
        self._span.set_status(StatusCode.ERROR)

    def _is_open(self, name: str) -> bool:
        if self._end_once.is_done:
            bad(name, "came after the end of the tool's use")
        return self._span is not None and not self._end_once.is_done

    @guarded(None)
    def end(self, end_time: Instant | None = None) -> None:
        """Ends the use."""
        if not self._end_once.begin() or self._span is None:
            return
        self._conversation.closed(self)
        end_ns = self._conversation.instant_ns("end_time", end_time)
        if end_ns is not None and end_ns < self._start_ns:
            bad("end_time", "is before start_time")
            end_ns = None
        end_ns = max(self._start_ns, time.time_ns()) if end_ns is None else end_ns
        self._told["duration_ms"] = (end_ns - self._start_ns) / 1e6
        self._span.add_event(attributes.TOOL_INVOCATION_EVENT, present(self._told), self._start_ns)
        self._span.end(end_ns)


class Once:
    """Something that happens once, whichever thread comes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_done = False

    def begin(self) -> bool:
        """Whether the caller is the first."""
        with self._lock:
            first, self.is_done = not self.is_done, True
        return first


@contextmanager
def being_current(span: Span) -> Generator[None]:
    """Makes a span the current one for a block, wherever the block is left."""
    current = CurrentSpan(span, get_current_span())
    attached = Attached(set_span_in_context(current))
    try:
        yield
    finally:
        if not attached.take_back():
            current.take_back()


def is_goodbye(fault: BaseException) -> bool:
    """Whether an exception only says that somebody hung up, or that nobody waits any more."""
    if isinstance(fault, (GeneratorExit, CancelledError)):
        return True
    if several := cast("tuple[BaseException, ...]", getattr(fault, "exceptions", ())):
        return all(map(is_goodbye, several))  # an ExceptionGroup, which Python has from 3.11 on
    return any(is_hang_up(kind.__qualname__) for kind in type(fault).__mro__)


def as_json(value: object) -> str:
    """Any value as JSON text."""
    return json.dumps(reading.json_value(value), ensure_ascii=False)


def present(told: Mapping[str, object]) -> dict[str, str | bool | int | float]:
    """What is not None, as scalars: what every version of the SDK takes in an event."""
    return {name: reading.scalar(value) for name, value in told.items() if value is not None}
