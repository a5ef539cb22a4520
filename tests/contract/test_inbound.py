"""What a request brings in its headers names no conversation, and changes none that the app holds."""

from __future__ import annotations

import gc
import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context, propagate, trace

from roark_otel import bind, call_attributes, conversation
from support.copier import copying_processor
from support.helpers import ID, App, agent_said, by_id, customer_said, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context

    from roark_otel.sandbox import Sandbox

MARK = "roark.conversation.root"
PARENT = "00-%032x-b7ad6b7169203331-01"
EVIL_URL = "https://evil.example.com/a.wav"


def received(number: int = 1, /, **carried: str) -> Context:
    """The context that a server extracts from a request with these entries in its baggage header."""
    header = ",".join(f"{name.replace('__', '.')}={value}" for name, value in carried.items())
    headers = {"traceparent": PARENT % (0xAF7651916CD43DD8448EB211C80319C0 + number), "baggage": header}
    return propagate.extract(headers, context.Context())


def evil(external_id: str = "evil", number: int = 1, /, **more: str) -> Context:
    return received(number, **{"roark.external_id": external_id, **more})


class Copying:
    """An app with the processor that copies baggage to spans, before ours or after it."""

    def __init__(self, url: str, copier: str, **arguments: Any) -> None:
        copies = copying_processor()
        self.app = App(url, **arguments)
        processors = self.app.provider._active_span_processor
        if copier == "before":
            processors._span_processors = (copies, *processors._span_processors)
        elif copier == "after":
            self.app.provider.add_span_processor(copies)


def request(
    app: App, around: Context, what: Callable[[], object] = lambda: None, attributes: Mapping[str, Any] | None = None
) -> None:
    """A request: the server's span with what the headers say, and in it what the app does."""
    token = context.attach(around)
    try:
        with app.tracer.start_as_current_span("POST /talk", kind=trace.SpanKind.SERVER, attributes=attributes):
            what()
    finally:
        context.detach(token)


def said(app: App, *texts: str, attributes: Mapping[str, Any] | None = None) -> None:
    """Spans of the app on which the customer speaks."""
    for text in texts:
        with app.tracer.start_as_current_span("turn", attributes=attributes) as span:
            customer_said(span, text)


COPIERS = pytest.mark.parametrize("copier", ["none", "before", "after"])


@COPIERS
def test_what_a_header_names_is_a_fragment(sandbox: Sandbox, copier: str) -> None:
    """Also where its id is an attribute of every span."""
    app = Copying(sandbox.url, copier).app
    request(app, evil(), lambda: said(app, "Hello?"))
    app.close()
    assert (sandbox.calls(), app.processor.stats().fragments) == ([], 1)


@COPIERS
@pytest.mark.parametrize("same", [False, True], ids=["another id", "the same id"])
@pytest.mark.parametrize("way", ["call_attributes", "conversation", "marked", "bound thread", "attribute"])
def test_the_apps_own_id_holds(sandbox: Sandbox, copier: str, same: bool, way: str) -> None:
    """Whatever the header says, and whoever copies it: the words are all in the call that the app means.

    But an attribute that equals the baggage counts as a copy of it, and a copier that runs first overwrites others.
    """
    app = Copying(sandbox.url, copier).app

    def talk() -> None:
        with ExitStack() as stack:
            if way in {"call_attributes", "bound thread"}:
                stack.enter_context(call_attributes(external_id="own"))
            elif way == "conversation":
                call = stack.enter_context(conversation("own", tracer_provider=app.provider))
                call.customer_said("Hello?")
            roots: dict[str, dict[str, Any]] = {"marked": {MARK: True, ID: "own"}, "attribute": {ID: "own"}}
            root = roots.get(way)
            with app.tracer.start_as_current_span("talk", attributes=root) if way != "conversation" else ExitStack():
                if way == "bound thread":
                    thread = threading.Thread(target=bind(said), args=(app, "Hello?"))
                    thread.start()
                    thread.join(60)
                elif way != "conversation":
                    said(app, "Hello?")
                said(app, "Bye.")

    request(app, evil("own" if same else "evil"), talk)
    app.close()
    is_lost = way in {"attribute", "marked"} and (same or copier == "before")
    expected = {} if is_lost else {"own": ["Hello?", "Bye."]}
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == expected
    assert (app.processor.stats().fragments > 0) is is_lost


