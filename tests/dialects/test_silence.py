"""What readers say of a side that did not speak, and of one that spoke without words: never the one for the other."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from roark_otel._model.moments import Agent, Fact, Utterance
from roark_otel._model.rows import SpanView
from roark_otel.dialects.gen_ai import GEN_AI
from roark_otel.dialects.livekit import LIVEKIT
from roark_otel.dialects.openinference import OPENINFERENCE
from roark_otel.dialects.pipecat import PIPECAT
from support.said import read_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel.types import Dialect

T0, MS = 1_795_348_364_000_000_000, 1_000_000


def span(scope: str, name: str, start: int, end: int, /, own: int = 0, below: int = 1, **attributes: Any) -> SpanView:
    """Makes a span with times in ms; in names of attributes `__` stands for a dot."""
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    span_id = own or crc32(repr((name, start, below)).encode())
    return SpanView(1, span_id, below, scope, name, T0 + start * MS, T0 + end * MS, named)


def livekit(name: str, start: int, end: int, /, **more: Any) -> SpanView:
    return span("livekit-agents", name, start, end, **more)


def pipecat(name: str, start: int, end: int, /, **more: Any) -> SpanView:
    return span("pipecat.turn" if name == "turn" else "pipecat", name, start, end, **more)


def found(dialect: Dialect, spans: Iterable[SpanView]) -> dict[str, object]:
    """Returns what a reader says of sides without words."""
    facts = [one for one in read_by(dialect, spans) if isinstance(one, Fact)]
    return {one.name: one.value for one in facts if one.name.startswith(("silent_", "wordless_"))}


def timed(dialect: Dialect, spans: Iterable[SpanView]) -> list[tuple[str, bool]]:
    said = [one for one in read_by(dialect, spans) if isinstance(one, Utterance)]
    ordered = sorted(said, key=lambda one: one.start_ns)
    return [("AGENT" if isinstance(one.speaker, Agent) else "CUSTOMER", one.timed) for one in ordered]


# LiveKit

SESSION = livekit("agent_session", 0, 9_000, own=1, below=0)
EARS = livekit("wait_for_audio_track", 5, 60, lk__first_frame_delay=0.05)
DEAF = livekit("wait_for_audio_track", 5, 9_000)
MODEL = livekit("llm_node", 105, 150, own=11, below=10)
GREETING = livekit("agent_turn", 100, 900, own=10, lk__generation_id="s_1", lk__pii__response__text="Hello?")
PLAYED = livekit("agent_speaking", 160, 890, own=12, below=10)
UNPLAYED = livekit("agent_turn", 100, 900, own=10, lk__generation_id="s_1")
SPEECH = livekit("user_speaking", 1_000, 1_500, own=21, below=20)
LOOSE_SPEECH = livekit("user_speaking", 1_000, 1_500, own=21)
ASKED = livekit("user_turn", 1_000, 1_800, own=20, lk__pii__user_transcript="Hi.")
NOISE = livekit("user_turn", 1_000, 1_800, own=20)
NODE = livekit("agent_turn", 100, 900, own=10)


@pytest.mark.parametrize(
    ("spans", "says"),
    [
        pytest.param([EARS, GREETING, MODEL, PLAYED], {"silent_customer": True}, id="audio came in, and no speech"),
        pytest.param(
            [EARS, UNPLAYED, MODEL], {"silent_customer": True}, id="nobody spoke: of the agent it is not known"
        ),
        pytest.param([GREETING, MODEL, PLAYED], {}, id="no audio came in, or none that shows"),
        pytest.param([DEAF, GREETING, MODEL, PLAYED], {}, id="the first frame never came"),
        pytest.param([EARS, GREETING, PLAYED], {}, id="no model: a speech-to-speech model may hear by itself"),
        pytest.param([EARS, GREETING, MODEL, PLAYED, NOISE, SPEECH], {}, id="speech without words is no silence"),
        pytest.param([EARS, GREETING, MODEL, PLAYED, LOOSE_SPEECH], {}, id="nor outside of any turn"),
        pytest.param([EARS, GREETING, MODEL, PLAYED, NOISE], {}, id="nor a turn without speech"),
        pytest.param([EARS, GREETING, MODEL, PLAYED, ASKED], {}, id="words"),
        pytest.param([UNPLAYED, MODEL, ASKED, SPEECH], {"silent_agent": True}, id="a turn that was never played"),
        pytest.param([UNPLAYED, MODEL, PLAYED, ASKED, SPEECH], {}, id="played without words"),
        pytest.param([NODE, MODEL, ASKED, SPEECH], {}, id="a version that writes no turn for say()"),
        pytest.param([ASKED, SPEECH], {}, id="no turn of the agent"),
        pytest.param([UNPLAYED, MODEL, NOISE, SPEECH], {"wordless_customer": "content"}, id="words are hidden"),
        pytest.param(
            [UNPLAYED, MODEL, PLAYED, NOISE, SPEECH],
            {"wordless_agent": "content", "wordless_customer": "content"},
            id="of both",
        ),
        pytest.param([PLAYED], {"wordless_agent": "content"}, id="say() without a turn"),
        pytest.param([GREETING, PLAYED, LOOSE_SPEECH], {"wordless_customer": "realtime"}, id="speech to speech"),
        pytest.param([SPEECH, NOISE], {}, id="noise before anybody answered"),
        pytest.param([], {}, id="nothing"),
    ],
)
def test_livekit(spans: list[SpanView], says: dict[str, object]) -> None:
    """In every order of the spans the same."""
    for order in permutations(spans) if len(spans) < 5 else (spans, spans[::-1]):
        assert found(LIVEKIT, [SESSION, *order]) == says
        assert found(LIVEKIT, [*order, *order, SESSION]) == says


def test_livekit_answers_are_timed_by_what_was_played() -> None:
    """A text that was only written, and one that was typed, have the times of a model's call."""
    answer = livekit("agent_turn", 2_000, 3_000, own=30, lk__generation_id="s_2", lk__pii__response__text="Hello.")
    speaking = livekit("agent_speaking", 2_200, 2_900, own=31, below=30)
    typed = livekit("agent_turn", 8_000, 8_500, own=40, lk__pii__user_input="Typed.", lk__pii__response__text="Read.")

    assert timed(LIVEKIT, [ASKED, SPEECH, answer, speaking]) == [("CUSTOMER", True), ("AGENT", True)]
    assert timed(LIVEKIT, [ASKED, SPEECH, answer]) == [("CUSTOMER", True), ("AGENT", False)]
    assert sorted(timed(LIVEKIT, [typed])) == [("AGENT", False), ("CUSTOMER", False)]


