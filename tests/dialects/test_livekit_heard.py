"""What was heard of a session of LiveKit's beside what its own spans say: nothing twice, and nothing left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.test_livekit import MS, T0, moments_of, reply, said, span, utterances
from roark_otel._model.rows import SpanView
from roark_otel.dialects.heard import names as heard
from roark_otel.dialects.livekit.names import HEARD_SCOPE
from roark_otel.dialects.livekit.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Sequence


def listened(name: str, text: str, start: int, end: int, /, *, item: str, revision: int = 0, **more: Any) -> SpanView:
    """Makes a span of what the instrumentation heard, with times in ms."""
    attributes = {heard.TEXT: text, heard.ITEM: item, heard.REVISION: revision}
    attributes |= {f"heard.{key}": value for key, value in more.items()}
    own = hash((item, revision)) & (2**60 - 1)
    return SpanView(1, own, 1, HEARD_SCOPE, name, T0 + start * MS, T0 + end * MS, attributes, ())


def customer(text: str, start: int, end: int, /, *, item: str = "i1", **more: Any) -> SpanView:
    return listened(heard.CUSTOMER_SAID, text, start, end, item=item, **more)


def agent(text: str, start: int, end: int, /, *, item: str = "a1", **more: Any) -> SpanView:
    return listened(heard.AGENT_SAID, text, start, end, item=item, **more)


def times(spans: Sequence[SpanView]) -> list[tuple[str, int, int | None]]:
    """What was said, from when to when in ms."""
    return [
        (one.text, (one.start_ns - T0) // MS, None if one.end_ns is None else (one.end_ns - T0) // MS)
        for one in utterances(moments_of(spans))
    ]


def test_the_customer_of_a_realtime_session_is_heard() -> None:
    spans = [span("user_speaking", 0, 900), customer("Hello", 0, 900), *reply(1_000, 2_000)]

    assert times(spans) == [("Hello", 0, 900), ("Yes.", 1_100, 2_000)]


def test_the_times_are_those_of_the_speech() -> None:
    """Before 1.5 events come when a silence was long enough, and spans know when it began."""
    spans = [span("user_speaking", 50, 900), span("user_speaking", 1_000, 1_500), customer("Hello", 100, 1_700)]

    assert times(spans) == [("Hello", 50, 1_500)]


def test_words_of_recognition_beside_the_model_are_said_once() -> None:
    """In a turn of several speeches, whose words recognition has as one text, and the listener one after the other."""
    turn = span("user_turn", 0, 3_000, own=7, lk__pii__user_transcript="please stop it")
    speeches = [span("user_speaking", 0, 900, below=7), span("user_speaking", 1_200, 2_500, below=7)]
    spans = [turn, *speeches, customer("please", 0, 900), customer("stop it", 1_200, 2_500, item="i2")]

    assert times(spans) == [("please stop it", 0, 2_500)]


def test_words_that_model_and_recognition_understood_differently_are_said_once() -> None:
    turn = span("user_turn", 0, 3_000, own=7, lk__pii__user_transcript="please stop it")
    spans = [turn, span("user_speaking", 0, 900, below=7), customer("Please, stop this.", 0, 900)]

    assert times(spans) == [("please stop it", 0, 900)]


@pytest.mark.parametrize("start", [0, 2_000], ids=["where the turn began", "where the transcript came"])
@pytest.mark.parametrize("is_heard", [False, True])
def test_a_turn_that_a_transcript_opened_has_the_times_of_its_speech(start: int, *, is_heard: bool) -> None:
    """As versions to come will write it: below the session's root, from the start that the provider gives, or none."""
    estimated: dict[str, Any] = {"lk__user_turn__start_estimated": True} if start else {}
    turn = span("user_turn", start, 2_000, lk__pii__user_transcript="Hello", lk__transcript_confidence=0.9, **estimated)
    spans = [span("user_speaking", 0, 900), turn, span("user_speaking", 2_300, 2_900)]

    assert times([*spans, customer("Hello", 0, 900)] if is_heard else spans) == [("Hello", 0, 900)]


def test_the_same_words_said_several_times_are_said_as_often() -> None:
    turns = [span("user_turn", at, at, own=at, lk__pii__user_transcript="yes") for at in (2_000, 5_000, 9_000)]
    heard_ = [customer("yes", at - 1_500, at - 900, item=f"i{at}") for at in (2_000, 5_000, 9_000)]

    assert times([*turns, *heard_]) == [("yes", 500, 1_100), ("yes", 3_500, 4_100), ("yes", 7_500, 8_100)]


