"""An instrumentation of LiveKit in other people's worlds: whatever they do, it hears what it may, and harms nobody."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import livekit.agents
import pytest
from livekit.agents import Agent, AgentSession, llm
from livekit.agents.telemetry import set_tracer_provider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import roark_otel
from frameworks.livekit import offline
from frameworks.livekit.realtime import ScriptedRealtime
from frameworks.livekit.rig import turn_taking
from roark_otel._instrumentation.livekit import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace.sampling import Sampler

    from roark_otel.sandbox import Sandbox

WORDS = "the key is below the blue pot"

KEEPS_PRIVATE = "allow_pii" in inspect.signature(set_tracer_provider).parameters


class World:
    """A process that traces LiveKit, with an exporter of its own beside ours."""

    def __init__(self, sandbox: Sandbox, spool: Path) -> None:
        self.sandbox, self.spool = sandbox, spool
        self.exporter = InMemorySpanExporter()

    @contextmanager
    def traced(
        self,
        sampler: Sampler | None = None,
        private: bool | None = None,
        metadata: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Iterator[None]:
        """Traces as an app does."""
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        given = roark_otel.Settings(api_key="test-key", base_url=self.sandbox.url, spool_dir=self.spool, **settings)  # type: ignore[arg-type]
        ours = roark_otel.RoarkSpanProcessor(settings=given, recording_url="https://example.com/a.wav")
        provider.add_span_processor(ours)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        options: dict[str, Any] = {} if private is None else {"allow_pii": not private}
        set_tracer_provider(provider, metadata=metadata, **options)
        try:
            yield
            provider.force_flush(60_000)
        finally:
            provider.shutdown()

    def said(self, external_id: str = "call-1") -> list[str]:
        return [entry["text"] for entry in self.sandbox.call(external_id).body.get("transcript", ())]

    def spans(self, name: str = "customer_said") -> list[Any]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def everything(self) -> str:
        """All that is anywhere of a call: with Roark, in the app's exporter, and on the disk."""
        exported = "".join(span.to_json() for span in self.exporter.get_finished_spans())
        files = [path.read_bytes().decode(errors="replace") for path in self.spool.rglob("*") if path.is_file()]
        return exported + repr([dict(body) for body in self.sandbox.calls()]) + "".join(files)


@pytest.fixture(name="world")
def _world(sandbox: Sandbox, tmp_path: Path) -> World:
    offline.stay()
    roark_otel.instrument("livekit")
    return World(sandbox, tmp_path)


def new_session(kind: type[AgentSession[Any]] = AgentSession) -> AgentSession[Any]:
    """A session whose model hears the customer itself."""
    model = ScriptedRealtime({}, detects_turns=True)
    return kind(llm=model, vad=None, **turn_taking("realtime_llm"))


def new_agent() -> Agent:
    """Who answers."""
    return Agent(instructions="You are the order desk of a bicycle shop.")


async def hold(session: AgentSession[Any], words: str = WORDS, **options: Any) -> None:
    """A call in which the customer says one thing."""
    await session.start(new_agent(), **options)
    await speak(session, words)
    await session.aclose()


async def speak(session: AgentSession[Any], words: str) -> None:
    """Has the model hear the customer."""
    ear = session.current_agent.realtime_llm_session
    ear.emit("input_speech_started", llm.InputSpeechStartedEvent())
    await asyncio.sleep(0.02)
    ear.emit("input_speech_stopped", llm.InputSpeechStoppedEvent(user_transcription_enabled=True))
    ear.transcribe(f"item_{len(words)}", words)
    await asyncio.sleep(0)


async def as_call(
    external_id: str = "call-1", session: AgentSession[Any] | None = None, words: str = WORDS, **options: Any
) -> None:
    """A call of one session."""
    async with roark_otel.call_attributes(external_id=external_id):
        await hold(session or new_session(), words, **options)


