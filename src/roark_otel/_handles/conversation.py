"""The handle of a conversation that the app describes itself.

The conversation is a marked root span with one span below it for each utterance and each tool use, so that no limit on
events cuts it off. The spans use the names of the dialect `roark`, so nothing downstream knows where they came from.
Without a tracer provider, or where the trace is not sampled, they are spans that do nothing.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from opentelemetry.context import Context
from opentelemetry.trace import StatusCode, set_span_in_context

from roark_otel import attributes
from roark_otel._capture.call_context import only_call_attributes
from roark_otel._capture.savers import save_what_ended
from roark_otel._capture.sdk_spans import value_limit
from roark_otel._handles.arguments import event_attributes, json_text, span_attributes, warn_of_argument
from roark_otel._handles.current_span import being_current
from roark_otel._handles.times import epoch_ns
from roark_otel._handles.tool import Once, ToolHandle
from roark_otel._model import enums
from roark_otel._model.hangups import is_goodbye
from roark_otel._safety.guard import guarded
from roark_otel._safety.off_loop import off_loop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Span, Tracer
    from typing_extensions import Unpack

    from roark_otel._handles.arguments import CallAttributes
    from roark_otel._handles.times import Instant


AEND_SECONDS: Final = 5.0
"""The longest that `aend` waits."""


class ConversationHandle:
    """One conversation, described by the app. Any task or thread may call every method, and none raises.

    Args:
        external_id: The id of the call.
        root: Its root span.
        tracer: Makes the spans below the root.
        start_ns: When the conversation began, in ns since the epoch.
    """

    def __init__(self, external_id: str, root: Span, tracer: Tracer, start_ns: int) -> None:
        self._external_id = external_id
        self._root = root
        self._tracer = tracer
        self._start_ns = start_ns
        self._below = set_span_in_context(root, Context())
        self._is_traced = root.get_span_context().is_valid
        self._end_once = Once()
        self._open_tools: set[ToolHandle] = set()

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
        """Records an utterance of the customer.

        Args:
            text: The words.
            start_time: When it began. Default: now.
            end_time: When it ended. Default: it lasts until someone else speaks.
            language_code: Its language, such as `en-GB`.
            label: Which customer, where there are several.
            phone_number: That customer's number, E.164.
            payload: A JSON object that is kept with the words.
        """
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
        """Records an utterance of the agent.

        Args:
            text: The words that were heard, which are fewer than the model's where the customer interrupted.
            start_time: When it began. Default: now.
            end_time: When it ended. Default: it lasts until someone else speaks.
            language_code: Its language, such as `en-GB`.
            interrupted: Whether the customer interrupted it.
            agent_custom_id: Which agent, where there are several, by your id.
            agent_roark_id: The same by Roark's id.
            payload: A JSON object that is kept with the words.
        """
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
            warn_of_argument(f"{role}_said", "takes text")
            return
        start_ns, end_ns = self._start_and_end(*times)
        fields = {"role": role, "text": text, "language_code": language_code, **about}
        if payload is not None:
            fields["payload"] = json_text(payload)
        if end_ns is not None:
            fields["duration_ms"] = (end_ns - start_ns) / 1e6
        span = self._tracer.start_span(f"{role}_said", self._below, start_time=start_ns)
        span.add_event(attributes.TRANSCRIPT_EVENT, event_attributes(fields), start_ns)
        span.end(max(start_ns, time.time_ns()) if end_ns is None else end_ns)

    def _start_and_end(self, start_time: Instant | None, end_time: Instant | None) -> tuple[int, int | None]:
        """Returns both in ns since the epoch. Without a valid start it is now, or the end if that is earlier."""
        start_ns = epoch_ns("start_time", start_time, self._start_ns)
        end_ns = epoch_ns("end_time", end_time, self._start_ns)
        if start_ns is None:
            start_ns = min(time.time_ns(), end_ns or time.time_ns())
        if end_ns is not None and end_ns < start_ns:
            warn_of_argument("end_time", "is before start_time")
            end_ns = None
        return start_ns, end_ns

    def tool(
        self,
        name: str,
        parameters: Mapping[str, object] | str | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word of the event
        description: str | None = None,
        start_time: Instant | None = None,
    ) -> ToolHandle:
        """Begins a tool use: `with call.tool("lookup", {"id": 17}) as tool: tool.result(...)`.

        Args:
            name: The tool's name.
            parameters: Its arguments, also as the JSON text that a model wrote.
            id: The model's id of this use, which joins it with what other instrumentation records of it.
            description: What the tool does.
            start_time: When the use began. Default: now.
        """
        fields: dict[str, object] = {"name": name, "id": id, "description": description}
        tool = ToolHandle(fields, self._start_ns, self._open_tools.discard)
        if self._is_traced:
            self._open_tools.add(tool)
            self._begin(tool, name, parameters, start_time)
        return tool

    @guarded(None)
    def _begin(self, tool: ToolHandle, name: str, parameters: object, start_time: Instant | None) -> None:
        start_ns = epoch_ns("start_time", start_time, self._start_ns) or time.time_ns()
        span = self._tracer.start_span(f"execute_tool {name}", self._below, start_time=start_ns)
        tool.begin(span, start_ns, parameters)

    @guarded(None)
    def update(self, **about: Unpack[CallAttributes]) -> None:
        """Adds to what is known of the call, or corrects it: its recording, say, once that exists."""
        if self._root.is_recording():
            described = span_attributes(about)
            self._root.set_attributes(described)
            self._say_whole(described)
        elif self._is_traced and self._end_once.is_done:
            warn_of_argument("update", "came after the end of the conversation")

    def _say_whole(self, described: Mapping[str, str | bool | int | float]) -> None:
        """Gives values which a limit of the SDK has cut on the root to a span of their own, in its context."""
        limit = value_limit(self._root)
        if limit is not None and any(isinstance(value, str) and len(value) > limit for value in described.values()):
            self._tracer.start_span("conversation_updated", only_call_attributes(described, self._below)).end()

    def current(self) -> AbstractContextManager[None]:
        """Makes the conversation current for a block: spans that other libraries start in it belong to it."""
        return being_current(self._root)

    @guarded(None)
    def end(self, ended_status: str | None = None, end_time: Instant | None = None) -> None:
        """Ends the conversation, which makes it a call. Only the first call counts.

        Args:
            ended_status: How it ended, one of `roark_otel.types.EndedStatus`, in any case.
            end_time: When. Default: now.
        """
        if not self._end_once.begin():
            return
        for tool in list(self._open_tools):
            tool.end()
        if ended_status is not None:
            self._set_ended_status(ended_status)
        end_ns = epoch_ns("end_time", end_time, self._start_ns)
        self._root.end(max(self._start_ns, time.time_ns() if end_ns is None else end_ns))

    async def aend(self, ended_status: str | None = None, end_time: Instant | None = None) -> None:
        """Ends the conversation, as `end` does, and waits until its call is on disk, at most five seconds.

        The event loop goes on meanwhile. It is for processes that may end by `os._exit` right after.
        """
        self.end(ended_status, end_time)
        await off_loop(partial(save_what_ended, AEND_SECONDS))

    @guarded(None)  # the root ends, whatever happens here
    def _set_ended_status(self, ended_status: str) -> None:
        status = str(ended_status).upper()
        if status in enums.ENDED_STATUSES:
            self._root.set_attribute(attributes.ENDED_STATUS, status)
        else:
            warn_of_argument("ended_status", "is not one of roark_otel.types.EndedStatus")

    @guarded(None)
    def fail(self, fault: BaseException) -> None:
        """Records the exception that ends the conversation, unless it is a hang-up. `conversation()` calls it."""
        if self._end_once.is_done or is_goodbye(fault):
            return
        self._root.record_exception(fault)
        self._root.set_status(StatusCode.ERROR, type(fault).__name__)
