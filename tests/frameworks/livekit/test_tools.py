"""Which tools were used, with what, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frameworks.livekit.comparing import NAMES_AGENTS, answered, asked, overlap, results, tools, used
from frameworks.livekit.scenarios import ToolDesk

if TYPE_CHECKING:
    from frameworks.livekit.stage import Played


@pytest.mark.parametrize(
    ("external_id", "count"), [("three-turns", 0), ("tool", 2), ("parallel-tools", 2), ("bad-tools", 3), ("handoff", 2)]
)
def test_tools_are_those_of_the_session_s_own_history(played: Played, external_id: str, count: int) -> None:
    called = asked(played.truth(external_id))

    assert len(called) == count
    assert tools(played.body(external_id)) == called


def test_a_result_is_what_the_tool_returned(played: Played) -> None:
    assert [output for _, output, _ in answered(played.truth("tool"))] == [str(ToolDesk.ORDER), ""]
    assert results(played.body("tool")) == [ToolDesk.ORDER, ""]


def test_tools_that_ran_at_once_overlap(played: Played) -> None:
    truth, body = played.truth("parallel-tools"), played.body("parallel-tools")

    assert overlap(*truth.tools)
    assert overlap(*used(body))
    assert results(body) == [ToolDesk.ORDER, "Main Street, Lindau"]


def test_the_error_of_a_tool_is_what_the_model_was_given(played: Played) -> None:
    """Whatever the tool raised, expected or not, and also where the model made the tool up."""
    outputs = answered(played.truth("bad-tools"))

    assert [(name, is_error) for name, _, is_error in outputs] == [
        ("break_down", True),
        ("refuse", True),
        ("abracadabra", True),
    ]
    assert results(played.body("bad-tools")) == [{"error": output} for _, output, _ in outputs]


def test_the_tool_that_hands_over_is_a_tool(played: Played) -> None:
    assert results(played.body("handoff")) == ["handed over", "10 refunded"]


def test_tools_are_described_where_the_version_does(played: Played) -> None:
    descriptions = [tool.get("description") for tool in played.body("tool")["toolInvocations"]]

    assert descriptions == (["Find an order.", "Has no result."] if NAMES_AGENTS else [None, None])
