"""What a conversation keeps while it goes on, measured through the whole path."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace

from support.helpers import ID, App, customer_said

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

WARM = 500


@pytest.mark.parametrize("messages", [6_000, pytest.param(60_000, marks=pytest.mark.long)])
def test_what_a_websocket_receives_leaves_nothing_behind(sandbox: Sandbox, messages: int) -> None:
    """Such spans inherit the id and say nothing; an instrumented server makes a hundred of them a second."""
    app = App(sandbox.url)
    asgi = app.provider.get_tracer("opentelemetry.instrumentation.asgi")
    root = app.tracer.start_span("call", attributes={ID: "long"})
    context = trace.set_span_in_context(root)

    def receive(count: int) -> None:
        for number in range(count):
            asgi.start_span("GET /ws websocket receive", context, attributes={"asgi.event.type": str(number)}).end()
        assert app.processor.force_flush(120_000)  # all of it is read; a root that is open stays so

    receive(WARM)
    gc.collect()
    tracemalloc.start()
    try:
        receive(messages)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    customer_said(root, "Hello?")
    root.end()

    assert kept < 100_000
    assert app.processor.force_flush(120_000)
    assert [entry["text"] for entry in sandbox.call("long").body["transcript"]] == ["Hello?"]
