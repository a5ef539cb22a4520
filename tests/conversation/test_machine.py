"""The state machine, transition by transition, with spans as values and the time as a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from roark_otel._conversation.machine import Conversations, Waits
from roark_otel._conversation.outputs import Finished, Forgotten, Noticed, Output, Reopened

from roark_otel._model.finished import Ended, Errored, NeverEnded
from roark_otel._model.moments import Utterance
from roark_otel._model.rows import EventsSeen, SpanAbandoned, SpanEvent, SpanGone, SpanStart, SpanView
from roark_otel._model.vocabulary import OpenSpans, Vocabulary
from roark_otel.dialects.livekit import LIVEKIT
from roark_otel.dialects.roark import ROARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._conversation.conversation import Readers

MS = 1_000_000
WAITS = Waits(linger=2.0, quiet=60.0, idle=3600.0, conversations=3)
DIALECTS = (ROARK, LIVEKIT)
NOTHING: Mapping[str, object] = {}


class Machine:
    """A state machine with a clock, and the open spans as they are now."""

    def __init__(self, *, auto_ids: bool = False, waits: Waits = WAITS) -> None:
        self.now = 0.0
        self.open: dict[int, SpanView] = {}
        spans = OpenSpans(
            attributes=lambda span_id: self.open[span_id].attributes if span_id in self.open else NOTHING,
            record=lambda span_id: self.open.get(span_id),  # type: ignore[call-overload]
        )
        self.conversations = Conversations(Vocabulary(DIALECTS, (), spans), self._readers, waits, auto_ids=auto_ids)

    def _readers(self) -> Readers:
        return tuple((dialect.name, dialect.reader(lambda _: None)) for dialect in DIALECTS)

    def start(
        self,
        span_id: int,
        parent_id: int | None = None,
        *,
        trace_id: int = 1,
        scope: str = "app",
        name: str = "span",
        external_id: object = None,
        marked: bool = False,
        context: Mapping[str, object] = NOTHING,
        baggage_id: object = None,
        resource: Mapping[str, object] = NOTHING,
    ) -> None:
        """Starts a span."""
        attributes = {} if external_id is None else {"roark.external_id": external_id}
        self.open[span_id] = SpanView(
            trace_id, span_id, parent_id, scope, name, span_id * MS, None, attributes, resource=resource
        )
        self.conversations.take(
            SpanStart(
                trace_id,
                span_id,
                parent_id,
                scope,
                name,
                span_id * MS,
                parent_id is None,
                external_id,
                marked,
                context,
                baggage_id,
                resource,
                span_id,
            ),
            self.now,
        )

    def set(self, span_id: int, key: str, value: object) -> None:
        """Sets an attribute of an open span."""
        span = self.open[span_id]
        self.open[span_id] = span._replace(attributes={**span.attributes, key: value})

    def end(self, span_id: int, *said: str, error: bool = False, exception: str | None = None) -> None:
        """Ends a span with these utterances on it."""
        events = tuple(
            SpanEvent("roark.transcript", (span_id * 10 + index) * MS, {"role": "agent", "text": text})
            for index, text in enumerate(said)
        )
        if exception:
            events = (*events, SpanEvent("exception", 0, {"exception.type": exception}))
        record = self.open.pop(span_id)
        self.conversations.take(record._replace(end_ns=span_id * MS + 1000 * MS, events=events, error=error), self.now)

    def gone(self, span_id: int) -> None:
        """Ends a span without anything relevant on it."""
        record = self.open.pop(span_id)
        self.conversations.take(SpanGone(record.trace_id, span_id, span_id * MS + 1000 * MS), self.now)

    def after(self, seconds: float) -> list[Output]:
        """Moves the clock, and returns the outputs but `Forgotten`."""
        self.now += seconds
        self.conversations.expire(self.now)
        return [one for one in self.conversations.outputs() if not isinstance(one, Forgotten)]


@pytest.fixture(name="machine")
def _machine() -> Machine:
    return Machine()


def texts(output: Output) -> list[str]:
    """Returns the utterances of a finished conversation."""
    assert isinstance(output, Finished)
    return [one.text for _, moments in output.conversation.moments for one in moments if isinstance(one, Utterance)]


def kinds(outputs: list[Output]) -> list[str]:
    """Returns the kinds of the notices among these."""
    return [one.kind for one in outputs if isinstance(one, Noticed)]


def test_a_marked_root_is_finished_after_the_linger(machine: Machine) -> None:
    """OPEN -> LINGERING -> CLOSED, and its call may be sent at once."""
    machine.start(1, external_id="a", marked=True)
    machine.end(1, "hello")

    assert machine.after(1.9) == []
    (finished,) = machine.after(0.1)
    assert texts(finished) == ["hello"]
    assert isinstance(finished, Finished)
    assert (finished.rest, finished.conversation.ending) == (0.0, Ended())
    assert machine.after(7200.0) == []


def test_an_implied_root_rests(machine: Machine) -> None:
    """LINGERING -> RESTING: the call is finished, and sent only after the quiet time."""
    machine.start(1, external_id="a")
    machine.end(1, "hello")

    (finished,) = machine.after(2.0)

    assert isinstance(finished, Finished)
    assert finished.rest == WAITS.quiet
    assert machine.after(60.0) == []
    assert len(machine.conversations) == 0


def test_a_further_root_joins_a_resting_call(machine: Machine) -> None:
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


def test_a_late_span_of_a_resting_call_is_still_part_of_it(machine: Machine) -> None:
    """RESTING -> LINGERING: the call is finished again, with what came late."""
    machine.start(1, external_id="a")
    machine.start(2, 1)
    machine.end(1, "one")
    machine.after(2.0)

    machine.end(2, "two")

    (again,) = machine.after(2.0)
    assert texts(again) == ["one", "two"]


def test_an_implied_root_without_a_word_closes_nothing(machine: Machine) -> None:
    """A webhook that carries the id first sends no empty call; the words that follow make one."""
    machine.start(1, external_id="a")
    machine.end(1)
    assert machine.after(10.0) == []

    machine.start(2, trace_id=2, external_id="a")
    machine.end(2, "hello")

    (finished,) = machine.after(2.0)
    assert texts(finished) == ["hello"]


def test_open_children_are_not_waited_for_but_read(machine: Machine) -> None:
    """The root's end counts, whatever is open below it; an open span may hold the last words."""
    machine.start(1, external_id="a", marked=True)
    machine.start(2, 1)
    event = SpanEvent("roark.transcript", 5 * MS, {"role": "agent", "text": "last words"})
    machine.open[2] = machine.open[2]._replace(events=(event,))
    machine.end(1)

    (finished,) = machine.after(2.0)
    assert texts(finished) == ["last words"]


