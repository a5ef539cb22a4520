"""When a conversation is read, transition by transition, with real spans and the time as a number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import SpanLimits

from roark_otel._model.finished import Ended, Errored, NeverEnded
from roark_otel._model.rows import Kind, SpanEvent, SpanView, Strength, as_captured, row_of
from roark_otel._open.schedule import Waits
from support.helpers import MS, T0
from support.live import NOTHING, WAITS, Finished, Live, Reopened, kinds, sizes, texts


@pytest.fixture(name="machine")
def _machine() -> Live:
    return Live(waits=WAITS)


def test_a_marked_root_is_finished_after_the_linger(machine: Live) -> None:
    """OPEN -> LINGERING -> CLOSED, and its call may be sent at once."""
    machine.start(1, external_id="a", marked=True)
    machine.end(1, "hello")

    assert machine.after(1.9) == []
    (finished,) = machine.after(0.1)
    assert texts(finished) == ["hello"]
    assert isinstance(finished, Finished)
    assert (finished.rest, finished.conversation.ending) == (0.0, Ended())
    assert machine.after(7200.0) == []


def test_an_implied_root_rests(machine: Live) -> None:
    """LINGERING -> RESTING: the call is finished, and sent only after the quiet time."""
    machine.start(1, external_id="a")
    machine.end(1, "hello")

    (finished,) = machine.after(2.0)

    assert isinstance(finished, Finished)
    assert finished.rest == WAITS.quiet
    assert machine.after(60.0) == []
    assert len(machine) == 0


def test_a_further_root_joins_a_resting_call(machine: Live) -> None:
    """RESTING -> OPEN -> LINGERING: the call is held back, and finished again with both roots."""
    machine.start(1, external_id="a")
    machine.end(1, "one")
    (first,) = machine.after(2.0)
    machine.now += 30.0

    machine.start(2, trace_id=2, external_id="a")
    held = machine.after(0.0)
    machine.end(2, "two")
    (second,) = machine.after(2.0)

    assert [type(one) for one in held] == [Reopened]
    assert texts(second) == ["one", "two"]
    assert isinstance(first, Finished)
    assert isinstance(second, Finished)
    assert first.conversation.file_span_id == second.conversation.file_span_id


def test_a_late_span_of_a_resting_call_is_still_part_of_it(machine: Live) -> None:
    """RESTING -> LINGERING: the call is finished again, with what came late."""
    machine.start(1, external_id="a")
    machine.start(2, 1)
    machine.end(1, "one")
    machine.after(2.0)

    machine.end(2, "two")

    (again,) = machine.after(2.0)
    assert texts(again) == ["one", "two"]


def test_an_implied_root_without_a_word_closes_nothing(machine: Live) -> None:
    """A webhook that carries the id first sends no empty call; the words that follow make one."""
    machine.start(1, external_id="a")
    machine.end(1)
    assert machine.after(10.0) == []

    machine.start(2, trace_id=2, external_id="a")
    machine.end(2, "hello")

    (finished,) = machine.after(2.0)
    assert texts(finished) == ["hello"]


def test_open_children_are_not_waited_for_but_read(machine: Live) -> None:
    """The root's end counts, whatever is open below it; an open span may hold the last words."""
    machine.start(1, external_id="a", marked=True)
    machine.start(2, 1)
    machine.say(2, "last words")
    machine.end(1)

    (finished,) = machine.after(2.0)
    assert texts(finished) == ["last words"]


def test_a_span_that_comes_after_the_call_is_counted(machine: Live) -> None:
    """A span of a CLOSED conversation is reported, and is part of no call."""
    machine.start(1, external_id="a", marked=True)
    machine.start(2, 1)
    machine.end(1, "hello")
    machine.after(2.0)

    machine.end(2, "too late")

    assert kinds(machine.after(0.0)) == ["late_spans"]


