"""Linking, rule by rule: from moments to a call."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roark_otel._linking.careful import link_carefully
from roark_otel._linking.defaults import Defaults
from roark_otel._linking.joined_parts import joined_body
from roark_otel._linking.link import NotLinkable, Recorded, Unrecorded, link
from roark_otel._linking.recording_template import Template
from roark_otel._model.finished import Ended, Ending, Errored, FinishedConversation, NeverEnded
from roark_otel._model.formats import MAX_PROPERTY
from roark_otel._model.moments import (
    FACT_NAMES,
    Agent,
    Customer,
    Fact,
    Failed,
    Moment,
    Outcome,
    Returned,
    ToolUse,
    Unanswered,
    Utterance,
)
from roark_otel._model.sizes import MAX_NAME, MAX_RESULT, MAX_TEXT
from roark_otel._privacy.redaction import Redaction
from roark_otel._safety import guard

Json = dict[str, Any]

MS = 1_000_000
T0 = 1_795_348_364_250_000_000
"""2026-11-22T11:52:44.250Z"""
ROOT, BELOW = 7, 8
RECORDED = Defaults(recording_url="https://example.com/a.wav")
AGENT, CUSTOMER = Agent(), Customer()


def said(speaker: Agent | Customer, text: str, start: int, end: int | None = None, **more: Any) -> Utterance:
    """Makes an utterance with times in ms from T0."""
    return Utterance(speaker, text, T0 + start * MS, None if end is None else T0 + end * MS, **more)


def used(name: str, start: int = 0, end: int | None = None, outcome: Outcome | None = None, **more: Any) -> ToolUse:
    """Makes a tool use with times in ms from T0."""
    end_ns = None if end is None else T0 + end * MS
    return ToolUse(name, T0 + start * MS, end_ns, outcome=outcome or Unanswered(), **more)


def fact(name: str, value: Any, at: int = 0, span: int = ROOT) -> Fact:
    return Fact(name, value, T0 + at * MS, span)


def conversation(*moments: Moment, lower: tuple[Moment, ...] = (), **more: Any) -> FinishedConversation:
    """Makes a conversation of ten seconds with the moments of one dialect and perhaps a lower one."""
    fields: Json = {
        "external_id": "call-1",
        "trace_id": 0xA1,
        "root_span_id": ROOT,
        "file_span_id": ROOT,
        "started_ns": T0,
        "ended_ns": T0 + 10_000 * MS,
        "ending": Ended(),
        "moments": (("high", tuple(moments)), ("low", lower)),
        **more,
    }
    return FinishedConversation(**fields)


def body(*moments: Moment, defaults: Defaults = RECORDED, **more: Any) -> Json:
    """Returns the body of the call of a conversation with a recording."""
    linked = link(conversation(*moments, **more), defaults)
    assert isinstance(linked, Recorded)
    found: Json = json.loads(linked.to_json())
    return found


def offsets(found: Json, name: str = "transcript") -> list[tuple[int, int | None]]:
    return [(one["startOffsetMs"], one.get("endOffsetMs")) for one in found[name]]


def texts(found: Json) -> list[str]:
    return [one["text"] for one in found["transcript"]]


# Whether there is a call


def test_a_conversation_with_nothing_but_its_root_is_a_call() -> None:
    assert body() == {
        "externalId": "call-1",
        "startedAt": "2026-11-22T11:52:44.250Z",
        "interfaceType": "WEB",
        "callDirection": "INBOUND",
        "properties": {"trace_id": "000000000000000000000000000000a1"},
        "recordingUrl": "https://example.com/a.wav",
    }


def test_a_skipped_conversation_makes_no_call() -> None:
    moments = (fact("skip", value=True), said(AGENT, "Hello.", 0, 1))

    assert link(conversation(*moments), RECORDED) == NotLinkable("skipped")
    assert isinstance(link(conversation(fact("skip", value=False)), RECORDED), Recorded)


def test_a_conversation_that_never_ended_makes_a_call_if_it_has_words_or_a_tool_use() -> None:
    open_still: dict[str, Any] = {"ending": NeverEnded()}

    assert link(conversation(fact("agent", Agent(name="a")), **open_still), RECORDED) == NotLinkable("empty")
    for moment in (said(AGENT, "Hello.", 0, 1), used("look_up")):
        found = body(moment, **open_still)
        assert found["properties"]["roark_incomplete"] is True
        assert "endedStatus" not in found


def test_without_a_recording_the_call_waits() -> None:
    linked = link(conversation(said(AGENT, "Hello.", 0, 1)), Defaults())

    assert isinstance(linked, Unrecorded)
    assert "recordingUrl" not in json.loads(linked.to_json())


@pytest.mark.parametrize(
    ("on_spans", "defaults", "url"),
    [
        ("https://example.com/span.wav", RECORDED, "https://example.com/span.wav"),
        (None, RECORDED, "https://example.com/a.wav"),
        (
            None,
            Defaults(recording_template=Template("https://example.com/{started_at:%Y/%m/%d}/{external_id}.wav")),
            "https://example.com/2026/11/22/call-1.wav",
        ),
        (
            None,
            Defaults(recording_template=Template("https://example.com/{property.path}?t={trace_id}")),
            "https://example.com/..%2F%C3%BC%20b?t=000000000000000000000000000000a1",
        ),
        (None, Defaults(recording_template=Template("https://example.com/{livekit_room_id}.wav")), None),
        (None, Defaults(), None),
    ],
)
def test_the_recording_is_that_of_spans_else_of_the_app_else_of_the_template(
    on_spans: str | None, defaults: Defaults, url: str | None
) -> None:
    moments = [fact("property.path", "../ü b"), *([fact("recording_url", on_spans)] if on_spans else [])]
    linked = link(conversation(*moments), defaults)

    assert isinstance(linked, Recorded if url else Unrecorded)
    assert json.loads(linked.to_json()).get("recordingUrl") == url


def test_a_recording_that_is_not_a_url_is_left_out_and_reported() -> None:
    linked = link(conversation(fact("recording_url", "a.wav"), fact("stereo_recording_url", "b.wav")), Defaults())

    assert isinstance(linked, Unrecorded)
    assert set(linked.problems) == {"recording_url", "stereo_recording_url"}


# Time


def test_offsets_are_whole_milliseconds_from_the_start() -> None:
    precise = Utterance(AGENT, "Hello.", T0 + 1_999_999, T0 + 2_999_999)

    assert offsets(body(precise, said(CUSTOMER, "Hi.", 5, 9))) == [(1, 2), (5, 9)]


def test_a_reported_start_is_zero_of_all_offsets() -> None:
    """Sample 0 of the recording, which is not the root's start."""
    start = fact("started_at_ns", T0 + 500 * MS)
    found = body(start, said(AGENT, "Hello.", 700, 900), used("look_up", 1_000, 1_100))

    assert found["startedAt"] == "2026-11-22T11:52:44.750Z"
    assert (offsets(found), offsets(found, "toolInvocations")) == ([(200, 400)], [(500, 600)])


