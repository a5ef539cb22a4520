"""What comes in as messages of the source goes out as calls: when, which, and what is left of it."""

from __future__ import annotations

import json
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import Settings, assemble_call
from roark_otel._worker.open_conversation import LONGEST_SETTLE
from roark_otel.types import ReadyCall
from scale.support.load import load
from scale.support.roark import FaultyRoark
from support.otlp_lines import ended
from support.otlp_requests import field, fixed64, pair, protobuf, request, span
from support.replaying import RECORDING
from support.replaying import load as load_dump
from worker.line import IDLE, QUIET, REMEMBERED, SETTLE, Line, S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel._worker.records import StageRecord

NS = 1_800_000_000 * 10**9
TRACE, OTHER = bytes(range(16)), bytes(range(1, 17))

DUMPS = [
    "livekit-js/two_sessions_one_trace",
    "livekit/1.8.9-tool_call",
    "livekit/1.8.9-two_sessions_same_task",
    "livekit/1.8.9-three_turns",
    "pipecat/two_pipelines",
]


@pytest.fixture(name="roark")
def _roark() -> Iterator[FaultyRoark]:
    with FaultyRoark() as roark:
        yield roark


def spans_of(dump: str) -> tuple[list[tuple[bytes, bytes]], list[str]]:
    """Returns the messages of a recorded conversation, a few spans of one trace each, and its ids."""
    recorded = load_dump(dump)
    has_ids = any("roark.external_id" in {**one["attributes"], **(one["resource"] or {})} for one in recorded)
    roots = [one for one in recorded if one["name"] in {"agent_session", "conversation"}]
    add = (
        {}
        if has_ids
        else {one["span_id"]: {"roark.external_id": f"{Path(dump).name}-{at}"} for at, one in enumerate(roots)}
    )
    spans = ended(recorded, add)
    messages = [
        (trace.to_bytes(16, "big").hex().encode(), protobuf(list(some)))
        for trace, some in groupby(spans, lambda one: one.context.trace_id)
    ]
    named = [{**one.resource.attributes, **(one.attributes or {})}.get("roark.external_id") for one in spans]
    return messages, sorted({str(one) for one in named if one})


@pytest.mark.parametrize("forgets", [False, True], ids=["runs on", "is killed after each record"])
@pytest.mark.parametrize("dump", DUMPS)
def test_a_recorded_trace_makes_the_calls_that_assemble_call_makes(
    roark: FaultyRoark, dump: str, *, forgets: bool
) -> None:
    line = Line(roark.url, forgets=forgets)
    messages, ids = spans_of(dump)
    for key, value in messages:
        line.take(value, key)
    line.tick(QUIET + SETTLE)
    line.tick(IDLE + QUIET)
    line.tick(IDLE)
    settings = Settings().with_arguments(recording_url_template=RECORDING)
    expected: dict[str, Any] = {}
    for external_id in ids:
        made = assemble_call(external_id, [value for _, value in messages], settings)
        if isinstance(made, ReadyCall):  # the id of a resource may be that of no call
            expected[external_id] = json.loads(made.body)
    assert expected
    assert {name: call.body for name, call in roark.calls.items()} == expected
    assert line.open() == set()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("forgets", [False, True], ids=["runs on", "is killed after each record"])
def test_conversations_of_two_processes_are_complete(roark: FaultyRoark, seed: int, *, forgets: bool) -> None:
    line, found = Line(roark.url, forgets=forgets), load(8, 40, seed=seed, name="c", orphan_every=4)
    at = 0.0
    for message in found.messages(NS):
        line.take(message.value, message.key, after_ms=int((message.at - at) * S))
        at = message.at
    line.tick(SETTLE)
    line.tick(IDLE)
    line.tick(IDLE)
    assert {name: (call.said, call.tools) for name, call in roark.calls.items()} == {
        name: (one.said, one.tools) for name, one in found.expected.items()
    }
    assert {name for name, call in roark.calls.items() if "roark_incomplete" in call.body["properties"]} == {
        name for name, one in found.expected.items() if one.ended_at is None
    }
    assert line.open() == set()


# When a conversation is over


