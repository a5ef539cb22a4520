"""Where the external id may stand, and which spans belong to it."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from support.helpers import ID, MS, NEVER, SECOND, T0, App, agent_said, by_id, customer_said, wait_until, words

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from roark_otel.sandbox import Sandbox

ROOT = "roark.conversation.root"
CONVERSATIONS = 1_000
THREADS = 8


def test_id_on_the_root(sandbox: Sandbox) -> None:
    """All spans below a span with the id are of its call, and the call is linked to the trace."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (call["externalId"], words(call)) == ("call-1", ["Hello?", "Hello."])
    assert f"{root.get_span_context().trace_id:032x}" == call["properties"]["trace_id"]


def test_id_and_attributes_set_after_the_start(sandbox: Sandbox) -> None:
    """What is set on a span as late as before its end counts, the id included."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call") as root:
        customer_said(root, "Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")
        root.set_attribute(ID, "call-1")
        root.set_attribute("roark.call_direction", "outbound")
        root.set_attribute("roark.property.tier", "gold")
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (call["externalId"], words(call)) == ("call-1", ["Hello?", "Hello."])
    assert (call["callDirection"], call["properties"]["tier"]) == ("OUTBOUND", "gold")


def test_id_evicted_by_later_attributes(sandbox: Sandbox) -> None:
    """The SDK keeps the last 128 attributes; an id that was there at the start is remembered."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")
        for number in range(200):
            root.set_attribute(f"app.{number}", number)
    assert app.processor.force_flush()
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]


def test_id_on_a_child_only(sandbox: Sandbox) -> None:
    """The one id of a trace holds for all of its spans, above and beside the one that carries it."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("request") as request:
        customer_said(request, "Hello?")
        with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as call:
            agent_said(call, "Hello.")
        with app.tracer.start_as_current_span("after") as after:
            customer_said(after, "Bye.")
    assert app.processor.force_flush()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "call-1": ["Hello?", "Hello.", "Bye."]
    }


def test_id_on_the_resource(sandbox: Sandbox) -> None:
    """An app that is started once for each call may put the id on the resource."""
    app = App(sandbox.url, resource={ID: "call-1", "service.name": "agent", "roark.property.region": "eu"})
    with app.tracer.start_as_current_span("session") as session:
        customer_said(session, "Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello.")
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (call["externalId"], words(call)) == ("call-1", ["Hello?", "Hello."])
    assert (call["properties"]["service_name"], call["properties"]["region"]) == ("agent", "eu")


def test_id_on_a_span_wins_over_the_resource(sandbox: Sandbox) -> None:
    """The resource's id holds only where no span of the trace shows one."""
    app = App(sandbox.url, resource={ID: "worker-7"})
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]


def test_second_root_under_the_resource(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """The resource's id is for one conversation; a further one makes no call, and the warning says what to do."""
    app = App(sandbox.url, resource={ID: "worker-7"})
    for text in ("Hello?", "Somebody else."):
        with app.tracer.start_as_current_span("session") as session:
            customer_said(session, text)
        assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]
    assert app.processor.stats().second_roots == 1
    assert "set the id on each one's root span" in said.text


def test_further_key_for_the_id(sandbox: Sandbox) -> None:
    """An attribute of the app's own may carry the id; ours goes before it."""
    app = App(sandbox.url, external_id_keys=["app.call"])
    for own in ({"app.call": "call-1"}, {"app.call": "other", ID: "call-2"}):
        with app.tracer.start_as_current_span("call", attributes=own) as root:
            customer_said(root, "Hello?")
    assert app.processor.force_flush()
    assert {"call-1", "call-2"} == set(by_id(sandbox.calls()))


