"""A call as Roark got it, beside what really happened."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from livekit.agents import __version__

from support.lateness import compare_ends, compare_starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frameworks.livekit.customer import Speech
    from frameworks.livekit.rig import Ran, Truth

Body = dict[str, Any]

VERSION = tuple(int(part) for part in __version__.split(".")[:3])
TELLS_WHY_IT_ENDED = VERSION >= (1, 8, 2)
"""Whether the spans of this version say why a session was closed, and who called which number."""
NAMES_AGENTS = VERSION >= (1, 8)
"""Whether every turn of this version names its agent; before, only a change of agents is stated."""

_ROUNDING = 0.002
_ROLES = {"assistant": "AGENT", "user": "CUSTOMER"}


class Stated(NamedTuple):
    """What a call says of a stretch of time, in Unix seconds."""

    what: str
    start: float
    end: float


def said(truth: Truth) -> list[tuple[str, str]]:
    """Who said what, by the session's own history."""
    messages = [item for item in truth.history if item["type"] == "message" and item["role"] in _ROLES]
    return [(_ROLES[item["role"]], "".join(item["content"]).strip()) for item in messages]


def transcript(body: Body) -> list[tuple[str, str]]:
    """Who said what, by the call."""
    return [(entry["role"], entry["text"]) for entry in body["transcript"]]


def asked(truth: Truth) -> list[tuple[str, dict[str, Any]]]:
    """Which tools were called with what, by the session's own history."""
    calls = [item for item in truth.history if item["type"] == "function_call"]
    return [(item["name"], json.loads(item["arguments"])) for item in calls]


def answered(truth: Truth) -> list[tuple[str, str, bool]]:
    """What came of tools, by the session's own history: the name, the result as text, and whether it is an error."""
    outputs = [item for item in truth.history if item["type"] == "function_call_output"]
    return [(item["name"], item["output"], item["is_error"]) for item in outputs]


def tools(body: Body) -> list[tuple[str, dict[str, Any]]]:
    """Which tools were called with what, by the call."""
    return [(tool["name"], tool["parameters"]) for tool in body.get("toolInvocations", [])]


def results(body: Body) -> list[Any]:
    """What came of tools, by the call."""
    return [tool["result"] for tool in body.get("toolInvocations", [])]


def stated(body: Body, role: str) -> list[Stated]:
    """When somebody spoke, by the call."""
    return [_stated(body, entry, entry["text"]) for entry in body["transcript"] if entry["role"] == role]


def _stated(body: Body, entry: Body, what: str) -> Stated:
    zero = datetime.fromisoformat(body["startedAt"].replace("Z", "+00:00")).timestamp()
    return Stated(what, zero + entry["startOffsetMs"] / 1000, zero + entry["endOffsetMs"] / 1000)


def used(body: Body) -> list[Stated]:
    """When tools were used, by the call."""
    return [_stated(body, tool, tool["name"]) for tool in body.get("toolInvocations", [])]


def overlap(one: Stated | Speech | Ran, other: Stated | Speech | Ran) -> bool:
    """Whether two stretches of time have something in common, give or take the rounding to milliseconds."""
    return one.start <= other.end + _ROUNDING and other.start <= one.end + _ROUNDING


def cover(one: Stated | Speech | Ran, other: Stated | Speech | Ran) -> bool:
    """Whether two stretches of time have more in common than the rounding to milliseconds."""
    return one.start < other.end - _ROUNDING and other.start < one.end - _ROUNDING


def compare_times(body: Body, truth: Truth, *, typed: Sequence[str] = ()) -> None:
    """Every speech of the call overlaps the one that was heard, and no other of the same speaker; likewise tools.

    How far off the times are is printed and not judged: that depends on the machine.

    Args:
        body: The call.
        truth: What really happened.
        typed: What the customer did not speak.
    """
    spoken = [one for one in stated(body, "CUSTOMER") if one.what not in typed]
    _compare("customer", spoken, truth.customer)
    _compare("agent", stated(body, "AGENT"), truth.agent)
    ran = {one.name for one in truth.tools}
    _compare("tool", [one for one in used(body) if one.what in ran], truth.tools)


def compare_edges(body: Body, truth: Truth, waits: Sequence[tuple[float, float]], *, typed: Sequence[str] = ()) -> None:
    """The customer begins within 50 ms, and the agent ends within 300 ms, of when they really did.

    Args:
        body: The call.
        truth: What really happened.
        waits: When the event loop was late, and by how much.
        typed: What the customer did not speak.
    """
    spoken = [one for one in stated(body, "CUSTOMER") if one.what not in typed]
    compare_starts(spoken, truth.customer, waits)
    compare_ends(stated(body, "AGENT"), truth.agent, waits)


def _compare(who: str, stated: Sequence[Stated], real: Sequence[Speech | Ran]) -> None:
    assert len(stated) == len(real)
    for number, (one, true) in enumerate(zip(stated, real, strict=True)):
        start, end = (round(1000 * off) for off in (one.start - true.start, one.end - true.end))
        print(f"  {who:9} {one.what[:40]!r}: start {start:+d} ms, end {end:+d} ms")  # noqa: T201
        assert overlap(one, true)
        if who != "tool":  # tools may run at the same time
            assert not any(cover(one, other) for place, other in enumerate(real) if place != number)