def a_span(
    number: int,
    *,
    said: str = "",
    tool: str = "",
    external_id: str = "",
    marked: bool = False,
    parent: int = 0,
    trace: bytes = TRACE,
    flags: int = 0,
) -> bytes:
    content = [field(5, f"span {number}"), fixed64(7, NS + number * 10**9), fixed64(8, NS + number * 10**9 + 1)]
    content += [field(4, parent.to_bytes(8, "big"))] if parent else []
    content += [field(9, pair("roark.external_id", field(1, external_id)))] if external_id else []
    content += [field(9, pair("roark.conversation.root", field(2, 1)))] if marked else []
    content += [fixed_flags(flags)] if flags else []
    if said:
        content.append(event("roark.transcript", NS + number * 10**9, role="agent", text=said))
    if tool:
        content.append(event("roark.tool_invocation", NS + number * 10**9, name=tool, parameters="{}", result="ok"))
    return span(*content, trace=trace, span=number.to_bytes(8, "big"))


def fixed_flags(flags: int) -> bytes:
    return bytes([16 << 3 & 0x7F | 0x80 | 5, 1]) + flags.to_bytes(4, "little")


def event(name: str, at_ns: int, /, **attributes: str) -> bytes:
    pairs = b"".join(field(3, pair(key, field(1, value))) for key, value in attributes.items())
    return field(11, fixed64(1, at_ns) + field(2, name) + pairs)


def root(external_id: str = "call-1", number: int = 1, trace: bytes = TRACE) -> bytes:
    return request(a_span(number, said="Hello.", external_id=external_id, marked=True, trace=trace))