def test_entries_are_in_order_of_their_start_and_barge_ins_overlap() -> None:
    found = body(
        said(CUSTOMER, "b", 1_000, 1_200), said(AGENT, "a", 0, 3_000), said(AGENT, "c", 2_000, 2_500), used("t", 9)
    )

    assert (texts(found), offsets(found)) == (["a", "b", "c"], [(0, 3_000), (1_000, 1_200), (2_000, 2_500)])


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((None, None, None), [(0, 1_000), (1_000, 4_000), (4_000, 10_000)]),
        ((500, None, 9_000), [(0, 500), (1_000, 4_000), (4_000, 9_000)]),
        ((None, 5_000, None), [(0, 1_000), (1_000, 5_000), (4_000, 10_000)]),
    ],
)
def test_an_utterance_without_an_end_ends_at_the_next_one_s_start(
    ends: tuple[int | None, ...], expected: list[tuple[int, int]]
) -> None:
    starts = (0, 1_000, 4_000)

    assert offsets(body(*(said(AGENT, "x", at, end) for at, end in zip(starts, ends, strict=True)))) == expected


def test_the_last_utterance_without_an_end_never_ends_before_it_starts() -> None:
    """It may have been reported after the root's end."""
    assert offsets(body(said(AGENT, "x", 12_000))) == [(12_000, 12_000)]


def test_an_end_before_the_start_is_the_start() -> None:
    found = body(said(AGENT, "x", 500, 400), used("t", 500, 400))

    assert (offsets(found), offsets(found, "toolInvocations")) == ([(500, 500)], [(500, 500)])


def test_a_tool_use_without_an_end_has_none() -> None:
    assert offsets(body(used("t", 500)), "toolInvocations") == [(500, None)]


def test_moments_before_the_start_move_to_zero_and_are_counted() -> None:
    found = body(
        said(AGENT, "a", -900, -100), said(CUSTOMER, "b", -50, 80), used("t", -10, 5), said(AGENT, "c", 10, 20)
    )

    assert offsets(found) == [(0, 0), (0, 80), (10, 20)]
    assert texts(found) == ["a", "b", "c"]
    assert offsets(found, "toolInvocations") == [(0, 5)]
    assert found["properties"]["roark_clamped"] == 3
    assert "roark_clock_skew_ms" not in found["properties"]


@pytest.mark.parametrize(
    ("starts", "skew"),
    [((-1_000,), None), ((-1_001,), 1_001), ((-5_000, -3_000, -10), 3_000), ((-9_000, -10, -10), None)],
)
def test_clocks_that_differ_by_more_than_a_second_are_reported(starts: tuple[int, ...], skew: int | None) -> None:
    found = body(*(said(AGENT, "x", at, at + 5) for at in starts), said(AGENT, "late", 9_000, 9_100))["properties"]

    assert (found["roark_clamped"], found.get("roark_clock_skew_ms")) == (len(starts), skew)


def test_ties_do_not_depend_on_the_order_in_which_they_were_reported() -> None:
    moments: list[Moment] = [
        said(AGENT, "b", 0, 5),
        said(AGENT, "a", 0, 5),
        said(CUSTOMER, "a", 0, 5),
        said(AGENT, "c", 0),
        used("t", 3, 9, Returned("1")),
        used("t", 3, 9, Returned("2"), call_id="x"),
        used("s", 3, 9),
    ]
    expected = body(*moments)

    for order in itertools.islice(itertools.permutations(moments), 0, 5_040, 97):
        assert body(*order) == expected


