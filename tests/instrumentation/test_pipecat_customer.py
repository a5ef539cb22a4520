"""The customer's words at the times of the voice, whoever wrote them down, and whenever."""

from __future__ import annotations

import pytest

from roark_otel._instrumentation.pipecat.customer import Customer, Said
from roark_otel._instrumentation.pipecat.joining import Piece

MS = 1_000_000


class Caller:
    """A customer, of whom times are milliseconds."""

    def __init__(self) -> None:
        self.written: list[Said] = []
        self.customer = Customer(self.written.append)

    def voice(self, start: int, end: int) -> None:
        self.customer.voice_began(start * MS)
        self.customer.voice_ended(end * MS)

    def words(self, at: int, text: str, *, late: bool = False) -> None:
        self.customer.words(Piece(text, is_spaced=False), at * MS, None, is_late=late)

    def over(self) -> list[tuple[str, int, int]]:
        self.customer.over()
        return [(one.text, one.start_ns // MS, one.end_ns // MS) for one in self.written]


@pytest.fixture(name="caller")
def _caller() -> Caller:
    return Caller()


def test_words_have_the_times_of_the_voice(caller: Caller) -> None:
    caller.voice(100, 700)
    caller.words(1_000, "hello there")

    assert caller.over() == [("hello there", 100, 700)]
    assert caller.written[0].is_timed


def test_the_same_voice_from_two_processors_is_one(caller: Caller) -> None:
    caller.customer.voice_began(100 * MS)
    caller.voice(101, 700)
    caller.words(1_000, "hi")
    caller.words(5_000, "again")

    assert caller.over()[0] == ("hi again", 100, 700)


def test_a_voice_whose_end_was_lost_ends_where_the_next_begins(caller: Caller) -> None:
    caller.customer.voice_began(100 * MS)
    caller.words(900, "hello there")
    caller.customer.turn_ended(950 * MS)
    caller.voice(5_000, 5_600)
    caller.customer.over()
    caller.words(5_900, "goodbye")

    assert [one[:2] for one in caller.over()] == [("hello there", 100), ("goodbye", 5_000)]


def test_several_finals_of_a_turn_are_one_utterance(caller: Caller) -> None:
    caller.voice(100, 700)
    caller.words(1_000, "my number is")
    caller.voice(1_200, 1_900)
    caller.words(2_200, "five five")
    caller.words(2_220, "one two")

    assert caller.over() == [("my number is five five one two", 100, 1_900)]


def test_a_final_of_several_stretches_begins_with_the_first(caller: Caller) -> None:
    caller.voice(100, 900)
    caller.voice(1_400, 2_400)
    caller.words(2_700, "my number is five five one two")

    assert caller.over() == [("my number is five five one two", 100, 2_400)]


def test_a_cough_before_it_is_not_part_of_a_word(caller: Caller) -> None:
    caller.voice(100, 300)
    caller.voice(1_500, 2_400)
    caller.words(2_700, "goodbye then")

    assert caller.over() == [("goodbye then", 1_500, 2_400)]


def test_a_voice_long_before_it_is_not_part_of_a_fast_word(caller: Caller) -> None:
    """As under a strategy that takes no single word for an interruption."""
    caller.voice(100, 300)
    caller.voice(5_000, 5_400)
    caller.words(5_700, "thank you so very much")

    assert caller.over() == [("thank you so very much", 5_000, 5_400)]


def test_a_cough_in_an_earlier_turn_is_no_word(caller: Caller) -> None:
    caller.voice(100, 300)
    caller.customer.agent_began(1_000 * MS)
    caller.customer.agent_stopped(2_000 * MS)
    caller.voice(3_000, 3_100)
    caller.words(3_400, "a long sentence that takes longer than its voice")

    assert [one[1] for one in caller.over()] == [3_000]


def test_turns_divide_what_is_said(caller: Caller) -> None:
    caller.voice(100, 700)
    caller.words(1_000, "stop please")
    caller.customer.turn_ended(1_100 * MS)
    caller.voice(1_500, 2_000)
    caller.words(2_300, "bye")

    assert caller.over() == [("stop please", 100, 700), ("bye", 1_500, 2_000)]


def test_words_that_come_after_the_reply_began_are_said_before_it(caller: Caller) -> None:
    """A speech-to-speech model answers first."""
    caller.voice(100, 700)
    caller.customer.turn_ended(900 * MS)
    caller.customer.agent_began(1_000 * MS)
    caller.words(1_200, "hello", late=True)
    caller.words(1_220, "there", late=True)
    caller.customer.agent_stopped(3_000 * MS)
    caller.voice(3_500, 4_000)
    caller.customer.turn_ended(4_100 * MS)
    caller.customer.agent_began(4_200 * MS)
    caller.words(4_500, "bye", late=True)

    assert caller.over() == [("hello there", 100, 700), ("bye", 3_500, 4_000)]


def test_words_that_come_while_the_next_are_said_belong_to_the_last(caller: Caller) -> None:
    caller.voice(100, 700)
    caller.customer.turn_ended(900 * MS)
    caller.customer.agent_began(1_000 * MS)
    caller.customer.voice_began(1_500 * MS)
    caller.words(1_600, "hello there", late=True)
    caller.customer.voice_ended(2_000 * MS)
    caller.customer.turn_ended(2_200 * MS)
    caller.words(2_500, "stop", late=True)

    assert caller.over() == [("hello there", 100, 700), ("stop", 1_500, 2_000)]


def test_pieces_of_late_words_go_on_when_the_reply_begins(caller: Caller) -> None:
    caller.voice(100, 700)
    caller.customer.turn_ended(900 * MS)
    caller.words(1_000, "thank", late=True)
    caller.customer.agent_began(1_010 * MS)
    caller.words(1_030, "you", late=True)
    caller.customer.agent_stopped(3_000 * MS)
    caller.voice(3_500, 4_000)
    caller.words(4_500, "bye", late=True)

    assert caller.over() == [("thank you", 100, 700), ("bye", 3_500, 4_000)]


def test_late_words_of_which_nothing_was_measured_are_divided_by_time(caller: Caller) -> None:
    for at, text in ((1_000, "thank"), (1_030, "you"), (9_000, "bye")):
        caller.words(at, text, late=True)

    assert [text for text, _, _ in caller.over()] == ["thank you", "bye"]


def test_without_voice_activity_turns_have_the_times(caller: Caller) -> None:
    caller.customer.turn_began(100 * MS)
    caller.customer.turn_ended(900 * MS)
    caller.customer.agent_began(1_000 * MS)
    caller.words(1_200, "hello there", late=True)

    assert caller.over() == [("hello there", 100, 900)]
    assert not caller.written[0].is_timed


def test_a_turn_that_words_began_does_not_begin_the_next_words(caller: Caller) -> None:
    """Without voice activity the framework takes words for the beginning of a turn."""
    caller.customer.guessed(600 * MS)
    caller.words(1_000, "hello there")
    caller.customer.turn_began(1_001 * MS)
    caller.customer.turn_ended(1_300 * MS)
    caller.customer.agent_began(1_500 * MS)
    caller.customer.agent_stopped(3_000 * MS)
    caller.customer.guessed(4_000 * MS)
    caller.words(4_500, "bye")

    assert caller.over() == [("hello there", 600, 1_000), ("bye", 4_000, 4_500)]
    assert not any(one.is_timed for one in caller.written)


def test_words_that_never_became_final_do_not_begin_others(caller: Caller) -> None:
    caller.customer.guessed(600 * MS)
    caller.words(30_000, "bye")

    ((_, start, end),) = caller.over()
    assert 29_000 < start <= end == 30_000


def test_nothing_measured_leaves_words_between_what_was_said_before_and_after(caller: Caller) -> None:
    caller.customer.agent_began(100 * MS)
    caller.customer.agent_stopped(2_000 * MS)
    caller.customer.agent_began(4_000 * MS)
    caller.words(4_300, "hello there", late=True)

    ((_, start, end),) = caller.over()
    assert 2_000 <= start < end == 4_000


def test_what_is_said_while_the_agent_begins_goes_on(caller: Caller) -> None:
    caller.customer.voice_began(100 * MS)
    caller.words(600, "my number is")
    caller.customer.agent_began(700 * MS)
    caller.words(1_200, "five five")
    caller.customer.voice_ended(1_300 * MS)

    assert caller.over() == [("my number is five five", 100, 1_300)]


def test_what_the_model_was_given_in_the_middle_of_a_stretch_ends_there(caller: Caller) -> None:
    caller.customer.voice_began(100 * MS)
    caller.words(600, "my number is")
    caller.customer.over()
    caller.words(1_200, "five five")
    caller.customer.voice_ended(1_300 * MS)

    assert caller.over() == [("my number is", 100, 600), ("five five", 600, 1_300)]


def test_a_call_of_many_turns_keeps_little(caller: Caller) -> None:
    for at in range(0, 10_000_000, 2_000):
        caller.voice(at, at + 500)
        if at % 4_000:
            caller.words(at + 700, "yes")
            caller.customer.turn_ended((at + 800) * MS)

    assert len(caller.over()) == 2_500
    assert len(caller.customer._voice._stretches) <= 64