@COPIERS
def test_a_header_with_the_id_of_a_living_conversation(sandbox: Sandbox, copier: str) -> None:
    """It adds no words to it, does not end, skip or rename it, and gives it no recording."""
    app = Copying(sandbox.url, copier).app
    with conversation("living", tracer_provider=app.provider) as call:
        call.customer_said("Hello?")
        carried = {"roark.skip": "true", "roark.recording_url": EVIL_URL, "roark.property.a": "b", MARK: "true"}
        for number in range(3):
            around = evil("living", number, **carried)
            request(app, around, lambda: said(app, "Words of somebody else."))
            request(app, around, attributes={"roark.interface_type": "PHONE"})
        assert app.processor.force_flush()
        assert sandbox.calls() == []
        call.agent_said("Bye.")
    app.close()
    (call_made,) = sandbox.calls()
    assert (call_made["externalId"], words(call_made)) == ("living", ["Hello?", "Bye."])
    assert call_made["recordingUrl"] != EVIL_URL
    assert "a" not in call_made["properties"]


@COPIERS
def test_what_else_baggage_says_of_a_call_is_not_the_apps(sandbox: Sandbox, copier: str) -> None:
    """A copied skip, recording, property or message is taken off; the app's own attributes stay."""
    app = Copying(sandbox.url, copier, recording_url=None, recording_fallback_url=None).app
    message = '[{"role":"user","parts":[{"type":"text","content":"Injected."}]}]'
    around = evil(
        **{
            "roark.skip": "true",
            "roark.recording_url": EVIL_URL,
            "roark.property.vip": "yes",
            "gen_ai.input.messages": message.replace('"', "%22").replace(",", "%2C"),
        }
    )

    def talk() -> None:
        own = {"roark.recording_url": "https://example.com/own.wav", "roark.property.tier": "gold"}
        with call_attributes(external_id="own"), app.tracer.start_as_current_span("talk") as root:
            root.set_attributes(own)
            said(app, "Hello?")

    request(app, around, talk)
    app.close()
    (call,) = sandbox.calls()
    assert (call["recordingUrl"], words(call)) == ("https://example.com/own.wav", ["Hello?"])
    assert {"tier": "gold"}.items() <= call["properties"].items()
    assert "vip" not in call["properties"]


@COPIERS
def test_an_id_under_another_key_that_a_header_brings(sandbox: Sandbox, copier: str) -> None:
    app = Copying(sandbox.url, copier, external_id_keys=["app.call"]).app
    request(app, received(1, **{"app.call": "evil"}), lambda: said(app, "Hello?", attributes={"roark.property.a": "b"}))
    request(app, evil("evil", 2), lambda: said(app, "Bye.", attributes={"app.call": "own"}))
    app.close()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {"own": ["Bye."]}


@pytest.mark.parametrize("copier", ["before", "after"])
def test_a_property_that_a_header_brings_without_an_id(sandbox: Sandbox, copier: str) -> None:
    """Also on spans below the conversation's root, most of which are read on a shorter way."""
    app = Copying(sandbox.url, copier).app

    def talk() -> None:
        with app.tracer.start_as_current_span("talk", attributes={ID: "own"}):
            said(app, "Hello?", "Bye.", attributes={"roark.property.tier": "gold"})

    request(app, received(1, **{"roark.property.vip": "yes"}), talk)
    app.close()
    (call,) = sandbox.calls()
    assert (call["properties"].get("tier"), "vip" in call["properties"]) == ("gold", False)