# Tools


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (Returned({"a": [1, None], "ü": {}}), {"a": [1, None], "ü": {}}),
        (Returned({}), {}),
        (Returned("shipped"), "shipped"),
        (Returned(""), ""),
        (Returned([1, "ü", None]), '[1, "ü", null]'),
        (Returned(17), "17"),
        (Returned(1.5), "1.5"),
        (Returned(value=True), "true"),
        (Returned(None), "null"),
        (Failed("no such order"), {"error": "no such order"}),
        (Unanswered(), ""),
    ],
)
def test_a_tool_result_is_an_object_or_text(outcome: Outcome, result: object) -> None:
    (found,) = body(used("t", 0, 5, outcome, parameters={"id": 17}))["toolInvocations"]

    assert (found["result"], found["parameters"]) == (result, {"id": 17})


def cut_mark(length: int) -> str:
    return f"… [cut, {length} characters]"


@pytest.mark.parametrize(
    "value", ["x" * (MAX_RESULT + 1), {"a": "x" * MAX_RESULT}, ["x" * MAX_RESULT]], ids=["text", "object", "list"]
)
def test_a_result_that_is_too_long_is_cut_with_a_mark(value: object) -> None:
    length = len(value if isinstance(value, str) else json.dumps(value))
    (found,) = body(used("t", 0, 5, Returned(value)))["toolInvocations"]

    assert len(found["result"]) == MAX_RESULT
    assert found["result"].endswith(cut_mark(length))


def test_parameters_that_are_too_long_are_replaced_by_a_mark() -> None:
    (found,) = body(used("t", parameters={"a": "x" * MAX_RESULT}))["toolInvocations"]

    assert "roark_cut" in found["parameters"]
    assert "xxx" not in json.dumps(found)


def test_everything_else_that_is_too_long_is_cut_with_a_mark_too() -> None:
    long = "x" * (MAX_TEXT + 1)
    agent = Agent(name=long, description=long, prompt=long)
    found = body(
        fact("agent", agent),
        fact("customer", Customer(label=long)),
        fact("property.long", long),
        said(AGENT, long, 0, 5),
        used(long, outcome=Failed(long), description=long),
    )

    (entry,), (use,) = found["transcript"], found["toolInvocations"]
    cut = {
        entry["text"]: MAX_TEXT,
        use["name"]: MAX_NAME,
        use["description"]: MAX_TEXT,
        use["result"]["error"]: MAX_TEXT,
        found["agent"]["name"]: MAX_NAME,
        found["agent"]["description"]: MAX_TEXT,
        found["agent"]["prompt"]["resolvedPrompt"]: MAX_TEXT,
        found["customer"]["label"]: MAX_NAME,
        found["properties"]["long"]: MAX_PROPERTY,
    }
    for value, length in cut.items():
        assert (len(value), value.endswith(cut_mark(MAX_TEXT + 1))) == (length, True)


def test_values_that_fit_are_not_cut() -> None:
    found = body(said(AGENT, "x" * MAX_TEXT, 0, 5), used("n" * MAX_NAME, outcome=Returned("x" * MAX_RESULT)))

    assert texts(found) == ["x" * MAX_TEXT]
    assert found["toolInvocations"][0]["result"] == "x" * MAX_RESULT


def test_two_reports_with_one_id_are_one_use() -> None:
    found = body(
        used("t", 0, None, parameters={"a": 1}, call_id="1"),
        used("t", 50, None, Returned("done"), call_id="2"),
        lower=(used("T", 5, 90, Returned("yes"), call_id="1"), used("T", 60, 70, Failed("no"), call_id="2")),
    )

    assert found["toolInvocations"] == [
        {"name": "t", "parameters": {"a": 1}, "result": "yes", "startOffsetMs": 0, "endOffsetMs": 90},
        {"name": "t", "parameters": {}, "result": "done", "startOffsetMs": 50, "endOffsetMs": 70},
    ]


def test_uses_of_one_dialect_without_an_id_are_never_joined() -> None:
    """An agent may call one tool twice at once, with the same arguments too."""
    twice = [
        used("t", 0, 50, Returned("1"), parameters={"a": 1}),
        used("t", 10, 40, Returned("2"), parameters={"a": 1}),
    ]
    other = used("t", 20, 30, Returned("3"), parameters={"a": 2})

    assert [one["result"] for one in body(*twice, other)["toolInvocations"]] == ["1", "2", "3"]


def test_two_uses_at_once_stay_two_where_a_lower_dialect_repeats_them() -> None:
    high = [used("t", 0, 50, Returned("1"), parameters={"a": 1}), used("t", 0, 50, Returned("2"), parameters={"a": 2})]
    low = (used("t", 1, 49, parameters={"a": 2}), used("t", 1, 49, parameters={"a": 1}))

    assert [one["result"] for one in body(*high, lower=low)["toolInvocations"]] == ["1", "2"]


def test_of_two_uses_at_once_each_gets_its_own_result() -> None:
    """Only their arguments distinguish them, in whatever order a lower dialect repeats them."""
    high = [used("t", 0, 50, parameters={"a": 1}), used("t", 0, 50, parameters={"a": 2})]
    low = (used("t", 1, 49, Returned("2"), parameters={"a": 2}), used("t", 2, 48, Returned("1"), parameters={"a": 1}))

    found = body(*high, lower=low)["toolInvocations"]

    assert {(one["parameters"]["a"], one["result"]) for one in found} == {(1, "1"), (2, "2")}


