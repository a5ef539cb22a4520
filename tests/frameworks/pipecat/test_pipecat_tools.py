"""Which tools were used, with what, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frameworks.pipecat.roster import BAD_TOOLS, PARALLEL_TOOLS, THREE_TURNS, TOOL
from frameworks.pipecat.truths import frames, overlap, ran, real, report, tools, used
from support.lateness import slack

if TYPE_CHECKING:
    from frameworks.pipecat.running import Played


@pytest.mark.parametrize(("external_id", "count"), [(THREE_TURNS, 0), (TOOL, 2), (PARALLEL_TOOLS, 2), (BAD_TOOLS, 2)])
def test_tools_are_those_of_the_context_of_the_model(played: Played, external_id: str, count: int) -> None:
    """Their names, parameters and results, in its order."""
    known = used(played.truth(external_id))

    assert len(known) == count
    assert tools(played.body(external_id)) == known


def test_tools_are_those_of_the_frames_in_the_pipeline(played: Played) -> None:
    truth, body = played.truth(TOOL), played.body(TOOL)
    results = frames(truth, "FunctionCallResultFrame")

    assert [(one["function_name"], one["arguments"]) for one in results] == [one[:2] for one in tools(body)]
    assert results[0]["result"] == tools(body)[0][2]


@pytest.mark.parametrize("external_id", [TOOL, PARALLEL_TOOLS, BAD_TOOLS])
def test_tools_run_when_they_really_did(played: Played, external_id: str) -> None:
    """Of tools that ran at once, and of one that no model is told of at once, the end is that of what came next."""

    def check(played: Played) -> None:
        true = sorted(real(played.truth(external_id), "tools"), key=lambda one: one.start)
        names = {one.what for one in true}
        found = [one for one in ran(played.body(external_id)) if one.what in names]
        assert [one.what for one in found] == [one.what for one in true]
        for one, other in zip(found, true, strict=True):
            busy = slack(played.waits(external_id), one, other)
            report(one, other, busy)
            busy.expect(overlap(one, other, busy.seconds), f"{one} overlaps {other}")

    played.judge(external_id, check)


def test_tools_that_ran_at_once_overlap(played: Played) -> None:
    truth, body = played.truth(PARALLEL_TOOLS), played.body(PARALLEL_TOOLS)

    for one, other in (real(truth, "tools"), ran(body)):
        assert overlap(one, other)


def test_tools_that_ran_one_after_another_do_not_overlap(played: Played) -> None:
    one, other = ran(played.body(TOOL))
    assert not overlap(one, other)


def test_a_tool_without_a_result_is_complete(played: Played) -> None:
    assert tools(played.body(TOOL))[1] == ("forget", {}, "COMPLETED")


def test_the_error_of_a_tool_is_what_the_model_was_given(played: Played) -> None:
    """In Pipecat's words: what the tool raised is nowhere, and a tool that the model made up has words, too."""
    failed, made_up = tools(played.body(BAD_TOOLS))

    assert "`break_down` failed" in failed[2]
    assert made_up[:2] == ("abracadabra", {"rabbits": 1})
    assert "`abracadabra`" in made_up[2]