def test_remote_parent(sandbox: Sandbox) -> None:
    """A span with a parent in another process, which sets the id itself, owns the call and links that trace."""
    app = App(sandbox.url)
    remote = SpanContext(0xA1, 0xB2, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    context = trace.set_span_in_context(NonRecordingSpan(remote))
    with app.tracer.start_as_current_span("call", context, attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (["Hello?"], f"{0xA1:032x}") == (words(call), call["properties"]["trace_id"])


def test_interleaved_conversations(sandbox: Sandbox) -> None:
    """Two calls at the same time, each in a trace of its own, share nothing."""
    app = App(sandbox.url)
    one = app.tracer.start_span("call", attributes={ID: "call-1"})
    two = app.tracer.start_span("call", attributes={ID: "call-2"})
    for number in range(3):
        for root, name in ((one, "one"), (two, "two")):
            with app.tracer.start_as_current_span("turn", trace.set_span_in_context(root)) as turn:
                customer_said(turn, f"{name} {number}")
    one.end()
    two.end()
    assert app.processor.force_flush()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "call-1": ["one 0", "one 1", "one 2"],
        "call-2": ["two 0", "two 1", "two 2"],
    }


def test_two_ids_on_siblings_of_one_trace(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """Words above two ids belong to neither: they are counted, with a warning, and are in no call."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("request") as request:
        customer_said(request, "Nobody's.")
        for number in (1, 2):
            with app.tracer.start_as_current_span("call", attributes={ID: f"call-{number}"}) as call:
                customer_said(call, f"of {number}")
                with app.tracer.start_as_current_span("turn") as turn:
                    agent_said(turn, f"to {number}")
    app.close()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "call-1": ["of 1", "to 1"],
        "call-2": ["of 2", "to 2"],
    }
    assert app.processor.stats().unattributed == 1
    assert "without exactly one id" in said.text


def test_id_below_another_id(sandbox: Sandbox) -> None:
    """The nearest ancestor decides: a transferred call inside a call has its own words."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "outer"}) as outer:
        customer_said(outer, "Hello?")
        with app.tracer.start_as_current_span("transfer", attributes={ID: "inner"}):
            turn = app.tracer.start_span("turn")
            agent_said(turn, "Transferred.")
            turn.end()
        customer_said(outer, "Back.")
    assert app.processor.force_flush()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "outer": ["Hello?", "Back."],
        "inner": ["Transferred."],
    }


@pytest.mark.parametrize("ends_first", ["the app's span", "Pipecat's conversation"])
def test_a_span_of_the_app_around_pipecat(sandbox: Sandbox, ends_first: str) -> None:
    """With the same id and open longer it is the root: the call begins and ends with it. Else Pipecat's span is."""
    app = App(sandbox.url)
    pipecat = app.provider.get_tracer("pipecat.turn")
    own = app.tracer.start_span("answer the phone", attributes={ID: "call-1"}, start_time=T0)
    around = trace.set_span_in_context(own)
    conversation = pipecat.start_span("conversation", around, start_time=T0 + 2 * SECOND)
    conversation.set_attributes({ID: "call-1", "conversation.id": "c1"})
    agent_said(conversation, "Hello.", T0 + 3 * SECOND)
    if ends_first == "the app's span":
        own.end(T0 + 4 * SECOND)
        conversation.end(T0 + 5 * SECOND)
    else:
        conversation.end(T0 + 4 * SECOND)
        assert app.processor.force_flush()
        assert sandbox.calls() == []  # the app's span is the root, and goes on
        own.end(T0 + 5 * SECOND)
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    begins = T0 if ends_first == "Pipecat's conversation" else T0 + 2 * SECOND
    started = datetime.fromisoformat(call["startedAt"].replace("Z", "+00:00"))
    assert (started - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1) == begins // MS
    assert call["transcript"][0]["startOffsetMs"] == (T0 + 3 * SECOND - begins) // MS
    assert app.processor.stats().finished == 1


def test_one_id_over_many_traces(sandbox: Sandbox) -> None:
    """The id and not the trace makes the conversation."""
    app = App(sandbox.url)
    for number in range(3):
        app.conversation("call-1", f"turn {number}")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["turn 0", "turn 1", "turn 2"]]


def test_a_thousand_conversations_at_once(sandbox: Sandbox) -> None:
    """From several threads, all open at the same time: each makes one call, with all of its words."""
    app = App(sandbox.url)
    everybody = threading.Barrier(THREADS)

    def talk(thread: int) -> None:
        numbers = range(thread, CONVERSATIONS, THREADS)
        roots = [app.tracer.start_span("call", attributes={ID: f"call-{number}"}) for number in numbers]
        everybody.wait()
        for root, number in zip(roots, numbers, strict=True):
            with app.tracer.start_as_current_span("turn", trace.set_span_in_context(root)) as turn:
                customer_said(turn, f"I am {number}.")
        everybody.wait()
        for root in roots:
            root.end()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(talk, range(THREADS)))
    assert app.processor.force_flush(120_000)
    assert {f"call-{number}": [f"I am {number}."] for number in range(CONVERSATIONS)} == {
        name: words(call) for name, call in by_id(sandbox.calls()).items()
    }
    assert (
        app.processor.stats().finished,
        app.processor.stats().delivered,
        app.processor.stats().dropped_spans,
    ) == (CONVERSATIONS, CONVERSATIONS, 0)


def test_webhook_that_carries_the_id_first(sandbox: Sandbox) -> None:
    """A root without words ends nothing, not even in a flush: the call is made of the websocket that follows."""
    app = App(sandbox.url)
    app.conversation("call-1")
    assert app.processor.force_flush()
    assert sandbox.calls() == []
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def test_webhook_whose_linger_is_over(sandbox: Sandbox) -> None:
    """The same without a flush in between, where only time passed."""
    app = App(sandbox.url, linger_seconds=0)
    app.conversation("call-1")
    app.conversation("probe", "Done?")
    wait_until(lambda: app.processor.stats().finished == 1)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "call-1": ["Hello?"],
        "probe": ["Done?"],
    }


