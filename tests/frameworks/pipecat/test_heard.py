"""What an observer hears: words, entries and tools that stand on no span, at the times when they were heard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from frameworks.pipecat import roster
from frameworks.pipecat.roster import (
    FLOW_APPEND,
    FLOW_RESET,
    GEMINI,
    HAND_OFF,
    HEARD,
    HEARD_INTERRUPTION,
    HUNG_UP,
    KEYPAD,
    LISTENING,
    POLICY,
    REALTIME,
    SERVER_TURNS,
    TOOL_LAST,
    TYPED,
    ULTRAVOX,
    UNTRACED,
    UNTRACED_BY_CONTEXT,
    WRITTEN,
)
from frameworks.pipecat.truths import ROUNDING, During, frames, real, said, spoke, tools, transcript, used
from support.lateness import compare_ends, compare_starts

if TYPE_CHECKING:
    from frameworks.pipecat.running import Played

ALL = sorted(HEARD)

_ENTERED = {KEYPAD: "DTMF: 12#", TYPED: "my address is 12 Lake Road"}

_FLOW = [
    ("AGENT", "What is your name?"),
    ("CUSTOMER", "my name is Ada"),
    ("AGENT", "What would you like?"),
    ("CUSTOMER", "a bell please"),
    ("AGENT", "It comes in three days."),
]
"""What is said in a flow, which takes it out of the context of its model."""

_FLOW_TOOLS = [
    ("take_name", {"name": "Ada"}, {"name": "Ada"}),
    ("take_order", {"item": "bell"}, {"item": "bell", "days": 3}),
]


_ONLY_HEARD = {
    ULTRAVOX: ("Is my wheel built", "It left on Tuesday", "Much obliged", "Ride well"),
    GEMINI: ("Did the pump arrive", "It is in the post", "Cheers then", "So long"),
    HAND_OFF: ("its cable has snapped",),
    TOOL_LAST: ("pleased with the saddle", "saddle indeed"),
}
"""Words that Pipecat puts on no span, of the customer, of a model that speaks, or of a tool."""


def heard(played: Played, external_id: str) -> list[tuple[str, str]]:
    """Who said what by the context of the model, without what workers wrote into it."""
    if external_id == FLOW_RESET:
        return _FLOW
    return [one for one in said(played.truth(external_id)) if not one[1].startswith("Welcome the customer")]


@pytest.mark.parametrize("app", LISTENING)
def test_an_app_ends_and_leaves_no_call_behind(listened: Played, app: str) -> None:
    ended = listened.apps[app]

    assert ended.status == 0, ended.output
    assert ended.spooled == []
    assert ended.warnings == ""
    assert ended.left("refused") == []


def test_every_call_is_created_once(listened: Played) -> None:
    """Whether Pipecat traces it or not, and wherever its id comes from."""
    assert sorted(call.external_id for call in listened.calls) == ALL


@pytest.mark.parametrize("external_id", ALL)
def test_the_transcript_is_what_was_heard(listened: Played, external_id: str) -> None:
    expected = heard(listened, external_id)

    assert len(expected) >= 2
    assert transcript(listened.body(external_id)) == expected


@pytest.mark.parametrize("external_id", ALL)
def test_tools_are_those_that_were_used(listened: Played, external_id: str) -> None:
    expected = _FLOW_TOOLS if external_id == FLOW_RESET else used(listened.truth(external_id))

    assert tools(listened.body(external_id)) == expected


def test_tools_were_used_in_these_calls(listened: Played) -> None:
    with_tools = {external_id for external_id in ALL if tools(listened.body(external_id))}

    assert with_tools == {
        *(FLOW_APPEND, FLOW_RESET, GEMINI, HAND_OFF, SERVER_TURNS),
        *(TOOL_LAST, ULTRAVOX, UNTRACED, UNTRACED_BY_CONTEXT),
    }


@pytest.mark.parametrize("external_id", sorted({*ALL} - {SERVER_TURNS, WRITTEN}))
def test_customers_begin_when_they_really_did(listened: Played, external_id: str) -> None:

    def check(played: Played) -> None:
        true = real(played.truth(external_id), "customer")
        spoken = spoke(played.body(external_id), "CUSTOMER")
        found = [one for one in spoken if one.what != _ENTERED.get(external_id)]
        assert [one.what for one in found] == [one.what for one in true]
        compare_starts(found, true, played.waits(external_id))

    listened.judge(external_id, check)


def test_customers_begin_when_a_service_says_so(listened: Played) -> None:
    """Its turns are the only sign of a voice. What it says takes its way over the network, however long that is."""
    truth = listened.truth(SERVER_TURNS)
    true, turns = real(truth, "customer"), frames(truth, "UserStartedSpeakingFrame")
    found = spoke(listened.body(SERVER_TURNS), "CUSTOMER")

    assert [one.what for one in found] == [one.what for one in true]
    for one, really, frame in zip(found, true, turns, strict=True):
        assert really.start - ROUNDING <= one.start <= frame["at"] + ROUNDING


@pytest.mark.parametrize("external_id", sorted({*ALL} - {WRITTEN}))
def test_the_agent_ends_when_it_really_did(listened: Played, external_id: str) -> None:

    def check(played: Played) -> None:
        found, true = spoke(played.body(external_id), "AGENT"), real(played.truth(external_id), "agent")
        compare_ends(found, true, played.waits(external_id))

    listened.judge(external_id, check)


def test_an_agent_without_a_voice_is_not_said_to_be_silent(listened: Played) -> None:
    body = listened.body(WRITTEN)

    assert real(listened.truth(WRITTEN), "agent") == []
    assert [one["role"] for one in body["transcript"]] == ["CUSTOMER", "AGENT"] * 2
    assert "endedStatus" not in body


@pytest.mark.parametrize(("external_id", "way"), [(KEYPAD, "keypad"), (TYPED, "typed")])
def test_what_was_entered_says_how(listened: Played, external_id: str, way: str) -> None:
    (entry,) = [one for one in listened.body(external_id)["transcript"] if one["text"] == _ENTERED[external_id]]

    assert entry["payload"] == {"way": way}


@pytest.mark.parametrize("external_id", [HEARD_INTERRUPTION, REALTIME])
def test_an_interrupted_reply_ends_with_its_last_word_that_was_heard(listened: Played, external_id: str) -> None:
    body = listened.body(external_id)
    (cut,) = [one for one in body["transcript"] if one.get("payload", {}).get("interrupted")]

    assert POLICY.startswith(cut["text"])
    assert 0 < len(cut["text"]) < len(POLICY)
    assert body["properties"]["interruptions"] == 1


def test_who_hung_up_is_stated_where_something_shows_it(listened: Played) -> None:
    found = {external_id: listened.body(external_id).get("endedStatus") for external_id in ALL}

    assert frames(listened.truth(HUNG_UP), "CancelFrame")
    assert found[HUNG_UP] == "CUSTOMER_ENDED_CALL"
    assert found[TOOL_LAST] == "AGENT_ENDED_CALL"
    assert {found[one] for one in (KEYPAD, FLOW_RESET, HAND_OFF, ULTRAVOX, UNTRACED)} == {None}


def test_each_worker_speaks_for_itself(listened: Played) -> None:
    body = listened.body(HAND_OFF)
    names = {one["customId"]: one["name"] for one in body["agents"]}

    assert [names[one["agent"]["customId"]] for one in body["transcript"] if one["role"] == "AGENT"] == [
        "desk",
        "workshop",
        "workshop",
    ]


@pytest.mark.parametrize("external_id", [HEARD_INTERRUPTION, KEYPAD, TYPED])
def test_spans_say_how_long_services_took(listened: Played, external_id: str) -> None:
    body = listened.body(external_id)
    spoken = [one for one in body["transcript"] if one["text"] != _ENTERED.get(external_id)]

    assert all(("stt_ttfb_ms" if one["role"] == "CUSTOMER" else "tts_ttfb_ms") in one["payload"] for one in spoken)


@pytest.mark.parametrize("external_id", [UNTRACED, UNTRACED_BY_CONTEXT])
def test_a_call_without_spans_of_pipecat_is_whole(listened: Played, external_id: str) -> None:
    body = listened.body(external_id)

    assert body["properties"]["framework"] == "pipecat"
    assert body["properties"]["service_name"] == "shop"
    assert body["properties"]["shop"] == "Lakeside"
    (use,) = [During(one["name"], one["startOffsetMs"], one["endOffsetMs"]) for one in body["toolInvocations"]]
    assert use.end - use.start >= 300


@pytest.mark.parametrize("app", LISTENING)
def test_nothing_that_was_heard_reaches_the_apps_exporters(listened: Played, app: str) -> None:
    """Pipecat's own spans do, with the words that it puts on them."""
    exported = [json.loads(one) for one in listened.apps[app].left("exported")]

    assert {one["name"] for one in exported} >= {"conversation", "turn", "stt", "llm", "tts"}
    assert not {one["name"] for one in exported} & {"agent_said", "customer_said", "tool_used", "ended"}
    assert "heard." not in json.dumps(exported)


@pytest.mark.parametrize("external_id", _ONLY_HEARD)
def test_words_that_only_the_observer_heard_are_in_the_call_alone(listened: Played, external_id: str) -> None:
    body = listened.body(external_id)
    exported = "".join(one for ended in listened.apps.values() for one in ended.left("exported"))

    assert "my brake is broken" in exported  # of those that stand on spans
    for words in _ONLY_HEARD[external_id]:
        assert words in json.dumps([body["transcript"], body.get("toolInvocations")])
        assert words not in exported


def test_the_roster_has_every_call_once() -> None:
    assert sorted(one for ids in roster.LISTENING.values() for one in ids) == ALL
