"""A conversation that the app describes itself: `conversation()`, `start_conversation()`, and their handles."""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import gc
import json
import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import roark_otel
from roark_otel import conversation, start_conversation
from support.helpers import ID, KEY, App, by_id, words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator

    from roark_otel.sandbox import Sandbox
    from roark_otel.types import ConversationHandle

START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=timezone.utc)
THREADS = 8


class WebSocketDisconnect(Exception):  # noqa: N818 - Starlette's name
    pass


class ConnectionClosedOK(Exception):  # noqa: N818 - the name of the package websockets
    pass


class ClientDisconnect(Exception):  # noqa: N818 - Starlette's name
    pass


class PartnerHungUp(WebSocketDisconnect):
    """An app's own kind of hang-up."""


@pytest.fixture(name="app")
def _app(sandbox: Sandbox) -> Iterator[App]:
    """Makes an app and delivers all its calls: at exit another process might have the sandbox's port."""
    app = App(sandbox.url)
    yield app
    assert app.processor.force_flush()


def begin(app: App, external_id: Any = "call-1", **about: Any) -> ConversationHandle:
    return start_conversation(external_id, tracer_provider=app.provider, **about)


def block(app: App, external_id: Any = "call-1", **about: Any) -> conversation:
    return conversation(external_id, tracer_provider=app.provider, **about)


def exported(app: App) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    app.provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def warnings_of(said: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in said.records if record.levelno >= logging.WARNING]


# The call


def test_a_block_becomes_a_call(app: App, sandbox: Sandbox) -> None:
    """Every argument, with times of every kind, is in the call."""
    with block(
        app,
        start_time=START,
        recording_url="https://example.com/1.wav",
        stereo_recording_url="https://example.com/stereo.wav",
        interface_type="PHONE",
        call_direction="OUTBOUND",
        agent_name="Ada",
        agent_custom_id="ada",
        agent_prompt="Be kind.",
        customer_phone_number="+15550100",
        customer_label="caller",
        livekit_room_id="RM_1",
        properties={"tier": "gold", "attempt": 2, "vip": True},
    ) as call:
        call.customer_said(
            "Where is my order?",
            start_time=START + timedelta(seconds=1),
            end_time=START.timestamp() + 2.5,
            language_code="en-GB",
            payload={"confidence": 0.9},
        )
        with call.tool("lookup_order", {"id": 17}, start_time=timedelta(seconds=3), description="Finds one.") as tool:
            tool.result({"status": "shipped"})
            tool.end(timedelta(seconds=3.5))
        call.agent_said("It is on", start_time=timedelta(seconds=4), end_time=timedelta(seconds=5), interrupted=True)
        call.end("customer_ended_call", timedelta(seconds=6))
    assert app.processor.force_flush()
    (sent,) = sandbox.calls()
    assert (sent["externalId"], sent["startedAt"]) == ("call-1", "2026-11-22T12:00:00.000Z")
    assert (sent["recordingUrl"], sent["stereoRecordingUrl"]) == (
        "https://example.com/1.wav",
        "https://example.com/stereo.wav",
    )
    assert (sent["interfaceType"], sent["callDirection"]) == ("PHONE", "OUTBOUND")
    assert (sent["endedStatus"], sent["livekitRoomId"]) == ("CUSTOMER_ENDED_CALL", "RM_1")
    assert sent["agent"] == {"name": "Ada", "customId": "ada", "prompt": {"resolvedPrompt": "Be kind."}}
    assert sent["customer"] == {"phoneNumberE164": "+15550100", "label": "caller"}
    assert {name: sent["properties"][name] for name in ("tier", "attempt", "vip")} == {
        "tier": "gold",
        "attempt": 2,
        "vip": True,
    }
    assert sent["transcript"] == [
        {
            "role": "CUSTOMER",
            "text": "Where is my order?",
            "startOffsetMs": 1000,
            "endOffsetMs": 2500,
            "languageCode": "en-GB",
            "payload": {"confidence": 0.9},
        },
        {
            "role": "AGENT",
            "text": "It is on",
            "startOffsetMs": 4000,
            "endOffsetMs": 5000,
            "payload": {"interrupted": True},
        },
    ]
    assert sent["toolInvocations"] == [
        {
            "name": "lookup_order",
            "description": "Finds one.",
            "parameters": {"id": 17},
            "result": {"status": "shipped"},
            "startOffsetMs": 3000,
            "endOffsetMs": 3500,
        }
    ]


