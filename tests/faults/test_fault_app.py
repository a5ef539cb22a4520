"""Faults of the app, and its end. Each test is a row of the fault table in docs/delivery.md, with the row's name."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from roark_otel._capture import inbox
from roark_otel._engine import parts
from support.helpers import App, customer_said, words

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

TALKING = """
import sys, time
sys.path.insert(0, sys.argv[2])
from support.helpers import App
app = App(sys.argv[1])
with app.tracer.start_as_current_span("call", attributes={"roark.external_id": "call-1"}) as span:
    span.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
    print("talking", flush=True)
    time.sleep(300)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_the_root_span_never_ends(sandbox: Sandbox) -> None:
    """At exit, or after the idle time, the conversation is delivered as far as it went."""
    app = App(sandbox.url)
    root = app.tracer.start_span("call", attributes={"roark.external_id": "call-1"})
    root.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
    app.close()

    (call,) = sandbox.calls()
    assert words(call) == ["Hello."]
    assert call["properties"]["roark_incomplete"] is True


def test_spans_end_faster_than_they_are_taken_in(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call says how many spans it lost; what its root says is never lost."""
    monkeypatch.setattr(inbox, "MANY_SPANS", 1)
    monkeypatch.setattr(parts, "Inbox", partial(inbox.Inbox, 1))
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={"roark.external_id": "call-1"}) as root:
        for _ in range(2_000):
            with app.tracer.start_as_current_span("turn") as turn:
                customer_said(turn, "Hello?")
        customer_said(root, "Bye.")
    assert app.processor.force_flush(60_000)

    (call,) = sandbox.calls()
    missing = 2_001 - len(words(call))
    assert (call["properties"]["roark_dropped_spans"], words(call)[-1]) == (missing, "Bye.")
    assert app.processor.stats().dropped_spans == missing