@pytest.mark.parametrize(
    ("turn", "speeches", "is_timed"),
    [
        pytest.param({}, [(1_000, 1_500)], True, id="voice activity ended before the turn"),
        pytest.param(
            {}, [(1_000, 1_800)], False, id="it lasted as long as the turn, which the call's end may have cut"
        ),
        pytest.param({}, [], False, id="only the turn is known"),
        pytest.param({"lk__end_of_turn_delay": 0.3}, [(1_000, 1_800)], True, id="the turn says when it was silent"),
        pytest.param({"lk__end_of_turn_delay": 0.3}, [], True, id="also without voice activity"),
        pytest.param({"lk__end_of_turn_delay": 0.0}, [(1_000, 1_800)], False, id="a delay of zero says nothing"),
    ],
)
def test_livekit_customers_are_timed_by_their_voice(
    turn: dict[str, Any], speeches: list[tuple[int, int]], is_timed: bool
) -> None:
    asked = livekit("user_turn", 1_000, 1_800, own=20, lk__pii__user_transcript="Hi.", **turn)
    spoken = [livekit("user_speaking", *one, below=20) for one in speeches]

    assert timed(LIVEKIT, [asked, *spoken]) == [("CUSTOMER", is_timed)]


# Pipecat


def turn(start: int, end: int, /, *, own: int = 2, interrupted: bool = True, **more: Any) -> SpanView:
    lasted = {"turn__duration_seconds": (end - start) / 1_000, "turn__was_interrupted": interrupted}
    return pipecat("turn", start, end, own=own, **lasted, **more)


