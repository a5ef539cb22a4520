"""Times that were given in another unit than nanoseconds: they are put right, and the log says so."""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._model import times
from support.helpers import ID, MS, SECOND, App, agent_said, customer_said, words

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

UNITS = {"seconds": 1_000_000_000, "milliseconds": 1_000_000, "microseconds": 1_000}
NOW = time.time_ns() - 10 * SECOND


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "roark_otel"]


def talk(app: App, first: Any, second: Any, start: Any = NOW, end: Any = NOW + 8 * SECOND) -> None:
    root = app.tracer.start_span("call", attributes={ID: "call-1"}, start_time=start)
    customer_said(root, "Hello?", first)
    agent_said(root, "Hello.", second, duration_ms=500)
    root.add_event("roark.tool_invocation", {"name": "look up"}, timestamp=second)
    root.end(end)
    app.close()


def offsets(sandbox: Sandbox) -> list[int]:
    (call,) = sandbox.calls()
    assert words(call) == ["Hello?", "Hello."]
    tools = [use["startOffsetMs"] for use in call["toolInvocations"]]
    return [*(entry["startOffsetMs"] for entry in call["transcript"]), *tools]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kind", [int, float])
def test_events(sandbox: Sandbox, caplog: pytest.LogCaptureFixture, unit: str, kind: type) -> None:
    """The words come where they were meant; whole seconds are as exact as they can be."""
    app, factor = App(sandbox.url), UNITS[unit]
    talk(app, kind((NOW + 2 * SECOND) / factor), kind((NOW + 3 * SECOND) / factor))
    assert all(abs(a - b) <= 1 + factor // MS for a, b in zip(offsets(sandbox), [2_000, 3_000, 3_000], strict=True))
    assert any(unit in line and "roark_otel" in line for line in warnings_in(caplog))


@pytest.mark.parametrize("unit", UNITS)
def test_spans(sandbox: Sandbox, caplog: pytest.LogCaptureFixture, unit: str) -> None:
    """A root that began and ended in another unit."""
    app, factor = App(sandbox.url), UNITS[unit]
    talk(app, NOW + 2 * SECOND, NOW + 3 * SECOND, NOW // factor, (NOW + 8 * SECOND) // factor)
    (call,) = sandbox.calls()
    assert abs(datetime.fromisoformat(call["startedAt"].replace("Z", "+00:00")).timestamp() - NOW / 1e9) <= 1
    assert all(abs(a - b) <= 1 + factor // MS for a, b in zip(offsets(sandbox), [2_000, 3_000, 3_000], strict=True))
    assert any(unit in line for line in warnings_in(caplog))


def test_a_span_below_in_another_unit(sandbox: Sandbox) -> None:
    """Many spans of one shape, which are read a faster way."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}, start_time=NOW):
        for number in range(6):
            began = NOW + number * SECOND
            turn = app.tracer.start_span("turn", start_time=began // MS)
            customer_said(turn, f"{number}", began // MS)
            turn.end((began + SECOND) // MS)
    app.close()
    (call,) = sandbox.calls()
    found = [(entry["text"], entry["startOffsetMs"]) for entry in call["transcript"]]
    assert [text for text, _ in found] == [str(number) for number in range(6)]
    assert all(abs(offset - 1_000 * int(text)) <= 1 for text, offset in found)


@pytest.mark.parametrize(
    "when",
    [
        pytest.param(NOW * 1_000, id="a thousandfold"),
        pytest.param(NOW + 40 * 365 * 86_400 * SECOND, id="in forty years"),
        2**63,
        10**30,
        -1,
        pytest.param(-NOW, id="negative"),
        0,
        1,
        math.nan,
        math.inf,
        -math.inf,
        True,
        "yesterday",
        86_400 * SECOND,
    ],
    ids=repr,
)
def test_what_no_unit_explains(sandbox: Sandbox, caplog: pytest.LogCaptureFixture, when: Any) -> None:
    """The time of the span holds, and the others keep theirs."""
    app = App(sandbox.url)
    talk(app, when, NOW + 3 * SECOND)
    assert offsets(sandbox) == [0, 3_000, 3_000]
    assert any("timestamp" in line for line in warnings_in(caplog))


def test_right_times_are_as_they_are(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Also of a call of some years ago that is replayed now."""
    app = App(sandbox.url)
    began = NOW - 12 * 365 * 86_400 * SECOND
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        root.set_attribute("roark.started_at", datetime.fromtimestamp(began / 1e9).astimezone().isoformat())
        customer_said(root, "Hello?", began + SECOND)
    app.close()
    (call,) = sandbox.calls()
    assert abs(call["transcript"][0]["startOffsetMs"] - 1_000) <= 1
    assert not any("unit" in line for line in warnings_in(caplog))


@pytest.mark.parametrize("factor", UNITS.values())
def test_a_time_near_another(factor: int) -> None:
    found, flaw = times.time_near_ns(NOW // factor, NOW)
    assert abs(found - NOW) < factor
    assert flaw is not None
    assert times.time_near_ns(NOW, NOW + SECOND) == (NOW, None)
