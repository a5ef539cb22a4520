"""The two hooks that the SDK calls: they guard themselves, and find what they need anew with each span."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

from roark_otel import RoarkSpanProcessor
from roark_otel.attributes import EXTERNAL_ID
from support.helpers import KEY, RECORDING, App, agent_said, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from opentelemetry.sdk.trace import ReadableSpan

    from roark_otel.sandbox import Sandbox


class TimeIsOverError(Exception):
    """A time limit of the app's own."""


class Name(str):
    """The name of a span, which does something whenever it is looked up."""

    __slots__ = ("then",)

    then: Callable[[], None]

    def __hash__(self) -> int:
        self.then()
        return super().__hash__()


def named(then: Callable[[], None]) -> Name:
    name = Name("work")
    name.then = then
    return name


def in_a_call(app: App, at_start: Callable[[], None], at_end: Callable[[], None]) -> None:
    """Makes a conversation of a root and two spans; the second does this when a hook looks its name up."""
    root = app.tracer.start_span("call", attributes={EXTERNAL_ID: "call-1"})
    first = app.tracer.start_span("work", set_span_in_context(root))
    agent_said(first, "A word.")  # from here on it is known that this event is relevant
    first.end()
    name = named(at_start)
    span = app.tracer.start_span(name, set_span_in_context(root))
    agent_said(span, "Another word.")
    name.then = at_end
    try:
        span.end()
    finally:
        name.then = nothing
        root.end()


def nothing() -> None:
    """Does nothing."""


def fails() -> None:
    raise RuntimeError("the customer's words are secret")


def is_interrupted() -> None:
    signal.raise_signal(signal.SIGUSR1)


@pytest.fixture
def limited() -> Iterator[None]:
    """Has a signal handler of the app end what runs."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TimeIsOverError

    before = signal.signal(signal.SIGUSR1, stop)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.faults
@pytest.mark.parametrize("at", ["start", "end"])
def test_a_fault_on_the_short_way_is_logged_and_stays_inside(
    sandbox: Sandbox, said: pytest.LogCaptureFixture, at: str
) -> None:
    """The app's span starts and ends, the log has no word of the fault, and the conversation becomes a call."""
    app = App(sandbox.url)
    in_a_call(app, *((fails, nothing) if at == "start" else (nothing, fails)))
    assert app.processor.force_flush()
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]
    (line,) = [record.getMessage() for record in said.records if "RuntimeError" in record.getMessage()]
    assert f"RoarkSpanProcessor.on_{at}" in line
    assert "secret" not in said.text


@pytest.mark.faults
@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("at", ["start", "end"])
def test_a_time_limit_of_the_app_passes_on_the_short_way(sandbox: Sandbox, at: str) -> None:
    """What a signal handler raises while a hook runs reaches the app."""
    app = App(sandbox.url)
    with pytest.raises(TimeIsOverError):
        in_a_call(app, *((is_interrupted, nothing) if at == "start" else (nothing, is_interrupted)))


class Counting(RoarkSpanProcessor):
    """An app's own processor, made of ours."""

    ended = 0

    def on_end(self, span: ReadableSpan) -> None:
        self.ended += 1
        super().on_end(span)


def test_a_subclass_may_override_a_hook(sandbox: Sandbox) -> None:
    """Its own method is called with each span, and ours by it."""
    processor = Counting(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, linger_seconds=0)
    app = App(sandbox.url)
    app.provider = TracerProvider(shutdown_on_exit=False)
    app.provider.add_span_processor(processor)
    app.tracer = app.provider.get_tracer("app")
    in_a_call(app, nothing, nothing)
    assert processor.force_flush()
    assert processor.ended == 3
    assert [words(call) for call in sandbox.calls()] == [["A word.", "Another word."]]


@pytest.mark.parametrize("hook", ["on_start", "on_end"])
def test_a_patch_of_the_class_counts_for_processors_made_before(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    """The hooks are looked up at the class with each span."""
    app = App(sandbox.url)
    seen: list[object] = []
    monkeypatch.setattr(RoarkSpanProcessor, hook, lambda _, span, **__: seen.append(span))
    in_a_call(app, nothing, nothing)
    assert len(seen) == 3