@pytest.mark.parametrize(
    ("low", "uses"),
    [
        (used("t", 5, 40), 1),
        (used("t", 40, 90, parameters={"a": 1}), 1),
        (used("t", 40, 90, parameters={"a": 2}), 2),
        (used("t", 60, 90, parameters={"a": 1}), 2),
        (used("u", 5, 40, parameters={"a": 1}), 2),
    ],
)
def test_a_lower_dialect_repeats_a_use_or_reports_another(low: ToolUse, uses: int) -> None:
    found = body(used("t", 0, 50, Returned("x"), parameters={"a": 1}), lower=(low,))["toolInvocations"]

    assert (len(found), found[0]["result"]) == (uses, "x")


def test_a_voice_framework_s_words_outrank_generic_ones() -> None:
    heard = [said(CUSTOMER, "Hi.", 0, 5), said(AGENT, "Hello.", 10, 20)]
    repeated = (said(CUSTOMER, "Hi.", 0, 5), said(AGENT, "Hello, how may I help you today?", 10, 20))

    assert texts(body(*heard, lower=repeated, generic=frozenset({"low"}))) == ["Hi.", "Hello."]
    assert texts(body(lower=repeated, generic=frozenset({"low"}))) == [one.text for one in repeated]


# How the call ended

BOTH = (said(AGENT, "Hello.", 0, 5), said(CUSTOMER, "Hi.", 6, 9))
NO_AGENT, NO_CUSTOMER = fact("silent_agent", True), fact("silent_customer", True)


@pytest.mark.parametrize(
    ("moments", "ending", "status"),
    [
        (BOTH, Ended(), None),
        (BOTH[:1], Ended(), None),
        (BOTH[1:], Ended(), None),
        ((), Ended(), None),
        ((used("t"),), Ended(), None),
        ((), Errored(()), "AGENT_ERROR"),
        ((*BOTH[:1], NO_CUSTOMER), Ended(), "CUSTOMER_DID_NOT_SPEAK"),
        ((*BOTH[1:], NO_AGENT), Ended(), "AGENT_DID_NOT_SPEAK"),
        ((NO_AGENT,), Ended(), "AGENT_DID_NOT_SPEAK"),
        ((NO_CUSTOMER,), Ended(), "CUSTOMER_DID_NOT_SPEAK"),
        ((NO_AGENT, NO_CUSTOMER), Ended(), "PARTICIPANTS_DID_NOT_SPEAK"),
        ((NO_AGENT, NO_CUSTOMER, used("t")), Errored(()), "PARTICIPANTS_DID_NOT_SPEAK"),
        ((*BOTH[:1], NO_CUSTOMER), NeverEnded(), None),
        ((*BOTH, NO_AGENT, NO_CUSTOMER), Ended(), None),
        ((*BOTH[:1], NO_AGENT, NO_CUSTOMER), Ended(), "CUSTOMER_DID_NOT_SPEAK"),
        ((fact("silent_customer", False),), Ended(), None),
        ((fact("silent_customer", "yes"),), Ended(), None),
        ((*BOTH[:1], NO_CUSTOMER, fact("ended_status", "UNKNOWN")), Ended(), "UNKNOWN"),
        (BOTH, Errored(()), "AGENT_ERROR"),
        (BOTH, Errored(("ValueError",)), "AGENT_ERROR"),
        (BOTH, Errored(("builtins.ValueError",)), "AGENT_ERROR"),
        (BOTH, Errored(("WebSocketDisconnect",)), None),
        (BOTH, Errored(("starlette.websockets.WebSocketDisconnect",)), None),
        (BOTH, Errored(("websockets.exceptions.ConnectionClosedOK",)), None),
        (BOTH, Errored(("websockets.exceptions.ConnectionClosedError",)), None),
        (BOTH, Errored(("uvicorn.protocols.utils.ClientDisconnected",)), None),
        (BOTH, Errored(("asyncio.exceptions.CancelledError",)), None),
        (BOTH, Errored(("ValueError", "CancelledError")), None),
        (BOTH, Errored(("NotAWebSocketDisconnect",)), "AGENT_ERROR"),
        (BOTH, Errored(("example.CancelledErrorish",)), "AGENT_ERROR"),
        (BOTH, NeverEnded(), None),
        (BOTH[:1], NeverEnded(), None),
        ((*BOTH, fact("ended_status", "MAX_DURATION_REACHED")), Errored(("ValueError",)), "MAX_DURATION_REACHED"),
        ((fact("ended_status", "CUSTOMER_BUSY"),), Ended(), "CUSTOMER_BUSY"),
        ((*BOTH, fact("ended_status", "VOICE_MAIL_REACHED")), NeverEnded(), "VOICE_MAIL_REACHED"),
        ((*BOTH, fact("ended_status", "BORED")), Ended(), None),
    ],
)
def test_how_a_call_ended(moments: tuple[Moment, ...], ending: Ending, status: str | None) -> None:
    assert body(*moments, ending=ending).get("endedStatus") == status


