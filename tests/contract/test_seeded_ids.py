"""An app that seeds `random` has the same ids again, because the SDK takes ids from there."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.context import Context

from roark_otel import conversation
from support.helpers import ID, App, agent_said, by_id, customer_said, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel.sandbox import Sandbox

ROOT = {"roark.conversation.root": True}


@pytest.fixture(autouse=True)
def _random_as_before() -> Iterator[None]:
    before = random.getstate()
    yield
    random.setstate(before)


@pytest.mark.parametrize("more", [{}, ROOT], ids=["implied", "marked"])
@pytest.mark.parametrize("flushes", [False, True], ids=["before it is over", "after it is over"])
def test_each_conversation_is_seeded(sandbox: Sandbox, more: dict[str, Any], *, flushes: bool) -> None:
    """A conversation whose spans have the ids of an earlier one's is a call of its own, with all of its words."""
    app = App(sandbox.url)
    traces: set[int] = set()
    for name in ("call-1", "call-2", "call-3"):
        random.seed(42)
        with app.tracer.start_as_current_span("call", attributes={ID: name, **more}) as root:
            traces.add(root.get_span_context().trace_id)
            customer_said(root, f"I am {name}.")
            with app.tracer.start_as_current_span("turn") as turn:
                agent_said(turn, f"Hello, {name}.")
        assert not flushes or app.processor.force_flush()
    assert app.processor.force_flush()

    assert len(traces) == 1
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        name: [f"I am {name}.", f"Hello, {name}."] for name in ("call-1", "call-2", "call-3")
    }


def test_each_turn_is_seeded(sandbox: Sandbox) -> None:
    """Spans of one conversation that have the ids of earlier ones lose no word and no tool use."""
    app = App(sandbox.url, payload_span_ids=True)
    with conversation("call-1", tracer_provider=app.provider) as call:
        for turn in range(3):
            random.seed(42)
            call.customer_said(f"Order {turn}?")
            random.seed(42)
            with call.tool("lookup", {"order": turn}) as tool:
                tool.result({"found": turn})
            random.seed(42)
            call.agent_said(f"Sent: {turn}.")
    assert app.processor.force_flush()

    (found,) = sandbox.calls()
    assert words(found) == [text for turn in range(3) for text in (f"Order {turn}?", f"Sent: {turn}.")]
    assert [use["parameters"] for use in found["toolInvocations"]] == [{"order": turn} for turn in range(3)]
    assert [use["result"] for use in found["toolInvocations"]] == [{"found": turn} for turn in range(3)]
    named = [one["payload"]["span_id"] for one in (*found["transcript"], *found["toolInvocations"]) if "payload" in one]
    assert named
    assert all(len(name) == 16 for name in named)


def test_two_that_are_open_at_once(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Of two open spans with the same ids one line warns, and says what to do. The first one's call is whole."""
    app = App(sandbox.url)
    random.seed(42)
    first = app.tracer.start_span("call", Context(), attributes={ID: "call-1", **ROOT})
    customer_said(first, "Hello?")
    assert not caplog.records
    random.seed(42)
    second = app.tracer.start_span("call", Context(), attributes={ID: "call-2", **ROOT})
    first.end()
    second.end()
    assert app.processor.force_flush()

    assert words(by_id(sandbox.calls())["call-1"]) == ["Hello?"]
    (warning,) = [record.getMessage() for record in caplog.records if "same trace id and span id" in record.message]
    assert "id_generator" in warning
