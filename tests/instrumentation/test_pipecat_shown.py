"""Replies that clients are shown as text while the app has turned speech off."""

from __future__ import annotations

import pytest

from instrumentation.pipecat_like import CASCADE, Pipe, frame


@pytest.fixture(name="pipe")
def _pipe() -> Pipe:
    return Pipe(*CASCADE)


def reply(pipe: Pipe, *sentences: str, skip_tts: bool, append_to_context: bool = True) -> None:
    """The model writes, and the speech service passes on what it is not to speak."""
    pipe.push(frame("LLMFullResponseStartFrame", skip_tts=skip_tts), "LLMService")
    for text in sentences:
        shown = frame("AggregatedTextFrame", text=text, skip_tts=True, append_to_context=append_to_context)
        pipe.push(shown, "TTSService")
    pipe.push(frame("LLMFullResponseEndFrame", skip_tts=skip_tts), "LLMService")


def test_a_reply_that_is_shown_and_not_spoken_is_said(pipe: Pipe) -> None:
    """It stands in the context of the model as any other. Nothing measures when the agent spoke."""
    pipe.hears("write it")
    reply(pipe, "Written only.", "Twice.", skip_tts=True)
    pipe.speak("Hello.")

    assert pipe.finish() == [("CUSTOMER", "write it"), ("AGENT", "Written only. Twice."), ("AGENT", "Hello.")]
    assert [one.is_timed for one in pipe.written.spoken] == [False, True]


def test_an_agent_whose_replies_were_shown_was_not_silent(pipe: Pipe) -> None:
    pipe.hears("write it")
    reply(pipe, "Written only.", skip_tts=True)
    pipe.finish()

    assert pipe.written.facts is not None
    assert "silent_agent" not in pipe.written.facts


def test_what_is_left_out_of_a_reply_that_is_spoken_is_not_said(pipe: Pipe) -> None:
    """As code, which has a type that the speech service skips."""
    reply(pipe, "print(1)", skip_tts=False)
    pipe.speak("Hello.")

    assert pipe.finish() == [("AGENT", "Hello.")]


def test_what_is_kept_out_of_the_context_is_not_said(pipe: Pipe) -> None:
    reply(pipe, "Thinking.", skip_tts=True, append_to_context=False)

    assert pipe.finish() == []


def test_a_reply_that_the_end_cuts_off_is_said_as_far_as_it_was_shown(pipe: Pipe) -> None:
    pipe.push(frame("LLMFullResponseStartFrame", skip_tts=True), "LLMService")
    pipe.push(frame("AggregatedTextFrame", text="Written", skip_tts=True, append_to_context=True), "TTSService")

    assert pipe.finish() == [("AGENT", "Written")]


WITHOUT_A_VOICE = tuple(one for one in CASCADE if one != "TTSService")


def written(pipe: Pipe, *words: str) -> None:
    """The model writes a reply, word by word, which the transport passes on."""
    pipe.push(frame("LLMFullResponseStartFrame"), "LLMService")
    for text in words:
        pipe.push(frame("LLMTextFrame", text=text, includes_inter_frame_spaces=True), "BaseOutputTransport")
    pipe.push(frame("LLMFullResponseEndFrame"), "BaseOutputTransport")


def test_an_agent_without_a_voice_says_what_it_writes() -> None:
    pipe = Pipe(*WITHOUT_A_VOICE)
    pipe.hears("is the shop open")
    written(pipe, "Until", " six", ".")
    written(pipe, "Goodbye.")

    assert pipe.finish() == [("CUSTOMER", "is the shop open"), ("AGENT", "Until six."), ("AGENT", "Goodbye.")]
    assert pipe.written.facts is not None
    assert "silent_agent" not in pipe.written.facts


def test_what_a_reply_has_until_it_is_interrupted_is_said() -> None:
    pipe = Pipe(*WITHOUT_A_VOICE)
    pipe.push(frame("LLMFullResponseStartFrame"), "LLMService")
    pipe.push(frame("LLMTextFrame", text="Until"), "BaseOutputTransport")
    pipe.push(frame("InterruptionFrame"), "BaseInputTransport")
    written(pipe, "Until six.")

    assert pipe.finish() == [("AGENT", "Until"), ("AGENT", "Until six.")]


def test_what_a_model_says_itself_is_not_said_twice() -> None:
    """It writes what it speaks as well, and has a voice as soon as it is heard."""
    pipe = Pipe(*WITHOUT_A_VOICE)
    pipe.push(frame("LLMFullResponseStartFrame"), "LLMService")
    pipe.push(frame("LLMTextFrame", text="Hello."), "BaseOutputTransport")
    pipe.push(frame("TTSTextFrame", text="Hello.", context_id="a"), "BaseOutputTransport")
    pipe.push(frame("LLMFullResponseEndFrame"), "BaseOutputTransport")

    assert pipe.finish() == [("AGENT", "Hello.")]