@pytest.mark.parametrize("loss", ["roark_dropped_spans", "roark_dropped_events"])
def test_what_was_lost_may_have_been_said(loss: str) -> None:
    """Where spans or events are missing nobody was silent for all that is known."""
    assert "endedStatus" not in body(*BOTH[:1], NO_CUSTOMER, notes={loss: 1})
    assert "endedStatus" in body(*BOTH[:1], NO_CUSTOMER, notes={"roark_unlinked": True})


def test_generic_words_that_are_outranked_are_words() -> None:
    """What a model was asked is not in the transcript beside a voice framework's words, but somebody said it."""
    heard, repeated = (BOTH[0], NO_CUSTOMER), (said(CUSTOMER, "Hi.", 6, 9),)

    assert "endedStatus" not in body(*heard, lower=repeated, generic=frozenset({"low"}))
    assert body(*heard, lower=(BOTH[0],), generic=frozenset({"low"}))["endedStatus"] == "CUSTOMER_DID_NOT_SPEAK"


# Participants


@pytest.mark.parametrize(
    ("reported", "agent"),
    [
        (Agent(name="a"), {"name": "a"}),
        (Agent(name="a", custom_id="c", description="d"), {"name": "a", "customId": "c", "description": "d"}),
        (Agent(custom_id="c"), {"customId": "c"}),
        (Agent(roark_id="r"), {"roarkId": "r"}),
        (Agent(name="a", roark_id="r"), {"roarkId": "r"}),
        (Agent(name="a", prompt="p"), {"name": "a", "prompt": {"resolvedPrompt": "p"}}),
        (Agent(name="a", endpoint_id="e", endpoint_type="phone"), {"name": "a", "endpoint": {"id": "e"}}),
        (Agent(name="a", endpoint_type="phone"), {"name": "a"}),
        (
            Agent(custom_id="c", endpoint_type="phone", endpoint_value="+15550100", endpoint_direction="INBOUND"),
            {"customId": "c", "endpoint": {"type": "phone", "value": "+15550100", "direction": "INBOUND"}},
        ),
    ],
)
def test_an_agent_is_sent_in_the_form_that_the_api_takes(reported: Agent, agent: Json) -> None:
    assert body(fact("agent", reported))["agent"] == agent


def test_one_agent_is_merged_from_all_reports_of_it() -> None:
    found = body(
        fact("agent", Agent(name="new"), at=5),
        fact("agent", Agent(name="old", custom_id="c"), at=1),
        lower=(fact("agent", Agent(description="d", name="lower"), at=9),),
        defaults=Defaults(recording_url=RECORDED.recording_url, agent=Agent(name="default", prompt="p")),
    )

    assert found["agent"] == {
        "name": "new",
        "customId": "c",
        "description": "d",
        "prompt": {"resolvedPrompt": "p"},
    }


def test_one_participant_of_a_side_is_not_named_by_its_entries() -> None:
    found = body(
        fact("agent", Agent(custom_id="c")),
        fact("customer", Customer("+15550100", "caller")),
        said(AGENT, "a", 0, 1),
        said(Agent(custom_id="c"), "b", 1, 2),
        said(Customer(label="caller"), "c", 3, 4),
    )

    assert (found["agent"], found["customer"]) == (
        {"customId": "c"},
        {"phoneNumberE164": "+15550100", "label": "caller"},
    )
    assert all(entry.keys() <= {"role", "text", "startOffsetMs", "endOffsetMs"} for entry in found["transcript"])


def test_several_participants_are_named_by_what_they_said_and_used() -> None:
    found = body(
        fact("agent", Agent(custom_id="desk", name="Desk")),
        fact("customer", Customer("+15550100")),
        fact("agent", Agent(custom_id="billing", name="Billing"), span=BELOW),
        said(Agent(custom_id="billing"), "a", 0, 1),
        said(Agent(roark_id="r"), "b", 1, 2),
        said(Customer(label="second"), "c", 2, 3),
        said(Customer("+15550100"), "d", 3, 4),
        used("t", agent=Agent(custom_id="billing")),
    )

    assert found["agents"] == [
        {"name": "Desk", "customId": "desk"},
        {"name": "Billing", "customId": "billing"},
        {"roarkId": "r"},
    ]
    assert found["customers"] == [{"phoneNumberE164": "+15550100"}, {"phoneNumberE164": None, "label": "second"}]
    assert [entry.get("agent") or entry.get("customer") for entry in found["transcript"]] == [
        {"customId": "billing"},
        {"roarkId": "r"},
        {"label": "second"},
        {"phoneNumberE164": "+15550100"},
    ]
    assert found["toolInvocations"][0]["agent"] == {"customId": "billing"}
    assert not {"agent", "customer"} & set(found)


def test_a_speaker_without_a_name_is_the_call_s_own() -> None:
    """Among several it has to be named too, or Roark could not know who spoke."""
    found = body(
        fact("agent", Agent(custom_id="desk")),
        fact("customer", Customer("+15550100")),
        said(AGENT, "a", 0, 1),
        said(CUSTOMER, "b", 1, 2),
        said(Agent(custom_id="billing"), "c", 2, 3),
        said(Customer("+15550101"), "d", 3, 4),
        used("t", 5, 6),
    )

    assert [entry.get("agent") or entry.get("customer") for entry in found["transcript"]] == [
        {"customId": "desk"},
        {"phoneNumberE164": "+15550100"},
        {"customId": "billing"},
        {"phoneNumberE164": "+15550101"},
    ]
    assert found["toolInvocations"][0]["agent"] == {"customId": "desk"}


