"""`assemble_call`: a body, or why there is none."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

from roark_otel import Settings, assemble_call
from roark_otel.types import (
    CallWithoutRecording,
    Dialect,
    FailedCall,
    NoCall,
    NotEnded,
    ReadyCall,
    UnreadableRequest,
    Utterance,
)
from support.helpers import MS, T0
from support.otlp_lines import Ended, line
from support.otlp_requests import protobuf

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

URL = "https://example.com/a.wav"
SETTINGS = Settings().with_arguments(recording_url_template=URL)


def a_call(external_id: str | None = "call-1", *, words: str = "Hello.", **attributes: Any) -> list[ReadableSpan]:
    """Returns the spans of a conversation, a marked root and a turn, in the order of their ends."""
    seen = Ended()
    provider = TracerProvider(resource=Resource({"service.name": "order-desk"}), shutdown_on_exit=False)
    provider.add_span_processor(seen)
    tracer = provider.get_tracer("app")
    fields = {"roark.external_id": external_id, "roark.conversation.root": True, **attributes}
    root = tracer.start_span("call", start_time=T0, attributes={k: v for k, v in fields.items() if v is not None})
    turn = tracer.start_span("turn", set_span_in_context(root), start_time=T0)
    if words:
        turn.add_event("roark.transcript", {"role": "customer", "text": words}, T0)
    turn.end(T0 + 5 * MS)
    root.end(T0 + 10 * MS)
    return seen.spans


def made(*requests: bytes, settings: Settings = SETTINGS, **options: Any) -> Any:
    return assemble_call("call-1", requests, settings, **options)


def test_a_conversation_becomes_a_call() -> None:
    turn, root = a_call()
    found = made(protobuf([turn]), line([root]))

    assert isinstance(found, ReadyCall)
    assert (found.external_id, found.turns, found.tools) == ("call-1", 1, 0)
    body = json.loads(found.body)
    assert (body["externalId"], body["recordingUrl"]) == ("call-1", URL)
    assert [one["text"] for one in body["transcript"]] == ["Hello."]
    assert body["properties"]["service_name"] == "order-desk"


def test_the_same_requests_make_the_same_bytes() -> None:
    requests = [protobuf([one]) for one in a_call()]

    assert made(*requests) == made(*reversed(requests)) == made(*requests, *requests)


def test_a_call_may_lack_its_recording() -> None:
    found = made(protobuf(a_call()), settings=Settings())

    assert isinstance(found, CallWithoutRecording)
    assert "recordingUrl" not in json.loads(found.body)


def test_spans_that_show_no_id_wait_for_the_one_that_does() -> None:
    turn, root = a_call()

    assert made(protobuf([turn])) == NoCall("call-1", "not_found")
    assert isinstance(made(protobuf([turn]), protobuf([root])), ReadyCall)


def test_a_root_that_said_nothing_may_be_followed_by_more() -> None:
    """An id without a mark, on a span without words: another process may have the rest."""
    requests = [protobuf(a_call(words="", **{"roark.conversation.root": None}))]

    assert made(*requests) == NotEnded("call-1")
    assert made(*requests, incomplete=True) == NoCall("call-1", "empty")


@pytest.mark.parametrize(
    ("attributes", "settings", "reason"),
    [
        ({"roark.skip": True}, SETTINGS, "skipped"),
        ({}, Settings().with_arguments(call_sample_ratio=0.0), "sampled_out"),
        ({"external_id": "another"}, SETTINGS, "not_found"),
        ({"external_id": None}, SETTINGS, "not_found"),
    ],
)
def test_why_there_is_no_call(attributes: dict[str, Any], settings: Settings, reason: str) -> None:
    assert made(protobuf(a_call(**attributes)), settings=settings) == NoCall("call-1", reason)


def test_no_requests_have_no_call() -> None:
    assert made() == made(b"", b"{}") == NoCall("call-1", "not_found")


def test_only_the_spans_of_the_conversation_are_in_its_call() -> None:
    spans = [*a_call(words="One."), *a_call("call-2", words="Two.")]

    for external_id, words in (("call-1", "One."), ("call-2", "Two.")):
        found = assemble_call(external_id, [protobuf(spans)], SETTINGS)
        assert isinstance(found, ReadyCall)
        assert [one["text"] for one in json.loads(found.body)["transcript"]] == [words]


@pytest.mark.parametrize(
    ("changed", "shown", "words"),
    [
        ({"redact_patterns": ["card"]}, "roark.external_id", ["My card is [card]."]),
        ({"capture_content": False}, "roark.external_id", []),
        ({"external_id_keys": ["session.id"]}, "session.id", ["My card is 4111 1111 1111 1111."]),
    ],
)
def test_settings_decide_what_is_in_the_call(changed: dict[str, Any], shown: str, words: list[str]) -> None:
    spans = a_call(None, words="My card is 4111 1111 1111 1111.", **{shown: "call-1"})
    found = made(protobuf(spans), settings=SETTINGS.with_arguments(**changed))

    assert [one["text"] for one in json.loads(found.body).get("transcript", ())] == words


def test_a_request_that_cannot_be_read_is_named_by_its_number() -> None:
    good = protobuf(a_call())

    for bad, why in ((b"\xff", "request 2: "), (b"{", "request 2: not JSON")):
        with pytest.raises(UnreadableRequest, match=why) as raised:
            made(good, bad, good)
        assert isinstance(raised.value, ValueError)
        assert raised.value.__cause__ is None


class Reads:
    """A reader that takes every span for an utterance, or fails."""

    def __init__(self, _: object) -> None:
        self.said: list[Any] = []

    def read(self, span: Any) -> None:
        from roark_otel.types import Agent

        if "say" in span.attributes:
            self.said.append(Utterance(Agent(), span.attributes["say"], span.start_ns, span.end_ns))

    def moments(self) -> list[Any]:
        return self.said


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_what_holds_bytes_is_read_as_bytes(kind: Any) -> None:
    body = protobuf(a_call())
    assert made(kind(body), body) == made(body)


def test_what_holds_none_is_named() -> None:
    body = protobuf(a_call())
    with pytest.raises(TypeError, match="request 1 is int, not bytes: `requests` are several"):
        assemble_call("call-1", body, SETTINGS)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="request 2 is str, not bytes"):
        assemble_call("call-1", [body, "{}"], SETTINGS)  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"settings is dict, not Settings: Settings\.from_env\(\) reads them"):
        assemble_call("call-1", [], {"api_key": "test-key"})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="external_id is int, not str"):
        assemble_call(1, [body], SETTINGS)  # type: ignore[arg-type]


def test_a_dialect_of_ones_own() -> None:
    mine = Dialect(name="mine", reader=Reads, prefixes=("say",))
    found = made(protobuf(a_call(words="", say="Mine.")), dialects=[mine])

    assert [one["text"] for one in json.loads(found.body)["transcript"]] == ["Mine."]


@pytest.mark.faults
def test_a_fault_of_ours_is_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("roark_otel._sources.assembler.assemble", fail)

    assert made(protobuf(a_call())) == FailedCall("call-1")


def test_many_threads_may_assemble_with_different_settings() -> None:
    content = [protobuf(a_call())]
    others = [SETTINGS, Settings(), SETTINGS.with_arguments(agent_name="Ada")]
    expected = [assemble_call("call-1", content, one) for one in others]
    right: list[bool] = []

    def work(at: int) -> None:
        right.extend(assemble_call("call-1", content, others[at % 3]) == expected[at % 3] for _ in range(50))

    threads = [threading.Thread(target=work, args=(at,)) for at in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert right == [True] * 300
