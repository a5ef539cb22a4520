"""What came before a conversation in another process, and what comes late for the call of both."""

from __future__ import annotations

import json
from typing import Any

from roark_otel._engine.earlier_parts import Parts

NAME = "k" + "0" * 32 + "-" + "1" * 16
PART = {
    "startedAt": "2026-11-22T18:39:20.000Z",
    "transcript": [{"role": "AGENT", "text": "Hello.", "startOffsetMs": 0}],
}
HERE = {
    "startedAt": "2026-11-22T18:39:24.000Z",
    "transcript": [{"role": "AGENT", "text": "Again.", "startOffsetMs": 0}],
}
HERE_NS = 1_795_372_764_000_000_000
LATE = {
    "transcript": [{"role": "CUSTOMER", "text": "Late.", "startOffsetMs": 5, "endOffsetMs": 9}],
    "toolInvocations": [{"name": "look_up", "startOffsetMs": 7}],
    "properties": {"shop": "Lakeside"},
}


class Left:
    """A directory in which a killed process left a part."""

    def part_of(self, _key: str, _own: str) -> tuple[bytes, tuple[str, ...]]:
        return json.dumps(PART).encode(), ()


def parts(left: Any) -> Parts:
    found = Parts(left)
    found.joined(NAME, json.dumps(HERE).encode())
    return found


def test_what_comes_late_counts_from_where_the_first_part_began() -> None:
    """Also once the conversation is over, and its parts are forgotten."""
    found = parts(Left())
    found.forget(NAME)
    late = found.in_its_time(NAME, LATE, HERE_NS)
    assert late["transcript"][0] | {"startOffsetMs": 4_005, "endOffsetMs": 4_009} == late["transcript"][0]
    assert late["toolInvocations"] == [{"name": "look_up", "startOffsetMs": 4_007}]
    assert late["properties"] == {"shop": "Lakeside"}


def test_without_a_part_it_counts_from_where_the_call_began() -> None:
    assert parts(None).in_its_time(NAME, LATE, HERE_NS) == LATE