def test_words_of_a_speaker_without_a_name_are_not_attributed_to_another() -> None:
    """Where the call has no agent of its own, the known ones are others."""
    found = body(said(AGENT, "a", 0, 1), said(Agent(custom_id="b"), "b", 2, 3), said(Agent(custom_id="c"), "c", 4, 5))

    assert [entry.get("agent") for entry in found["transcript"]] == [None, {"customId": "b"}, {"customId": "c"}]


def test_an_invalid_number_is_left_out_and_reported() -> None:
    linked = link(conversation(said(Customer("anonymous", "caller"), "Hi.", 0, 1)), RECORDED)

    assert isinstance(linked, Recorded)
    assert linked.problems == ("customer.phone_number",)
    assert json.loads(linked.to_json())["customer"] == {"phoneNumberE164": None, "label": "caller"}


@pytest.mark.parametrize(
    ("moments", "defaults", "expected"),
    [
        ((), Defaults(), ("WEB", "INBOUND")),
        ((fact("customer", Customer("+15550100")),), Defaults(), ("PHONE", "INBOUND")),
        ((fact("customer", Customer(label="caller")),), Defaults(), ("WEB", "INBOUND")),
        ((said(Customer("+15550100"), "Hi.", 0, 1),), Defaults(), ("PHONE", "INBOUND")),
        (
            (fact("customer", Customer("+15550100")),),
            Defaults(interface_type="WEB", call_direction="OUTBOUND"),
            ("WEB", "OUTBOUND"),
        ),
        (
            (fact("interface_type", "PHONE"), fact("call_direction", "INBOUND")),
            Defaults(interface_type="WEB", call_direction="OUTBOUND"),
            ("PHONE", "INBOUND"),
        ),
    ],
)
def test_interface_and_direction_are_those_of_spans_else_of_the_app_else_a_guess(
    moments: tuple[Moment, ...], defaults: Defaults, expected: tuple[str, str]
) -> None:
    linked = link(conversation(*moments), defaults)

    assert isinstance(linked, Unrecorded)
    assert (linked.body["interfaceType"], linked.body["callDirection"]) == expected


@pytest.mark.parametrize("number", ["anonymous", "15550100", ""])
def test_an_invalid_number_never_costs_the_call(number: str) -> None:
    """An entry names its speaker by number only where the number is one."""
    found = body(
        said(Customer("+15550100"), "a", 0, 1),
        said(Customer(number, "caller"), "b", 1, 2),
        said(Customer(number), "c", 2, 3),
    )

    assert found["customers"] == [{"phoneNumberE164": "+15550100"}, {"phoneNumberE164": None, "label": "caller"}]
    assert [entry.get("customer") for entry in found["transcript"]] == [
        {"phoneNumberE164": "+15550100"},
        {"label": "caller"},
        None,
    ]


# Which of several values of a fact holds


@pytest.mark.parametrize(
    ("high", "low", "value"),
    [
        ([fact("property.x", "a", at=1)], [fact("property.x", "b", at=9)], "a"),
        ([], [fact("property.x", "b", at=9)], "b"),
        ([fact("property.x", "a", at=1), fact("property.x", "b", at=2)], [], "b"),
        ([fact("property.x", "b", at=2), fact("property.x", "a", at=1)], [], "b"),
        ([fact("property.x", "a", at=2, span=5), fact("property.x", "b", at=2, span=6)], [], "b"),
        ([fact("property.x", "b", at=2, span=6), fact("property.x", "a", at=2, span=5)], [], "b"),
        ([Fact("property.x", "resource", 0, 0), fact("property.x", "span", at=-500)], [], "span"),
        ([Fact("property.x", "resource", 0, 0)], [fact("property.x", "b")], "resource"),
    ],
)
def test_the_higher_dialect_then_the_later_then_the_higher_span_holds(
    high: list[Fact], low: list[Fact], value: str
) -> None:
    assert body(*high, lower=tuple(low))["properties"]["x"] == value


@pytest.mark.parametrize(
    ("moments", "links"),
    [
        ([fact("livekit_room_id", "RM_1")], {"livekitRoomId": "RM_1"}),
        ([fact("vapi_call_id", "v")], {"vapiCallId": "v"}),
        ([fact("vapi_call_id", "v", at=9), fact("livekit_room_id", "RM_1")], {"livekitRoomId": "RM_1"}),
        ([], {}),
    ],
)
def test_a_call_links_by_its_room_or_by_its_vapi_call(moments: list[Fact], links: Json) -> None:
    found = body(*moments)

    assert {name: found[name] for name in ("livekitRoomId", "vapiCallId") if name in found} == links


# Properties


