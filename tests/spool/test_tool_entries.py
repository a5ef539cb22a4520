"""Tool invocations that come to a call later: another use, or another half of one that is known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from roark_otel._spool.body import divided, with_late_fields
from roark_otel._spool.joining import joined
from roark_otel._spool.tool_entries import with_later

Json = dict[str, Any]


def entry(start: int, end: int | None = None, result: object = "", /, **more: Any) -> Json:
    fields = {"name": "f", "parameters": {"a": 1}, "result": result, "startOffsetMs": start, **more}
    return fields if end is None else {**fields, "endOffsetMs": end}


DONE = entry(0, 50, "x")
RESULT = entry(50, 50, "x", name="unknown", parameters={})


@pytest.mark.parametrize(
    ("known", "later"),
    [
        (entry(0), entry(50, 50, "x", parameters={})),
        (entry(0), RESULT),
        (entry(0), entry(20, 50, "x")),
        (entry(0), entry(0, 50, "x")),
        (entry(0, 40, parameters={}), entry(10, 50, "x")),
        (DONE, DONE),
        (DONE, entry(0)),
        (entry(0, None, "x"), entry(0, 50)),
    ],
)
def test_a_half_that_comes_later_completes_the_other(known: Json, later: Json) -> None:
    assert with_later([known], [later]) == [DONE]


@pytest.mark.parametrize(
    ("known", "later"),
    [
        (DONE, entry(60, 90, "x")),
        (DONE, entry(0, 50, "y")),
        (DONE, entry(0, 50, "x", parameters={"a": 2})),
        (DONE, entry(60)),
        (DONE, RESULT),
        (entry(60), RESULT),
        (entry(0, 40), entry(60, 90, "x")),
        (entry(0), entry(50, 50, "x", parameters={"a": 2})),
        (entry(0, name="g"), entry(0, 50, "x")),
    ],
)
def test_another_use_stays_another(known: Json, later: Json) -> None:
    assert sorted(map(json.dumps, with_later([known], [later]))) == sorted(map(json.dumps, [known, later]))


def test_a_result_of_one_of_several_calls_is_given_to_none() -> None:
    calls = [entry(0), entry(10, parameters={"a": 2})]

    assert with_later(calls, [RESULT]) == [*calls, RESULT]


def test_a_half_takes_over_who_used_the_tool_and_what_it_is() -> None:
    known = entry(0, agent={"customId": "desk"})

    (found,) = with_later([known], [entry(0, 50, "x", description="Finds.", agent={"customId": "other"})])
    assert found == {**DONE, "agent": {"customId": "desk"}, "description": "Finds."}


def test_ten_thousand_that_come_later_are_added() -> None:
    known, later = (
        [entry(at * 10 + shift, None, f"{at}", parameters={"a": at}) for at in range(10_000)] for shift in (0, 5)
    )
    found = with_later(known, [*later, *known])

    assert len(found) == 20_000
    assert [one["startOffsetMs"] for one in found] == sorted(one["startOffsetMs"] for one in found)


def test_a_call_that_is_read_again_knows_the_call_of_a_result_it_had() -> None:
    call = {"startedAt": "2026-01-31T09:30:00.000Z", "toolInvocations": [RESULT]}
    again = {**call, "toolInvocations": [DONE]}
    late = {"toolInvocations": [entry(0)]}

    found = json.loads(with_late_fields(json.dumps(call).encode(), late, again))
    assert found["toolInvocations"] == [DONE]


def test_the_halves_in_two_parts_of_a_conversation_are_one_use() -> None:
    """A process was killed while its tool ran, and the agent went on in another one, two seconds later."""
    first = {"startedAt": "2026-01-31T09:30:00.000Z", "toolInvocations": [entry(0)]}
    last = {
        "startedAt": "2026-01-31T09:30:02.000Z",
        "toolInvocations": [entry(7, 7, "x", name="unknown", parameters={})],
    }
    both = joined([json.dumps(part).encode() for part in (first, last)])

    assert json.loads(both)["toolInvocations"] == [entry(0, 2_007, "x")]


def test_a_result_alone_is_not_appended_to_a_call_that_was_sent() -> None:
    """Roark would take it for a further use, of a tool called unknown."""
    words = [{"role": "AGENT", "text": "Hm"}]

    assert divided({"toolInvocations": [RESULT, DONE], "transcript": words}) == (
        [DONE],
        {"transcript": words, "toolInvocations": [RESULT]},
    )
