"""Speeches that wait for one another: all of their first words are let go before the first of them is over."""

from __future__ import annotations

import pytest

from instrumentation.pipecat_like import Pipe, frame
from roark_otel._instrumentation.pipecat.agent import AgentVoice, Spoken
from roark_otel._instrumentation.pipecat.joining import Piece

MS = 1_000_000


def times_of(spoken: list[Spoken]) -> list[tuple[str, int, int]]:
    return [(one.text, one.start_ns // MS, one.end_ns // MS) for one in spoken]


@pytest.fixture(name="spoken")
def _spoken() -> list[Spoken]:
    return []


@pytest.fixture(name="voice")
def _voice(spoken: list[Spoken]) -> AgentVoice:
    """A line on which the agent says the first of three texts, and has let go the first words of all."""
    voice = AgentVoice(spoken.append)
    voice.opened("a", None, 90 * MS)
    voice.began(100 * MS, None)
    for at, context, text in ((105, "a", "One."), (110, "b", "Two."), (115, "c", "Three,"), (200, "c", "at last.")):
        voice.word(Piece(text, is_spaced=False), context, None, at * MS)
    return voice


def test_each_begins_when_it_is_played(voice: AgentVoice, spoken: list[Spoken]) -> None:
    for at, context in ((400, "b"), (700, "c")):
        voice.stopped(at * MS)
        voice.opened(context, None, (at + 2) * MS)
        voice.began((at + 5) * MS, None)
    voice.stopped(900 * MS)
    voice.over(1_000 * MS)

    assert times_of(spoken) == [("One.", 100, 400), ("Two.", 405, 700), ("Three, at last.", 705, 900)]


def test_each_begins_when_the_transport_comes_to_it_without_a_pause(voice: AgentVoice, spoken: list[Spoken]) -> None:
    voice.opened("b", None, 400 * MS)
    voice.opened("c", None, 700 * MS)
    voice.stopped(900 * MS)
    voice.over(1_000 * MS)

    assert times_of(spoken) == [("One.", 100, 400), ("Two.", 400, 700), ("Three, at last.", 700, 900)]


def test_where_nothing_tells_them_apart_they_were_played_in_one_go(voice: AgentVoice, spoken: list[Spoken]) -> None:
    voice.stopped(900 * MS)
    voice.over(1_000 * MS)

    assert times_of(spoken) == [("One.", 100, 110), ("Two.", 110, 115), ("Three, at last.", 115, 900)]


def test_those_that_wait_are_not_heard_when_the_agent_is_interrupted(voice: AgentVoice, spoken: list[Spoken]) -> None:
    voice.interrupted(300 * MS)
    voice.stopped(305 * MS)
    voice.over(1_000 * MS)

    assert times_of(spoken) == [("One.", 100, 305)]
    assert spoken[0].is_interrupted


@pytest.mark.parametrize(
    ("spoken_text", "written", "expected"),
    [
        ("welcome", "welcome 😀!", "welcome 😀!"),
        ("bold", "**bold**", "**bold**"),
        ("four one one", "<spell>411</spell>", "four one one"),
        ("welcome", "● welcome", "welcome"),
        ("welcome", None, "welcome"),
    ],
)
def test_what_is_not_pronounced_stands_beside_what_is(spoken_text: str, written: str | None, expected: str) -> None:
    """Pipecat puts it into the context of its model; what is pronounced otherwise than written is what was heard."""
    pipe = Pipe("TTSService", "BaseOutputTransport")
    pipe.push(frame("TTSStartedFrame", context_id="a"), "BaseOutputTransport")
    pipe.both_ways("BotStartedSpeakingFrame", "BaseOutputTransport")
    pipe.push(frame("TTSTextFrame", text=spoken_text, raw_text=written, context_id="a"), "TTSService")
    pipe.both_ways("BotStoppedSpeakingFrame", "BaseOutputTransport")
    pipe.ears.finish()

    assert pipe.written.lines == [("AGENT", expected)]