def test_no_limit_cuts_a_long_conversation(app: App, sandbox: Sandbox) -> None:
    """Each utterance and tool has its own span: of a thousand none is lost to the limit of 128 events."""
    said = [f"Sentence {number}." for number in range(1_000)]
    with block(app) as call:
        for number, text in enumerate(said):
            call.customer_said(text, start_time=timedelta(milliseconds=number))
    assert app.processor.force_flush()
    (sent,) = sandbox.calls()
    assert words(sent) == said
    assert "roark_dropped_events" not in sent["properties"]


def test_the_trace_is_one_and_linked(app: App, sandbox: Sandbox) -> None:
    """The root carries the id and the mark, and all else is below it, spans of other libraries in the block too."""
    exporter = exported(app)
    with block(app) as call:
        app.tracer.start_span("llm").end()
        call.customer_said("Hello?")
        with call.tool("lookup"):
            app.tracer.start_span("http").end()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    root = spans["conversation"]
    assert root.attributes == {ID: "call-1", "roark.conversation.root": True}
    assert {name: span.parent and span.parent.span_id for name, span in spans.items()} == {
        "conversation": None,
        "llm": root.context.span_id,
        "customer_said": root.context.span_id,
        "execute_tool lookup": root.context.span_id,
        "http": spans["execute_tool lookup"].context.span_id,
    }
    assert app.processor.force_flush()
    (sent,) = sandbox.calls()
    assert sent["properties"]["trace_id"] == f"{root.context.trace_id:032x}"
    assert "roark_unlinked" not in sent["properties"]


def test_async_block(app: App, sandbox: Sandbox) -> None:
    """Two conversations at the same time in two tasks keep their own words, and tools are async blocks too."""

    async def one(external_id: str, met: asyncio.Event, meet: asyncio.Event) -> None:
        async with block(app, external_id) as call:
            call.customer_said(f"of {external_id}")
            met.set()
            await meet.wait()
            async with call.tool("lookup") as tool:
                await asyncio.sleep(0)
                tool.result(external_id)
            with app.tracer.start_as_current_span("turn") as turn:
                turn.add_event("roark.transcript", {"role": "agent", "text": f"to {external_id}"})

    async def both() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(one("call-1", first, second), one("call-2", second, first))

    asyncio.run(both())
    assert app.processor.force_flush()
    calls = by_id(sandbox.calls())
    assert {name: words(call) for name, call in calls.items()} == {
        name: [f"of {name}", f"to {name}"] for name in ("call-1", "call-2")
    }
    assert {name: call["toolInvocations"][0]["result"] for name, call in calls.items()} == {
        "call-1": "call-1",
        "call-2": "call-2",
    }


def test_a_handle_from_many_threads_and_tasks(app: App, sandbox: Sandbox) -> None:
    """The handle needs no context: threads and tasks that inherited none can use it."""
    call = begin(app)

    def talk(thread: int) -> None:
        for number in range(20):
            call.customer_said(f"{thread} {number}")
        with call.tool(f"tool {thread}") as tool:
            tool.result(thread)

    async def task() -> None:
        call.agent_said("From a task.")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda thread: contextvars.Context().run(talk, thread), range(THREADS)))
    asyncio.run(task())
    call.end()
    assert app.processor.force_flush()
    (sent,) = sandbox.calls()
    expected = [f"{thread} {number}" for thread in range(THREADS) for number in range(20)]
    assert sorted(words(sent)) == sorted([*expected, "From a task."])
    assert sorted(use["name"] for use in sent["toolInvocations"]) == [f"tool {thread}" for thread in range(THREADS)]


def test_start_conversation_touches_no_context(app: App) -> None:
    """The current span, baggage and the rest of the context are the same afterwards."""
    before = context.get_current()
    call = begin(app)
    assert context.get_current() is before
    call.customer_said("Hello?")
    call.end()
    assert context.get_current() is before


