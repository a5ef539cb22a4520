"""Faults of the app, and its end. Each test is a row of the fault table in docs/delivery.md, with the row's name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from support.helpers import App, words

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
