"""Apps that are wired as users do it, each with several calls at once."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from frameworks.pipecat import roster
from frameworks.pipecat.roster import APPS, BY_CONTEXT, GREETING, ONE, ONE_THERE, OTHER, OTHER_THERE
from frameworks.pipecat.truths import overlap, real, spoke, transcript

if TYPE_CHECKING:
    from frameworks.pipecat.running import Played


@pytest.mark.parametrize("app", APPS)
def test_an_app_ends_and_leaves_no_call_behind(played: Played, app: str) -> None:
    """Nobody flushes the provider, ours or Pipecat's: the processor delivers as the process ends."""
    ended = played.apps[app]

    print(f"  {app}: {ended.seconds:.1f} s")  # noqa: T201
    assert ended.status == 0, ended.output
    assert ended.spooled == []


@pytest.mark.parametrize("app", APPS)
def test_every_call_is_created_once_and_nothing_is_complained_of(played: Played, app: str) -> None:
    created = [call.external_id for call in played.calls if call.external_id in APPS[app]]

    assert sorted(created) == sorted(APPS[app])
    assert played.apps[app].warnings == ""


def test_nothing_else_is_created(played: Played) -> None:
    assert sorted(call.external_id for call in played.calls) == sorted(roster.SCENARIOS)


@pytest.mark.parametrize("external_id", roster.SCENARIOS)
def test_every_call_is_linked_to_a_trace_of_its_own(played: Played, external_id: str) -> None:
    """Wherever its id came from."""
    (trace_id,) = played.call(external_id).trace_ids
    others = [call.trace_ids for call in played.calls if call.external_id != external_id]

    assert all(trace_id not in ids for ids in others)
    assert played.body(external_id)["properties"]["trace_id"] == trace_id


@pytest.mark.parametrize("external_id", sorted({*roster.SCENARIOS} - {roster.README}))
def test_a_call_tells_what_the_app_and_the_spans_say_of_it(played: Played, external_id: str) -> None:
    body = played.body(external_id)

    assert body["properties"]["framework"] == "pipecat"
    assert body["properties"]["framework_version"] == version("pipecat-ai")
    assert body["properties"]["service_name"] == "shop"
    assert body["properties"]["shop"] == "Lakeside"
    assert body["recordingUrl"] == f"https://example.com/{external_id}.wav"


@pytest.mark.parametrize(("one", "other"), [(ONE, OTHER), (ONE_THERE, OTHER_THERE)])
def test_two_calls_at_once_keep_apart(played: Played, one: str, other: str) -> None:
    """One has its id from Pipecat's span attributes, the other from the context."""
    first, second = played.truth(one), played.truth(other)
    mine, theirs = transcript(played.body(one)), transcript(played.body(other))

    assert (one in BY_CONTEXT, other in BY_CONTEXT) == (False, True)
    assert overlap(real(first, "agent")[0], real(second, "agent")[0])
    assert overlap(spoke(played.body(one), "AGENT")[0], spoke(played.body(other), "AGENT")[0])
    assert {text for _, text in mine} & {text for _, text in theirs} == {GREETING, "And tomorrow"}


@pytest.mark.parametrize("app", APPS)
def test_no_app_tried_to_leave_this_machine(played: Played, app: str) -> None:
    assert played.apps[app].left("refused") == []