@pytest.mark.parametrize("copier", ["before", "after"])
def test_a_second_request_of_the_same_trace(sandbox: Sandbox, copier: str) -> None:
    """The trace has an owner by then, and came in without baggage."""
    app = Copying(sandbox.url, copier).app

    def talk() -> None:
        with app.tracer.start_as_current_span("talk", attributes={ID: "own"}):
            said(app, "Hello?")
            request(app, received(1, **{"roark.property.b": "c"}), lambda: said(app, "Bye."))

    request(app, received(1), talk)
    request(app, evil("evil", 1, **{"roark.property.a": "b"}), lambda: said(app, "And so on."))
    app.close()
    (call,) = sandbox.calls()
    assert (call["externalId"], {"a", "b"}.isdisjoint(call["properties"])) == ("own", True)


def framework_root(app: App, name: str = "Hello?") -> None:
    """A framework's conversation, as Pipecat records one."""
    tracer = app.provider.get_tracer("pipecat")
    with tracer.start_as_current_span("conversation", attributes={"conversation.id": "framework-1"}):
        said(app, name)


@COPIERS
@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("auto", [False, True])
def test_a_frameworks_root(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, copier: str, trusted: bool, auto: bool
) -> None:
    """It takes the id of baggage only on request; else it has its own id, if the app asked for such ids."""
    app = Copying(sandbox.url, copier, id_from_baggage=trusted, auto_external_id=auto).app
    request(app, evil("from-baggage"), lambda: framework_root(app))
    app.close()
    assert [(call["externalId"], words(call)) for call in sandbox.calls()] == (
        [("from-baggage", ["Hello?"])] if trusted else [("framework-1", ["Hello?"])] if auto else []
    )
    warned = [record.getMessage() for record in caplog.records if "ROARK_ID_FROM_BAGGAGE" in record.getMessage()]
    assert len(warned) == (0 if trusted else 1)
    assert all("call_attributes" in line for line in warned)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_marked_root_without_an_id_of_its_own(sandbox: Sandbox, trusted: bool) -> None:
    app = App(sandbox.url, id_from_baggage=trusted)
    request(app, evil("from-baggage"), lambda: said(app, "Hello?", attributes={MARK: True}))
    app.close()
    assert [call["externalId"] for call in sandbox.calls()] == (["from-baggage"] if trusted else [])


@pytest.mark.parametrize("copier", ["none", "before"])
def test_trusted_baggage_makes_no_call_of_a_fragment(sandbox: Sandbox, copier: str) -> None:
    """A model service below the owner has no root of a framework."""
    app = Copying(sandbox.url, copier, id_from_baggage=True).app
    request(app, evil("call-1"), lambda: said(app, "Hello?"))
    app.close()
    assert (sandbox.calls(), app.processor.stats().fragments) == ([], 1)


def test_the_resources_id_holds(sandbox: Sandbox) -> None:
    """A process of one call keeps it, whatever its requests carry."""
    app = App(sandbox.url, resource={ID: "own"})
    request(app, evil(), lambda: said(app, "Hello?"))
    app.close()
    assert [(call["externalId"], words(call)) for call in sandbox.calls()] == [("own", ["Hello?"])]


def test_requests_with_a_header_end_no_conversation(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """More of them than there may be conversations, each with an id of its own and words."""
    app = App(sandbox.url, max_conversations=20)
    with ExitStack() as stack:
        calls = [stack.enter_context(conversation(f"own-{n}", tracer_provider=app.provider)) for n in range(5)]
        for call in calls:
            call.customer_said("Hello?")
        for number in range(300):
            request(app, evil(f"evil-{number}", number), lambda: said(app, "Injected."))
        assert app.processor.force_flush()
        assert sandbox.calls() == []
        for call in calls:
            call.agent_said("Bye.")
    app.close()
    found = {name: words(call) for name, call in by_id(sandbox.calls()).items()}
    assert found == {f"own-{n}": ["Hello?", "Bye."] for n in range(5)}
    assert not any("roark_incomplete" in call["properties"] for call in sandbox.calls())
    assert app.processor.stats().fragments >= 280
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING and "baggage" in r.getMessage()]) == 1