def test_a_span_that_comes_after_the_call_is_counted(machine: Machine) -> None:
    """A span of a CLOSED conversation is reported, and is part of no call."""
    machine.start(1, external_id="a", marked=True)
    machine.start(2, 1)
    machine.end(1, "hello")
    machine.after(2.0)

    machine.end(2, "too late")

    assert kinds(machine.after(0.0)) == ["late_spans"]


def test_an_id_may_come_late(machine: Machine) -> None:
    """An id that an open ancestor gets after its start holds for what ends below it."""
    machine.start(1)
    machine.start(2, 1)
    machine.set(1, "roark.external_id", "a")
    machine.end(2, "one")
    machine.end(1, "two")

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.root_span_id == 1
    assert texts(finished) == ["one", "two"]


def test_spans_before_the_only_id_of_their_trace_belong_to_it(machine: Machine) -> None:
    """Spans that waited without an owner are read when the trace shows exactly one id."""
    machine.start(1)
    machine.start(2, 1)
    machine.end(2, "before")
    machine.start(3, 1, external_id="a")
    machine.end(3, "after")

    (finished,) = machine.after(2.0)
    assert sorted(texts(finished)) == ["after", "before"]


def test_words_below_no_id_in_a_trace_with_two_are_in_neither_call(machine: Machine) -> None:
    """The nearest ancestor decides; words without one are counted, not guessed."""
    machine.start(1)
    machine.start(2, 1, external_id="a", marked=True)
    machine.start(3, 1, external_id="b", marked=True)
    machine.start(4, 1)
    machine.end(4, "whose?")
    machine.end(2, "a's")
    machine.end(3, "b's")

    finished = machine.after(2.0)
    machine.conversations.close_idle(machine.now, 0.0)
    left = machine.conversations.outputs()

    assert [texts(one) for one in finished] == [["a's"], ["b's"]]
    assert kinds(left) == ["unattributed"]


