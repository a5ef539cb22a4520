"""Of recorded calls nothing is claimed that no span shows: that a side was silent, or how long the customer waited."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import RoarkSpanProcessor
from roark_otel._model.rows import Kind
from roark_otel._model.silence import SIDES, silent_in
from roark_otel.attributes import CONVERSATION_ROOT
from support.conversations import bodies, row
from support.dumps import below, conversations, records
from support.helpers import ID, NEVER, wait_until
from support.paths import SPANS
from support.replaying import FRAMEWORKS, RECORDING, arrived, load, replay, truths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roark_otel._model.rows import SpanView
    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

ROOTS = frozenset({"agent_session", "conversation"})
WORDS = ("lk.pii.", "lk.user_transcript", "lk.user_input", "lk.response", "lk.chat_ctx", "lk.input_text", "gen_ai.")
WORDS_OF_PIPECAT = frozenset({"text", "transcript", "input", "output"})
REAL_WAIT_MS = range(150, 4_000)
"""How long anybody waited for an answer in what was recorded."""

WORDLESS = {
    "livekit_realtime": ("livekit-agents", "ROARK_INSTRUMENT"),
    "livekit_js_realtime": ("livekit-agents", "ROARK_INSTRUMENT"),
    "livekit_js_say_only": ("livekit-agents", "say()"),
    "google_adk_default": ("gcp.vertex.agent", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"),
    "google_adk_live": ("gcp.vertex.agent", "roark.transcript"),
    "strands_bidi": ("strands.telemetry.tracer", "roark.transcript"),
}
"""Recordings in which somebody spoke whose words are on no span; what the warning about each names."""


def sessions(dump: str) -> Iterator[tuple[Json, list[SpanView]]]:
    """Yields what really happened in each conversation of a dump, and its spans, the root with an id."""
    spans = records(dump)
    for truth in conversations(dump):
        root = int(truth.get("rootSpanId", "0"), 16) or min(spans, key=lambda one: one.start_ns).span_id
        mark = {ID: "a", CONVERSATION_ROOT: True}
        yield (
            truth,
            [
                one._replace(attributes={**one.attributes, **mark}) if one.span_id == root else one
                for one in below(spans, root, ROOTS)
            ],
        )


def call_of(spans: list[SpanView], *, is_open: bool = False) -> Json:
    """Returns the call of these spans, whose root may never have ended; nothing if there is none."""
    kinds = [Kind.OPEN if is_open and one.attributes.get(CONVERSATION_ROOT) else Kind.ENDED for one in spans]
    views = [one._replace(end_ns=None) if kind is Kind.OPEN else one for one, kind in zip(spans, kinds, strict=True)]
    found = bodies([row(one, kind) for one, kind in zip(views, kinds, strict=True)])
    return dict(json.loads(found[0])) if found else {}


def spoke(truth: Json) -> set[str]:
    return {entry["role"] for entry in truth["transcript"]}


def hidden(one: SpanView) -> SpanView:
    """Returns a span as a framework writes it that keeps content off its spans."""
    kept = {
        name: value
        for name, value in one.attributes.items()
        if not name.startswith(WORDS) and name not in WORDS_OF_PIPECAT
    }
    return one._replace(attributes=kept)


def without(*names: str) -> Callable[[SpanView], bool]:
    return lambda one: one.name not in names


@pytest.mark.parametrize("dump", FRAMEWORKS)
def test_nobody_is_said_to_be_silent_who_spoke(dump: str) -> None:
    """Whichever spans are missing, hidden or open: sampled out one by one, by name, or never ended."""
    chance = random.Random(dump)  # noqa: S311 - not for secrets
    for truth, spans in sessions(dump):
        silent = SIDES.keys() - {status for status, sides in SIDES.items() if sides & spoke(truth)}
        kept_by: list[Callable[[SpanView], bool]] = [
            lambda _: True,
            *[lambda _, part=part: chance.random() > part for part in (0.1, 0.3, 0.5, 0.7, 0.9)],
            without("user_speaking"),
            without("user_turn", "user_speaking"),
            without("agent_speaking"),
            without("agent_turn", "agent_speaking"),
            without("stt"),
            without("tts"),
            without("llm", "tts"),
            without("turn"),
        ]
        for keeps in kept_by:
            rest = [one for one in spans if one.attributes.get(CONVERSATION_ROOT) or keeps(one)]
            for found in (call_of(rest), call_of(list(map(hidden, rest))), call_of(rest[::-1])):
                assert not silent_in(found.get("endedStatus")) or found["endedStatus"] in silent
            assert not silent_in(call_of(rest, is_open=True).get("endedStatus"))


@pytest.mark.parametrize("dump", FRAMEWORKS)
def test_every_wait_is_one_of_the_truth(dump: str) -> None:
    """None is 0 ms because an end was filled in: the shortest is one that a person noticed."""
    for body in arrived(dump):
        properties = body["properties"]
        waits = [properties[name] for name in properties if name.startswith("response_latency")]
        assert all(wait in REAL_WAIT_MS for wait in waits), waits


def test_an_agent_that_was_hung_up_on_while_its_tool_ran_did_not_speak() -> None:
    """The only turn of the call has words of the customer and no answer, which Pipecat would have timed."""
    (body,) = arrived("pipecat/cancel_while_tool_running")
    assert body["endedStatus"] == "AGENT_DID_NOT_SPEAK"


def test_a_customer_whose_audio_came_in_without_speech_did_not_speak() -> None:
    """Made of a recorded session: its customer's turns taken out, and the span that waits for audio put in."""
    ((_, spans),) = sessions("livekit/1.8.9-sip_inbound")
    heard = [
        one
        for one in spans
        if one.name not in {"user_turn", "user_speaking"} and not one.attributes.get("lk.pii.user_input")
    ]
    (waited,) = [one for one in spans if one.name == "wait_for_participant"]
    audio = waited._replace(span_id=99, name="wait_for_audio_track", attributes={"lk.first_frame_delay": 0.2})

    def status(*more: SpanView) -> object:
        body = call_of([one for one in [*heard, *more] if one.name != "session_close"])
        assert {entry["role"] for entry in body["transcript"]} == {"AGENT"}
        return body.get("endedStatus")

    assert status(audio) == "CUSTOMER_DID_NOT_SPEAK"
    assert status(audio._replace(attributes={})) is None
    assert status() is None


