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
    "livekit-js/tool_error": (
        "the arguments are garbled as in `livekit/1.8.9-tool_raises`, and of an exception that a tool raises the "
        "framework says only that there was an internal error"
    ),
    "livekit/1.8.9-tool_raises": (
        "the model garbled the arguments, and the framework keeps the text `{not json`: the API takes only an object, "
        'so it gets `{"arguments": "{not json"}`'
    ),
    "pipecat/flows_reset": (
        "the history was cleared after each tool, before the model was asked again: no span tells of them"
    ),
}
"""What cannot be matched, and why."""

UNSAID = {
    "livekit-js/realtime": (
        *("Are you open today", "Where is my order", "Tell me about bicycles", "please stop it"),  # the customer's
    ),
    "livekit-js/say_between": ("Goodbye then.",),
    "livekit-js/say_only": ("Hello there, how can I help?", "We are closed today.", "Goodbye then."),
    "livekit-js/several_says": ("Three never enters.",),
}
"""Texts that stand on no span: what the customer of a realtime model said, and what `say()` said in Node.js where no
model is asked afterwards, or where it was kept out of the history."""

UNSEEN = {
    ("livekit-js/hangup_while_customer_speaks", "customer end"): (
        "the customer's last words were cut off by the end of the call, half a second after they fell silent"
    ),
    ("livekit/1.8.9-llm_error", "customer end"): (
        "the call ended before anybody noticed that the customer had fallen silent"
    ),
    ("livekit/1.8.9-noise_turns", "customer start"): (
        "the framework's own measure begins with the noise before the words, and the call with the words"
    ),
}
"""What no span shows: edges whose median may be off by more than the promise, and why."""

PROMISE = {"agent start": 5, "customer start": 30, "customer end": 70}
"""By how many ms the median of an edge may be off, in LiveKit 1.8, for Node.js, and in Pipecat with metrics."""

AGENT_END = 20
"""The same for the end of the agent's speech, in LiveKit, and in Pipecat where its turn tells it."""

REALTIME = {"agent start": 130, "agent end": 20, "customer start": 30, "customer end": 210}
"""The same where spans are those of a realtime session.

A customer's end is when the server noticed it, 200 ms later. The models of pydantic-ai begin before their first audio.
"""

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
    found = score(dump, bodies, UNSAID.get(dump, ()))
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
    if framework == "gen_ai":
        return {}  # the times of models, not of speech
    if framework == "realtime":
        return REALTIME
    if framework.startswith("livekit"):
        return {"agent end": AGENT_END} | (PROMISE if name.startswith("1.8") or framework == "livekit-js" else {})
    if name.startswith("metrics_disabled"):
        return {}  # nothing measures when the customer fell silent
    return PROMISE | ({"agent end": AGENT_END} if dump in TOLD_ENDS else {})


def test_what_is_listed_as_unmatched_is_recorded() -> None:
    assert {*UNMATCHED, *UNSAID, *TOLD_ENDS, *(dump for dump, _ in UNSEEN)} <= set(FRAMEWORKS)