def test_a_framework_root_below_an_id_takes_it(machine: Machine) -> None:
    """LiveKit's session below the app's span is the root of the app's conversation."""
    machine.start(1, external_id="a")
    machine.start(2, 1, scope="livekit-agents", name="agent_session")
    machine.end(2)

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert (finished.conversation.external_id, finished.conversation.root_span_id) == ("a", 2)


def test_a_framework_root_below_another_inherits_no_id(machine: Machine) -> None:
    """A second session in the first one's context is a conversation of its own, here one without an id."""
    machine.start(1, scope="livekit-agents", name="agent_session", external_id="a")
    machine.start(2, 1, scope="livekit-agents", name="agent_session")
    machine.end(2)
    assert kinds(machine.after(2.0)) == ["no_id"]

    machine.end(1)

    outputs = machine.after(2.0)
    assert [one.conversation.external_id for one in outputs if isinstance(one, Finished)] == ["a"]


def test_a_session_without_an_id_is_reported(machine: Machine) -> None:
    """A voice conversation that makes no call is reported."""
    machine.start(1, scope="livekit-agents", name="agent_session")
    machine.end(1)

    assert kinds(machine.after(2.0)) == ["no_id"]


def test_a_session_without_an_id_gets_one_if_the_app_asked_for_that() -> None:
    """Its own, which is the trace's where the framework has none; never that of another session."""
    machine = Machine(auto_ids=True)
    machine.start(1, trace_id=0xABC, scope="livekit-agents", name="agent_session")
    machine.end(1)

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.external_id == f"{0xABC:032x}"


def test_the_id_of_the_resource_holds_for_one_conversation(machine: Machine) -> None:
    """A second root under the resource's id is kept aside and reported."""
    resource = {"roark.external_id": "r"}
    for trace_id in (1, 2):
        machine.start(trace_id, trace_id=trace_id, resource=resource, scope="livekit-agents", name="agent_session")
        machine.end(trace_id)
        outputs = machine.after(2.0)
        if trace_id == 1:
            assert [one.conversation.external_id for one in outputs if isinstance(one, Finished)] == ["r"]
        else:
            assert kinds(outputs) == ["second_roots"]


def test_an_id_on_a_span_wins_over_the_resource(machine: Machine) -> None:
    """The id of the resource holds only where no span of the trace showed one."""
    machine.start(1, external_id="a", marked=True, resource={"roark.external_id": "r"})
    machine.end(1, "hello")

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.external_id == "a"


def test_an_ancestors_id_wins_over_call_attributes_and_these_over_baggage(machine: Machine) -> None:
    """Span, ancestor, `call_attributes`, baggage: in this order."""
    machine.start(1, external_id="span", marked=True)
    machine.start(2, 1, context={"roark.external_id": "context"})
    machine.start(3, trace_id=2, context={"roark.external_id": "context"}, baggage_id="baggage", marked=True)
    machine.end(2, "one")
    machine.end(1)
    machine.end(3, "two")

    outputs = machine.after(2.0)
    assert {one.conversation.external_id: texts(one) for one in outputs if isinstance(one, Finished)} == {
        "span": ["one"],
        "context": ["two"],
    }


