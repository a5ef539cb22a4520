"""How true the calls are: every recorded conversation against what was really said and done.

The calls are the bodies below `tests/snapshots`: `test_wire` proves that exactly they arrive, through the whole path.
The table of this run is printed at the end of the test session. All times were measured when the spans were recorded,
so nothing here depends on how fast this machine is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.replaying import FRAMEWORKS, arrived, truths
from support.scoring import SCORE, score

if TYPE_CHECKING:
    from collections.abc import Callable

UNMATCHED = {
    "livekit/1.8.9-tool_raises": (
        "the model garbled the arguments, and the framework keeps the text `{not json`: the API takes only an object, "
        'so it gets `{"arguments": "{not json"}`'
    ),
}
"""What cannot be matched although the spans tell it, and why."""

UNSEEN = {
    ("livekit/1.8.9-llm_error", "customer end"): (
        "the call ended before anybody noticed that the customer had fallen silent"
    ),
    ("livekit/1.8.9-noise_turns", "customer start"): (
        "the framework's own measure begins with the noise before the words, and the call with the words"
    ),
}
"""What no span shows: edges whose median may be off by more than the promise, and why."""

PROMISE = {"agent start": 5, "customer start": 30, "customer end": 70}
"""By how many ms the median of an edge may be off, in LiveKit 1.8 and in Pipecat with metrics."""

AGENT_END = 20
"""The same for the end of the agent's speech, in LiveKit, and in Pipecat where its turn tells it."""

TOLD_ENDS = {
    "pipecat/async_tool",
    "pipecat/greeting_and_ttsspeak",
    "pipecat/interruption_ws",
    "pipecat/with_roark_observer_ws",
}
"""Pipecat's calls most of whose turns were interrupted, or closed by the timer: of others the end is estimated."""


@pytest.mark.parametrize("dump", FRAMEWORKS)
def test_every_recorded_conversation_arrives_as_it_was(
    dump: str, record_property: Callable[[str, object], None]
) -> None:
    """Words, order and tools are exact, and as many calls arrive as conversations were held."""
    bodies = {body["externalId"]: body for body in arrived(dump)}
    found = score(dump, bodies)
    record_property(SCORE, found.line())

    assert sorted(bodies) == sorted(truth["externalId"] for truth in truths(dump))
    assert found.is_exact is (dump not in UNMATCHED), found.line()
    assert (found.text[0], found.order[0]) == (found.text[1], found.order[1])
    for edge, most in promised(dump).items():
        median = found.median(edge)
        assert median is None or median <= most or (dump, edge) in UNSEEN, found.line()


def promised(dump: str) -> dict[str, int]:
    """By how many ms the medians of a dump may be off."""
    framework, _, name = dump.partition("/")
    if framework == "livekit":
        return {"agent end": AGENT_END} | (PROMISE if name.startswith("1.8") else {})
    if name.startswith("metrics_disabled"):
        return {}  # nothing measures when the customer fell silent
    return PROMISE | ({"agent end": AGENT_END} if dump in TOLD_ENDS else {})


def test_what_is_listed_as_unmatched_is_recorded() -> None:
    assert {*UNMATCHED, *TOLD_ENDS, *(dump for dump, _ in UNSEEN)} <= set(FRAMEWORKS)