def test_current_for_a_block(app: App, sandbox: Sandbox) -> None:
    """A websocket loop makes the conversation current while it works, and only then."""
    call = begin(app)
    with call.current(), app.tracer.start_as_current_span("turn") as turn:
        turn.add_event("roark.transcript", {"role": "agent", "text": "Inside."})
    with app.tracer.start_as_current_span("other") as other:
        other.add_event("roark.transcript", {"role": "agent", "text": "Outside."})
    call.end()
    assert app.processor.force_flush()
    assert [words(sent) for sent in sandbox.calls()] == [["Inside."]]


def test_below_a_server_s_span(app: App, sandbox: Sandbox) -> None:
    """The root is below the span of the request, and its end makes the call although the request goes on."""
    exporter = exported(app)
    with app.tracer.start_as_current_span("websocket") as request:
        with block(app) as call:
            call.customer_said("Hello?")
        assert app.processor.force_flush()
        assert [words(sent) for sent in sandbox.calls()] == [["Hello?"]]
    root = next(span for span in exporter.get_finished_spans() if span.name == "conversation")
    assert root.parent == request.get_span_context()


def test_one_conversation_inside_another(app: App, sandbox: Sandbox) -> None:
    """Each has its own words: a transfer is a call of its own."""
    with block(app, "outer") as outer, block(app, "inner") as inner:
        outer.customer_said("To the first one.")
        inner.customer_said("To the second one.")
    assert app.processor.force_flush()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "outer": ["To the first one."],
        "inner": ["To the second one."],
    }


def test_facts_that_come_later(app: App, sandbox: Sandbox) -> None:
    """The recording's URL is known when the upload is done: the app may pass it at any time before the end."""
    app = App(sandbox.url, recording_url=None, api_key="other")
    with block(app, properties={"tier": "silver"}) as call:
        call.customer_said("Hello?")
        call.update(recording_url="https://example.com/late.wav", properties={"tier": "gold"})
    assert app.processor.force_flush()
    (sent,) = sandbox.calls()
    assert (sent["recordingUrl"], sent["properties"]["tier"]) == ("https://example.com/late.wav", "gold")


def test_words_after_the_end(app: App, sandbox: Sandbox) -> None:
    """Within the linger a transcript that was late still counts."""
    call = begin(app)
    call.end()
    call.customer_said("Late words.", start_time=timedelta(0))
    assert app.processor.force_flush()
    assert [words(sent) for sent in sandbox.calls()] == [["Late words."]]


def test_the_end_counts_once(app: App, sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """From however many threads: one call, the first status, and no complaint of the SDK."""
    call = begin(app)
    call.customer_said("Hello?")
    call.end("CUSTOMER_ENDED_CALL")
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: call.end("AGENT_ERROR"), range(THREADS)))
    assert app.processor.force_flush()
    assert [sent["endedStatus"] for sent in sandbox.calls()] == ["CUSTOMER_ENDED_CALL"]
    assert said.records[0].name == "roark_otel"
    assert [record for record in said.records if record.name.startswith("opentelemetry")] == []


# Tools


def test_an_exception_in_a_tool_is_recorded_and_goes_on(app: App, sandbox: Sandbox) -> None:
    with block(app) as call:
        call.customer_said("Hello?")
        with pytest.raises(ZeroDivisionError), call.tool("divide", {"by": 0}) as tool:
            tool.result(1 / 0)
        call.agent_said("That did not work.")
    assert app.processor.force_flush()
    (sent,) = sandbox.calls()
    (use,) = sent["toolInvocations"]
    assert (use["name"], use["parameters"]) == ("divide", {"by": 0})
    assert use["result"] == {"error": "ZeroDivisionError: division by zero"}
    assert "endedStatus" not in sent


