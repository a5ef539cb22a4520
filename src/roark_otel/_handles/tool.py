"""The handle of one use of a tool: a span, and on it, in the end, the event that tells all of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from opentelemetry.trace import StatusCode

from roark_otel import attributes
from roark_otel._handles.arguments import as_json, bad, event_attributes
from roark_otel._handles.current_span import being_current
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

    from opentelemetry.trace import Span
    from typing_extensions import Self

    from roark_otel.types import Instant


class Owner(Protocol):
    """What a use of a tool needs of its conversation."""

    def instant_ns(self, name: str, value: Instant | None) -> int | None:
        """A time in ns since the epoch; one that is no good is told and is None."""
        ...

    def closed(self, tool: TracedTool) -> None:
        """The use of a tool has ended."""
        ...


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


class TracedTool:
    """A `roark_otel.types.ToolHandle`.

    Args:
        conversation: Whose use it is.
        told: What is known of the use: the attributes of its event.
    """

    def __init__(self, conversation: Owner, told: dict[str, object]) -> None:
        self._conversation = conversation
        self._told = told
        self._start_ns = 0
        self._span: Span | None = None
        self._end_once = Once()
        self._blocks: list[AbstractContextManager[None]] = []

    @property
    def name(self) -> str:
        """The tool's name."""
        return str(self._told["name"])

    def begin(self, span: Span, start_ns: int, parameters: object) -> None:
        """The use begins; where nothing is traced it never does."""
        self._span, self._start_ns = span, start_ns
        if parameters is not None:
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
        self._span.add_event(attributes.TOOL_INVOCATION_EVENT, event_attributes(self._told), self._start_ns)
        self._span.end(end_ns)