HEARD = pipecat("stt", 400, 1_000, below=2, transcript="Hi.", metrics__ttfb=0.2)
UNTIMED = pipecat("stt", 400, 1_000, below=2, transcript="Hi.")
TOOL_ASKED = pipecat("llm", 1_100, 1_200, below=2)
ANSWERED = pipecat("llm", 1_100, 1_200, below=2, output="Hello.")
SPOKEN = pipecat("tts", 1_150, 1_200, below=2, text="Hello.", metrics__ttfb=0.04)
MUTE = pipecat("tts", 1_150, 1_200, below=2)
LIVE = pipecat("llm_response", 1_150, 1_150, below=2, output="Hello.")
ANSWERED_TURN = turn(0, 2_000, turn__user_bot_latency_seconds=0.3)


@pytest.mark.parametrize(
    ("spans", "says"),
    [
        pytest.param([turn(0, 2_000), HEARD, TOOL_ASKED], {"silent_agent": True}, id="hung up before an answer"),
        pytest.param([turn(0, 2_000), UNTIMED, TOOL_ASKED], {}, id="without voice activity no answer is timed"),
        pytest.param([turn(0, 2_000), HEARD], {}, id="no model was asked"),
        pytest.param([HEARD, TOOL_ASKED], {}, id="turns are not tracked"),
        pytest.param([ANSWERED_TURN, HEARD, TOOL_ASKED], {}, id="an answer was timed, of a voice without spans"),
        pytest.param([turn(0, 2_000, interrupted=False), HEARD, TOOL_ASKED], {}, id="a turn ends when the agent spoke"),
        pytest.param(
            [turn(0, 300, own=3, interrupted=False), turn(350, 2_000), HEARD, TOOL_ASKED],
            {},
            id="so did the one before",
        ),
        pytest.param([turn(0, 2_000), HEARD, ANSWERED], {}, id="words that no speech service has"),
        pytest.param([turn(0, 2_000), HEARD, TOOL_ASKED, MUTE], {}, id="a voice without words"),
        pytest.param([turn(0, 2_000), HEARD, LIVE], {}, id="speech to speech"),
        pytest.param([turn(0, 2_000), TOOL_ASKED], {}, id="nobody was heard"),
        pytest.param([turn(0, 2_000), TOOL_ASKED, SPOKEN], {}, id="nothing listened, for all that spans show"),
        pytest.param([turn(0, 2_000), TOOL_ASKED, MUTE], {"wordless_agent": "content"}, id="words are left out"),
        pytest.param([ANSWERED_TURN, LIVE], {"wordless_customer": "realtime"}, id="a model that does not transcribe"),
        pytest.param([turn(0, 2_000), LIVE], {}, id="a model that greets"),
        pytest.param([turn(0, 2_000)], {}, id="nothing"),
    ],
)
def test_pipecat(spans: list[SpanView], says: dict[str, object]) -> None:
    for order in permutations(spans):
        assert found(PIPECAT, order) == says