@pytest.mark.parametrize(
    ("act", "result"),
    [
        (lambda tool: tool.result("text"), "text"),
        (lambda tool: tool.result({"a": [1, None, {"b": 0.5}]}), {"a": [1, None, {"b": 0.5}]}),
        (lambda tool: tool.result([1, 2]), "[1, 2]"),
        (lambda tool: tool.result(None), "null"),
        (lambda tool: tool.result({"at": START, "nan": float("nan")}), {"at": "datetime", "nan": None}),
        (lambda tool: tool.error("no such order"), {"error": "no such order"}),
        (lambda tool: tool.error(KeyError("a")), {"error": "KeyError: 'a'"}),
        (lambda tool: (tool.error("first"), tool.result("then")), "then"),
        (lambda tool: (tool.result("first"), tool.error("then")), {"error": "then"}),
        (lambda _: None, ""),
    ],
)
def test_the_result_of_a_tool(app: App, sandbox: Sandbox, act: Callable[[Any], object], result: object) -> None:
    with block(app) as call, call.tool("lookup", '{"id": 17}', id="use-1") as tool:
        act(tool)
    assert app.processor.force_flush()
    (use,) = sandbox.calls()[0]["toolInvocations"]
    assert (use["parameters"], use["result"]) == ({"id": 17}, result)


def test_a_tool_that_never_ends_ends_with_the_call(app: App, sandbox: Sandbox) -> None:
    """Its name and start are in the call, without a result."""
    with block(app) as call:
        call.tool("transfer", {"to": "billing"})
    assert app.processor.force_flush()
    (use,) = sandbox.calls()[0]["toolInvocations"]
    assert (use["name"], use["parameters"], use["result"]) == ("transfer", {"to": "billing"}, "")


def test_a_tool_that_other_instrumentation_reports_too(app: App, sandbox: Sandbox) -> None:
    """The model's id joins the two reports: the use is in the call once."""
    with block(app) as call:
        call.customer_said("Hello?")
        with call.tool("lookup", {"id": 17}, id="use-1") as tool:
            span = app.provider.get_tracer("agents").start_span(
                "execute_tool lookup",
                attributes={
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": "lookup",
                    "gen_ai.tool.call.id": "use-1",
                },
            )
            span.end()
            tool.result("found")
    assert app.processor.force_flush()
    (use,) = sandbox.calls()[0]["toolInvocations"]
    assert (use["name"], use["result"]) == ("lookup", "found")


# The end


def talk_until(app: App, fault: BaseException) -> None:
    """Holds a conversation whose block an exception leaves."""
    with block(app) as call:
        call.customer_said("Hello?")
        call.agent_said("Hello.")
        raise fault


@pytest.mark.parametrize(
    "hang_up",
    [
        WebSocketDisconnect(),
        ConnectionClosedOK(),
        ClientDisconnect(),
        PartnerHungUp(),
        asyncio.CancelledError(),
    ],
)
def test_a_hang_up_is_not_an_error(app: App, sandbox: Sandbox, hang_up: BaseException) -> None:
    with pytest.raises(type(hang_up)):
        talk_until(app, hang_up)
    assert app.processor.force_flush()
    assert [("endedStatus" in sent, words(sent)) for sent in sandbox.calls()] == [(False, ["Hello?", "Hello."])]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups of exceptions came with 3.11")
@pytest.mark.parametrize(
    ("inside", "is_error"), [([WebSocketDisconnect()], False), ([WebSocketDisconnect(), KeyError("a")], True)]
)
def test_a_group_of_hang_ups_is_one(app: App, sandbox: Sandbox, inside: list[Exception], is_error: bool) -> None:
    """A TaskGroup raises such groups."""
    group: Any = vars(builtins)["ExceptionGroup"]
    with pytest.raises(group):
        talk_until(app, group("tasks", inside))
    assert app.processor.force_flush()
    assert [sent.get("endedStatus") == "AGENT_ERROR" for sent in sandbox.calls()] == [is_error]


def test_any_other_exception_is_an_error(app: App, sandbox: Sandbox) -> None:
    """The call and the root span show it, and the exception goes on."""
    exporter = exported(app)
    with pytest.raises(KeyError):
        talk_until(app, KeyError("a"))
    assert app.processor.force_flush()
    assert [sent["endedStatus"] for sent in sandbox.calls()] == ["AGENT_ERROR"]
    root = next(span for span in exporter.get_finished_spans() if span.name == "conversation")
    assert (root.status.is_ok, [event.name for event in root.events]) == (False, ["exception"])


