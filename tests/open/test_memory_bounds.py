"""What stays of what is over, and what happens where there is too much."""

from __future__ import annotations

import pytest

from roark_otel._open import groups
from support.live import WAITS, Finished, Live, Output, kinds, open_ids, sizes, texts


@pytest.fixture(name="machine")
def _machine() -> Live:
    return Live(waits=WAITS)


def test_too_many_conversations_deliver_the_one_idle_longest(machine: Live) -> None:
    """Nothing is dropped for lack of room: the oldest is finished early."""
    for span_id in range(1, 5):
        machine.now += 1.0
        machine.start(span_id, trace_id=span_id, external_id=f"call-{span_id}", marked=True)

    (finished,) = machine.after(0.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.external_id == "call-1"
    assert len(machine) == WAITS.conversations


def test_too_many_conversations_give_up_those_without_an_id_first(machine: Live) -> None:
    """However long a call is silent, a chat app in the same process does not end it."""
    machine.start(1, external_id="a")
    for number in range(2, 8):
        machine.start(number, trace_id=number)
        machine.end(number, "without an id")
    assert "unattributed" in kinds(machine.after(0.0))
    machine.end(1, "hello")
    (finished,) = machine.after(2.0)
    assert texts(finished) == ["hello"]


def test_a_span_without_anything_relevant_leaves_nothing_behind(machine: Live) -> None:
    """Sixty thousand websocket messages below a conversation leave one span open: its root."""
    machine.start(1, external_id="a")
    before = sizes(machine)
    for span_id in range(2, 60_002):
        machine.start(span_id, 1)
        machine.end(span_id)

    assert open_ids(machine) == [1]
    assert sizes(machine) == before


def test_nothing_is_kept_of_a_trace_that_is_over(machine: Live) -> None:
    """When nothing of a trace is open any more it is forgotten, and capture too forgets it.

    The number of its group is remembered, for what may come late; so are a few others.
    """
    machine.start(1, external_id="a", marked=True)
    machine.end(1, "hello")
    machine.after(2.0)

    assert machine.after(60.0) == []
    assert machine.forgotten == [1]
    left = {name: size for name, size in sizes(machine).items() if size}
    assert left == {"groups.places.by_number": 1, "groups.schedule._closed": 1, "groups._taken": 1}
    (group,) = machine.groups.places.by_number.values()
    assert [group.log, group.late, group.roots, group.seen_contexts, group.resource] == [b"", b"", {}, (), None]


def test_closed_groups_are_remembered_for_a_while(machine: Live) -> None:
    """What comes late finds its group, but of no more groups than may be open."""
    for number in range(1, 10):
        machine.start(number, trace_id=number, external_id=f"call-{number}", marked=True)
        machine.end(number, "hello")
        machine.after(2.0)
    machine.after(60.0)

    left = {name: size for name, size in sizes(machine).items() if size}
    assert left == {"groups.places.by_number": 3, "groups.schedule._closed": 3, "groups._taken": 9}


def test_spans_without_an_id_are_given_up_when_no_id_can_come(machine: Live) -> None:
    """A chat app's spans are forgotten a quiet time after their trace is over, and not after the idle time."""
    machine.start(1, attributes={"roark.agent.name": "Ada"})
    machine.start(2, 1)
    machine.end(2, "without an id")
    assert machine.after(WAITS.quiet) == []
    assert len(machine.groups.schedule.open) == 1
    machine.end(1)
    assert kinds(machine.after(WAITS.quiet)) == ["unattributed"]
    assert not machine.groups.schedule.open
    machine.after(WAITS.quiet)
    assert machine.forgotten == [1]
    assert not machine.branches.homes


def test_a_span_whose_start_was_not_seen_holds_up_nothing(machine: Live) -> None:
    """What waits below it is given up a quiet time after the last that was seen of its trace."""
    machine.start(1)
    machine.start(2, 1)
    machine.end(2, "without an id")
    assert machine.after(WAITS.quiet - 1) == []
    assert kinds(machine.after(1.0)) == ["unattributed"]
    machine.after(WAITS.quiet)
    assert machine.forgotten == [1]


@pytest.mark.parametrize("seen", [True, False])
def test_a_trace_that_never_ends_stays_bounded(machine: Live, seen: bool) -> None:
    """A span around a whole worker: neither its closed conversations nor its abandoned spans pile up.

    The worker's span may be one whose start was seen, or not.
    """
    machine.start(1, scope="livekit-agents" if seen else "app")
    for number in range(2, 4_000, 2):
        machine.start(number, 1, external_id=f"call-{number}", marked=True)
        machine.start(number + 1, number)
        machine.end(number, "hello")
        machine.after(2.0)
        machine.let_go(number + 1)
    assert machine.spans.keys() == {1}
    found = sizes(machine)
    assert found.pop("branch.ids") <= 1_024
    assert found.pop("groups._taken") <= 1_024
    assert sum(found.values()) <= 30


def many_words(traces: int) -> tuple[Live, list[Output]]:
    """Takes in traces without an id, of which each says much. Returns what came out, too."""
    machine = Live()
    for number in range(1, traces + 1):
        machine.start(number, trace_id=number)
        machine.end(number, *(f"words {number} {index} " * 100 for index in range(3)))
    return machine, machine.after(0.0)


def test_what_waits_for_an_id_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat app's spans take so much room in all: beyond it, those of the trace idle longest lose what they say."""
    monkeypatch.setattr(groups, "MAX_CANDIDATE_BYTES", 50_000)
    machine, found = many_words(40)

    logs = [len(group.log) for group in machine.groups.places.by_number.values()]
    assert 0 < sum(logs) < 60_000
    assert kinds(found).count("dropped_spans") > 20
    assert "unattributed" not in kinds(found)


def test_groups_that_wait_for_an_id_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ids and times of spans alone take too much room, the groups idle longest are closed and counted."""
    monkeypatch.setattr(groups, "MAX_CANDIDATE_BYTES", 2_000)
    machine, found = many_words(100)

    assert sum(len(group.log) for group in machine.groups.places.by_number.values()) < 3_000
    assert kinds(found).count("unattributed") > 20


@pytest.mark.parametrize("shown_by", ["the root", "a span below", "another trace's root"])
def test_an_id_comes_after_words_were_dropped(monkeypatch: pytest.MonkeyPatch, shown_by: str) -> None:
    """The call of the id has what came last, and says how many spans and events are missing; others have theirs."""
    monkeypatch.setattr(groups, "MAX_CANDIDATE_BYTES", 20_000)
    machine = Live()
    machine.start(1)
    machine.start(2, 1)
    for number in range(3, 43):
        machine.start(number, 1)
        machine.end(number, *(f"words {number} {index} " * 20 for index in range(3)))
        machine.drain()
    if shown_by == "another trace's root":
        machine.start(100, 1, external_id="call-1")
        machine.end(100, "the last words")
    elif shown_by == "a span below":
        machine.spans[2].set_attribute("roark.external_id", "call-1")
    else:
        machine.spans[1].set_attribute("roark.external_id", "call-1")
    machine.end(2, "the end")
    machine.end(1)

    finished = [one for one in machine.after(2.0) if isinstance(one, Finished)]
    assert [one.conversation.external_id for one in finished] == ["call-1"]
    (notes,) = [one.conversation.notes for one in finished]
    heard = [text for text in texts(finished[0]) if text.startswith("words")]
    assert notes["roark_dropped_spans"] * 3 == notes["roark_dropped_events"] == 120 - len(heard) > 0


def test_all_logs_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many bytes the conversation idle longest is finished as incomplete, with all that it said."""
    monkeypatch.setattr(groups, "MAX_BYTES", 100_000)
    machine = Live()
    for number in range(1, 41):
        machine.now += 1.0
        machine.start(number, trace_id=number, external_id=f"call-{number}")
        machine.start(100 + number, number, trace_id=number)
        machine.end(100 + number, *(f"words {number} {index} " * 100 for index in range(3)))
    finished = [one for one in machine.after(0.0) if isinstance(one, Finished)]

    assert len(machine) < 40
    assert [one.conversation.external_id for one in finished] == [f"call-{n}" for n in range(1, len(finished) + 1)]
    assert all(len(texts(one)) == 3 for one in finished)