@pytest.mark.parametrize("dump", sorted(WORDLESS))
def test_missing_words_are_no_silence_and_are_reported(
    dump: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The call claims nothing, and one warning names the scopes and what helps, however many calls lack the same."""
    processor = RoarkSpanProcessor(api_key="k", base_url=sandbox.url, recording_url=RECORDING, linger_seconds=0.0)
    for number in range(2):
        spans = load(f"wordless/{dump}")
        for span in spans:
            span["resource"] = {"service.name": "shop"}
            span["attributes"].pop(ID, None)
            span["trace_id"] = f"{int(span['trace_id'], 16) + number:032x}"
        roots = [span["span_id"] for span in spans if not span["parent_span_id"]]
        replay(spans, processor, {key: {ID: f"call-{number}", CONVERSATION_ROOT: True} for key in roots})
    assert processor.force_flush(120_000)
    wait_until(lambda: len(sandbox.calls()) == 2)
    for body in sandbox.calls():
        assert "endedStatus" not in body or not silent_in(body["endedStatus"])
        assert not [name for name in body["properties"] if name.startswith("response_latency")]
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [part in warning.getMessage() for part in WORDLESS[dump]] == [True, True]


@pytest.mark.parametrize("dump", FRAMEWORKS[::6])
def test_without_content_a_call_claims_no_more(dump: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Words that the app keeps to itself were said, and are not missing."""
    spans = load(dump)
    named = any(ID in {**span["attributes"], **(span.get("resource") or {})} for span in spans)
    ids = {} if named else {truth["rootSpanId"]: {ID: truth["externalId"]} for truth in truths(dump)}
    processor = RoarkSpanProcessor(
        api_key="k", base_url=sandbox.url, recording_url=RECORDING, linger_seconds=NEVER, capture_content=False
    )
    replay(spans, processor, ids)
    assert processor.force_flush(120_000)
    wait_until(lambda: len(sandbox.calls()) == len(truths(dump)))
    whole = {body["externalId"]: body.get("endedStatus") for body in arrived(dump)}
    assert {body["externalId"]: body.get("endedStatus") for body in sandbox.calls()} == whole
    assert not [record for record in caplog.records if "found no words" in record.getMessage()]


def test_every_recording_without_words_is_listed() -> None:
    assert {path.stem for path in (SPANS / "wordless").glob("*.json")} == set(WORDLESS)