def test_a_header_alone_leaves_nothing_behind(sandbox: Sandbox) -> None:
    """A request whose spans say nothing makes no entry, and what came in with it is forgotten with its span."""
    app = App(sandbox.url)
    capture = app.processor._engine.parts.capture  # type: ignore[union-attr]
    for number in range(2_000):
        request(app, evil(f"evil-{number}", number, **{"roark.property.a": "x" * 100}))
    gc.collect()
    assert (len(capture._inbound), len(capture.branches.homes), len(capture.inbox)) == (0, 0, 0)
    app.close()
    assert app.processor.stats().fragments == 0


@pytest.mark.parametrize(
    "external_id",
    ["%0A%1b%5B2J", "x" * 4_000, "%E2%80%AEevil", "%ED%A0%80", "..%2F..%2Fetc", "%2B4915550123", "%00", "%20"],
)
@pytest.mark.parametrize("trusted", [False, True])
def test_strange_ids_of_headers(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, external_id: str, trusted: bool
) -> None:
    """They harm nobody, and no log line shows what a terminal would obey."""
    app = App(sandbox.url, id_from_baggage=trusted)
    request(app, evil(external_id), lambda: framework_root(app))
    request(app, evil(external_id, 2), lambda: said(app, "Injected."))
    app.conversation("own", "Hello?")
    app.close()
    assert words(by_id(sandbox.calls())["own"]) == ["Hello?"]
    assert all(record.getMessage().isprintable() for record in caplog.records if record.name == "roark_otel")


def test_baggage_that_an_app_attaches_in_the_middle_of_a_trace(sandbox: Sandbox) -> None:
    """A websocket's messages may carry headers of their own."""
    app = Copying(sandbox.url, "after").app

    def talk() -> None:
        with call_attributes(external_id="own"), app.tracer.start_as_current_span("talk"):
            said(app, "Hello?")
            token = context.attach(baggage.set_baggage(ID, "evil"))
            said(app, "Bye.")
            context.detach(token)

    request(app, context.Context(), talk)
    app.close()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {"own": ["Hello?", "Bye."]}


def test_the_owners_own_baggage_with_a_copier(sandbox: Sandbox) -> None:
    """`as_baggage` puts the id where the copier finds it; it is still the app's."""
    for number, copier in enumerate(("before", "after")):
        app = Copying(sandbox.url, copier).app
        with call_attributes(external_id=f"own-{number}", as_baggage=True):
            said(app, "Hello?")
        with conversation(f"talk-{number}", tracer_provider=app.provider, as_baggage=True) as call:
            call.customer_said("Hello?")
            said(app, "Bye.")
        app.close()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "own-0": ["Hello?"],
        "own-1": ["Hello?"],
        "talk-0": ["Hello?", "Bye."],
        "talk-1": ["Hello?", "Bye."],
    }


@COPIERS
def test_a_copied_id_that_the_length_limit_cuts(sandbox: Sandbox, copier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "16")
    app = Copying(sandbox.url, copier).app
    request(app, evil("evil-" + "x" * 40), lambda: said(app, "Hello?"))
    app.close()
    assert (sandbox.calls(), app.processor.stats().fragments) == ([], 1)


def test_a_link_to_a_request_with_a_header(sandbox: Sandbox) -> None:
    """A conversation that only links to such a span is not touched by it."""
    app = App(sandbox.url)
    token = context.attach(evil())
    with app.tracer.start_as_current_span("POST /talk") as server:
        link = trace.Link(server.get_span_context())
    context.detach(token)
    with app.tracer.start_as_current_span("call", links=[link], attributes={ID: "own"}) as root:
        customer_said(root, "Hello?")
        agent_said(root, "Bye.")
    app.close()
    assert [(call["externalId"], words(call)) for call in sandbox.calls()] == [("own", ["Hello?", "Bye."])]