def test_properties_describe_the_call() -> None:
    found = body(
        said(AGENT, "a", 0, 1, payload={"interrupted": True}),
        said(CUSTOMER, "b", 1, 2),
        said(AGENT, "c", 9, 10, payload={"interrupted": True}),
        service_name="example-agent",
        notes={"roark_dropped_spans": 3, "roark_unlinked": True},
    )["properties"]

    assert found == {
        "trace_id": "000000000000000000000000000000a1",
        "service_name": "example-agent",
        "interruptions": 2,
        "response_latency_p50_ms": 7,
        "response_latency_p95_ms": 7,
        "response_latency_max_ms": 7,
        "roark_dropped_spans": 3,
        "roark_unlinked": True,
    }


def test_response_latency_is_from_the_customer_s_end_to_the_agent_s_start() -> None:
    waits = (100, 200, 300, 4_000)
    moments = [
        one
        for number, wait in enumerate(waits)
        for one in (
            said(CUSTOMER, f"q{number}", number * 10_000, number * 10_000 + 1_000),
            said(AGENT, f"a{number}", number * 10_000 + 1_000 + wait, number * 10_000 + 9_000),
        )
    ]
    found = body(*moments)["properties"]

    assert [found[f"response_latency_{of}_ms"] for of in ("p50", "p95", "max")] == [200, 4_000, 4_000]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (said(CUSTOMER, "q", 0), said(AGENT, "a", 500, 900)),
        (said(CUSTOMER, "q", 0), said(AGENT, "a", 500)),
        (said(CUSTOMER, "q", 0, 100, timed=False), said(AGENT, "a", 500, 900)),
        (said(CUSTOMER, "q", 0, 100), said(AGENT, "a", 500, 900, timed=False)),
        (said(CUSTOMER, "q", 0, 600), said(AGENT, "a", 500, 900)),
    ],
)
def test_no_response_latency_where_an_edge_was_not_measured(asked: Utterance, answered: Utterance) -> None:
    """An end that is filled in from the next start gives a wait of 0 ms, and the time of a model's call any other."""
    found = body(asked, answered)

    assert len(found["transcript"]) == 2
    assert not [name for name in found["properties"] if name.startswith("response_latency")]


def test_only_measured_waits_count() -> None:
    measured = (said(CUSTOMER, "q", 0, 100), said(AGENT, "a", 400))
    filled_in = (said(CUSTOMER, "r", 1_000), said(AGENT, "b", 5_000, 6_000))
    found = body(*measured, *filled_in)["properties"]

    assert [found[f"response_latency_{of}_ms"] for of in ("p50", "p95", "max")] == [300, 300, 300]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("plan", "plan"),
        ("planTier", "plan_tier"),
        ("PlanTier2", "plan_tier2"),
        ("plan-tier", "plan_tier"),
        ("plan.tier", "plan_tier"),
        ("plan  tier!", "plan_tier"),
        ("__plan__", "plan"),
        ("größe", "größe"),
        ("", "_"),
        ("!!!", "_"),
    ],
)
def test_keys_of_properties_are_snake_case(name: str, key: str) -> None:
    found = body(fact(f"property.{name}", 1))["properties"]

    assert found.pop("trace_id")
    assert found == {key: 1}


@pytest.mark.parametrize("value", ["text", "", True, False, 0, 1.5, -(10**15)])
def test_values_of_properties_are_scalars_of_their_own_type(value: object) -> None:
    found = body(fact("property.x", value))["properties"]["x"]

    assert (type(found), found) == (type(value), value)


# Content off

SECRET = "4111 1111 1111 1111"  # noqa: S105 - a card's number, for what must not be sent


def test_without_content_no_words_arguments_or_results_are_in_the_call() -> None:
    """Names and times stay; the recording still holds every word."""
    agent = Agent(name="Desk", custom_id="desk", prompt=SECRET, description=SECRET, endpoint_id="e")
    moments = (
        fact("agent", agent),
        fact("customer", Customer("+15550100", "caller")),
        said(AGENT, SECRET, 0, 5, payload={"note": SECRET, "interrupted": True}, language_code="en"),
        said(CUSTOMER, SECRET, -6, 9),
        said(Agent(name="Billing", prompt=SECRET, description=SECRET), SECRET, 10, 20),
        used("pay", 20, 30, Returned(SECRET), parameters={"card": SECRET}, description=SECRET),
        used("pay", 40, 50, Failed(SECRET)),
        used("pay", 60, outcome=Returned({"card": SECRET})),
    )

    found = body(*moments, defaults=Defaults(recording_url=RECORDED.recording_url, with_content=False))

    assert SECRET not in json.dumps(found)
    assert "transcript" not in found
    assert found["toolInvocations"] == [
        {"name": "pay", "parameters": {}, "result": "", "startOffsetMs": 20, "endOffsetMs": 30, **_by("desk")},
        {"name": "pay", "parameters": {}, "result": "", "startOffsetMs": 40, "endOffsetMs": 50, **_by("desk")},
        {"name": "pay", "parameters": {}, "result": "", "startOffsetMs": 60, **_by("desk")},
    ]
    assert found["agents"] == [
        {"name": "Desk", "customId": "desk", "endpoint": {"id": "e"}},
        {"name": "Billing", "customId": "Billing"},
    ]
    assert found["customer"] == {"phoneNumberE164": "+15550100", "label": "caller"}
    assert found["properties"]["interruptions"] == 1


def _by(custom_id: str) -> Json:
    return {"agent": {"customId": custom_id}}