def test_pipecat_s_times_are_measured_or_marked() -> None:
    assert timed(PIPECAT, [turn(0, 2_000), HEARD, SPOKEN]) == [("CUSTOMER", True), ("AGENT", True)]
    without = pipecat("tts", 1_150, 1_200, below=2, text="Hello.")
    assert timed(PIPECAT, [turn(0, 2_000), UNTIMED, without]) == [("CUSTOMER", False), ("AGENT", False)]
    # What a turn measured from silence to answer holds without metrics too.
    latency: dict[str, Any] = {"turn__user_bot_latency_seconds": 0.3}
    assert timed(PIPECAT, [turn(0, 2_000, **latency), UNTIMED, without]) == [("CUSTOMER", True), ("AGENT", True)]
    # Words that were known before that: their end is cut to when they were.
    latency = {"turn__user_bot_latency_seconds": 0.1}
    assert timed(PIPECAT, [turn(0, 2_000, **latency), UNTIMED, without]) == [("CUSTOMER", False), ("AGENT", True)]


# Conventions that any framework may use


def chat(name: str = "chat m", start: int = 0, **more: Any) -> SpanView:
    return span("any.framework", name, start, start + 50, gen_ai__operation__name="chat", **more)


NO_WORDS = chat(gen_ai__request__model="m", gen_ai__usage__output_tokens=12)
WORDS = chat(start=90, gen_ai__request__model="m", gen_ai__output__messages='[{"role": "assistant", "content": "Hi."}]')
HIDDEN = span("oi", "ChatCompletion", 0, 50, openinference__span__kind="LLM", llm__token_count__total=3)
SHOWN = span(
    *("oi", "ChatCompletion", 90, 99),
    openinference__span__kind="LLM",
    llm__output_messages__0__message__role="assistant",
    llm__output_messages__0__message__content="Hi.",
)
SESSION_OF_ADK = span("gcp.vertex.agent", "invoke_agent shop", 0, 50, gen_ai__operation__name="invoke_agent")


@pytest.mark.parametrize(
    ("dialect", "spans", "says"),
    [
        (GEN_AI, [NO_WORDS], {"wordless_agent": "content"}),
        (GEN_AI, [NO_WORDS, WORDS], {}),
        (GEN_AI, [WORDS], {}),
        (GEN_AI, [span("any", "embed", 0, 1, gen_ai__operation__name="embeddings", gen_ai__request__model="m")], {}),
        (GEN_AI, [span("any", "x", 0, 1, gen_ai__conversation__id="c")], {}),
        (GEN_AI, [SESSION_OF_ADK], {"wordless_agent": "realtime"}),
        (GEN_AI, [], {}),
        (OPENINFERENCE, [HIDDEN], {"wordless_agent": "content"}),
        (OPENINFERENCE, [HIDDEN, SHOWN], {}),
        (OPENINFERENCE, [span("oi", "t", 0, 1, openinference__span__kind="TOOL", tool__name="t")], {}),
    ],
)
def test_a_model_that_answered_without_words(dialect: Dialect, spans: list[SpanView], says: dict[str, object]) -> None:
    for order in permutations(spans):
        assert found(dialect, order) == says


def test_the_times_of_a_model_are_not_those_of_speech() -> None:
    assert timed(GEN_AI, [WORDS]) == [("AGENT", False)]
    assert timed(OPENINFERENCE, [SHOWN]) == [("AGENT", False)]


# What an instrumentation hears


@pytest.mark.parametrize(("dialect", "scope"), [(LIVEKIT, "roark_otel.livekit"), (PIPECAT, "roark_otel.pipecat")])
def test_an_instrumentation_knows_who_was_silent_and_what_it_timed(dialect: Dialect, scope: str) -> None:
    """It says so itself; where it heard words or took no times, nothing is concluded from spans."""

    def heard(name: str, at: int, **more: Any) -> SpanView:
        return span(scope, name, at, at + 50, **more)

    silent = heard("conversation", 0, heard__fact__silent_customer=True)
    greeting = heard("agent_said", 10, heard__text="Hello?")
    assert found(dialect, [silent, greeting]) == {"silent_customer": True}
    assert found(dialect, [heard("conversation", 0), greeting]) == {}
    late = heard("customer_said", 100, heard__text="Hi.", heard__timed=False)
    assert timed(dialect, [greeting, late]) == [("AGENT", True), ("CUSTOMER", False)]
