"""`payload.span_id`: the span that an entry was taken from, through merging, redaction, joined parts and a refusal."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from roark_otel._linking.defaults import Defaults
from roark_otel._linking.link import Recorded, link, redacted_body
from roark_otel._model.finished import Ended, FinishedConversation
from roark_otel._model.moments import Agent, Customer, Failed, Moment, Returned, ToolUse, Utterance
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import Redaction
from roark_otel._spool.body import with_late_fields, without_fields
from roark_otel._spool.joining import joined
from roark_otel.dialects.pipecat.measured import Measured

Json = dict[str, Any]

MS = 1_000_000
T0 = 1_795_348_364_250_000_000
OFF = Defaults(recording_url="https://example.com/a.wav")
ON = replace(OFF, names_spans=True)
SPAN, OTHER = 0xABCDEF, 0xFEDC
NAME = "0000000000abcdef"


def said(text: str = "Hello?", start: int = 0, speaker: Agent | Customer | None = None, **more: Any) -> Utterance:
    return Utterance(speaker or Customer(), text, T0 + start * MS, T0 + (start + 500) * MS, **{"span_id": SPAN, **more})


def body(
    *moments: Moment, lower: tuple[Moment, ...] = (), defaults: Defaults = ON, redaction: Redaction | None = None
) -> Json:
    conversation = FinishedConversation(
        external_id="call-1",
        trace_id=0xA1,
        root_span_id=7,
        file_span_id=7,
        started_ns=T0,
        ended_ns=T0 + 10_000 * MS,
        ending=Ended(),
        moments=(("high", moments), ("low", lower)),
    )
    found = link(conversation, defaults, redaction or Redaction())
    assert isinstance(found, Recorded)
    return json.loads(found.to_json())


def name(entry: Json) -> object:
    return entry.get("payload", {}).get("span_id")


def test_entries_and_tool_invocations_name_their_span_only_where_it_is_asked_for() -> None:
    moments = said(), ToolUse("find", T0, span_id=OTHER), said("Unknown.", 600, span_id=0)

    found = body(*moments)

    assert list(map(name, found["transcript"])) == [NAME, None]
    assert list(map(name, found["toolInvocations"])) == ["000000000000fedc"]
    assert "payload" not in found["transcript"][1]
    assert "span_id" not in json.dumps(body(*moments, defaults=OFF))


def test_a_payload_keeps_what_it_has_and_a_long_one_is_named_too() -> None:
    found = body(
        said(payload={"mood": "good"}),
        said("Own.", 600, payload={"span_id": "mine"}),
        said("Long.", 1200, payload={"a": "x" * 300_000}),
    )

    assert [one["payload"] for one in found["transcript"][:2]] == [
        {"span_id": NAME, "mood": "good"},
        {"span_id": "mine"},
    ]
    assert found["transcript"][2]["payload"].keys() == {"span_id", "roark_cut"}


@pytest.mark.parametrize(("exported", "expected"), [(False, None), (True, NAME)])
def test_a_span_of_our_own_is_named_only_where_exporters_get_it(exported: bool, expected: str | None) -> None:
    defaults = replace(ON, names_heard_spans=exported)

    found = body(said(span_id=-SPAN), ToolUse("find", T0, span_id=-SPAN), defaults=defaults)

    assert [name(found["transcript"][0]), name(found["toolInvocations"][0])] == [expected, expected]


@pytest.mark.parametrize("payload", [{}, {"stt_ttfb_ms": 90}])
def test_words_that_were_heard_name_the_span_that_has_them(payload: Json) -> None:
    heard = said(" Hello? ", 40, span_id=-OTHER)
    spans = [said("Goodbye.", 10), said("Hello? Is anybody there", payload=payload), said(speaker=Agent())]
    spans[1] = replace(spans[1], span_id=SPAN)

    found = Measured(spans)(heard)

    assert (found.span_id, found.text, found.payload) == (SPAN, heard.text, payload)


def test_a_measured_span_wins_over_a_nearer_one_as_without_names() -> None:
    spans = [said(start=40, span_id=OTHER), said(payload={"stt_ttfb_ms": 90})]
    measured = Measured(spans)

    assert measured(said(start=30, span_id=-1)).span_id == SPAN
    assert measured(said(start=30, span_id=-1)).span_id == OTHER
    assert measured(said(start=30, span_id=-1)).span_id == -1


def test_of_two_dialects_the_one_whose_words_count_names_the_span() -> None:
    use = ToolUse("find", T0, parameters={"a": 1}, call_id="1", span_id=SPAN)
    repeated = ToolUse("find", T0, T0 + MS, {"a": 1}, Returned("x"), "1", span_id=OTHER)

    found = body(said(), use, lower=(said(span_id=OTHER), repeated))

    assert list(map(name, [*found["transcript"], *found["toolInvocations"]])) == [NAME, NAME]
    assert found["toolInvocations"][0]["result"] == "x"


def test_redaction_leaves_names_alone() -> None:
    class Shouting:
        def __call__(self, several: Any) -> list[object]:
            answers: list[object] = []
            for one in several:
                if isinstance(one, Utterance):
                    one = Utterance(one.speaker, one.text.upper(), one.start_ns, one.end_ns)
                elif isinstance(one, ToolUse):
                    one = ToolUse(one.name, one.start_ns, outcome=Failed("x"))
                answers.append(one)
            return answers

    digits = 0x4111111111111111  # which is a card number, written in hex digits
    moments = said("It is 4111 1111 1111 1111.", span_id=digits), ToolUse("find", T0, span_id=SPAN)
    patterns = Patterns(("card", re.compile("abc")))

    found = body(*moments, redaction=Redaction(patterns, Shouting()))

    assert found["transcript"] == [
        {
            "startOffsetMs": 0,
            "endOffsetMs": 500,
            "role": "CUSTOMER",
            "text": "IT IS [CARD].",
            "payload": {"span_id": "4111111111111111"},
        }
    ]
    assert list(map(name, found["toolInvocations"])) == [NAME]


def test_a_hook_that_fails_leaves_the_name_and_no_words() -> None:
    found = body(said(payload={"a": "b"}), redaction=Redaction(hook=lambda several: ["no moment" for _ in several]))

    assert "transcript" not in found or list(map(name, found["transcript"])) == [NAME]


def test_parts_of_several_processes_keep_their_names_also_when_they_are_redacted() -> None:
    first, second = body(said(), ToolUse("find", T0, span_id=SPAN)), body(said("Still there?", 600, span_id=OTHER))

    whole = json.loads(joined([json.dumps(one).encode() for one in (first, second)]))
    redacted = redacted_body(whole, Redaction(Patterns((re.compile(r"\w+"),))))

    assert redacted is not None
    entries: Any = [*redacted["transcript"], *redacted["toolInvocations"]]  # type: ignore[misc]
    assert list(map(name, entries)) == [NAME, "000000000000fedc", NAME]
    assert [one.get("text") for one in entries] == ["[redacted]?", "[redacted] [redacted]?", None]


def test_a_name_of_digits_alone_in_a_part_of_another_process_may_be_a_card() -> None:
    given = {"transcript": [{"payload": {"span_id": "4111111111111111"}}]}

    found: Any = redacted_body(given, Redaction(Patterns(("card",))))

    assert found["transcript"][0]["payload"]["span_id"] == "[card]"


def test_what_comes_late_is_named() -> None:
    call = json.dumps(body(said(), ToolUse("find", T0, span_id=SPAN))).encode()
    late = {"toolInvocations": body(ToolUse("find", T0, T0 + MS, {}, Returned("x"), span_id=OTHER))["toolInvocations"]}

    found = json.loads(with_late_fields(call, late))

    assert [(one["result"], name(one)) for one in found["toolInvocations"]] == [("x", NAME)]


def test_a_roark_that_takes_no_payload_there_gets_the_call_without() -> None:
    call = json.dumps(body(said(), ToolUse("find", T0, span_id=SPAN))).encode()

    found = without_fields(call, ["toolInvocations[0].payload"])

    assert found is not None
    assert [one["name"] for one in json.loads(found)["toolInvocations"]] == ["find"]
    assert "payload" not in json.loads(found)["toolInvocations"][0]


def test_the_name_makes_no_moment_another_one() -> None:
    one, other = said(), said(span_id=OTHER)

    assert one == other
    assert repr(one) == repr(other)


def test_a_use_whose_own_report_names_no_span_is_named_by_the_one_that_repeats_it() -> None:
    use = ToolUse("find", T0, parameters={"a": 1}, call_id="1")

    found = body(use, lower=(replace(use, span_id=OTHER),))

    assert list(map(name, found["toolInvocations"])) == ["000000000000fedc"]