def test_a_fragment_makes_no_call(machine: Machine) -> None:
    """Where the id comes from baggage only, another process owns the conversation."""
    machine.start(1, baggage_id="a")
    machine.end(1, "hello")

    outputs = machine.after(2.0)
    assert [type(one) for one in outputs] == [Noticed]
    assert kinds(outputs) == ["fragments"]


def test_a_conversation_that_never_ends_is_finished_as_incomplete(machine: Machine) -> None:
    """Without activity for the idle time it is given up, with what it has."""
    machine.start(1, external_id="a")
    machine.start(2, 1)
    machine.end(2, "hello")

    (finished,) = machine.after(3600.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.ending == NeverEnded()
    assert texts(finished) == ["hello"]


def test_too_many_conversations_deliver_the_one_idle_longest(machine: Machine) -> None:
    """Nothing is dropped for lack of room: the oldest is finished early."""
    for span_id in range(1, 5):
        machine.now += 1.0
        machine.start(span_id, trace_id=span_id, external_id=f"call-{span_id}", marked=True)

    (finished,) = machine.after(0.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.external_id == "call-1"
    assert len(machine.conversations) == WAITS.conversations


def test_a_flush_makes_the_waits_zero_and_closes_nothing_that_is_open(machine: Machine) -> None:
    """What has ended is finished at once, for good; what is open stays open."""
    machine.start(1, external_id="ended")
    machine.start(2, trace_id=2, external_id="open")
    machine.start(3, 2, trace_id=2)
    machine.end(1, "hello")
    machine.end(3, "and")

    machine.conversations.flush(machine.now)

    (finished,) = machine.after(0.0)
    assert isinstance(finished, Finished)
    assert (finished.conversation.external_id, finished.rest) == ("ended", 0.0)
    assert len(machine.conversations) == 1


def test_the_status_of_the_root_is_the_ending(machine: Machine) -> None:
    """The ending of a root with status ERROR has the types of its exceptions."""
    machine.start(1, external_id="a", marked=True)
    machine.end(1, "hello", error=True, exception="starlette.websockets.WebSocketDisconnect")

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.ending == Errored(("starlette.websockets.WebSocketDisconnect",))


def test_the_same_span_from_two_processors_is_taken_once(machine: Machine) -> None:
    """Two captures of one span count once."""
    machine.start(1, external_id="a", marked=True)
    span = machine.open[1]
    machine.start(1, external_id="a", marked=True)
    machine.end(1, "hello")
    machine.open[1] = span
    machine.end(1, "hello")

    (finished,) = machine.after(2.0)
    assert texts(finished) == ["hello"]


def test_events_that_were_seen_early_are_not_lost(machine: Machine) -> None:
    """Events read from the open span and those left at its end are one list; the gap between them is counted."""
    machine.start(1, external_id="a", marked=True)

    def event(index: int) -> SpanEvent:
        return SpanEvent("roark.transcript", (10 + index) * MS, {"role": "agent", "text": str(index)})

    machine.conversations.take(EventsSeen(1, 1, 0, tuple(event(index) for index in range(3))), machine.now)
    machine.conversations.take(EventsSeen(1, 1, 2, tuple(event(index) for index in range(2, 5))), machine.now)
    record = machine.open.pop(1)._replace(
        end_ns=99 * MS, dropped_events=7, events=tuple(event(index) for index in range(7, 9))
    )
    machine.conversations.take(record, machine.now)

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert texts(finished) == ["0", "1", "2", "3", "4", "7", "8"]
    assert finished.conversation.notes["roark_dropped_events"] == 2


def test_a_span_without_anything_relevant_leaves_nothing_behind(machine: Machine) -> None:
    """Sixty thousand websocket messages below a conversation leave one node open: its root."""
    machine.start(1, external_id="a")
    for span_id in range(2, 60_002):
        machine.start(span_id, 1)
        machine.gone(span_id)

    (trace,) = machine.conversations._traces.values()
    assert list(trace.nodes) == [1]


def test_nothing_is_kept_of_a_trace_that_is_over(machine: Machine) -> None:
    """When nothing of a trace is open any more it is forgotten, and an output for capture says so."""
    machine.start(1, external_id="a", marked=True)
    machine.end(1, "hello")
    machine.after(2.0)
    machine.now += 60.0
    machine.conversations.expire(machine.now)

    assert machine.conversations.outputs() == [Forgotten(1)]
    assert not machine.conversations._traces
    assert not machine.conversations._open
    assert not machine.conversations._ownership._by_id


def test_a_root_that_the_app_lets_go_of_is_finished_as_incomplete(machine: Machine) -> None:
    """OPEN -> LINGERING: it can never end, so nothing is waited for; what it said is in the call."""
    machine.start(1, external_id="a", marked=True)
    machine.start(2, 1)
    machine.end(2, "hello")
    root = machine.open.pop(1)
    event = SpanEvent("roark.transcript", 5 * MS, {"role": "agent", "text": "on the root"})
    machine.conversations.take(SpanAbandoned(1, 1, root._replace(events=(event,))), machine.now)
    assert machine.after(1.9) == []
    (finished,) = machine.after(0.1)
    assert sorted(texts(finished)) == ["hello", "on the root"]
    assert isinstance(finished, Finished)
    assert finished.conversation.ending == NeverEnded()


def test_a_framework_root_that_is_let_go_of_without_a_word(machine: Machine) -> None:
    """A span that may not be read while it is open is not read when the app lets go of it either."""
    machine.start(1, scope="livekit-agents", name="agent_session", external_id="a")
    machine.open.pop(1)
    machine.conversations.take(SpanAbandoned(1, 1), machine.now)
    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.ending == NeverEnded()


def test_spans_without_an_id_are_given_up_when_no_id_can_come(machine: Machine) -> None:
    """A chat app's spans are forgotten a quiet time after their trace is over, and not after the idle time."""
    machine.start(1)
    machine.start(2, 1)
    machine.end(2, "without an id")
    assert machine.after(WAITS.quiet) == []
    assert len(machine.conversations) == 1
    machine.gone(1)
    assert kinds(machine.after(WAITS.quiet)) == ["unattributed"]
    assert len(machine.conversations) == 0
    assert not machine.conversations._traces


def test_too_many_conversations_give_up_those_without_an_id_first(machine: Machine) -> None:
    """However long a call is silent, a chat app in the same process does not end it."""
    machine.start(1, external_id="a")
    for number in range(2, 8):
        machine.start(number, trace_id=number)
        machine.end(number, "without an id")
    assert "unattributed" in kinds(machine.after(0.0))
    machine.end(1, "hello")
    (finished,) = machine.after(2.0)
    assert texts(finished) == ["hello"]


def test_a_trace_that_never_ends_stays_bounded(machine: Machine) -> None:
    """A span around a whole worker: neither its closed conversations nor its abandoned spans pile up."""
    held = {0}
    machine.conversations._vocabulary._open_spans = OpenSpans(
        attributes=lambda _: NOTHING, record=lambda _: None, is_held=lambda span: span in held
    )
    machine.start(1)
    for number in range(2, 4_000, 2):
        machine.start(number, 1, external_id=f"call-{number}", marked=True)
        machine.start(number + 1, number)
        machine.end(number, "hello")
        machine.after(2.0)
    (trace,) = machine.conversations._traces.values()
    assert len(trace.nodes) + len(trace.conversations) <= 1_100


def test_without_a_quiet_time_an_open_conversation_does_not_loop_forever() -> None:
    """A quiet time of zero does not make `expire` loop while something is open."""
    machine = Machine(waits=Waits(linger=0.0, quiet=0.0))
    machine.start(1, external_id="a")
    assert machine.after(10.0) == []
    machine.end(1, "hello")
    (finished,) = machine.after(0.0)
    assert texts(finished) == ["hello"]