def test_a_correction_takes_the_place_of_what_was_heard_before_in_any_order() -> None:
    first, last = customer("to day", 0, 900), customer("today", 0, 950, revision=1)

    assert times([first, last]) == times([last, first]) == [("today", 0, 950)]


def test_items_of_two_sessions_may_have_one_id() -> None:
    other = customer("there", 1_000, 1_500)._replace(parent_id=2, span_id=99)

    assert times([customer("Hello", 0, 900), other]) == [("Hello", 0, 900), ("there", 1_000, 1_500)]


def test_what_was_typed_is_said_once() -> None:
    typed = customer("Do you have helmets", 1_000, 1_000, way="typed")
    answer = reply(1_010, 2_000, lk__pii__user_input="Do you have helmets")

    assert times([typed, *answer]) == [("Do you have helmets", 1_000, 1_000), ("Yes.", 1_110, 2_000)] or times(
        [typed, *answer]
    ) == [("Do you have helmets", 1_010, 1_010), ("Yes.", 1_110, 2_000)]


def test_what_was_typed_while_the_customer_spoke_is_said_too() -> None:
    turn = span("user_turn", 0, 3_000, own=7, lk__pii__user_transcript="wait")
    spans = [turn, span("user_speaking", 0, 900, below=7), customer("A-17", 500, 500, way="typed")]

    assert times(spans) == [("wait", 0, 900), ("A-17", 500, 500)]


def test_the_earlier_steps_of_a_turn_are_heard() -> None:
    turn = span("agent_turn", 0, 5_000, own=5, lk__pii__response__text="It is shipped.", gen_ai__agent__name="desk")
    speeches = [span("agent_speaking", 100, 900, below=5), span("agent_speaking", 2_000, 3_000, below=5)]
    heard_ = [agent("Let me check.", 100, 905), agent("It is shipped.", 2_000, 3_004, item="a2")]

    assert times([turn, *speeches, *heard_]) == [("Let me check.", 100, 905), ("It is shipped.", 2_000, 3_000)]


def test_the_same_words_in_two_steps_of_a_turn_are_said_twice() -> None:
    turn = span("agent_turn", 0, 5_000, own=5, lk__pii__response__text="One moment.")
    speeches = [span("agent_speaking", 100, 900, below=5), span("agent_speaking", 2_000, 3_000, below=5)]
    heard_ = [agent("One moment.", 100, 905), agent("One moment.", 2_000, 3_004, item="a2")]

    assert times([turn, *speeches, *heard_]) == [("One moment.", 100, 905), ("One moment.", 2_000, 3_000)]


def test_several_messages_of_one_turn_are_said_once() -> None:
    turn = span("agent_turn", 0, 5_000, own=5, lk__pii__response__text="Yes.\nUntil six.")
    heard_ = [agent("Yes.", 100, 3_000), agent("Until six.", 100, 3_000, item="a2")]

    assert times([turn, span("agent_speaking", 100, 3_000, below=5), *heard_]) == [("Yes.\nUntil six.", 100, 3_000)]


def test_the_agent_of_a_version_without_turns_is_heard() -> None:
    assert said(moments_of([agent("Hello", 0, 900, interrupted=True)])) == [("AGENT", "Hello")]
    (one,) = utterances(moments_of([agent("Hello", 0, 900, interrupted=True)]))
    assert one.payload == {"interrupted": True}


def test_without_words_nothing_is_said() -> None:
    private = SpanView(1, 3, 1, HEARD_SCOPE, heard.CUSTOMER_SAID, T0, T0 + 900 * MS, {heard.ITEM: "i1"}, ())

    assert times([private, span("user_speaking", 0, 900)]) == []


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20))),
    st.tuples(st.integers(-5, 70), st.integers(0, 30)),
)
def test_stretches_find_what_overlaps(stretches: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    all_ = [(start, start + length) for start, length in stretches]
    start, end = asked[0], asked[0] + asked[1]

    found = Stretches((*one, one) for one in all_).around(start, end)

    assert sorted(found) == sorted(one for one in all_ if one[0] <= end and one[1] >= start)
