"""The SDK's limits on the length of values: they join and split no conversations, and make no wrong address of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import SpanLimits

from roark_otel import call_attributes, conversation
from support.helpers import ID, App, agent_said, by_id, customer_said, words

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

LIMIT = 40
LONG = "projects/acme-support/locations/europe-west1/sessions/2026-11-28-%04d"
URL = "https://recordings.example.com/2026/11/28/europe-west1/call-%04d.wav"
WAYS = pytest.mark.parametrize("way", ["all", "spans", "code", "code of spans"])


def limited(monkeypatch: pytest.MonkeyPatch, url: str, way: str, **arguments: Any) -> App:
    """An app whose values are cut, by the environment or in code."""
    if way == "all":
        monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", str(LIMIT))
    elif way == "spans":
        monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", str(LIMIT))
    limits = {
        "code": SpanLimits(max_attribute_length=LIMIT),
        "code of spans": SpanLimits(max_span_attribute_length=LIMIT),
    }
    return App(url, provider={"span_limits": limits[way]} if way in limits else None, **arguments)


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "LENGTH_LIMIT" in record.getMessage()]


@WAYS
def test_conversations_that_differ_in_what_is_cut(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """`conversation()` knows the whole id, the whole address and the whole property, whatever its span shows."""
    app = limited(monkeypatch, sandbox.url, way, recording_url=None)
    for number, text in ((1, "I am Alice."), (2, "I am Bob.")):
        about: dict[str, Any] = {"recording_url": URL % number, "properties": {"long": "x" * 80}}
        with conversation(LONG % number, tracer_provider=app.provider, **about) as call:
            call.customer_said(text)
            with app.tracer.start_as_current_span("turn") as turn:
                agent_said(turn, "Hello.")
    app.close()
    found = by_id(sandbox.calls())
    assert {name: words(call) for name, call in found.items()} == {
        LONG % 1: ["I am Alice.", "Hello."],
        LONG % 2: ["I am Bob.", "Hello."],
    }
    assert [found[LONG % n]["recordingUrl"] for n in (1, 2)] == [URL % 1, URL % 2]
    assert all(call["properties"]["long"] == "x" * 80 for call in found.values())
    assert warned(caplog) == []


@WAYS
def test_call_attributes_over_several_traces(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """The id that is stamped on each trace is cut; the call has the whole one, and all words."""
    app = limited(monkeypatch, sandbox.url, way, recording_url=None)
    for number in (1, 2):
        with call_attributes(external_id=LONG % number, recording_url=URL % number):
            for text in ("Hello?", "Bye."):
                with app.tracer.start_as_current_span("turn") as turn:
                    customer_said(turn, text)
                    app.tracer.start_span("inner", attributes={"roark.property.a": "b"}).end()
    app.close()
    found = by_id(sandbox.calls())
    assert {name: words(call) for name, call in found.items()} == {LONG % n: ["Hello?", "Bye."] for n in (1, 2)}
    assert [found[LONG % n]["recordingUrl"] for n in (1, 2)] == [URL % 1, URL % 2]
    assert warned(caplog) == []


@WAYS
@pytest.mark.parametrize("length", [LIMIT - 1, LIMIT, LIMIT + 30])
def test_an_address_on_a_plain_span(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, way: str, length: int
) -> None:
    """One as long as the limit may be cut: it is not sent, and the log says once which variable to raise."""
    url = "https://example.com/".ljust(length, "a")
    app = limited(monkeypatch, sandbox.url, way)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        root.set_attribute("roark.recording_url", url)
        customer_said(root, "Hello?")
    app.close()
    (call,) = sandbox.calls()
    is_whole = length < LIMIT
    assert (call["recordingUrl"] == url) is is_whole
    assert call["recordingUrl"] in {url, "https://example.com/recording.wav"}
    assert len(warned(caplog)) == (0 if is_whole else 1)


@WAYS
def test_a_plain_id_that_may_be_cut(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """Nothing knows the whole: the conversation is not split, and the log says what to do."""
    app = limited(monkeypatch, sandbox.url, way)
    for text in ("Hello?", "Bye."):
        app.conversation(LONG % 1, text)
    app.close()
    (call,) = sandbox.calls()
    assert (call["externalId"], words(call)) == ((LONG % 1)[:LIMIT], ["Hello?", "Bye."])
    assert len(warned(caplog)) == 1
    assert "call_attributes" in warned(caplog)[0]


@pytest.mark.parametrize("way", ["all", "code"])
def test_words_that_may_be_cut(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """The attributes of events have the general limit; what is left of the words is sent, and said."""
    app = limited(monkeypatch, sandbox.url, way)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")
        customer_said(root, "w" * 100)
    app.close()
    (call,) = sandbox.calls()
    assert words(call) == ["Hello?", "w" * LIMIT]
    assert len(warned(caplog)) == 1
    assert "www" not in warned(caplog)[0]


def test_an_id_that_begins_like_another(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is shorter than the limit was not cut: it is another conversation's."""
    app = limited(monkeypatch, sandbox.url, "all")
    with call_attributes(external_id="call-12"), app.tracer.start_as_current_span("outer") as outer:
        customer_said(outer, "Twelve.")
        with app.tracer.start_as_current_span("inner", attributes={ID: "call-1"}) as inner:
            customer_said(inner, "One.")
    app.close()
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "call-12": ["Twelve."],
        "call-1": ["One."],
    }


def test_an_update_with_a_long_address(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An address that is known at the end only is whole too."""
    app = limited(monkeypatch, sandbox.url, "all", recording_url=None)
    with conversation("call-1", tracer_provider=app.provider) as call:
        call.customer_said("Hello?")
        call.update(recording_url=URL % 7)
    app.close()
    (made,) = sandbox.calls()
    assert made["recordingUrl"] == URL % 7
    assert warned(caplog) == []


@pytest.mark.parametrize("limit", [0, 1])
def test_tiny_limits(sandbox: Sandbox, limit: int) -> None:
    """They leave nothing of most values, and harm nothing."""
    app = App(sandbox.url, provider={"span_limits": SpanLimits(max_attribute_length=limit)})
    with conversation("call-1", tracer_provider=app.provider) as call:
        call.customer_said("Hello?")
    app.close()
    assert [made["externalId"] for made in sandbox.calls()] == ["call-1"]
