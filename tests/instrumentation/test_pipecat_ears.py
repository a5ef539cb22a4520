"""What frames say: each is heard once, however many processors it passes, and none of them can harm a pipeline."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from instrumentation.pipecat_like import CASCADE, Pipe, frame
from roark_otel._instrumentation.pipecat import speakers
from roark_otel._instrumentation.pipecat.frames import AUDIO, HEARS

KEYS = "12#"


@pytest.fixture(name="pipe")
def _pipe() -> Pipe:
    return Pipe(*CASCADE)


def press(pipe: Pipe, keys: str = KEYS) -> None:
    for key in keys:
        pipe.push(frame("InputDTMFFrame", button=SimpleNamespace(value=key)), "BaseInputTransport")


def test_a_frame_that_passes_many_processors_is_heard_once(pipe: Pipe) -> None:
    pipe.hears("hello there")
    pipe.speak("Hello.")

    assert pipe.finish() == [("CUSTOMER", "hello there"), ("AGENT", "Hello.")]


def test_a_word_counts_when_the_transport_lets_it_go(pipe: Pipe) -> None:
    pipe.both_ways("BotStartedSpeakingFrame", "BaseOutputTransport")
    word = frame("TTSTextFrame", text="Hello.", context_id="a")
    pipe.push(word, "TTSService", "BaseOutputTransport")
    assert pipe.finish() == []

    other = Pipe(*CASCADE)
    other.both_ways("BotStartedSpeakingFrame", "BaseOutputTransport")
    other.push(frame("TTSTextFrame", text="Hello.", context_id="a"), "TTSService")
    assert other.finish() == [("AGENT", "Hello.")]


def test_without_a_transport_it_counts_when_it_is_made() -> None:
    pipe = Pipe("LLMUserAggregator", "LLMService", "TTSService", "LLMAssistantAggregator")
    pipe.push(frame("TTSTextFrame", text="Hello.", context_id="a"), "TTSService")

    assert pipe.finish() == [("AGENT", "Hello.")]


def test_what_is_written_only_for_the_model_is_not_said(pipe: Pipe) -> None:
    pipe.push(frame("LLMTextFrame", text="thinking", skip_tts=True), "LLMService")
    pipe.push(frame("TextFrame", text="thinking"), "LLMService")
    pipe.push(frame("AggregatedTextFrame", text="print(1)", skip_tts=True), "TTSService")
    pipe.push(frame("TranslationFrame", text="hallo"), "STTService")
    pipe.push(frame("EagerTranscriptionFrame", text="hel"), "STTService")

    assert pipe.finish() == []


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_blanks_are_not_said(pipe: Pipe, text: str) -> None:
    pipe.hears(text)
    pipe.speak(text)
    pipe.push(frame("InputTextRawFrame", text=text))
    pipe.push(frame("LLMMessagesAppendFrame", messages=[{"role": "user", "content": text}]))

    assert pipe.finish() == []


def test_scripts_without_spaces_keep_none(pipe: Pipe) -> None:
    pipe.speak("你好", "吗", spaced=True)

    assert pipe.finish() == [("AGENT", "你好吗")]


def test_words_that_a_processor_replaces_are_said_as_it_has_them() -> None:
    pipe = Pipe("STTService", "Censor", "LLMUserAggregator", "LLMService")
    pipe.push(frame("TranscriptionFrame", text="my card is 4111"), "STTService", "Censor")
    pipe.push(frame("TranscriptionFrame", text="my card is [card]"), "Censor", "LLMUserAggregator")
    pipe.hears("thank you")

    assert pipe.finish() == [("CUSTOMER", "my card is [card] thank you")]


def test_words_that_a_processor_keeps_to_itself_were_said_all_the_same() -> None:
    pipe = Pipe("STTService", "WakeWord", "LLMUserAggregator", "LLMService")
    pipe.push(frame("TranscriptionFrame", text="what a day"), "STTService", "WakeWord")
    pipe.hears("hey bot")

    assert pipe.finish() == [("CUSTOMER", "what a day hey bot")]


def test_keys_become_the_words_that_the_aggregator_makes_of_them(pipe: Pipe) -> None:
    press(pipe)
    pipe.hears("DTMF: 12#", "DTMFAggregator")

    assert pipe.finish() == [("CUSTOMER", "DTMF: 12#")]
    assert pipe.written.ways == {"DTMF: 12#": "keypad"}


def test_keys_that_no_processor_gathers_are_an_entry() -> None:
    pipe = Pipe(*(name for name in CASCADE if name != "DTMFAggregator"))
    press(pipe)
    pipe.speak("Thank you.")
    press(pipe, "3")

    assert sorted(pipe.finish()) == [("AGENT", "Thank you."), ("CUSTOMER", KEYS), ("CUSTOMER", "3")]
    assert pipe.written.ways == {KEYS: "keypad", "3": "keypad"}


@pytest.mark.parametrize(
    ("messages", "texts"),
    [
        ([{"role": "user", "content": "what about bikes"}], ["what about bikes"]),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]}], ["a"]),
        ([{"role": "system", "content": "Be kind."}, {"role": "developer", "content": "Say goodbye."}], []),
        ([{"role": "assistant", "content": "Hello."}, {"role": "tool", "content": "{}"}], []),
        ([SimpleNamespace(llm="openai", message={}), None, {"role": "user"}, {"role": "user", "content": None}], []),
        (None, []),
    ],
)
def test_what_a_client_types_is_said_and_nothing_else_of_messages(pipe: Pipe, messages: Any, texts: list[str]) -> None:
    pipe.push(frame("LLMMessagesAppendFrame", messages=messages, run_llm=True))

    assert pipe.finish() == [("CUSTOMER", text) for text in texts]
    assert set(pipe.written.ways.values()) <= {"typed"}


def test_what_one_worker_tells_another_is_not_typed(pipe: Pipe) -> None:
    task = frame("LLMMessagesAppendFrame", messages=[{"role": "user", "content": "Welcome the customer."}])
    speakers.began(task.id, "workshop")
    pipe.push(task)

    assert pipe.finish() == []


def test_a_new_context_says_nothing(pipe: Pipe) -> None:
    """As Flows begin a node: what stands there was said before, or by nobody."""
    pipe.push(frame("LLMMessagesUpdateFrame", messages=[{"role": "user", "content": "my name is Ada"}]))

    assert pipe.finish() == []


def test_words_that_the_app_queues_are_typed(pipe: Pipe) -> None:
    pipe.hears("what about bikes", "PipelineSource")

    assert pipe.written.ways == {"what about bikes": "typed"}


def test_an_assent_while_the_agent_speaks_is_said(pipe: Pipe) -> None:
    pipe.hears("tell me")
    pipe.push(frame("UserBackchannelFrame", text="mhm"), "STTService")

    assert pipe.finish() == [("CUSTOMER", "tell me"), ("CUSTOMER", "mhm")]


def runs(pipe: Pipe, call_id: str | None, name: str = "look", **arguments: Any) -> None:
    fields = {"function_name": name, "tool_call_id": call_id, "arguments": arguments}
    pipe.both_ways("FunctionCallInProgressFrame", "LLMService", **fields)


def returns(pipe: Pipe, call_id: str | None, result: Any, name: str = "look", **fields: Any) -> None:
    fields = {"function_name": name, "tool_call_id": call_id, "arguments": {}, "result": result, **fields}
    pipe.both_ways("FunctionCallResultFrame", "LLMService", **fields)


def uses(pipe: Pipe) -> list[tuple[str, Any, Any]]:
    pipe.finish()
    return [(one.name, one.arguments, one.result) for one in pipe.written.uses]


def test_tools_at_once_have_their_own_ends(pipe: Pipe) -> None:
    runs(pipe, "1", drawer=1)
    runs(pipe, "2", drawer=2)
    returns(pipe, "2", "two")
    returns(pipe, "1", "one")

    assert uses(pipe) == [("look", {"drawer": 2}, "two"), ("look", {"drawer": 1}, "one")]


@pytest.mark.parametrize("call_id", ["call_0", None, ""])
def test_uses_with_one_id_are_each_told(pipe: Pipe, call_id: str | None) -> None:
    for drawer in (1, 2):
        runs(pipe, call_id, drawer=drawer)
        returns(pipe, call_id, drawer)

    assert uses(pipe) == [("look", {"drawer": 1}, 1), ("look", {"drawer": 2}, 2)]


def test_uses_at_once_with_one_id_return_in_their_order(pipe: Pipe) -> None:
    for drawer in (1, 2):
        runs(pipe, "call_0", drawer=drawer)
    for drawer in (1, 2):
        returns(pipe, "call_0", drawer)

    assert uses(pipe) == [("look", {"drawer": 1}, 1), ("look", {"drawer": 2}, 2)]


def test_a_tool_that_reports_progress_has_its_last_result(pipe: Pipe) -> None:
    runs(pipe, "1")
    returns(pipe, "1", "half", properties=SimpleNamespace(is_final=False))
    returns(pipe, "1", "all", properties=SimpleNamespace(is_final=True))

    assert uses(pipe) == [("look", {}, "all")]


@pytest.mark.parametrize("result", [None, {}, ""])
def test_a_tool_without_result_is_complete(pipe: Pipe, result: Any) -> None:
    runs(pipe, "1")
    returns(pipe, "1", result)

    assert uses(pipe) == [("look", {}, "COMPLETED")]


def test_a_tool_that_was_cancelled_says_so(pipe: Pipe) -> None:
    runs(pipe, "1")
    pipe.both_ways("FunctionCallCancelFrame", "LLMService", function_name="look", tool_call_id="1")
    returns(pipe, "1", "too late")

    assert uses(pipe) == [("look", {}, "CANCELLED")]


def test_a_tool_that_still_runs_at_the_end_has_no_result(pipe: Pipe) -> None:
    runs(pipe, "1")

    assert uses(pipe) == [("look", {}, None)]
    assert pipe.written.uses[0].end_ns >= pipe.written.uses[0].start_ns


@pytest.mark.parametrize(
    ("name", "reason", "status"),
    [
        ("CancelFrame", "client disconnected", "CUSTOMER_ENDED_CALL"),
        ("EndFrame", "user hung up", "CUSTOMER_ENDED_CALL"),
        ("EndFrame", "Caller has left the room", "CUSTOMER_ENDED_CALL"),
        ("EndFrame", "agent hangup", "AGENT_ENDED_CALL"),
        ("EndFrame", "bot ended the call", "AGENT_ENDED_CALL"),
        ("CancelFrame", "idle timeout", "SILENCE_TIME_OUT"),
        ("CancelFrame", "fatal error: no credit", "AGENT_ERROR"),
        ("EndFrame", "voicemail detected", "VOICE_MAIL_REACHED"),
        ("EndFrame", "max duration reached", "MAX_DURATION_REACHED"),
        ("EndFrame", "all is said", None),
        ("EndFrame", "", None),
        ("EndFrame", None, None),
        ("CancelFrame", {"why": "user hung up"}, None),
        ("StopFrame", None, None),
    ],
)
def test_reasons_say_who_ended_the_call_or_nothing(pipe: Pipe, name: str, reason: Any, status: str | None) -> None:
    pipe.hears("hello there")
    pipe.push(frame(name, reason=reason))
    pipe.finish()

    assert (pipe.written.facts or {}).get("ended_status") == status


def test_the_model_that_asks_for_the_end_ends_the_call(pipe: Pipe) -> None:
    """As a tool does that pushes the frame through the service that called it."""
    asks = frame("EndWorkerFrame", reason=None)
    pipe.hop(asks, "LLMService", "LLMUserAggregator")
    pipe.push(frame("EndFrame", reason=None))
    pipe.finish()

    assert (pipe.written.facts or {}).get("ended_status") == "AGENT_ENDED_CALL"


@pytest.mark.parametrize(
    ("name", "ends"), [("end_call", True), ("hang_up", True), ("finishConversation", True), ("look", False)]
)
def test_a_tool_ends_the_call_if_its_name_says_so(pipe: Pipe, name: str, *, ends: bool) -> None:
    runs(pipe, "1", name)
    returns(pipe, "1", {"ok": True}, name)
    pipe.speak("Goodbye.")
    pipe.push(frame("EndFrame", reason=None))
    pipe.finish()

    assert (pipe.written.facts or {}).get("ended_status") == ("AGENT_ENDED_CALL" if ends else None)


def test_a_tool_that_the_customer_answered_did_not_end_the_call(pipe: Pipe) -> None:
    runs(pipe, "1", "end_call")
    returns(pipe, "1", {"ok": False}, "end_call")
    pipe.hears("no, wait")
    pipe.push(frame("EndFrame", reason=None))
    pipe.finish()

    assert "ended_status" not in (pipe.written.facts or {})


def test_who_leaves_before_the_end_ended_the_call(pipe: Pipe) -> None:
    pipe.ears.left()
    pipe.push(frame("CancelFrame", reason=None))
    pipe.finish()

    assert (pipe.written.facts or {}).get("ended_status") == "CUSTOMER_ENDED_CALL"


def test_who_leaves_after_the_end_did_not_end_the_call(pipe: Pipe) -> None:
    pipe.push(frame("EndFrame", reason=None))
    pipe.ears.left()
    pipe.finish()

    assert "ended_status" not in (pipe.written.facts or {})


def test_a_voice_without_words_is_not_silence(pipe: Pipe) -> None:
    """A cut reply of a speech service that does not time its words; a customer whom nobody writes down."""
    pipe.both_ways("BotStartedSpeakingFrame", "BaseOutputTransport")
    pipe.both_ways("BotStoppedSpeakingFrame", "BaseOutputTransport")
    pipe.finish()
    other = Pipe(*CASCADE)
    other.both_ways("SpeechControlParamsFrame", "VADProcessor", vad_params=object())
    other.both_ways("VADUserStartedSpeakingFrame", "VADProcessor", start_secs=0.2)
    other.finish()

    assert pipe.written.facts == {"wordless": True}
    assert other.written.facts == {"wordless": True, "silent_agent": True}


def test_silence_is_told_of_a_side_that_could_be_heard(pipe: Pipe) -> None:
    pipe.both_ways("SpeechControlParamsFrame", "VADProcessor", vad_params=object())
    unheard = Pipe("LLMUserAggregator", "LLMService")
    unheard.both_ways("SpeechControlParamsFrame", "LLMService", vad_params=None)

    assert pipe.finish() == unheard.finish() == []
    assert pipe.written.facts == {"silent_agent": True, "silent_customer": True}
    assert unheard.written.facts == {}


def test_a_call_ends_once_and_hears_nothing_after_it(pipe: Pipe) -> None:
    pipe.hears("hello there")
    pipe.finish()
    pipe.hears("and more")
    pipe.ears.finish()

    assert pipe.written.lines == [("CUSTOMER", "hello there")]


def test_what_comes_before_the_pipeline_starts_counts(pipe: Pipe) -> None:
    early = Pipe(*CASCADE, starts=False)
    early.hears("early")

    assert (early.written.begun, pipe.written.begun) == (False, True)
    assert early.finish() == [("CUSTOMER", "early")]


@pytest.mark.faults
def test_a_frame_that_is_not_as_expected_harms_nothing(pipe: Pipe) -> None:
    """Another version may have other fields."""
    broken = [frame(name) for name in HEARS]
    for one in broken:
        for field in ("text", "broadcast_sibling_id", "id"):
            delattr(one, field)
    for one in [*broken, *(frame(name, text=None) for name in HEARS), frame(AUDIO, sample_rate=None)]:
        pipe.push(one)
    pipe.hears("still here")

    assert ("CUSTOMER", "still here") in pipe.finish()


def test_audio_costs_a_look_and_keeps_little(pipe: Pipe) -> None:
    for _ in range(5_000):
        pipe.push(frame(AUDIO, sample_rate=16_000, num_frames=320), "BaseInputTransport", "LLMService")
        pipe.push(frame("TTSAudioRawFrame"), "TTSService")

    assert pipe.ears.hears(type(frame("TTSAudioRawFrame"))) is None
    assert len(pipe.ears.audio._came) <= 512
    assert len(pipe.ears._ids) < 10


def test_many_frames_leave_few_ids(pipe: Pipe) -> None:
    for _ in range(10_000):
        pipe.push(frame("InterimTranscriptionFrame", text="hel"), "STTService", "LLMUserAggregator")

    assert len(pipe.ears._ids) <= 4_096


@pytest.mark.parametrize(("rate", "samples"), [(16_000, 320), (8_000, 160), (48_000, 960)])
def test_voice_activity_counts_back_in_the_audio_that_came(pipe: Pipe, rate: int, samples: int) -> None:
    """A pipeline of 16 kHz whose audio has another rate takes it for longer or shorter than it is."""
    now, step = 1_000_000_000_000, 20_000_000
    audio = pipe.ears.audio
    came = [frame(AUDIO, sample_rate=rate, num_frames=samples) for _ in range(50)]
    for index, one in enumerate(came):
        data = SimpleNamespace(frame=one, source=pipe.line["BaseInputTransport"], timestamp=0)
        audio.pushed(data)
        audio._came[-1] = audio._came[-1]._replace(at_ns=now + index * step)
    frames = round(0.1 * 16_000 / samples + 0.49)

    began = audio.before_ns(now + 50 * step, 0.1, pipe.line["VADProcessor"])

    assert began == now + (49 - frames) * step


@pytest.mark.parametrize("burst", [1, 3, 10, 49])
def test_audio_that_comes_in_a_burst_was_said_before_it(pipe: Pipe, burst: int) -> None:
    """The event loop was busy while the customer began to speak."""
    now, step = 1_000_000_000_000, 20_000_000
    audio = pipe.ears.audio
    for index in range(50):
        one = frame(AUDIO, sample_rate=16_000, num_frames=320)
        audio.pushed(SimpleNamespace(frame=one, source=pipe.line["BaseInputTransport"], timestamp=0))
        came = 49 if index >= 50 - burst else index
        audio._came[-1] = audio._came[-1]._replace(at_ns=now + came * step)

    assert audio.before_ns(now + 49 * step, 0.14, pipe.line["VADProcessor"]) == now + 42 * step


def test_audio_that_is_played_from_a_file_at_once_was_not_said_long_ago(pipe: Pipe) -> None:
    now, step = 1_000_000_000_000, 20_000_000
    audio = pipe.ears.audio
    for _ in range(500):
        one = frame(AUDIO, sample_rate=16_000, num_frames=320)
        audio.pushed(SimpleNamespace(frame=one, source=pipe.line["BaseInputTransport"], timestamp=0))
        audio._came[-1] = audio._came[-1]._replace(at_ns=now)

    assert now - audio.before_ns(now, 8.0, pipe.line["VADProcessor"]) <= 1_000_000_000 + step


def test_a_busy_processor_examines_audio_that_came_in_a_while_ago(pipe: Pipe) -> None:
    now, step = 1_000_000_000_000, 20_000_000
    audio, examiner = pipe.ears.audio, pipe.line["VADProcessor"]
    audio.before_ns(now, 0.0, examiner)
    for index in range(50):
        one = frame(AUDIO, sample_rate=16_000, num_frames=320)
        audio.pushed(SimpleNamespace(frame=one, source=pipe.line["BaseInputTransport"], timestamp=0))
        audio._came[-1] = audio._came[-1]._replace(at_ns=now + index * step)
        if index <= 40:
            audio.pushed(SimpleNamespace(frame=one, source=examiner, timestamp=0))

    assert audio.before_ns(now + 49 * step, 0.1, examiner) == now + 35 * step