def test_a_conversation_that_never_ends_is_finished_as_incomplete(machine: Live) -> None:
    """Without activity for the idle time it is given up, with what it has."""
    machine.start(1, external_id="a")
    machine.start(2, 1)
    machine.end(2, "hello")

    (finished,) = machine.after(3600.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.ending == NeverEnded()
    assert texts(finished) == ["hello"]


def test_a_flush_makes_the_waits_zero_and_closes_nothing_that_is_open(machine: Live) -> None:
    """What has ended is finished at once, for good; what is open stays open."""
    machine.start(1, external_id="ended")
    machine.start(2, trace_id=2, external_id="open")
    machine.start(3, 2, trace_id=2)
    machine.end(1, "hello")
    machine.end(3, "and")

    (finished,) = machine.flush()

    assert isinstance(finished, Finished)
    assert (finished.conversation.external_id, finished.rest) == ("ended", 0.0)
    assert len(machine) == 1


def test_the_status_of_the_root_is_the_ending(machine: Live) -> None:
    """The ending of a root with status ERROR has the types of its exceptions."""
    machine.start(1, external_id="a", marked=True)
    machine.end(1, "hello", error=True, exception="starlette.websockets.WebSocketDisconnect")

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.ending == Errored(("starlette.websockets.WebSocketDisconnect",))


def test_the_same_span_from_two_processors_is_taken_once() -> None:
    """Two captures of one span count once."""
    machine = Live(waits=WAITS, processors=2)
    machine.start(1, external_id="a", marked=True)
    machine.end(1, "hello")

    (finished,) = machine.after(2.0)
    assert texts(finished) == ["hello"]


def test_events_that_were_seen_early_are_not_lost() -> None:
    """Events read from the open span and those left at its end are one list, however few the SDK keeps."""
    machine = Live(waits=WAITS, limits=SpanLimits(max_events=2))
    machine.start(1, external_id="a", marked=True)
    for child, said in ((2, "01"), (3, "2"), (4, "34")):
        machine.start(child, 1)
        machine.say(1, *said, first=int(said[0]))
        machine.end(child)
    machine.say(1, *"5678", first=5)
    machine.end(1)

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert texts(finished) == [*"012345678"]
    assert "roark_dropped_events" not in finished.conversation.notes


def test_events_that_were_seen_twice_count_once(machine: Live) -> None:
    """Two readings of an open span may overlap, and come in any order."""
    machine.start(1, external_id="a", marked=True)
    span = machine.spans[1]
    (number,) = machine.groups.places.by_number

    def event(index: int) -> SpanEvent:
        return SpanEvent("roark.transcript", T0 + (10 + index) * MS, {"role": "agent", "text": str(index)})

    for first, after in ((2, 5), (0, 3)):
        seen = tuple(event(index) for index in range(first, after))
        view = SpanView(1, 1, None, "app", "span", span.start_time or 0, None, {}, seen, first)
        machine.take((number, NOTHING, None, *as_captured(row_of(Kind.EVENTS, view))))
    view = view._replace(end_ns=T0 + 99 * MS, dropped_events=7, events=(event(7), event(8)))
    machine.take((number, NOTHING, None, *as_captured(row_of(Kind.ENDED, view, own_id="a", strength=Strength.MARKED))))

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert texts(finished) == ["0", "1", "2", "3", "4", "7", "8"]
    assert finished.conversation.notes["roark_dropped_events"] == 2


def test_a_root_that_the_app_lets_go_of_is_finished_as_incomplete(machine: Live) -> None:
    """OPEN -> LINGERING: it can never end, so nothing is waited for; what it said is in the call."""
    machine.start(1, external_id="a", marked=True)
    machine.start(2, 1)
    machine.end(2, "hello")
    machine.say(1, "on the root")
    machine.let_go(1)
    assert machine.after(1.9) == []
    (finished,) = machine.after(0.1)
    assert sorted(texts(finished)) == ["hello", "on the root"]
    assert isinstance(finished, Finished)
    assert finished.conversation.ending == NeverEnded()


def test_a_framework_root_that_is_let_go_of_without_a_word(machine: Live) -> None:
    """A span that may not be read while it is open is not read when the app lets go of it either."""
    machine.start(1, scope="livekit-agents", name="agent_session", external_id="a")
    machine.say(1, "unfiltered")
    machine.let_go(1)
    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.ending == NeverEnded()
    assert texts(finished) == []


def test_a_span_that_outlives_its_trace_is_late(machine: Live) -> None:
    """It is known for as long as it is open, so that what it says at last is counted for its own conversation."""
    machine.start(1, external_id="a", marked=True)
    machine.start(2, 1)
    machine.start(3, 1)
    machine.end(1, "hello")
    machine.after(2.0)
    machine.after(60.0)
    assert machine.forgotten == [1]

    machine.end(2, "too late")
    assert kinds(machine.after(0.0)) == ["late_spans"]
    machine.let_go(3)
    machine.after(0.0)
    assert {name: size for name, size in sizes(machine).items() if name.startswith("branches.open")} == {
        "branches.open.homes": 1,
        "branches.open._left": 0,
    }


def test_without_a_quiet_time_an_open_conversation_does_not_loop_forever() -> None:
    """A quiet time of zero does not make `expire` loop while something is open."""
    machine = Live(waits=Waits(linger=0.0, quiet=0.0))
    machine.start(1, external_id="a")
    assert machine.after(10.0) == []
    machine.end(1, "hello")
    (finished,) = machine.after(0.0)
    assert texts(finished) == ["hello"]


def test_the_linger_grows_with_what_a_pass_costs() -> None:
    """One root for each turn is a pass for each: in a long call they come less often."""
    machine = Live()
    machine.start(1, external_id="a")
    machine.end(1, "one")
    assert [texts(one) for one in machine.after(2.0)] == [["one"]]
    machine.groups.took(1, 0.5)

    machine.start(2, trace_id=2, external_id="a")
    machine.end(2, "two")
    assert not [one for one in machine.after(9.0) if isinstance(one, Finished)]
    assert [texts(one) for one in machine.after(1.0)] == [["one", "two"]]


def test_what_joins_a_call_in_its_quiet_time_is_read(machine: Live) -> None:
    """Words without an owner, in a trace that shows one id, come while its call rests: they are part of it."""
    machine.start(1)
    machine.start(2, 1, external_id="a")
    machine.end(2, "one")
    machine.after(2.0)

    machine.start(3, 1)
    machine.end(3, "two")

    found = [texts(one) for one in machine.after(WAITS.quiet) if isinstance(one, Finished)]
    assert found[-1] == ["one", "two"]


def test_fragments_are_given_up_before_any_conversation() -> None:
    """However many conversations there are that were idle for longer, and although a fragment says something."""
    machine = Live(waits=replace(WAITS, conversations=1_300))
    for number in range(1, 1_201):
        machine.start(number, trace_id=number, external_id=f"own-{number}", marked=True)
    for number in range(2_000, 2_400):
        machine.start(number, trace_id=number, baggage_id=f"evil-{number}")
        machine.end(number, "hello")

    assert set(kinds(machine.after(0.0))) == {"fragments"}
    assert len(machine) == 1_200


def test_without_fragments_the_conversation_that_is_idle_longest_is_given_up() -> None:
    """Each further one ends the next, without a search through those that are given up already."""
    machine = Live(waits=replace(WAITS, conversations=3), is_eager=False)
    for number in range(1, 8):
        machine.start(number, trace_id=number, external_id=f"own-{number}", marked=True)
        machine.say(number, "hello")

    ended = [one.conversation.external_id for one in machine.after(0.0) if isinstance(one, Finished)]
    assert ended == [f"own-{number}" for number in range(1, 5)]