def test_a_cancelled_task_hangs_up(app: App, sandbox: Sandbox) -> None:
    """A server cancels the handler of a connection that is gone."""

    async def serve(talking: asyncio.Event) -> None:
        async with block(app) as call:
            call.customer_said("Hello?")
            call.agent_said("Hello.")
            talking.set()
            await asyncio.Event().wait()

    async def cancel() -> None:
        talking = asyncio.Event()
        task = asyncio.create_task(serve(talking))
        await talking.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert app.processor.force_flush()
    assert ["endedStatus" in sent for sent in sandbox.calls()] == [False]


# The context


async def closed_by_another_task(begin: Callable[[], AsyncGenerator[None]], ask: Callable[[], object]) -> object:
    """Calls `ask` in the task that began a generator, after another one has closed it."""
    generator = begin()
    await generator.__anext__()
    await asyncio.create_task(generator.aclose())
    return ask()


def test_a_generator_that_another_task_closes(app: App, sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """Nothing is logged, and the task that began it has its previous current span again."""
    exporter = exported(app)

    async def talk() -> AsyncGenerator[None]:
        async with block(app) as call:
            with call.tool("lookup"):
                call.customer_said("Hello?")
                yield

    def ask() -> object:
        app.tracer.start_span("afterwards").end()
        return trace.get_current_span().get_span_context()

    with app.tracer.start_as_current_span("request") as request:
        current = asyncio.run(closed_by_another_task(talk, ask))
    assert current == request.get_span_context()
    afterwards = next(span for span in exporter.get_finished_spans() if span.name == "afterwards")
    assert afterwards.parent == request.get_span_context()
    assert "Failed to detach context" not in said.text
    assert app.processor.force_flush()
    (sent,) = sandbox.calls()
    assert (words(sent), "endedStatus" in sent) == (["Hello?"], False)


def test_call_attributes_in_a_generator_that_another_task_closes(
    app: App, sandbox: Sandbox, said: pytest.LogCaptureFixture
) -> None:
    """Spans that start in the first task afterwards do not belong to the call any more."""

    async def talk() -> AsyncGenerator[None]:
        async with roark_otel.call_attributes(external_id="call-1"):
            app.conversation("call-1", "Inside.")
            yield

    def ask() -> None:
        with app.tracer.start_as_current_span("afterwards") as span:
            span.add_event("roark.transcript", {"role": "agent", "text": "Outside."})

    asyncio.run(closed_by_another_task(talk, ask))
    assert "Failed to detach context" not in said.text
    assert app.processor.force_flush()
    assert [words(sent) for sent in sandbox.calls()] == [["Inside."]]


def test_a_generator_that_the_app_never_closes(app: App, sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """The garbage collector closes it, in whatever context it runs."""

    def talk() -> Generator[None]:
        with block(app) as call:
            call.customer_said("Hello?")
            call.agent_said("Hello.")
            yield

    generator = contextvars.copy_context().run(lambda: (one := talk(), next(one))[0])
    del generator
    gc.collect()
    assert not trace.get_current_span().get_span_context().is_valid
    assert app.processor.force_flush()
    assert [(words(sent), "endedStatus" in sent) for sent in sandbox.calls()] == [(["Hello?", "Hello."], False)]
    assert "Failed to detach context" not in said.text


def test_the_current_span_is_the_root_and_all_of_it(app: App, sandbox: Sandbox) -> None:
    """Whatever an app does with the current span inside a block changes the root."""
    with block(app) as call:
        call.customer_said("Hello?")
        current = trace.get_current_span()
        assert current.is_recording()
        current.set_attribute("roark.property.tier", "gold")
        current.set_attributes({"roark.property.shop": "Lakeside"})
        current.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
        current.update_name("my conversation")
        current.add_link(current.get_span_context())
        current.set_status(trace.StatusCode.ERROR)
        current.record_exception(ConnectionClosedOK())
        assert current.name == "my conversation"  # type: ignore[attr-defined] # as of the SDK's span
        current.end()
    assert app.processor.force_flush()
    (sent,) = sandbox.calls()
    assert words(sent) == ["Hello?", "Hello."]
    assert (sent["properties"]["tier"], sent["properties"]["shop"]) == ("gold", "Lakeside")


def test_baggage_only_where_it_is_asked_for(app: App) -> None:
    with block(app):
        assert baggage.get_all() == {}
    with block(app, as_baggage=True):
        assert baggage.get_all() == {ID: "call-1"}
    assert baggage.get_all() == {}


# Threads and executors


def test_bind_carries_the_call_into_threads(app: App, sandbox: Sandbox) -> None:
    """A pool inherits no context; a bound function runs in that of its maker, and restores the thread's."""

    def work(text: str, *, role: str) -> str:
        """Works."""
        with app.tracer.start_as_current_span("work") as span:
            span.add_event("roark.transcript", {"role": role, "text": text})
        return text

    with ThreadPoolExecutor(1) as pool:
        with block(app):
            bound = roark_otel.bind(work)
            assert pool.submit(bound, "Bound.", role="agent").result() == "Bound."
        pool.submit(work, "Not bound.", role="agent").result()
        assert pool.submit(context.get_current).result() == context.Context()
    assert (bound.__name__, bound.__doc__) == ("work", "Works.")
    assert app.processor.force_flush()
    assert [words(sent) for sent in sandbox.calls()] == [["Bound."]]


def test_bind_carries_the_call_into_another_loop(app: App, sandbox: Sandbox) -> None:
    """A coroutine function keeps the context to its end and not only to its first pause."""

    async def work(text: str) -> str:
        await asyncio.sleep(0)
        with app.tracer.start_as_current_span("work") as span:
            span.add_event("roark.transcript", {"role": "agent", "text": text})
        return text

    with roark_otel.call_attributes(external_id="call-1"):
        bound = roark_otel.bind(work)
    thread = threading.Thread(target=lambda: asyncio.run(bound("Bound.")))
    thread.start()
    thread.join()
    assert app.processor.force_flush()
    assert [words(sent) for sent in sandbox.calls()] == [["Bound."]]


def test_bind_lets_exceptions_through(app: App) -> None:
    def fail() -> None:
        raise KeyError("a")

    with block(app):
        bound = roark_otel.bind(fail)
    with pytest.raises(KeyError):
        bound()
    assert not trace.get_current_span().get_span_context().is_valid


# Bad input


class Unreadable:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


BAD: dict[str, Callable[[ConversationHandle], object]] = {
    "customer_said": lambda call: call.customer_said(None),  # type: ignore[arg-type]
    "agent_said": lambda call: call.agent_said(b"bytes"),  # type: ignore[arg-type]
    "start_time naive": lambda call: call.customer_said("kept", start_time=datetime(2026, 1, 1)),  # noqa: DTZ001
    "start_time ms": lambda call: call.customer_said("kept", start_time=1_795_348_364_000),
    "start_time offset": lambda call: call.customer_said("kept", start_time=3.5),
    "start_time nan": lambda call: call.customer_said("kept", start_time=float("nan")),
    "start_time text": lambda call: call.customer_said("kept", start_time="now"),  # type: ignore[arg-type]
    "start_time true": lambda call: call.customer_said("kept", start_time=True),
    "end_time before": lambda call: call.customer_said(
        "kept", start_time=timedelta(seconds=2), end_time=timedelta(seconds=1)
    ),
    "start_time far": lambda call: call.customer_said("kept", start_time=timedelta(days=99_999)),
    "ended_status": lambda call: call.end("EXPLODED"),
    "properties": lambda call: call.update(properties=7),  # type: ignore[arg-type]
    "recorded_at": lambda call: call.update(recorded_at="today"),  # type: ignore[call-arg]
    "end_time tool": lambda call: call.tool("kept").end(timedelta(days=-1)),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_argument_is_logged_and_raises_nothing(
    app: App, sandbox: Sandbox, said: pytest.LogCaptureFixture, what: str
) -> None:
    """The warning names the argument; the other values are kept."""
    with block(app) as call:
        call.agent_said("Before.", start_time=timedelta(0))
        BAD[what](call)
    (warning,) = warnings_of(said)
    assert what.split()[0] in warning
    assert app.processor.force_flush()
    (sent,) = sandbox.calls()
    kept = [*words(sent), *(use["name"] for use in sent.get("toolInvocations", ()))]
    assert sorted(kept) == ["Before."] + ["kept"] * (what.startswith(("start", "end_time")))


@pytest.mark.parametrize("external_id", [None, "", "  ", 7, "x" * 256, "\ud800"])
def test_a_bad_id_is_logged_and_raises_nothing(
    app: App, sandbox: Sandbox, said: pytest.LogCaptureFixture, external_id: Any
) -> None:
    with block(app, external_id) as call:
        call.customer_said("Hello?")
    with roark_otel.call_attributes(external_id=external_id):
        pass
    assert app.processor.force_flush()
    assert sandbox.calls() == []
    assert any("external_id must be text of 1 to 255 characters" in warning for warning in warnings_of(said))


@pytest.mark.faults
def test_values_that_raise_do_not_reach_the_app(app: App, sandbox: Sandbox) -> None:
    """A value whose every method raises costs only itself."""
    evil: Any = Unreadable()
    with block(app, agent_name=evil) as call:
        call.customer_said("Hello?", language_code=evil, payload=evil)
        call.customer_said("Hello?")
        with call.tool(evil, evil) as tool:
            tool.result(evil)
            tool.error(evil)
        call.update(recording_url=evil)
        call.end(evil)
    app.conversation("call-2", "Fine.")
    assert app.processor.force_flush()
    assert {name: words(sent) for name, sent in by_id(sandbox.calls()).items()} == {
        "call-1": ["Hello?", "Hello?"],
        "call-2": ["Fine."],
    }


@pytest.mark.faults
def test_a_provider_that_raises_does_not_reach_the_app() -> None:
    class Broken(trace.NoOpTracerProvider):
        def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
            class BrokenTracer(trace.NoOpTracer):
                def start_span(self, *_: Any, **__: Any) -> trace.Span:
                    raise RuntimeError("broken")

            return BrokenTracer()

    with conversation("call-1", tracer_provider=Broken()) as call:
        call.customer_said("Hello?")
        with call.tool("lookup") as tool:
            tool.result("found")


@pytest.mark.parametrize("provider", ["x", 0, object(), trace.NoOpTracerProvider, {"get_tracer": 1}], ids=range(5))
def test_what_is_no_provider_is_logged_and_the_global_one_is_used(
    provider: Any, said: pytest.LogCaptureFixture
) -> None:
    """It reaches the app neither at the start nor at any later call."""
    use_all(start_conversation("call-1", tracer_provider=provider))
    with conversation("call-2", tracer_provider=provider) as call:
        call.agent_said("Hello.")

    (error,) = said.records
    assert error.levelno == logging.ERROR
    assert error.getMessage().startswith("tracer_provider: must be a tracer provider of OpenTelemetry")


def use_all(call: ConversationHandle) -> None:
    call.customer_said("Hello?")
    with call.tool("lookup", {"id": 1}) as tool:
        tool.result("found")
    call.update(properties={"a": 1})
    with call.current():
        pass
    call.end("CUSTOMER_ENDED_CALL")


USES = """
with roark_otel.conversation("call-1", properties={"a": 1}) as call:
    call.customer_said("Hello?")
    with call.tool("lookup", {"id": 1}) as tool:
        tool.result("found")
    call.update(recording_url="https://example.com/a.wav")
    with call.current():
        pass
    assert call.external_id == "call-1"
other = roark_otel.start_conversation("call-2")
other.agent_said("Hello.")
other.end()
assert threading.active_count() == 1
"""

IMPORTS = """
import threading, roark_otel
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
"""

NO_PROVIDER = "conversation() makes no call, because this process has no tracer provider: call roark_otel.configure() "
NO_PROCESSOR = "conversation() makes no call, because its tracer provider has no RoarkSpanProcessor: call "
NO_KEY = "no usable key, so no calls are sent to Roark: "


@pytest.mark.parametrize(
    ("before", "variables", "lines"),
    [
        ("", {}, [NO_PROVIDER]),
        ("roark_otel.configure()", {"ROARK_API_KEY": ""}, [NO_KEY]),
        ("trace.set_tracer_provider(TracerProvider())", {}, [NO_PROCESSOR]),
        ("TracerProvider().add_span_processor(roark_otel.RoarkSpanProcessor())", {}, [NO_KEY]),
        ("", {"ROARK_OBSERVABILITY_ENABLED": "No"}, []),
        ("roark_otel.configure()", {"ROARK_API_KEY": KEY, "ROARK_OBSERVABILITY_ENABLED": "false"}, []),
        ("", {"OTEL_SDK_DISABLED": "true"}, []),
        ("trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))", {}, []),
    ],
    ids=["nothing", "empty key", "no processor", "no key", "kill switch", "all off", "no SDK", "sampled out"],
)
def test_a_handle_that_makes_no_call_says_why_once(before: str, variables: dict[str, str], lines: list[str]) -> None:
    """In a process of its own: no span, no thread, and one line on stderr, if whoever runs it does not want that."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("ROARK_", "_ROARK"))}

    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "error", "-c", IMPORTS + before + USES],
        env={**known, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert len(done.stderr.splitlines()) == len(lines), done.stderr
    assert all(map(done.stderr.startswith, lines)), done.stderr


def test_a_processor_on_another_provider_hears_nothing(
    app: App, sandbox: Sandbox, said: pytest.LogCaptureFixture
) -> None:
    """The app made a processor, and uses another provider."""
    with conversation("call-1", tracer_provider=TracerProvider(shutdown_on_exit=False)) as call:
        call.customer_said("Hello?")

    assert [line for line in warnings_of(said) if line.startswith(NO_PROCESSOR)]
    assert app.processor.force_flush()
    assert sandbox.calls() == []


@pytest.mark.parametrize("external_id", ["call-1", ""])
def test_a_conversation_that_is_heard_is_not_warned_of(
    app: App, said: pytest.LogCaptureFixture, external_id: str
) -> None:
    with block(app, external_id) as call:
        call.customer_said("Hello?")

    assert not [line for line in warnings_of(said) if "makes no call" in line]


def test_a_handle_in_an_unsampled_trace_does_nothing(sandbox: Sandbox) -> None:
    app = App(sandbox.url, provider={"sampler": ALWAYS_OFF})
    with block(app) as call:
        use_all(call)
    assert app.processor.force_flush()
    assert sandbox.calls() == []


def test_no_module_hides_a_public_function() -> None:
    """A module that is imported later does not take the place of a function of the same name."""
    program = """
import pkgutil, roark_otel, importlib
for module in pkgutil.iter_modules(roark_otel.__path__):
    if module.name not in {"cli", "sandbox", "instrumentor"}:
        importlib.import_module(f"roark_otel.{module.name}")
assert callable(roark_otel.conversation) and callable(roark_otel.stats) and callable(roark_otel.bind)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)  # noqa: S603 - our own program


def test_the_spans_of_a_handle_have_the_documented_names(app: App) -> None:
    """The spans of a conversation have the vocabulary of the documentation: one event on each span below the root."""
    exporter = exported(app)
    with block(app) as call:
        call.customer_said("Hello?", start_time=timedelta(seconds=1), end_time=timedelta(seconds=2))
        with call.tool("lookup", {"id": 17}, id="use-1") as tool:
            tool.result({"found": True})
    spans = {span.name: span for span in exporter.get_finished_spans()}
    (said,) = spans["customer_said"].events
    assert (said.name, dict(said.attributes or {})) == (
        "roark.transcript",
        {"role": "customer", "text": "Hello?", "duration_ms": 1000.0},
    )
    assert said.timestamp == spans["customer_said"].start_time
    (used,) = spans["execute_tool lookup"].events
    fields = dict(used.attributes or {})
    assert used.name == "roark.tool_invocation"
    assert isinstance(fields.pop("duration_ms"), float)
    assert {**fields, "result": json.loads(str(fields["result"]))} == {
        "name": "lookup",
        "id": "use-1",
        "parameters": '{"id": 17}',
        "result": {"found": True},
    }
    assert time.time_ns() >= (spans["execute_tool lookup"].end_time or 0)
