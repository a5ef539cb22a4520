"""A conversation without words that it should have is reported once, with the scopes that were seen and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import set_span_in_context

import roark_otel
from roark_otel.attributes import CONVERSATION_ROOT
from roark_otel.dialects import DIALECTS
from support.helpers import ID, App, customer_said, wait_until
from support.replaying import load, replay, truths

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span

    from roark_otel.sandbox import Sandbox

CHAT: dict[str, str | int] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.output_tokens": 12,
}
MARK = {CONVERSATION_ROOT: True}


def warned(log: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in log.records if record.levelname in {"WARNING", "ERROR"}]
    return [message for message in found if "no words" in message]


def within(app: App, scope: str, *more: str) -> None:
    """Makes spans in each other, each of the next scope."""
    with app.provider.get_tracer(scope).start_as_current_span(f"step of {scope}"):
        if more:
            within(app, *more)


def close(app: App) -> None:
    """Closes an app, and waits until its conversations are given up."""
    app.close()
    wait_until(lambda: app.processor.stats().open_conversations == 0, 60)


def test_models_that_answer_without_words(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    app = App(sandbox.url)
    for number in range(3):
        with app.tracer.start_as_current_span("call", attributes={ID: f"call-{number}", **MARK}):
            for _ in range(2):
                with app.tracer.start_as_current_span("chat m", attributes=CHAT):
                    pass
    assert app.processor.force_flush()
    (warning,) = warned(said)
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT" in warning
    assert "call-0" in warning
    assert [call.get("endedStatus") for call in sandbox.calls()] == [None] * 3


@pytest.mark.parametrize("mark", [MARK, {}])
def test_spans_that_no_dialect_reads(mark: dict[str, bool], sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """Also where nothing marks the root, and no call is made: then at the end, when nothing more can come."""
    app = App(sandbox.url)
    for number in range(2):
        with app.tracer.start_as_current_span("call", attributes={ID: f"call-{number}", **mark}):
            within(app, "voice-framework", "voice-framework.stt", "voice-framework.stt")
    assert app.processor.force_flush()
    assert len(sandbox.calls()) == (2 if mark else 0)
    close(app)
    (warning,) = warned(said)
    assert "spans: voice-framework" in warning
    assert "roark.transcript" in warning


def _silent(_: App, __: Span) -> None:
    pass


def _web(app: App, _: Span) -> None:
    within(app, "opentelemetry.instrumentation.asgi", "opentelemetry.instrumentation.httpx", "my-app")


def _words(app: App, root: Span) -> None:
    within(app, "voice-framework", "voice-framework")
    customer_said(root, "Hello?")


def _words_beside_models(app: App, root: Span) -> None:
    customer_said(root, "Hello?")
    with app.tracer.start_as_current_span("chat m", attributes=CHAT):
        pass


def _tools(app: App, root: Span) -> None:
    within(app, "voice-framework", "voice-framework")
    root.add_event("roark.tool_invocation", {"name": "look_up"})


@pytest.mark.parametrize("talk", [_silent, _web, _words, _words_beside_models, _tools])
@pytest.mark.parametrize("mark", [MARK, {}])
def test_nothing_is_missing(
    mark: dict[str, bool], talk: Callable[[App, Span], None], sandbox: Sandbox, said: pytest.LogCaptureFixture
) -> None:
    """A request that only carries an id has no words, and neither has a call in which nothing happens."""
    app = App(sandbox.url)
    with app.provider.get_tracer("my-app").start_as_current_span("call", attributes={ID: "call-1", **mark}) as root:
        talk(app, root)
    assert app.processor.force_flush()
    close(app)
    assert warned(said) == []


def test_a_conversation_of_handles_misses_nothing(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    app = App(sandbox.url)
    with roark_otel.conversation("call-1", tracer_provider=app.provider):
        pass
    assert app.processor.force_flush()
    assert (len(sandbox.calls()), warned(said)) == (1, [])


def test_what_goes_on_may_still_get_its_words(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """Nothing is reported of a conversation that is saved while open, or that never ends, although it is a call."""
    app = App(sandbox.url)
    root = app.tracer.start_span("call", attributes={ID: "call-1", **MARK})
    root.add_event("roark.tool_invocation", {"name": "look_up"})
    for _ in range(3):
        app.tracer.start_span("chat m", attributes=CHAT, context=set_span_in_context(root)).end()
        assert app.processor.force_flush()
    close(app)
    wait_until(lambda: len(sandbox.calls()) == 1, 60)
    assert warned(said) == []


def test_hidden_messages_of_models_below_a_framework_that_has_the_words(
    sandbox: Sandbox, said: pytest.LogCaptureFixture
) -> None:
    """They only repeat what the framework's own spans say."""
    app = App(sandbox.url)
    (truth,) = truths("livekit/1.8.9-three_turns")
    spans = load("livekit/1.8.9-three_turns")
    for span in [span for span in spans if span["name"] == "llm_request_run"]:
        span["scope"] = {"name": "opentelemetry.instrumentation.openai_v2"}
        span["attributes"] = dict(CHAT)
    replay(spans, app.processor, {truth["rootSpanId"]: {ID: "call-1"}})
    assert app.processor.force_flush()
    assert (len(sandbox.calls()), warned(said)) == (1, [])


def test_what_helps_is_known_for_every_reason() -> None:
    """A reader gives no reason for which its dialect has no cure."""
    assert {dialect.name: sorted(dialect.cures) for dialect in DIALECTS if dialect.cures} == {
        "livekit": ["content", "realtime"],
        "pipecat": ["content", "realtime"],
        "gen_ai": ["content", "realtime"],
        "openinference": ["content"],
    }