def test_the_exporter_of_the_app_gets_no_word(world: World) -> None:
    with world.traced():
        asyncio.run(as_call())

    assert world.said() == [WORDS]
    assert world.spans("agent_session")
    assert WORDS not in "".join(span.to_json() for span in world.exporter.get_finished_spans())


def test_for_a_gateway_each_utterance_is_one_short_span(world: World) -> None:
    with world.traced(instrumentation_spans=True):
        asyncio.run(as_call())

    assert world.said() == [WORDS]
    (span,), (root,) = world.spans(), world.spans("agent_session")
    assert span.attributes["heard.text"] == WORDS
    assert span.parent.span_id == root.context.span_id
    assert root.start_time <= span.start_time < span.end_time <= root.end_time


@pytest.mark.parametrize("as_spans", [False, True])
@pytest.mark.parametrize("way", ["argument", "environment", "metadata", "record"])
@pytest.mark.skipif(not KEEPS_PRIVATE, reason="this version keeps nothing private")
def test_a_private_session_gives_times_and_no_words(
    world: World, monkeypatch: pytest.MonkeyPatch, way: str, *, as_spans: bool
) -> None:
    if way == "environment":
        monkeypatch.setenv("LIVEKIT_TELEMETRY_ALLOW_PII", "0")
    stamped = {"lk.redaction.enabled": True} if way == "metadata" else None
    with world.traced(private=way == "argument" or None, metadata=stamped, instrumentation_spans=as_spans):
        asyncio.run(as_call(record={"redaction": way == "record"}))

    assert world.sandbox.calls()
    assert WORDS not in world.everything()
    assert [span.attributes.get("heard.text") for span in world.spans()] == ([None] if as_spans else [])


def test_what_the_app_allows_in_code_holds_over_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    if not KEEPS_PRIVATE:
        pytest.skip("this version keeps nothing private")
    monkeypatch.setenv("LIVEKIT_TELEMETRY_ALLOW_PII", "0")
    with world.traced(private=False):
        asyncio.run(as_call())

    assert world.said() == [WORDS]


@pytest.mark.parametrize("as_spans", [False, True])
def test_without_content_no_word_leaves(world: World, *, as_spans: bool) -> None:
    with world.traced(capture_content=False, instrumentation_spans=as_spans):
        asyncio.run(as_call())

    assert world.sandbox.calls()
    assert WORDS not in world.everything()


@pytest.mark.parametrize("as_spans", [False, True])
def test_below_a_root_that_is_not_sampled_nothing_is_written(world: World, *, as_spans: bool) -> None:
    with world.traced(sampler=ALWAYS_OFF, instrumentation_spans=as_spans):
        asyncio.run(as_call())

    assert world.exporter.get_finished_spans() == ()
    assert list(world.sandbox.calls()) == []


def test_a_root_that_only_we_record_has_its_words(world: World) -> None:
    """The app exports a hundredth of its traces, and every call is made all the same."""
    with world.traced(sampler=roark_otel.RoarkSampler(ALWAYS_OFF)):
        asyncio.run(as_call())

    assert world.said() == [WORDS]
    assert world.exporter.get_finished_spans() == ()


def test_sessions_of_a_subclass(world: World) -> None:
    class Own(AgentSession[Any]):
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 1

        async def start(self, *args: Any, **kwargs: Any) -> Any:
            return await super().start(*args, **kwargs)

    async def own(external_id: str) -> None:
        await as_call(external_id, new_session(Own))

    with world.traced():
        for external_id in ("call-1", "call-2"):
            asyncio.run(own(external_id))

    assert (world.said("call-1"), world.said("call-2")) == ([WORDS], [WORDS])


def _wrap(monkeypatch: pytest.MonkeyPatch, started: list[object]) -> None:
    """What another package does to the class."""
    before = AgentSession.start

    @functools.wraps(before)
    async def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        started.append(self)
        return await before(self, *args, **kwargs)

    monkeypatch.setattr(AgentSession, "start", start)


