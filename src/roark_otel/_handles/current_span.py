"""Makes a context current for a block, and restores the previous one when the block is left.

An async generator may be closed by a different task from the one that started it, where the token of `attach` is
invalid: `opentelemetry.context.detach` logs an error, and the first task keeps what was attached for good. So nothing
is detached there, and the objects that stay behind are changed to mean what was current before.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import Token
from typing import TYPE_CHECKING, cast

from opentelemetry import context as otel_context
from opentelemetry.trace import Span, get_current_span, set_span_in_context

if TYPE_CHECKING:
    from collections.abc import Generator

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext
    from opentelemetry.trace.status import Status, StatusCode
    from opentelemetry.util.types import Attributes, AttributeValue


class AttachedContext:
    """A context that is current until it is taken back."""

    __slots__ = ("_token",)

    def __init__(self, context: Context) -> None:
        self._token = otel_context.attach(context)

    def take_back(self) -> bool:
        """Restores the previous context. Returns False where that is impossible: in another task or thread."""
        token = cast("object", self._token)
        if not isinstance(token, Token):  # a runtime context of the app's own, OTEL_PYTHON_CONTEXT
            otel_context.detach(self._token)
            return True
        try:
            self._token.var.reset(self._token)
        except (ValueError, RuntimeError):
            return False
        return True


@contextmanager
def being_current(span: Span) -> Generator[None]:
    """Makes a span current for a block, whichever task leaves the block."""
    current = CurrentSpan(span, get_current_span())
    attached = AttachedContext(set_span_in_context(current))
    try:
        yield
    finally:
        if not attached.take_back():
            current.take_back()


class CurrentSpan(Span):
    """Delegates to the wrapped span, and once it is taken back to the span that was current before."""

    def __init__(self, span: Span, before: Span) -> None:
        self._span = span
        self._before = before

    def take_back(self) -> None:
        """From now on, delegates to the previous span, in every context that holds this object."""
        self._span = self._before

    def get_span_context(self) -> SpanContext:
        return self._span.get_span_context()

    def is_recording(self) -> bool:
        return self._span.is_recording()

    def end(self, end_time: int | None = None) -> None:
        self._span.end(end_time)

    def update_name(self, name: str) -> None:
        self._span.update_name(name)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self._span.set_attribute(key, value)

    def set_attributes(self, attributes: dict[str, AttributeValue]) -> None:  # type: ignore[override] # widened in 1.45
        self._span.set_attributes(attributes)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        self._span.add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        self._span.add_link(context, attributes)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self._span.set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self._span.record_exception(exception, attributes, timestamp, escaped)

    def __getattr__(self, name: str) -> object:
        # What the SDK's spans have beyond the API, such as `attributes`.
        return getattr(self._span, name)