@pytest.mark.parametrize(
    ("moments", "status"),
    [
        (BOTH, None),
        (BOTH[:1], None),
        ((*BOTH, NO_CUSTOMER), None),
        ((*BOTH[:1], NO_CUSTOMER), "CUSTOMER_DID_NOT_SPEAK"),
        ((NO_AGENT, NO_CUSTOMER), "PARTICIPANTS_DID_NOT_SPEAK"),
    ],
)
def test_without_content_the_call_still_ends_as_it_did(moments: tuple[Moment, ...], status: str | None) -> None:
    defaults = Defaults(recording_url=RECORDED.recording_url, with_content=False)

    assert body(*moments, defaults=defaults).get("endedStatus") == status


# Arbitrary moments

TEXTS = st.text(max_size=10)
TIMES = st.integers(T0 - 10**13, T0 + 10**13)
AGENTS = st.builds(Agent, *[st.none() | TEXTS] * 9)
CUSTOMERS = st.builds(Customer, st.none() | TEXTS | st.just("+15550100"), st.none() | TEXTS)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=3)
OUTCOMES = st.builds(Returned, VALUES) | st.builds(Failed, TEXTS) | st.just(Unanswered())
UTTERANCES = st.builds(Utterance, AGENTS | CUSTOMERS, TEXTS, TIMES, st.none() | TIMES, st.none() | TEXTS, OBJECTS)
USES = st.builds(
    ToolUse, TEXTS, TIMES, st.none() | TIMES, OBJECTS, OUTCOMES, st.none() | TEXTS, st.none() | TEXTS, AGENTS
)
SCALARS = TEXTS | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
FACTS = (
    st.builds(Fact, st.sampled_from(sorted(FACT_NAMES - {"agent", "customer", "started_at_ns"})), SCALARS, TIMES, TIMES)
    | st.builds(Fact, TEXTS.map(lambda name: f"property.{name}"), SCALARS, TIMES, TIMES)
    | st.builds(Fact, st.just("agent"), AGENTS, TIMES, st.just(ROOT) | TIMES)
    | st.builds(Fact, st.just("customer"), CUSTOMERS, TIMES, TIMES)
    | st.builds(Fact, st.just("started_at_ns"), TIMES, TIMES, TIMES)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    high=st.lists(UTTERANCES | USES | FACTS, max_size=6).map(tuple),
    low=st.lists(UTTERANCES | USES | FACTS, max_size=3).map(tuple),
    with_content=st.booleans(),
)
def test_arbitrary_moments_make_a_call_that_roark_accepts(
    high: tuple[Moment, ...], low: tuple[Moment, ...], with_content: bool
) -> None:
    """An invalid value costs that value and never the call: an app may bring its own dialect."""
    defaults = Defaults(recording_url=RECORDED.recording_url, with_content=with_content)
    linked = link(conversation(*high, lower=low), defaults)

    if isinstance(linked, NotLinkable):
        assert any(one.name == "skip" for one in (*high, *low) if isinstance(one, Fact))
        return
    found = json.loads(linked.to_json())
    for entries in (found.get("transcript", []), found.get("toolInvocations", [])):
        starts = [one["startOffsetMs"] for one in entries]
        assert starts == sorted(starts)
        assert all(one.get("endOffsetMs", one["startOffsetMs"]) >= one["startOffsetMs"] >= 0 for one in entries)
    assert all(key == key.lower() for key in found["properties"])
    assert with_content or "transcript" not in found


def test_a_moment_that_cannot_be_linked_costs_itself_and_not_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_reraise", False)
    good = [said(AGENT, f"Sentence {number}.", number) for number in range(5)]
    bad = said(AGENT, cast("str", 7), 2)
    faults: list[None] = []
    found = link_carefully(conversation(*good, bad), RECORDED, Redaction(), lambda: None, lambda: faults.append(None))

    assert isinstance(found, Recorded)
    assert texts(json.loads(found.to_json())) == [one.text for one in good]
    assert len(faults) == 1


@pytest.mark.parametrize(
    "strict",
    [
        {"with_content": False},
        {"properties_allow": frozenset({"tier"})},
        {"with_content": False, "properties_allow": frozenset()},
    ],
)
def test_what_is_left_of_another_process_s_call_is_what_this_one_would_have_made(strict: Json) -> None:
    """Rules that this process has for what it links hold for the body that a process without them has left."""
    moments = (
        fact("property.tier", "gold"),
        fact("property.note", "Robin called twice"),
        fact("property.framework", "livekit-agents"),
        said(Agent(custom_id="desk", name="Desk", prompt="Be kind.", description="Sells."), "Hello.", 0, 900),
        said(CUSTOMER, "Where is my lamp?", 1_500, 2_500),
        used("find", 2_600, 2_900, Returned({"found": True}), parameters={"lamp": 1}, description="Finds lamps."),
        said(Agent(custom_id="clerk", prompt="Be short."), "Here it is.", 3_000, 4_000),
        said(CUSTOMER, "Thanks.", 3_500, 4_200),
    )
    whole = body(*moments)
    alone = body(*moments, defaults=replace(RECORDED, **strict))
    assert alone != whole
    assert joined_body(whole, replace(RECORDED, **strict), Redaction()) == alone
    assert joined_body(alone, replace(RECORDED, **strict), Redaction()) == alone
