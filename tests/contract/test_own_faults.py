"""Whatever fails in the processor, the app's spans start and end as if it were not there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from roark_otel import force_flush, stats
from roark_otel.dialects.roark import ROARK
from roark_otel.sandbox import Sandbox
from roark_otel.types import Dialect
from support.helpers import App, agent_said, customer_said, wait_until, words

if TYPE_CHECKING:
    from roark_otel._engine.engine import Engine

pytestmark = pytest.mark.faults


class Broken:
    """Raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}, and the customer's words are secret")


def fails(*_: object, **__: object) -> Any:
    raise RuntimeError("the customer's words are secret")


class BrokenReader:
    """A reader that cannot read."""

    def read(self, _: object) -> None:
        raise RuntimeError("the customer's words are secret")

    def moments(self) -> tuple[()]:
        raise RuntimeError("the customer's words are secret")


def no_reader(_: object) -> Any:
    raise RuntimeError("the customer's words are secret")


def a_call(app: App) -> None:
    """Makes a conversation whose app fails with an exception of its own."""
    with pytest.raises(ZeroDivisionError):
        _fail(app)


def _fail(app: App) -> None:
    with app.tracer.start_as_current_span("call", attributes={"roark.external_id": "call-1"}) as root:
        customer_said(root, "Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "broken",
    [
        Dialect(name="broken", reader=lambda _: BrokenReader(), prefixes=("roark.",)),
        Dialect(name="broken", reader=no_reader, prefixes=("roark.",)),
    ],
    ids=["reader", "factory"],
)
def test_broken_dialect_costs_only_its_own_moments(
    sandbox: Sandbox, said: pytest.LogCaptureFixture, broken: Dialect
) -> None:
    """A dialect that raises is logged once, without the exception's text; the other dialects still make the call."""
    app = App(sandbox.url, dialects=(broken, ROARK))
    a_call(app)
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?", "Hello."]]
    assert app.processor.stats().unreadable > 0
    assert "RuntimeError" in said.text
    assert "secret" not in said.text


def test_a_value_that_cannot_be_read_is_counted_once_however_often_it_is_read(sandbox: Sandbox) -> None:
    """A conversation is read when its root has ended, and again with what joins it."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={"roark.external_id": "call-1"}) as root:
        customer_said(root, "Hello?", duration_ms="long")
    wait_until(lambda: app.processor.stats().unreadable == 1)
    app.conversation("call-1", "Are you there?")

    assert app.processor.force_flush()
    assert words(sandbox.calls()[0]) == ["Hello?", "Are you there?"]
    assert app.processor.stats().unreadable == 1


@pytest.mark.parametrize("broken", ["capture.Capture.on_start", "capture.Capture.on_end", "inbox.Inbox.append"])
def test_broken_capture_never_reaches_the_app(
    sandbox: Sandbox, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Spans start and end, and the app's own exception is the one that it sees."""
    monkeypatch.setattr(f"roark_otel._capture.{broken}", fails)
    app = App(sandbox.url)
    a_call(app)
    assert "RuntimeError" in said.text
    assert "secret" not in said.text


def test_broken_engine_answers_flush_and_shutdown(sandbox: Sandbox) -> None:
    """A flush that cannot work returns False, and a shutdown returns."""
    app = App(sandbox.url)
    engine, app.processor._engine = app.processor._engine, cast("Engine", Broken())
    assert app.processor.force_flush() is False
    app.provider.shutdown()
    app.processor._engine = engine


def test_each_fault_is_logged_once_an_interval(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """A hundred spans that meet one fault make one line."""
    app = App(sandbox.url, dialects=(replace(ROARK, reader=lambda _: BrokenReader()),))
    for number in range(100):
        app.conversation(f"call-{number}", "Hello?")
    app.close()
    lines = [record.message for record in said.records if "RuntimeError in BrokenReader.read" in record.message]
    assert len(lines) == 1


@pytest.mark.parametrize("span", [None, object(), ReadableSpan("hand-made"), 17, "span"])
def test_anything_for_a_span(sandbox: Sandbox, span: Any) -> None:
    """What is not a span of the SDK, or a span without a context, does no harm."""
    app = App(sandbox.url)
    app.processor.on_start(span)
    app.processor.on_end(span)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def test_no_roark_at_all(said: pytest.LogCaptureFixture) -> None:
    """Where nothing listens, a flush returns False in its time, and the call waits until Roark is back."""
    with Sandbox() as gone:
        url = gone.url
    app = App(url)
    app.conversation("call-1", "Hello?")
    assert force_flush(200) is False
    wait_until(lambda: "calls wait in" in said.text, 60)
    assert (stats().finished, stats().spooled, stats().delivered) == (1, 1, 0)
    with Sandbox(port=urlsplit(url).port or 0) as back:
        assert app.processor.force_flush()
        assert [words(call) for call in back.calls()] == [["Hello?"]]
