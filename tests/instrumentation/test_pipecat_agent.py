"""The agent's words as the transport let them go: only what was played counts."""

from __future__ import annotations

import pytest

from roark_otel._instrumentation.pipecat.agent import AgentVoice, Spoken
from roark_otel._instrumentation.pipecat.joining import Piece, joined

MS = 1_000_000


class Line:
    """A line to the customer, on which times are milliseconds."""

    def __init__(self) -> None:
        self.spoken: list[Spoken] = []
        self.voice = AgentVoice(self.spoken.append)

    def words(self, at: int, *texts: str, context: str | None = "a", agent: str | None = None) -> None:
        for index, text in enumerate(texts):
            self.voice.word(Piece(text, is_spaced=False), context, agent, (at + 10 * index) * MS)

    def over(self, at: int) -> list[tuple[str, int, int]]:
        self.voice.over(at * MS)
        return [(one.text, one.start_ns // MS, one.end_ns // MS) for one in self.spoken]


@pytest.fixture(name="line")
def _line() -> Line:
    return Line()


def test_words_between_beginning_and_end_are_one_speech(line: Line) -> None:
    line.voice.opened("a", None, 90 * MS)
    line.voice.began(100 * MS, None)
    line.words(110, "Hello", "there.")
    line.voice.stopped(500 * MS)

    assert line.over(900) == [("Hello there.", 100, 500)]
    assert not line.spoken[0].is_interrupted


def test_of_an_interrupted_speech_the_words_that_were_played_are_left(line: Line) -> None:
    line.voice.opened("a", None, 90 * MS)
    line.voice.began(100 * MS, None)
    line.words(110, "Once", "upon")
    line.voice.interrupted(200 * MS)
    line.voice.stopped(203 * MS)
    line.words(210, "a", "time")

    assert line.over(900) == [("Once upon", 100, 203)]
    assert line.spoken[0].is_interrupted


def test_a_speech_that_nothing_interrupts_goes_on(line: Line) -> None:
    """The app asked for it; the transport is silent much later."""
    line.voice.began(100 * MS, None)
    line.words(110, "This call")
    line.voice.interrupted(200 * MS)
    line.words(300, "is recorded.")
    line.voice.stopped(2_500 * MS)

    assert line.over(9_000) == [("This call is recorded.", 100, 2_500)]
    assert not line.spoken[0].is_interrupted


@pytest.mark.parametrize("begun", [True, False])
def test_an_interruption_before_the_first_word_leaves_nothing(line: Line, *, begun: bool) -> None:
    line.voice.opened("a", None, 90 * MS)
    if begun:
        line.voice.began(100 * MS, None)
    line.voice.interrupted(105 * MS)
    line.voice.stopped(106 * MS)
    line.words(110, "Late")
    line.voice.opened("b", None, 800 * MS)
    line.voice.began(810 * MS, None)
    line.words(820, "Yes.", context="b")

    assert [text for text, _, _ in line.over(900)][-1] == "Yes."
    assert all("Late" not in one.text or not begun for one in line.spoken)


def test_silence_and_blanks_are_no_speech(line: Line) -> None:
    line.voice.began(100 * MS, None)
    line.words(110, "", " ", "\n")
    line.voice.stopped(500 * MS)

    assert line.over(900) == []


def test_the_first_words_of_the_next_speech_come_while_one_is_played(line: Line) -> None:
    """Timed words overtake the end of the sound before them."""
    line.voice.opened("a", None, 90 * MS)
    line.voice.began(100 * MS, None)
    line.words(110, "How can I help?")
    line.words(400, "Please", context="b")
    line.voice.stopped(500 * MS)
    line.voice.opened("b", None, 501 * MS)
    line.voice.began(510 * MS, None)
    line.words(520, "wait.", context="b")
    line.voice.stopped(800 * MS)

    assert line.over(900) == [("How can I help?", 100, 500), ("Please wait.", 510, 800)]


def test_two_speeches_that_are_played_in_one_go_meet(line: Line) -> None:
    line.voice.began(100 * MS, None)
    line.words(110, "One.", context="a")
    line.words(400, "Two.", context="b")
    line.voice.stopped(800 * MS)

    assert line.over(900) == [("One.", 100, 400), ("Two.", 400, 800)]


def test_words_of_a_speech_to_speech_model_come_before_its_sound(line: Line) -> None:
    for at, text in ((100, "One."), (1_000, "Two.")):
        line.words(at, text, context=None)
        line.voice.opened(None, None, (at + 2) * MS)
        line.voice.began((at + 5) * MS, None)
        line.voice.stopped((at + 400) * MS)

    assert line.over(2_000) == [("One.", 105, 500), ("Two.", 1_005, 1_400)]


def test_words_of_a_speech_to_speech_model_come_after_its_sound(line: Line) -> None:
    for at, text in ((100, "One."), (3_000, "Two.")):
        line.voice.opened(None, None, at * MS)
        line.voice.began((at + 5) * MS, None)
        line.voice.stopped((at + 400) * MS)
        line.words(at + 450, text, context=None)

    assert line.over(4_000) == [("One.", 105, 500), ("Two.", 3_005, 3_400)]


def test_a_speech_that_runs_dry_for_a_moment_is_one(line: Line) -> None:
    line.voice.opened("a", None, 90 * MS)
    line.voice.began(100 * MS, None)
    line.words(110, "One moment,")
    line.voice.stopped(400 * MS)
    line.voice.began(900 * MS, None)
    line.words(910, "here it is.")
    line.voice.stopped(1_200 * MS)

    assert line.over(2_000) == [("One moment, here it is.", 100, 1_200)]


def test_a_speech_that_goes_on_after_somebody_spoke_is_another(line: Line) -> None:
    line.voice.opened("a", None, 90 * MS)
    line.voice.began(100 * MS, None)
    line.words(110, "One moment,")
    line.voice.stopped(400 * MS)
    line.voice.answered(1_000 * MS)
    line.voice.began(1_500 * MS, None)
    line.words(1_510, "here it is.")
    line.voice.stopped(1_900 * MS)

    assert line.over(2_000) == [("One moment,", 100, 400), ("here it is.", 1_500, 1_900)]


def test_a_call_that_ends_in_a_speech_ends_it(line: Line) -> None:
    line.voice.began(100 * MS, None)
    line.words(110, "Once", "upon")

    assert line.over(300) == [("Once upon", 100, 300)]
    assert not line.spoken[0].is_interrupted


def test_text_that_goes_out_without_sound_lasts_from_its_first_piece_to_its_last(line: Line) -> None:
    line.words(100, "Hello", "there.")

    assert line.over(900) == [("Hello there.", 100, 110)]


def test_each_speech_is_its_workers(line: Line) -> None:
    line.voice.opened("a", "desk", 90 * MS)
    line.voice.began(100 * MS, "desk")
    line.words(110, "One.", agent="desk")
    line.voice.stopped(300 * MS)
    line.voice.opened("b", "workshop", 390 * MS)
    line.voice.began(400 * MS, "workshop")
    line.words(410, "Two.", context="b", agent="workshop")
    line.over(900)

    assert [one.agent for one in line.spoken] == ["desk", "workshop"]


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([("Hello", False), ("there.", False)], "Hello there."),
        ([("你好", True), ("吗", True)], "你好吗"),
        ([("Hel", True), ("lo ", True), ("there", True)], "Hello there"),
        ([("Hello", False), ("there ", True), ("you", True)], "Hello there you"),
        ([("Hello ", True), ("there", False)], "Hello there"),
        ([("", False), (" Hello", True), ("", True)], "Hello"),
        ([], ""),
    ],
)
def test_pieces_are_joined_as_pipecat_joins_them(pieces: list[tuple[str, bool]], text: str) -> None:
    assert joined(Piece(*one) for one in pieces) == text