@pytest.mark.parametrize("order", ["before", "after", "around"])
def test_a_class_that_someone_else_wraps(world: World, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    """Before us, after us, or after us with us once more after it: each session is listened to once."""
    started: list[object] = []
    if order == "before":
        monkeypatch.setattr(AgentSession, "start", inspect.unwrap(AgentSession.start))
    _wrap(monkeypatch, started)
    if order != "after":
        listen(livekit.agents)
    wrapped = AgentSession.start
    listen(livekit.agents)
    assert AgentSession.start is wrapped
    with world.traced():
        asyncio.run(as_call())

    assert len(started) == 1
    assert world.said() == [WORDS]


def test_a_session_that_starts_twice_at_once(world: World) -> None:
    async def twice() -> None:
        session = new_session()
        async with roark_otel.call_attributes(external_id="call-1"):
            await session.start(new_agent())
            await session.start(new_agent())
            await speak(session, WORDS)
            await session.aclose()

    with world.traced(instrumentation_spans=True):
        asyncio.run(twice())

    assert world.said() == [WORDS]
    assert len(world.spans()) == 1


def test_a_session_that_is_started_again_is_another_conversation(world: World) -> None:
    async def again() -> None:
        session = new_session()
        for number in (1, 2):
            await as_call(f"call-{number}", session, f"{WORDS} {number}")

    with world.traced():
        asyncio.run(again())

    assert [world.said(f"call-{number}") for number in (1, 2)] == [[f"{WORDS} 1"], [f"{WORDS} 2"]]


def test_a_session_that_ends_before_it_has_begun(world: World) -> None:
    async def never() -> None:
        session = new_session()
        session.emit("user_input_transcribed", object())
        await session.aclose()
        with pytest.raises(Exception, match=r".*"):
            await session.start(None)
        await session.aclose()

    with world.traced():
        asyncio.run(never())

    assert list(world.sandbox.calls()) == []


def test_a_session_is_let_go_of(world: World) -> None:
    async def hold_one() -> weakref.ref[object]:
        session = new_session()
        await as_call(session=session)
        return weakref.ref(session)

    with world.traced():
        gone = asyncio.run(hold_one())
        gc.collect()

        assert gone() is None


@pytest.mark.parametrize("event", ["user_state_changed", "user_input_transcribed", "conversation_item_added"])
@pytest.mark.parametrize("what", [None, object(), 7, "text"])
def test_events_of_another_shape_raise_nothing_into_the_session(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, event: str, what: object
) -> None:
    monkeypatch.setattr("roark_otel._safety.guard._reraise", False)

    async def odd() -> None:
        session = new_session()
        async with roark_otel.call_attributes(external_id="call-1"):
            await session.start(new_agent())
            session.emit(event, what)
            await speak(session, WORDS)
            await session.aclose()

    with world.traced():
        asyncio.run(odd())

    assert world.said() == [WORDS]
    assert "failed to emit" not in caplog.text  # as the framework says of handlers that raise


def test_handlers_of_the_app_that_raise_cost_no_word(world: World) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("the app's own")

    async def app() -> None:
        session = new_session()
        for event in ("user_state_changed", "user_input_transcribed", "conversation_item_added"):
            session.on(event, broken)
        await as_call(session=session)

    with world.traced():
        asyncio.run(app())

    assert world.said() == [WORDS]


def test_sessions_in_several_tasks_and_threads_keep_apart(world: World) -> None:
    async def several(thread: int) -> None:
        await asyncio.gather(*(one(f"{thread}-{task}") for task in range(3)))

    async def one(name: str) -> None:
        await as_call(name, words=f"{WORDS} {name}")

    def run(work: Callable[[int], Any], thread: int) -> None:
        asyncio.run(work(thread))

    with world.traced():
        threads = [threading.Thread(target=run, args=(several, number)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    names = [f"{thread}-{task}" for thread in range(3) for task in range(3)]
    assert [world.said(name) for name in names] == [[f"{WORDS} {name}"] for name in names]
