"""The handles of a conversation that the app tells itself.

It is a marked root, and below it one span for each utterance and each use of a tool, so that no limit on events bites.
The spans say it in the words of the dialect `roark`, so nothing downstream knows where they came from. Without a tracer
provider, or where the trace is sampled out, they are spans that do nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import StatusCode, set_span_in_context

from roark_otel import attributes
from roark_otel._handles.arguments import as_json, bad, event_attributes, span_attributes
from roark_otel._handles.current_span import being_current
from roark_otel._handles.times import instant_ns
from roark_otel._handles.tool import Once, TracedTool
from roark_otel._model import enums
from roark_otel._model.hangups import is_goodbye
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Span, Tracer
    from typing_extensions import Unpack

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
        self._open_tools: set[TracedTool] = set()

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
        span.add_event(attributes.TRANSCRIPT_EVENT, event_attributes(told), start_ns)
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
        tool = TracedTool(self, {"name": name, "id": id, "description": description})
        if self._is_traced:
            self._open_tools.add(tool)
            self._begin(tool, parameters, start_time)
        return tool

    @guarded(None)
    def _begin(self, tool: TracedTool, parameters: object, start_time: Instant | None) -> None:
        start_ns = self.instant_ns("start_time", start_time) or time.time_ns()
        span = self._tracer.start_span(f"execute_tool {tool.name}", self._below, start_time=start_ns)
        tool.begin(span, start_ns, parameters)

    def closed(self, tool: TracedTool) -> None:
        """The use of a tool has ended."""
        self._open_tools.discard(tool)

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
        for tool in list(self._open_tools):
            tool.end()
        if ended_status is not None:
            self._ended(ended_status)
        end_ns = self.instant_ns("end_time", end_time)
        self._root.end(max(self._start_ns, time.time_ns() if end_ns is None else end_ns))

    @guarded(None)  # whatever it is, the root ends
    def _ended(self, ended_status: str) -> None:
        status = str(ended_status).upper()
        if status in enums.ENDED_STATUSES:
            self._root.set_attribute(attributes.ENDED_STATUS, status)
        else:
            bad("ended_status", "is not one of roark_otel.types.EndedStatus")

    @guarded(None)
    def fail(self, fault: BaseException) -> None:
        """Notes the exception that ends the conversation, unless it is somebody's hang-up."""
        if self._end_once.is_done or is_goodbye(fault):
            return
        self._root.record_exception(fault)
        self._root.set_status(StatusCode.ERROR, type(fault).__name__)
