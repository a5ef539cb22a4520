"""A call as Roark got it, beside what really happened."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from frameworks.pipecat.script import plain
from support.lateness import Slack, slack

if TYPE_CHECKING:
    from collections.abc import Sequence

Body = dict[str, Any]
_ROLES = {"assistant": "AGENT", "user": "CUSTOMER"}
ROUNDING = 0.002
"""So many seconds are lost where times become milliseconds."""


class During(NamedTuple):
    """Something that took time, in Unix seconds."""

    what: str
    start: float
    end: float


def said(truth: Body) -> list[tuple[str, str]]:
    """Who said what, by the context of Pipecat's model."""
    messages = [one for one in truth["messages"] if one["role"] in _ROLES and plain(one).strip()]
    return [(_ROLES[one["role"]], plain(one).strip()) for one in messages]


def transcript(body: Body) -> list[tuple[str, str]]:
    """Who said what, by the call."""
    return [(entry["role"], entry["text"]) for entry in body["transcript"]]


def used(truth: Body) -> list[tuple[str, Body, Any]]:
    """Which tools were called with what, and what came of it, by the context of Pipecat's model."""
    asked = [call for one in truth["messages"] for call in one.get("tool_calls") or ()]
    answers = {one["tool_call_id"]: one["content"] for one in truth["messages"] if one["role"] == "tool"}
    return [
        (call["function"]["name"], json.loads(call["function"]["arguments"]), _value(answers[call["id"]]))
        for call in asked
    ]


def _value(content: str) -> Any:
    """What a tool returned is JSON, what Pipecat says of it is not."""
    try:
        return json.loads(content)
    except ValueError:
        return content


def tools(body: Body) -> list[tuple[str, Body, Any]]:
    """Which tools were called with what, and what came of it, by the call."""
    return [(one["name"], one["parameters"], one["result"]) for one in body.get("toolInvocations", [])]


def frames(truth: Body, kind: str) -> list[Body]:
    """The frames of a kind that an observer saw."""
    return [one for one in truth["frames"] if one["kind"] == kind]


def spoke(body: Body, role: str) -> list[During]:
    """When somebody spoke, by the call."""
    return [_during(body, entry, entry["text"]) for entry in body["transcript"] if entry["role"] == role]


def ran(body: Body) -> list[During]:
    """When tools were used, by the call."""
    return [_during(body, tool, tool["name"]) for tool in body.get("toolInvocations", [])]


def real(truth: Body, who: str) -> list[During]:
    """When somebody spoke or tools ran, as whoever did it noted it: `customer`, `agent` or `tools`."""
    return [During(*one) for one in truth[who]]


def _during(body: Body, entry: Body, what: str) -> During:
    zero = datetime.fromisoformat(body["startedAt"].replace("Z", "+00:00")).timestamp()
    return During(what, zero + entry["startOffsetMs"] / 1000, zero + entry["endOffsetMs"] / 1000)


def overlap(one: During, other: During, slack: float = 0.0) -> bool:
    """Whether two stretches of time have something in common, give or take the rounding to milliseconds."""
    slack += ROUNDING
    return one.start <= other.end + slack and other.start <= one.end + slack


def report(one: During, other: During, busy: Slack) -> None:
    """Prints how far off the times are."""
    start, end, off = (round(1000 * gap) for gap in (one.start - other.start, one.end - other.end, busy.seconds))
    print(f"  {one.what[:40]!r}: start {start:+d} ms, end {end:+d} ms, slack {off} ms")  # noqa: T201


def compare(found: Sequence[During], true: Sequence[During], waits: Sequence[tuple[float, float]]) -> None:
    """Each stretch overlaps the real one, and comes between those before and after it.

    How far off the times are is printed and not judged: that depends on the machine.

    Args:
        found: The stretches by the call.
        true: The real ones, in the same order.
        waits: When the machine was late, and by how much.
    """
    assert len(found) == len(true)
    for index, (one, other) in enumerate(zip(found, true, strict=True)):
        busy = slack(waits, one, other)
        report(one, other, busy)
        busy.expect(overlap(one, other, busy.seconds), f"{one} overlaps {other}")
        before = max((earlier.end for earlier in true[:index]), default=one.start)
        after = min((later.start for later in true[index + 1 :]), default=one.end)
        busy.expect(before <= one.start + busy.seconds, f"{one} begins after {before}")
        busy.expect(one.end <= after + busy.seconds, f"{one} ends before {after}")


def overlaps(agent: Sequence[During], customer: Sequence[During]) -> list[tuple[int, int]]:
    """Which of the agent's speeches overlap which of the customer's; to end where the other begins does not count."""
    return [
        (a, c)
        for (a, one), (c, other) in product(enumerate(agent), enumerate(customer))
        if one.start + ROUNDING < other.end and other.start + ROUNDING < one.end
    ]
