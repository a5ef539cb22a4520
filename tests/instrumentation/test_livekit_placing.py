"""Which words belong to which speech, whenever and in whichever order they come. Times are seconds of a call."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel._instrumentation.livekit.placing import Place, Speech, Transcription, places

S = 1_000_000_000
T0 = 1_795_348_364 * S


def at(seconds: float) -> int:
    return T0 + round(seconds * S)


def speech(start: float, end: float | None, replies: int = 0) -> Speech:
    return Speech(at(start), None if end is None else at(end), replies)


def words(known: float, final: float | None = None, started: float | None = None) -> Transcription:
    return Transcription(at(known), at(known if final is None else final), None if started is None else at(started))


def placed(several: list[Transcription], speeches: list[Speech]) -> list[tuple[float, float]]:
    return [((one.start_ns - T0) / S, (one.end_ns - T0) / S) for one in places(several, speeches)]


A, B, C = speech(0, 1), speech(5, 6, 1), speech(10, 11, 2)


@pytest.mark.parametrize(
    ("several", "speeches", "expected"),
    [
        pytest.param([words(1.5)], [A], [(0, 1)], id="after it"),
        pytest.param([words(1.5), words(6.5), words(11.5)], [A, B, C], [(0, 1), (5, 6), (10, 11)], id="each after it"),
        pytest.param([words(7), words(7.5)], [A, B], [(0, 1), (5, 6)], id="both after the second"),
        pytest.param([words(6.1), words(11.1), words(11.2)], [A, B, C], [(0, 1), (5, 6), (10, 11)], id="late by one"),
        pytest.param([words(6.5)], [A, B], [(5, 6)], id="noise before"),
        pytest.param([words(1.5), words(11.5)], [A, B, C], [(0, 1), (10, 11)], id="noise between"),
        pytest.param([words(1.5)], [A, B, C], [(0, 1)], id="noise after"),
        pytest.param([words(5.2)], [A, speech(5, None, 1)], [(0, 1)], id="as the next speech begins"),
        pytest.param([words(5.2)], [A, B], [(0, 1)], id="as the next speech has begun"),
        pytest.param([words(0.9)], [A], [(0, 1)], id="before its end was noticed"),
        pytest.param([words(0.9), words(5.9)], [A, B], [(0, 1), (5, 6)], id="each before its end was noticed"),
        pytest.param([words(3.5)], [speech(0, 1), speech(2, 3)], [(0, 3)], id="for two stretches"),
        pytest.param([words(3.5)], [speech(0, 1), speech(2, 3, 1)], [(2, 3)], id="not across a reply"),
        pytest.param([words(33.5)], [speech(0, 1), speech(32, 33)], [(32, 33)], id="not across a long silence"),
        pytest.param([words(0.5, 3.5)], [speech(0, 1), speech(2, 3)], [(0, 3)], id="gradually over two stretches"),
        pytest.param([words(0.5, 1.5)], [speech(0, 1), speech(2, 3)], [(0, 1)], id="gradually, then noise"),
        pytest.param([words(3.1), words(3.2)], [speech(0, 1), speech(2, 3)], [(0, 1), (2, 3)], id="one for each"),
        pytest.param(
            [words(3), words(6), words(10.2)], [speech(0, 10)], [(0, 3), (3, 6), (6, 10)], id="several for one stretch"
        ),
        pytest.param([words(7, started=5), words(7.1, started=0)], [A, B], [(5, 6), (0, 1)], id="crossed, with starts"),
        pytest.param([words(5.5, 7), words(0.5, 7.5)], [A, B], [(5, 6), (0, 1)], id="crossed, gradually"),
        pytest.param([words(6.5, started=4.2)], [A, B], [(5, 6)], id="a start that is another's"),
        pytest.param([words(60)], [A, B, C], [(10, 11)], id="very late"),
        pytest.param([words(7)], [], [(7, 7)], id="without speech"),
        pytest.param([words(4, 7)], [], [(4, 7)], id="gradually without speech"),
        pytest.param([words(7, started=3)], [], [(3, 7)], id="a start without speech"),
        pytest.param([words(2)], [speech(3, 4)], [(2, 2)], id="before any speech"),
    ],
)
def test_words_have_the_time_of_their_speech(
    several: list[Transcription], speeches: list[Speech], expected: list[tuple[float, float]]
) -> None:
    assert placed(several, speeches) == expected


def test_words_of_a_speech_that_goes_on_are_not_over() -> None:
    assert places([words(1.5)], [speech(0, None)]) == [Place(at(0), at(1.5), is_over=False)]


def test_words_without_speech_are_not_measured() -> None:
    assert places([words(1.5)], []) == [Place(at(1.5), at(1.5), is_noticed=False, is_measured=False)]


@pytest.mark.parametrize("end", [1.0, None])
def test_a_model_notices_too_late_that_the_customer_fell_silent(end: float | None) -> None:
    noticed = Speech(at(0), None if end is None else at(end), 0, by_model=True)

    (one, other) = places([words(0.5), words(1.5)], [noticed])

    assert (one.is_noticed, one.is_measured, other.is_noticed, other.is_measured) == (True, False, True, False)


_SECONDS = st.integers(0, 400).map(lambda tenths: tenths / 10)


@st.composite
def _speeches(draw: st.DrawFn) -> list[Speech]:
    edges = sorted(draw(st.lists(_SECONDS, max_size=16, unique=True)))
    found = [speech(start, end, draw(st.integers(0, 1))) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    return [Speech(one.start_ns, one.end_ns, index * one.replies) for index, one in enumerate(found)]


_WORDS = st.builds(
    lambda known, later, started: words(known, known + later, started),
    _SECONDS,
    st.sampled_from((0.0, 0.5, 3.0)),
    st.one_of(st.none(), _SECONDS),
)


@given(st.lists(_WORDS, max_size=8, unique=True), _speeches())
def test_every_word_has_a_place_and_no_two_have_the_same(several: list[Transcription], speeches: list[Speech]) -> None:
    found = places(several, speeches)
    measured = sorted(one for one in found if one.is_measured)

    assert len(found) == len(several)
    assert all(one.start_ns <= one.end_ns for one in found)
    assert all(before.end_ns <= after.start_ns for before, after in pairwise(measured))
    assert {one.start_ns for one in measured if one.start_ns < one.end_ns} <= {
        *(one.start_ns for one in speeches),
        *(one.known_ns for one in several),
    }


@given(st.lists(_WORDS, max_size=8, unique_by=lambda one: one.started_ns or one.known_ns), _speeches(), st.data())
def test_the_order_in_which_words_are_given_does_not_matter(
    several: list[Transcription], speeches: list[Speech], data: st.DataObject
) -> None:
    mixed = data.draw(st.permutations(several))

    assert dict(zip(several, places(several, speeches), strict=True)) == dict(
        zip(mixed, places(mixed, speeches), strict=True)
    )


@given(st.lists(_SECONDS, min_size=1, max_size=8, unique=True))
def test_words_that_come_at_once_belong_to_the_speech_before(starts: list[float]) -> None:
    speeches = [speech(2 * one, 2 * one + 0.1, index) for index, one in enumerate(sorted(starts))]
    several = [words(2 * one + 0.15) for one in sorted(starts)]

    assert places(several, speeches) == [Place(one.start_ns, one.end_ns or 0) for one in speeches]
