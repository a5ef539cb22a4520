"""Whose a span is: ids of spans, ancestors, contexts, baggage and resources."""

from __future__ import annotations

import pytest

from roark_otel._model.moments import Fact
from support.copier import copying_processor
from support.live import WAITS, Finished, Live, Noticed, kinds, texts


@pytest.fixture(name="machine")
def _machine() -> Live:
    return Live(waits=WAITS)


def test_an_id_may_come_late(machine: Live) -> None:
    """An id that an open ancestor gets after its start holds for what ends below it."""
    machine.start(1)
    machine.start(2, 1)
    machine.set(1, "roark.external_id", "a")
    machine.end(2, "one")
    machine.end(1, "two")

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.root_span_id == 1
    assert sorted(texts(finished)) == ["one", "two"]


def test_spans_before_the_only_id_of_their_trace_belong_to_it(machine: Live) -> None:
    """Spans that waited without an owner are read when the trace shows exactly one id."""
    machine.start(1)
    machine.start(2, 1)
    machine.end(2, "before")
    machine.start(3, 1, external_id="a")
    machine.end(3, "after")

    (finished,) = machine.after(2.0)
    assert sorted(texts(finished)) == ["after", "before"]


def test_words_below_no_id_in_a_trace_with_two_are_in_neither_call(machine: Live) -> None:
    """The nearest ancestor decides; words without one are counted, not guessed."""
    machine.start(1)
    machine.start(2, 1, external_id="a", marked=True)
    machine.start(3, 1, external_id="b", marked=True)
    machine.start(4, 1)
    machine.end(4, "whose?")
    machine.end(2, "a's")
    machine.end(3, "b's")

    finished = machine.after(2.0)
    left = machine.close_idle(0.0)

    assert [texts(one) for one in finished] == [["a's"], ["b's"]]
    assert kinds(left) == ["unattributed"]


def test_a_framework_root_below_an_id_takes_it(machine: Live) -> None:
    """LiveKit's session below the app's span is the root of the app's conversation."""
    machine.start(1, external_id="a")
    machine.start(2, 1, scope="livekit-agents", name="agent_session")
    machine.end(2)

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert (finished.conversation.external_id, finished.conversation.root_span_id) == ("a", 2)


def test_a_framework_root_below_another_inherits_no_id(machine: Live) -> None:
    """A second session in the first one's context is a conversation of its own, here one without an id."""
    machine.start(1, scope="livekit-agents", name="agent_session", external_id="a")
    machine.start(2, 1, scope="livekit-agents", name="agent_session")
    machine.end(2)
    assert kinds(machine.after(2.0)) == ["no_id"]

    machine.end(1)

    outputs = machine.after(2.0)
    assert [one.conversation.external_id for one in outputs if isinstance(one, Finished)] == ["a"]


def test_a_session_without_an_id_is_reported(machine: Live) -> None:
    """A voice conversation that makes no call is reported."""
    machine.start(1, scope="livekit-agents", name="agent_session")
    machine.end(1)

    assert kinds(machine.after(2.0)) == ["no_id"]


def test_a_session_without_an_id_gets_one_if_the_app_asked_for_that() -> None:
    """Its own, which is the trace's where the framework has none; never that of another session."""
    machine = Live(auto_ids=True)
    machine.start(1, trace_id=0xABC, scope="livekit-agents", name="agent_session")
    machine.end(1)

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.external_id == f"{0xABC:032x}"


def test_the_id_of_the_resource_holds_for_one_conversation(machine: Live) -> None:
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


def test_an_id_on_a_span_wins_over_the_resource(machine: Live) -> None:
    """The id of the resource holds only where no span of the trace showed one."""
    machine.start(1, external_id="a", marked=True, resource={"roark.external_id": "r"})
    machine.end(1, "hello")

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    assert finished.conversation.external_id == "a"


def test_an_ancestors_id_wins_over_call_attributes_and_these_over_baggage(machine: Live) -> None:
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


def test_a_fragment_makes_no_call(machine: Live) -> None:
    """Where the id comes from baggage only, another process owns the conversation."""
    machine.start(1, baggage_id="a")
    machine.end(1, "hello")

    outputs = machine.after(2.0)
    assert [type(one) for one in outputs] == [Noticed]
    assert kinds(outputs) == ["fragments"]


@pytest.mark.parametrize("carried", [{}, {"roark.property.vip": "yes"}])
def test_what_a_processor_copies_from_baggage_is_taken_off(machine: Live, carried: dict[str, str]) -> None:
    """Also on spans below the root, which most often are read on a shorter way; what only looks like it stays."""
    machine.provider({}).add_span_processor(copying_processor())
    machine.start(1, external_id="a", marked=True, carried=carried)
    machine.start(2, 1, carried=carried, attributes={"roark.property.tier": "gold"})
    machine.start(3, 2, attributes={} if carried else {"roark.property.vip": "yes"})
    for number in (3, 2):
        machine.end(number, f"words {number}")
    machine.end(1)

    (finished,) = machine.after(2.0)
    assert isinstance(finished, Finished)
    facts = {each.name for _, moments in finished.conversation.moments for each in moments if isinstance(each, Fact)}
    assert ("property.vip" in facts, "property.tier" in facts) == (not carried, True)
    assert sorted(texts(finished)) == ["words 2", "words 3"]