def test_implied_roots_seconds_apart_join(sandbox: Sandbox) -> None:
    """An agent SDK makes a root of its own for each turn: in the quiet time they are one call."""
    app = App(sandbox.url, linger_seconds=0)
    app.conversation("call-1", "First turn.")
    wait_until(lambda: app.processor.stats().spooled == 1)
    app.conversation("call-1", "Second turn.")
    app.conversation("call-1", "Third turn.")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["First turn.", "Second turn.", "Third turn."]]
    assert app.processor.stats().finished == 1


def test_marked_root_ends_the_conversation(sandbox: Sandbox) -> None:
    """The end of the marked root makes the call, although spans of the same id are open beside it, and without rest."""
    app = App(sandbox.url, linger_seconds=0)
    beside = app.tracer.start_span("websocket", attributes={ID: "call-1"})
    app.conversation("call-1", "Hello?", **{ROOT: True})
    wait_until(lambda: app.processor.stats().delivered == 1)
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]
    beside.end()
    assert app.processor.force_flush()
    assert len(sandbox.calls()) == 1


def test_marked_root_without_words(sandbox: Sandbox) -> None:
    """A marked root makes a call even without words, of which it claims nothing: nobody listened."""
    app = App(sandbox.url)
    app.conversation("call-1", **{ROOT: True})
    assert app.processor.force_flush()
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]
    assert [call.get("endedStatus") for call in sandbox.calls()] == [None]


def test_root_marked_after_its_start(sandbox: Sandbox) -> None:
    """The mark counts whenever it is set."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        root.set_attribute(ROOT, True)
    assert app.processor.force_flush()
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]


def test_skipped_conversation(sandbox: Sandbox) -> None:
    """A conversation that any of its spans marks with roark.skip is not sent."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")
        with app.tracer.start_as_current_span("turn") as turn:
            turn.set_attribute("roark.skip", True)
    assert app.processor.force_flush()
    assert (sandbox.calls(), app.processor.stats().skipped) == ([], 1)


def test_root_that_never_ends(sandbox: Sandbox) -> None:
    """At shutdown a conversation with an open root is delivered as incomplete, with the words on open spans."""
    app = App(sandbox.url)
    root = app.tracer.start_span("call", attributes={ID: "call-1"})
    customer_said(root, "Hello?")
    with app.tracer.start_as_current_span("turn", trace.set_span_in_context(root)) as turn:
        agent_said(turn, "Hello.")
    app.close()
    (call,) = sandbox.calls()
    assert (words(call), call["properties"]["roark_incomplete"]) == (["Hello?", "Hello."], True)
    assert "endedStatus" not in call


def test_empty_root_that_never_ends(sandbox: Sandbox) -> None:
    """A conversation without words or tool uses is counted and not sent."""
    app = App(sandbox.url)
    app.tracer.start_span("call", attributes={ID: "call-1"})
    app.close()
    assert (sandbox.calls(), app.processor.stats().empty) == ([], 1)


def test_shutdown_leaves_active_conversations_open(sandbox: Sandbox) -> None:
    """LiveKit shuts the provider down after every job while other jobs talk: those are finished later, whole."""
    app = App(sandbox.url, linger_seconds=NEVER)
    root = app.tracer.start_span("call", attributes={ID: "call-1"})
    customer_said(root, "Hello?")
    app.provider.shutdown()
    assert sandbox.calls() == []
    agent_said(root, "Hello.")
    root.end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert words(call) == ["Hello?", "Hello."]
    assert "roark_incomplete" not in call["properties"]


# Several roots of one id


def session(app: App, external_id: str) -> Span:
    """Starts the root of a framework's session."""
    tracer = app.provider.get_tracer("livekit-agents")
    return tracer.start_span("agent_session", Context(), attributes={ID: external_id})


def test_several_sessions_of_one_id_are_one_call_that_ends_with_the_last(sandbox: Sandbox) -> None:
    """Each participant of a room has a session of its own, and all have the room's id."""
    app = App(sandbox.url)
    first, second = session(app, "room-7"), session(app, "room-7")
    customer_said(first, "I am the first.")
    customer_said(second, "I am the second.")
    first.end()
    assert app.processor.force_flush()
    assert sandbox.calls() == []

    customer_said(second, "Goodbye.")
    second.end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert words(call) == ["I am the first.", "I am the second.", "Goodbye."]


def test_a_second_trace_that_is_given_up_stays_in_the_open_conversation(sandbox: Sandbox) -> None:
    """Only the end of the conversation's own root ends it, however many others of its id are abandoned."""
    app = App(sandbox.url)
    root = app.tracer.start_span("call", Context(), attributes={ID: "call-1", ROOT: True})
    other = app.tracer.start_span("call", Context(), attributes={ID: "call-1", ROOT: True})
    customer_said(other, "In another trace.")
    del other
    gc.collect()
    assert app.processor.force_flush()
    assert sandbox.calls() == []

    customer_said(root, "Goodbye.")
    root.end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert words(call) == ["In another trace.", "Goodbye."]
    assert app.processor.stats().duplicates == 0
