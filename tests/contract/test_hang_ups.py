"""How a conversation on a plain span ends, by the exception that left the span."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from exceptiongroup import BaseExceptionGroup, ExceptionGroup
from opentelemetry.sdk.trace import SpanLimits
from starlette.websockets import WebSocketDisconnect

from support.helpers import ID, App, agent_said, customer_said

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox


def ended_status(sandbox: Sandbox, fault: BaseException, *, current: bool = True, **arguments: Any) -> object:
    """What a call has as its ended status if this leaves its span."""
    app = App(sandbox.url, **arguments)
    about: dict[str, Any] = {ID: "call-1", "roark.conversation.root": True}
    begin = app.tracer.start_as_current_span if current else app.tracer.start_span
    with contextlib.suppress(BaseException), begin("call", attributes=about) as span:
        customer_said(span, "Hello?")
        agent_said(span, "Hello.")
        raise fault
    app.close()
    (call,) = sandbox.calls()
    return call.get("endedStatus")


GONE = ExceptionGroup("tasks", [ExceptionGroup("inner", [WebSocketDisconnect(1001)]), anyio.ClosedResourceError()])


class Failures(ExceptionGroup[Exception]):
    """A group of a class of its own."""


BROKEN = ExceptionGroup("tasks", [ExceptionGroup("inner", [WebSocketDisconnect(1001)]), ValueError("words")])


@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (WebSocketDisconnect(1000), None),
        (anyio.EndOfStream(), None),
        (GONE, None),
        (BROKEN, "AGENT_ERROR"),
        (Failures("tasks", [GONE]), None),
        (Failures("tasks", [BROKEN]), "AGENT_ERROR"),
        (ValueError("words"), "AGENT_ERROR"),
    ],
    ids=["hang-up", "stream", "group", "group with an error", "own class", "own class with an error", "error"],
)
def test_what_leaves_a_span(sandbox: Sandbox, fault: Exception, expected: str | None, content: bool) -> None:
    """Also where no word of an exception is kept."""
    assert ended_status(sandbox, fault, capture_content=content) == expected


@pytest.mark.parametrize(
    "fault", [asyncio.CancelledError(), GeneratorExit(), BaseExceptionGroup("a", [GeneratorExit()])]
)
def test_a_span_that_records_whatever_leaves_it(sandbox: Sandbox, fault: BaseException) -> None:
    """`with tracer.start_span()` records every exception."""
    assert ended_status(sandbox, fault, current=False) is None


def test_a_stack_trace_that_a_limit_cuts(sandbox: Sandbox) -> None:
    """Nothing of the group is seen: its status holds, as that of any error."""
    limits = {"span_limits": SpanLimits(max_attribute_length=40)}
    assert ended_status(sandbox, GONE, provider=limits) == "AGENT_ERROR"