def test_it_is_over_after_the_settle_time_of_the_log(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    line.take(root())
    line.tick(SETTLE - 1)
    assert not roark.calls
    line.tick(1)
    assert roark.calls["call-1"].said == ("Hello.",)


def test_what_comes_after_the_root_is_waited_for_but_not_for_ever(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    line.take(root())
    for number in range(2, 20):
        line.take(request(a_span(number, said=f"Word {number}.", parent=1)), after_ms=SETTLE - 1)
        line.wait()
        if roark.calls:
            break
    assert len(roark.calls["call-1"].said) == 1 + LONGEST_SETTLE + 1


@pytest.mark.parametrize("away", [30 * S, 3600 * S])
@pytest.mark.parametrize("forgets", [False, True], ids=["runs on", "is killed after each record"])
def test_after_a_pause_of_the_log_senders_have_their_turn(roark: FaultyRoark, away: int, *, forgets: bool) -> None:
    """The brokers were away for longer than the settle time, and even the idle time: a tick comes before the spans."""
    line = Line(roark.url, forgets=forgets, pause=20 * S)
    line.tick(100)
    line.take(root())
    line.tick(away)
    line.tick(SETTLE // 2)
    assert not roark.calls
    line.take(request(a_span(2, said="And then?", parent=1)))
    for _ in range(3):
        line.tick(SETTLE - 1)
    assert roark.calls["call-1"].said == ("Hello.", "And then?")
    assert line.open() == {"t", "w"}
    for _ in range(IDLE // (10 * S) + 1):
        line.tick(10 * S)
    assert line.open() == set()


def test_partitions_that_move_make_no_pause(roark: FaultyRoark) -> None:
    line = Line(roark.url, pause=20 * S)
    line.tick(100)
    line.take(root())
    line.tick(20 * S)
    assert roark.calls["call-1"].said == ("Hello.",)


def test_no_conversation_is_over_while_a_partition_is_behind(roark: FaultyRoark) -> None:
    from roark_otel._worker.frames import framed
    from roark_otel._worker.records import Progress, RootEnded, SpanNews

    line = Line(roark.url)
    line.hear(SpanNews("call-1", RootEnded.SURELY, 1000, framed(root())))
    for progress in (Progress(0, 2, 10**9), Progress(1, 2, 999 + SETTLE), Progress(0, 2, 2 * 10**9)):
        line.hear(progress)
        line.posting.has_room()
        assert line.posting.away == 0
    assert not roark.calls
    line.hear(Progress(2, 3, 10**9))  # one more was added, and the one that is behind still is
    assert line.posting.away == 0
    line.hear(Progress(1, 3, 1000 + SETTLE))
    line.wait()
    assert set(roark.calls) == {"call-1"}


@pytest.mark.parametrize("parent", [0, 7])
def test_an_implied_root_is_over_after_the_quiet_time_if_nothing_is_missing(roark: FaultyRoark, parent: int) -> None:
    line = Line(roark.url)
    line.take(request(a_span(1, said="Hello.", external_id="call-1", parent=parent)))
    line.tick(QUIET - 1)
    assert not roark.calls
    line.tick(1)
    assert bool(roark.calls) is (parent == 0)
    line.tick(IDLE - QUIET)
    properties = roark.calls["call-1"].body["properties"]
    assert ("roark_incomplete" in properties) is (parent != 0)


def test_a_parent_in_another_process_is_not_waited_for(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    line.take(request(a_span(1, said="Hello.", external_id="call-1", parent=7, flags=0x300)))
    line.tick(QUIET)
    assert set(roark.calls) == {"call-1"}


def test_a_parent_that_comes_after_the_quiet_time_ends_it(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    line.take(request(a_span(2, said="Hello.", external_id="call-1", parent=1)))
    line.tick(QUIET)
    line.take(request(a_span(1)))
    line.tick(QUIET)
    assert set(roark.calls) == {"call-1"}


def test_spans_without_an_id_are_let_go_after_the_idle_time(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    line.take(request(a_span(1, said="Hello.")))
    line.take(request(a_span(2, said="Hello?")))
    line.tick(IDLE - 200)
    assert line.open() == {"t", "w"}
    line.tick(IDLE)
    assert line.open() == set()
    assert line.counts["traces_without_id"] == 1


def test_an_id_that_is_seen_late_gets_all_of_its_trace(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    for number in range(2, 6):
        line.take(request(a_span(number, said=f"Word {number}.", parent=1)), TRACE.hex().encode())
    line.take(root(), TRACE.hex().encode())
    line.tick(SETTLE)
    assert roark.calls["call-1"].said == ("Hello.", "Word 2.", "Word 3.", "Word 4.", "Word 5.")


def test_a_message_of_several_traces_goes_where_each_belongs(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    both = [
        a_span(at, said=f"Of {name}.", external_id=name, marked=True, trace=trace)
        for at, (name, trace) in enumerate([("a", TRACE), ("b", OTHER)], 1)
    ]
    line.take(request(*both))
    line.tick(SETTLE)
    assert {name: call.said for name, call in roark.calls.items()} == {"a": ("Of a.",), "b": ("Of b.",)}


# What comes again, and what comes late


def test_what_comes_twice_counts_once_also_after_the_call(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    for _ in range(2):
        line.take(root())
    line.tick(SETTLE)
    for _ in range(2):
        line.take(root())
    line.tick(SETTLE)
    assert roark.calls["call-1"].said == ("Hello.",)
    assert sum(roark.statuses.values()) == 1
    assert line.counts["late_spans"] == line.counts["late_dropped"] == 0


@pytest.mark.parametrize("forgets", [False, True])
def test_a_late_tool_use_is_appended_and_a_late_word_counted(roark: FaultyRoark, *, forgets: bool) -> None:
    line = Line(roark.url, forgets=forgets)
    line.take(root())
    line.tick(SETTLE)
    line.take(request(a_span(2, tool="lookup", parent=1)))
    line.tick(SETTLE)
    line.take(request(a_span(3, said="Too late.", parent=2)))
    line.tick(SETTLE)
    assert [one["name"] for one in roark.appended["call-of-call-1"]] == ["lookup"]
    assert (line.counts["late_spans"], line.counts["late_dropped"]) == (2, 1)
    line.take(request(a_span(2, tool="lookup", parent=1)))
    line.tick(SETTLE)
    assert len(roark.appended["call-of-call-1"]) == 1


def test_the_next_session_of_a_trace_is_not_late_for_the_first(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    line.take(root("first", 1))
    line.tick(SETTLE)
    line.take(request(a_span(12, tool="lookup", parent=11)))
    line.tick(SETTLE)
    line.take(root("second", 11))
    line.tick(SETTLE)
    assert not roark.appended
    assert {name: call.tools for name, call in roark.calls.items()} == {"first": 0, "second": 1}


def test_what_comes_while_its_call_is_being_sent_is_late(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    line.take(root())
    line.take(b"", after_ms=SETTLE)
    line.take(request(a_span(2, tool="lookup", parent=1)))
    line.wait()
    line.tick(SETTLE)
    assert [one["name"] for one in roark.appended["call-of-call-1"]] == ["lookup"]


def test_a_call_is_forgotten_in_time(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    line.take(root())
    line.tick(SETTLE)
    assert "d/call-1" in line.second
    line.tick(REMEMBERED + REMEMBERED // 8)
    line.tick(IDLE)
    assert {key for key in line.second if not key.startswith(("n", "x"))} == set()


# Roark


def test_the_state_stays_until_roark_has_the_call(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    roark.is_down = True
    line.take(root())
    line.tick(SETTLE)
    assert "s/call-1/0" in line.second
    line.restart()
    roark.is_down = False
    line.tick(SETTLE)
    assert roark.calls["call-1"].said == ("Hello.",)
    assert "s/call-1/0" not in line.second


def test_a_second_place_of_a_conversation_does_not_stay_in_the_state(roark: FaultyRoark) -> None:
    """A worker that ends before it commits may have written one place, and the next another one: both come back."""
    line = Line(roark.url)
    line.take(root())
    (place,) = (key for key in line.second if key.startswith("c/"))
    line.second["c/36"] = line.second[place]
    line.restart()
    line.tick(SETTLE)
    line.tick(IDLE)
    line.tick(IDLE)
    assert [call.said for call in roark.calls.values()] == [("Hello.",)]
    assert line.open() == set()


def test_an_outage_is_asked_about_one_at_a_time_and_nothing_is_lost(roark: FaultyRoark) -> None:
    from roark_otel._worker.posting import MAX_AWAY

    line, names = Line(roark.url), [f"call-{number}" for number in range(100)]
    roark.is_down = True
    for at, name in enumerate(names):
        line.take(root(name, at + 1, at.to_bytes(16, "big") if at else TRACE))
    line.tick(SETTLE)
    assert line.posting.away == 0
    assert line.posting.is_down
    assert len(line.conversations) == len(names)
    most = 0
    roark.is_down = False
    deadline = time.monotonic() + 120
    while len(roark.calls) < len(names):
        assert time.monotonic() < deadline, f"{len(roark.calls)} calls"
        line.take(b"", after_ms=500)
        most = max(most, line.posting.away)
        line.wait()
        time.sleep(0.02)  # how often Roark is asked is a matter of this machine's time
    assert 1 <= most <= MAX_AWAY


def test_a_call_that_roark_does_not_take_is_kept_and_said_once() -> None:
    from support.answering import AnsweringServer, invalid

    with AnsweringServer(then=invalid("startedAt")) as refusing:
        line = Line(refusing.url)
        line.take(root())
        line.tick(SETTLE)
        line.take(root())
        line.tick(SETTLE)
        assert [(one.external_id, one.reason) for one in line.dead] == [("call-1", "400: startedAt")]
        assert json.loads(line.dead[0].body)["externalId"] == "call-1"
        assert line.open() <= {"t", "w"}


# Recordings


def recorded(external_id: str, line: Line) -> StageRecord:
    from roark_otel._worker.records import RecordingNews

    return RecordingNews(external_id, line.now_ms, "https://example.com/own.wav")


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_a_recording_comes_by_itself(roark: FaultyRoark, when: str) -> None:
    line = Line(roark.url, recording_url_template="")
    if when == "before":
        line.hear(recorded("call-1", line))
    line.take(root())
    if when == "between":
        line.hear(recorded("call-1", line))
    line.tick(SETTLE)
    assert bool(roark.calls) is (when != "after")
    line.hear(recorded("call-1", line))
    line.tick(SETTLE)
    assert roark.calls["call-1"].body["recordingUrl"] == "https://example.com/own.wav"


@pytest.mark.parametrize("fallback", [None, "https://example.com/none.wav"])
def test_a_recording_is_waited_for_so_long(roark: FaultyRoark, fallback: str | None) -> None:
    from worker.line import RECORDING_WAIT

    line = Line(roark.url, recording_url_template="", recording_fallback_url=fallback)
    line.take(root())
    line.tick(SETTLE)
    line.tick(RECORDING_WAIT - SETTLE - 1)
    assert not roark.calls
    assert not line.dead
    line.tick(1)
    assert [call.body["recordingUrl"] for call in roark.calls.values()] == ([fallback] if fallback else [])
    assert [one.reason for one in line.dead] == ([] if fallback else ["no_recording"])


def test_a_recording_of_nothing_makes_no_call(roark: FaultyRoark) -> None:
    line = Line(roark.url)
    line.hear(recorded("call-1", line))
    line.tick(IDLE)
    line.tick(SETTLE)
    assert not roark.calls
    assert line.open() == set()
