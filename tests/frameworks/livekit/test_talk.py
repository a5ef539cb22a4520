"""Who said what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import livekit.agents
import pytest

from frameworks.livekit import offline, program
from frameworks.livekit.comparing import (
    TELLS_WHY_IT_ENDED,
    compare_times,
    overlap,
    said,
    stated,
    transcript,
)
from frameworks.livekit.scenarios import GREETING, POLICY
from roark_otel.types import Stats

if TYPE_CHECKING:
    from frameworks.livekit.stage import Played

LAST_QUESTION = ("CUSTOMER", "Do you sell bells")


@pytest.mark.parametrize("external_id", [one for one in program.IDS if one != "model-error"])
def test_the_transcript_is_the_session_s_own_history(played: Played, external_id: str) -> None:
    heard = said(played.truth(external_id))

    assert len(heard) >= 3
    assert transcript(played.body(external_id)) == heard


@pytest.mark.parametrize("external_id", program.IDS)
def test_everybody_speaks_and_every_tool_runs_when_it_really_did(played: Played, external_id: str) -> None:
    typed = ["Do you have helmets"] if external_id == "typed" else []

    compare_times(played.body(external_id), played.truth(external_id), typed=typed)


def test_a_call_tells_what_the_app_and_the_spans_say_of_it(played: Played) -> None:
    body = played.body("three-turns")

    assert body["properties"]["framework"] == "livekit-agents"
    assert body["properties"]["framework_version"] == livekit.agents.__version__
    assert body["properties"]["service_name"] == "shop"
    assert body["properties"]["shop"] == "Lakeside"
    assert body["agent"] == {"name": "desk"}
    assert (body["interfaceType"], body["callDirection"]) == ("WEB", "INBOUND")


def test_the_lines_of_readme_give_a_call_its_id_and_its_recording(played: Played) -> None:
    """The session goes on for long after the context in which it was started."""
    body = played.body(program.README)

    assert body["recordingUrl"] == f"https://recordings.example.com/{program.README}.ogg"
    assert len(body["transcript"]) == 7


def test_only_the_words_that_were_heard_count_when_the_customer_interrupts(played: Played) -> None:
    truth, body = played.truth("interruption"), played.body("interruption")
    (heard,) = ["".join(item["content"]) for item in truth.history if item.get("interrupted")]
    (cut,) = [entry for entry in body["transcript"] if entry.get("payload", {}).get("interrupted")]

    assert cut["text"] == heard.strip()
    assert POLICY.startswith(cut["text"])
    assert len(cut["text"]) < len(POLICY)
    assert body["properties"]["interruptions"] == 1


def test_an_interruption_overlaps_what_it_interrupts(played: Played) -> None:
    truth, body = played.truth("interruption"), played.body("interruption")

    assert overlap(truth.agent[1], truth.customer[1])
    assert overlap(stated(body, "AGENT")[1], stated(body, "CUSTOMER")[1])


def test_what_is_typed_stands_before_its_answer(played: Played) -> None:
    body = played.body("typed")
    greeting, answer = stated(body, "AGENT")[:2]
    typed = stated(body, "CUSTOMER")[0]

    assert (greeting.what, typed.what, answer.what) == (GREETING, "Do you have helmets", "Many of them.")
    assert greeting.end <= typed.start <= answer.start


def test_the_question_that_broke_the_model_is_part_of_the_call(played: Played) -> None:
    heard = said(played.truth("model-error"))
    if LAST_QUESTION not in heard:  # LiveKit drops it where the model was asked before the turn was over
        heard.append(LAST_QUESTION)
    body = played.body("model-error")

    assert transcript(body) == heard
    assert body.get("endedStatus") == ("AGENT_ERROR" if TELLS_WHY_IT_ENDED else None)


def test_a_session_that_outlives_a_model_error_did_not_end_with_one(played: Played) -> None:
    played.truth("model-error-once")

    assert "endedStatus" not in played.body("model-error-once")


def test_every_agent_that_had_the_floor_takes_part(played: Played) -> None:
    """LiveKit's agents have only names, so each one's name is its id too, by which entries say whose they are."""
    truth, body = played.truth("handoff"), played.body("handoff")
    handed_to = [item["new_agent_id"] for item in truth.history if item["type"] == "agent_handoff"]

    assert handed_to == ["triage", "billing"]
    assert [agent["name"] for agent in body["agents"]] == handed_to
    assert "agent" not in body
    speakers = [entry["agent"]["customId"] for entry in body["transcript"] if entry["role"] == "AGENT"]
    assert list(dict.fromkeys(speakers)) == handed_to


def test_two_calls_at_once_keep_apart(played: Played) -> None:
    one, other = played.truth("one"), played.truth("other")
    mine, theirs = transcript(played.body("one")), transcript(played.body("other"))

    assert one.agent[0].start < other.agent[-1].end
    assert other.agent[0].start < one.agent[-1].end
    assert {text for _, text in mine} & {text for _, text in theirs} == {GREETING, "And tomorrow"}


@pytest.mark.parametrize("external_id", program.IDS)
def test_every_call_is_linked_to_a_trace_of_its_own(played: Played, external_id: str) -> None:
    (trace_id,) = played.trace_ids[external_id]
    others = [ids for name, ids in played.trace_ids.items() if name != external_id]

    assert all(trace_id not in ids for ids in others)
    assert played.body(external_id)["properties"]["trace_id"] == trace_id


def test_every_call_is_created_once_and_nothing_is_complained_of(played: Played) -> None:
    calls = len(program.IDS)

    assert sorted(body["externalId"] for body in played.bodies) == sorted(program.IDS)
    assert played.stats == Stats(finished=calls, delivered=calls)
    assert [record.getMessage() for record in played.log if record.levelname != "INFO"] == []


def test_nobody_tried_to_leave_this_machine(played: Played) -> None:
    assert played.bodies
    assert offline.refused == []
