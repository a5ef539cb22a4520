"""Which tool uses of several dialects are one, where ids, arguments and times do not quite agree."""

from __future__ import annotations

from typing import Any

import pytest

from roark_otel._linking.merging import Report, tool_uses
from roark_otel._model.moments import Failed, Outcome, Returned, ToolUse, Unanswered
from roark_otel._model.steps import no_pause

MS = 1_000_000
T0 = 1_795_348_364_250_000_000
S = 1_000


def used(start: int, end: int | None = None, outcome: Outcome | None = None, **more: Any) -> ToolUse:
    """Makes a tool use with times in ms from T0."""
    fields = {"name": "f", "parameters": {"a": 1}, **more}
    return ToolUse(
        start_ns=T0 + start * MS,
        end_ns=None if end is None else T0 + end * MS,
        outcome=outcome or Unanswered(),
        **fields,
    )


def merged(*reports: list[ToolUse]) -> list[tuple[str, object, object]]:
    found = tool_uses([Report(False, [], report, []) for report in reports], no_pause)
    return [(use.name, use.parameters, use.outcome) for use in found]


ONE = [("f", {"a": 1}, Returned("x"))]


@pytest.mark.parametrize("call_id", [None, "call_0"])
def test_three_sources_of_two_uses_make_two(call_id: str | None) -> None:
    """One reports each when it was over, one while it ran, one around that."""
    three = [
        [used(51 + at, None, Returned(at), call_id=call_id) for at in (0, S)],
        [used(10 + at, 50 + at, Returned(at), call_id=call_id) for at in (0, S)],
        [used(0 + at, 90 + at, Returned(at), call_id=call_id) for at in (0, S)],
    ]

    assert merged(*three) == merged(*three[::-1]) == [("f", {"a": 1}, Returned(0)), ("f", {"a": 1}, Returned(S))]


def test_a_source_that_knows_only_the_second_use_of_an_id_reports_that() -> None:
    both = [used(at, at + 50, Returned(at), call_id="call_0") for at in (0, 100)]
    second = used(110, 140, call_id="call_0", description="knows it")

    for reports in ([both, [second]], [[second], both]):
        found = tool_uses([Report(False, [], report, []) for report in reports], no_pause)
        assert [(use.outcome, use.description) for use in found] == [(Returned(0), None), (Returned(100), "knows it")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (used(0, 50, call_id="c"), used(5, 40, Returned("x"), call_id="C")),
        (used(0, 50, call_id="c"), used(5, 40, Returned("x"), call_id="call_c")),
        (used(0, 50, call_id="fc_9"), used(5, 40, Returned("x"), call_id="call_c")),
        (used(0, 50, call_id="c"), used(5, 40, Returned("x"))),
        (used(0, 50), used(5, 40, Returned("x"), call_id="c")),
        (used(0, 50, parameters={}), used(5, 60, Returned("x"))),
        (used(0, 50, name="F", call_id="c"), used(S, None, Returned("x"), call_id="c", parameters={"a": "1"})),
        (used(0, call_id="c"), used(600 * S, None, Returned("x"), call_id="c")),
    ],
)
def test_sources_that_differ_in_what_identifies_a_use_report_one(one: ToolUse, other: ToolUse) -> None:
    found = merged([one], [other])

    assert [(name.lower(), outcome) for name, _, outcome in found] == [("f", Returned("x"))]
    assert len(merged([other], [one])) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (used(0, 50, Returned("x"), call_id="a"), used(5, 40, Returned("x"), call_id="b")),
        (used(0, 50, Returned("x"), call_id="a"), used(5, 40, Returned("y"), call_id="a", name="g")),
        (used(0, 50, Returned("x"), call_id="a"), used(9 * S, None, Failed("y"), call_id="a", parameters={"a": 2})),
        (used(0, 50, Returned("x")), used(60, 90, Returned("y"))),
        (used(0, 50, Returned("x")), used(5, 40, Returned("y"), parameters={"a": 2})),
        (used(0, 50, Returned("x")), used(9 * S, None, Returned("x"))),
    ],
)
def test_uses_that_only_look_alike_are_two(one: ToolUse, other: ToolUse) -> None:
    assert len(merged([one], [other])) == len(merged([other], [one])) == 2


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([used(0, call_id="c"), used(50, 50, Returned("x"), name="", parameters={}, call_id="c")], ONE),
        ([used(0, call_id="c"), used(50, 90, Returned("x"), call_id="c")], ONE),
        ([used(0, 50, Returned("x"), call_id="c"), used(40, call_id="c")], ONE),
        ([used(0, 50, Returned("x"), call_id="c")] * 2, ONE),
        ([used(0, 50, Returned("x"), call_id="c"), used(60, 90, Returned("x"), call_id="c")], ONE * 2),
        ([used(0, 50, Returned("x"), call_id="c"), used(60, call_id="c")], [*ONE, ("f", {"a": 1}, Unanswered())]),
        (
            [used(0, parameters={"a": 0}, call_id="c"), used(9, 9, Returned("x"), call_id="c")],
            [("f", {"a": 0}, Unanswered()), *ONE],
        ),
        ([used(0), used(0, 50, Returned("x"))], [("f", {"a": 1}, Unanswered()), *ONE]),
    ],
)
def test_moments_of_a_dialect_with_one_id_complete_each_other_or_are_several_uses(
    moments: list[ToolUse], expected: list[tuple[str, object, object]]
) -> None:
    assert merged(moments) == merged(moments[::-1]) == expected


@pytest.mark.parametrize("call_id", [None, "call_0"])
@pytest.mark.parametrize("kinds", [1, 10_000])
def test_ten_thousand_uses_in_each_of_two_sources_are_ten_thousand(call_id: str | None, kinds: int) -> None:
    def report(late: int) -> list[ToolUse]:
        return [
            used(at * 10 + late, at * 10 + 9 - late, Returned(at), parameters={"a": at % kinds}, call_id=call_id)
            for at in range(10_000)
        ]

    assert [outcome for _, _, outcome in merged(report(0), report(1))] == [Returned(at) for at in range(10_000)]
