"""A session of LiveKit's is heard, whatever its version keeps to itself. Real sessions are in `tests/frameworks`.

The framework here is one that keeps no root context, has no ids of what was transcribed, or starts nothing at all.
"""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor
from roark_otel._instrumentation.livekit import listen
from support.helpers import ID, KEY, RECORDING

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.sandbox import Sandbox


class Emitter:
    """Emits events as LiveKit's emitter does: what a handler raises is logged, but for a TypeError."""

    def __init__(self) -> None:
        self.handlers: dict[str, list[Callable[[Any], object]]] = {}

    def on(self, event: str, handler: Callable[[Any], object]) -> None:
        self.handlers.setdefault(event, []).append(handler)

    def emit(self, event: str, what: object) -> None:
        for handler in self.handlers.get(event, []):
            handler(what)


class Framework(ModuleType):
    """A version of the framework, as a module.

    Args:
        provider: Where it writes its spans.
        keeps_root: Whether a session keeps the context of its root span.
    """

    def __init__(self, provider: TracerProvider, *, keeps_root: bool) -> None:
        super().__init__("livekit.agents")
        tracer = provider.get_tracer("livekit-agents")
        realtime, text = type("RealtimeModel", (), {}), type("LLM", (), {})
        self.llm = SimpleNamespace(RealtimeModel=realtime, LLM=text)
        self.telemetry = SimpleNamespace(tracer=SimpleNamespace(_tracer_provider=provider))

        class AgentSession(Emitter):
            llm = realtime()

            def __init__(self) -> None:
                super().__init__()
                if keeps_root:
                    self._root_span_context: context.Context | None = None

            @property
            def current_agent(self) -> object:
                raise RuntimeError("VoiceAgent isn't running")

            async def start(self, external_id: str) -> None:
                self.root = tracer.start_span("agent_session", attributes={ID: external_id})
                context.attach(trace.set_span_in_context(self.root))
                if keeps_root:
                    self._root_span_context = context.get_current()

            async def aclose(self) -> None:
                self.emit("close", SimpleNamespace())
                self.root.end()
                if keeps_root:
                    self._root_span_context = None

        self.AgentSession = AgentSession


def state(session: Any, old: str, new: str, at: float) -> None:
    session.emit("user_state_changed", SimpleNamespace(old_state=old, new_state=new, created_at=at))


def spoken(session: Any, at: float, seconds: float = 0.5) -> None:
    state(session, "listening", "speaking", at)
    state(session, "speaking", "listening", at + seconds)


def transcribed(session: Any, text: str, at: float, *, is_final: bool = True, **more: Any) -> None:
    event = SimpleNamespace(transcript=text, is_final=is_final, language=None, created_at=at, **more)
    session.emit("user_input_transcribed", event)


def message(session: Any, role: str, text: str, at: float, item_id: str, **more: Any) -> None:
    item = SimpleNamespace(
        **{"role": role, "text_content": text, "id": item_id, "interrupted": False, "metrics": {}, "created_at": at}
        | {"transcript_confidence": None}
        | more
    )
    session.emit("conversation_item_added", SimpleNamespace(item=item))


class Listened:
    """A traced framework that is listened to."""

    def __init__(self, sandbox: Sandbox, *, keeps_root: bool = True) -> None:
        self.sandbox = sandbox
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(RoarkSpanProcessor(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING))
        self.framework = Framework(self.provider, keeps_root=keeps_root)
        listen(self.framework)

    def hold(self, *steps: Callable[[Any, float], None]) -> list[str]:
        """Holds a call, each of whose steps is one turn of the loop. Returns what was said, in order."""

        async def call() -> None:
            session = self.framework.AgentSession()
            await session.start("call-1")
            since = time.time()
            for step in steps:
                step(session, since)
                await asyncio.sleep(0)
            await session.aclose()

        asyncio.run(call())
        self.provider.shutdown()
        return [one["text"] for one in self.sandbox.call("call-1").body.get("transcript", ())]

    def times(self) -> list[tuple[int, int]]:
        entries = self.sandbox.call("call-1").body["transcript"]
        first = entries[0]["startOffsetMs"]
        return [(one["startOffsetMs"] - first, one["endOffsetMs"] - first) for one in entries]


@pytest.fixture(name="listened")
def _listened(sandbox: Sandbox) -> Listened:
    return Listened(sandbox)


def test_words_without_ids_are_those_of_the_message_that_follows(listened: Listened) -> None:
    def first(session: Any, since: float) -> None:
        spoken(session, since)
        transcribed(session, "to day", since + 0.8)
        message(session, "user", "to day", since + 0.8, "i1")

    def corrected(session: Any, since: float) -> None:
        transcribed(session, "today", since + 0.9)
        message(session, "user", "today", since + 0.9, "i1")

    def second(session: Any, since: float) -> None:
        spoken(session, since + 2)
        transcribed(session, "to day", since + 2.8)
        message(session, "user", "to day", since + 2.8, "i2")

    assert listened.hold(first, corrected, second) == ["today", "to day"]
    assert listened.times() == [(0, 500), (2_000, 2_500)]


def test_a_message_that_was_not_spoken_was_typed(listened: Listened) -> None:
    def typed(session: Any, since: float) -> None:
        message(session, "user", "A-17", since, "i1")

    assert listened.hold(typed) == ["A-17"]
    assert listened.sandbox.call("call-1").body["transcript"][0]["payload"] == {"way": "typed"}


