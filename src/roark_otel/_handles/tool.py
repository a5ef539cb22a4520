"""The handle of one tool use: a span, which gets one event with the whole use on it when the use ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode

from roark_otel import attributes
from roark_otel._handles.arguments import event_attributes, json_text, warn_of_argument
from roark_otel._handles.current_span import being_current
from roark_otel._handles.times import epoch_ns
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from opentelemetry.trace import Span
    from typing_extensions import Self

    from roark_otel._handles.times import Instant


class Once:
    """Lets the first caller through, on whichever thread, or in a signal handler: it has no lock."""

    def __init__(self) -> None:
        self._turns = [None]

    @property
    def is_done(self) -> bool:
        """Whether a caller was let through."""
        return not self._turns

    def begin(self) -> bool:
        """Returns True to the first caller only."""
        try:
            self._turns.pop()
        except IndexError:
            return False
        return True


class ToolHandle:
    """One tool use, from `ConversationHandle.tool` to the end of its block or to `end`.

    Args:
        fields: What is known of the use: the attributes of its event.
        zero_ns: When the conversation began, in ns since the epoch.
        on_end: Called once, when the use ends.
    """

    def __init__(self, fields: dict[str, object], zero_ns: int, on_end: Callable[[ToolHandle], None]) -> None:
        self._fields = fields
        self._zero_ns = zero_ns
        self._on_end = on_end
        self._start_ns = 0
        self._span: Span | None = None
        self._end_once = Once()
        self._blocks: list[AbstractContextManager[None]] = []

    def begin(self, span: Span, start_ns: int, parameters: object) -> None:
        """Begins the use; `ConversationHandle.tool` calls it where the conversation is traced."""
        self._span, self._start_ns = span, start_ns
        if parameters is not None:
            self._fields["parameters"] = parameters if isinstance(parameters, str) else json_text(parameters)

    def __enter__(self) -> Self:
        """Makes the tool's span the current one."""
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
        """Ends the use. An exception is recorded as the tool's error and re-raised."""
        self._exit(fault)

    async def __aenter__(self) -> Self:
        """Does what `__enter__` does."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Does what `__exit__` does."""
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
        """Records what the tool returned: text, or any value that JSON can carry. The last result or error counts."""
        if self._is_open("result"):
            self._fields.pop("error", None)
            self._fields["result"] = value if isinstance(value, str) else json_text(value)

    @guarded(None)
    def error(self, message: str | BaseException) -> None:
        """Records that the tool failed. The last result or error counts."""
        if not self._is_open("error") or self._span is None:
            return
        self._fields.pop("result", None)
        if isinstance(message, BaseException):
            self._span.record_exception(message)
            message = f"{type(message).__name__}: {message}"
        self._fields["error"] = str(message) or "failed"
        self._span.set_status(StatusCode.ERROR)

    def _is_open(self, method: str) -> bool:
        if self._end_once.is_done:
            warn_of_argument(method, "came after the end of the tool use")
        return self._span is not None and not self._end_once.is_done

    @guarded(None)
    def end(self, end_time: Instant | None = None) -> None:
        """Ends the use, where a block does not fit. Default: now. Only the first call counts."""
        if not self._end_once.begin() or self._span is None:
            return
        self._on_end(self)
        end_ns = epoch_ns("end_time", end_time, self._zero_ns)
        if end_ns is not None and end_ns < self._start_ns:
            warn_of_argument("end_time", "is before start_time")
            end_ns = None
        end_ns = max(self._start_ns, time.time_ns()) if end_ns is None else end_ns
        self._fields["duration_ms"] = (end_ns - self._start_ns) / 1e6
        self._span.add_event(attributes.TOOL_INVOCATION_EVENT, event_attributes(self._fields), self._start_ns)
        self._span.end(end_ns)
