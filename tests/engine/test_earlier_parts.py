"""What came before a conversation in another process, and what comes late for the call of both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roark_otel._engine.earlier_parts import Parts, sendable
from roark_otel._engine.written import Written
from roark_otel._linking.defaults import Defaults
from roark_otel._model.steps import no_pause
from roark_otel._privacy.redaction import Redaction
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage

if TYPE_CHECKING:
    import pytest

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


def test_a_part_that_the_hook_cannot_be_given_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """Another version wrote it: what is known here is sent, and nothing that the hook has not seen."""
    own = json.dumps(HERE).encode()
    call = Written(NAME, Header("call-1", "a1", 1.0, 0.0, 1, 0), own, Stage.WAITING, 0.0, ())
    whole = json.dumps(PART | {"transcript": [{"role": "ROBOT", "text": "Secret.", "startOffsetMs": 0}]}).encode()
    assert sendable(call, whole, Defaults(), Redaction(hook=lambda item: item), no_pause) == own
    assert sendable(call, whole, Defaults(), Redaction(), no_pause) == whole
    (said,) = caplog.messages
    assert said.startswith("what another process heard of conversation external_id=call-1 is not part of its call")
    assert "Secret" not in said