def test_a_provider_that_notices_no_speech(listened: Listened) -> None:
    """Its words come gradually, and all of them after the agent has answered: until then it was the customer's turn."""

    def said(session: Any, since: float) -> None:
        transcribed(session, "Are", since + 1, is_final=False, item_id="i1")
        transcribed(session, "", since + 1.1, is_final=False, item_id=None)
        session.emit("speech_created", SimpleNamespace(created_at=since + 2))
        transcribed(session, "Are you open", since + 6, item_id="i1")

    assert listened.hold(said) == ["Are you open"]
    assert listened.times() == [(0, 1_000)]


@pytest.mark.parametrize("is_agents_own", [False, True])
@pytest.mark.parametrize("takes_turns", [True, False])
def test_a_wait_counts_from_where_voice_detection_heard_the_end(
    listened: Listened, takes_turns: bool, is_agents_own: bool
) -> None:
    """A model that takes turns itself notices the end after a silence of its own: no latency is claimed from there."""
    model = listened.framework.llm.RealtimeModel()
    model.capabilities = SimpleNamespace(turn_detection=takes_turns)
    place = "current_agent" if is_agents_own else "llm"
    setattr(listened.framework.AgentSession, place, SimpleNamespace(llm=model) if is_agents_own else model)

    def said(session: Any, since: float) -> None:
        spoken(session, since)
        transcribed(session, "Are you open", since + 0.6, item_id="i1")
        spoke = {"started_speaking_at": since + 0.7, "stopped_speaking_at": since + 1.5}
        message(session, "assistant", "Yes.", since + 1.5, "i2", metrics=spoke)

    assert listened.hold(said) == ["Are you open", "Yes."]
    properties = listened.sandbox.call("call-1").body["properties"]
    assert properties.get("response_latency_max_ms") == (None if takes_turns else 200)
    assert listened.times()[0] == (0, 500)


def test_what_is_corrected_much_later_keeps_its_place(listened: Listened) -> None:
    def turn(number: int) -> Callable[[Any, float], None]:
        def said(session: Any, since: float) -> None:
            spoken(session, since + number)
            transcribed(session, f"words {number}", since + number + 0.7, item_id=f"i{number}")
            session.emit("speech_created", SimpleNamespace(created_at=since + number + 0.8))

        return said

    def corrected(session: Any, since: float) -> None:
        transcribed(session, "corrected", since + 40, item_id="i3")

    expected = [f"words {number}" for number in range(40)]
    expected[3] = "corrected"
    assert listened.hold(*(turn(number) for number in range(40)), corrected) == expected
    assert listened.times() == [(1_000 * number, 1_000 * number + 500) for number in range(40)]


def test_what_a_long_call_keeps_is_bounded(listened: Listened) -> None:
    def many(session: Any, since: float) -> None:
        for number in range(2_000):
            spoken(session, since + number)
            transcribed(session, "", since + number + 0.6, item_id=f"i{number}")
        listener = session.handlers["close"][0].__self__
        hearing = listener._hearing
        listener._settle()
        kept = (hearing._items, hearing._speeches, hearing._replies, hearing._written)
        assert sum(len(one) for one in kept) < 150

    assert listened.hold(many) == []


def test_a_session_that_keeps_no_context_is_heard_in_that_of_its_start(sandbox: Sandbox) -> None:
    def said(session: Any, since: float) -> None:
        spoken(session, since)
        transcribed(session, "Hello", since + 0.7, item_id="i1")

    assert Listened(sandbox, keeps_root=False).hold(said) == ["Hello"]


def test_a_session_whose_start_is_not_that_of_a_session_is_left_alone(sandbox: Sandbox) -> None:
    listened = Listened(sandbox, keeps_root=False)

    async def started_elsewhere() -> None:
        session = listened.framework.AgentSession()
        await asyncio.create_task(session.start("call-1"))
        spoken(session, time.time())
        transcribed(session, "Hello", time.time(), item_id="i1")
        await session.aclose()

    async def not_in_its_own_task(self: Any, external_id: str) -> None:
        await asyncio.create_task(original(self, external_id))

    kind: Any = listened.framework.AgentSession
    original = kind.start.__wrapped__
    kind.start = not_in_its_own_task
    listen(listened.framework)
    asyncio.run(started_elsewhere())
    listened.provider.shutdown()

    assert all("transcript" not in body for body in sandbox.calls())


def test_events_outside_of_any_loop_are_heard_too(listened: Listened) -> None:
    session = listened.framework.AgentSession()
    asyncio.run(session.start("call-1"))
    since = time.time()
    spoken(session, since)
    transcribed(session, "Hello", since + 0.7, item_id="i1")
    asyncio.run(session.aclose())
    listened.provider.shutdown()

    assert [one["text"] for one in listened.sandbox.call("call-1").body["transcript"]] == ["Hello"]


def test_a_chain_of_models_is_not_listened_to(listened: Listened) -> None:
    """Its words are on its own spans."""

    def said(session: Any, since: float) -> None:
        type(session).llm = listened.framework.llm.LLM()
        spoken(session, since)
        transcribed(session, "Hello", since + 0.7)
        message(session, "user", "Hello", since + 0.7, "i1", transcript_confidence=0.9)
        message(session, "assistant", "Hi.", since + 1, "i2")

    assert listened.hold(said) == []


def test_a_session_is_not_held(listened: Listened) -> None:
    session = listened.framework.AgentSession()
    asyncio.run(session.start("call-1"))
    gone = weakref.ref(session)
    asyncio.run(session.aclose())
    listened.provider.shutdown()
    gc.disable()
    try:
        del session
        assert gone() is None
    finally:
        gc.enable()


def test_what_is_no_framework_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from roark_otel._instrumentation.when_imported import when_imported

    monkeypatch.setattr("roark_otel._safety.guard._reraise", False)
    monkeypatch.setitem(__import__("sys").modules, "livekit_of_another_kind", ModuleType("livekit_of_another_kind"))
    when_imported("livekit_of_another_kind", listen)
