"""What each frame says. A function is given the ears, the frame, between which processors it passes, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from roark_otel._instrumentation.pipecat import agent_frames as agent
from roark_otel._instrumentation.pipecat import customer_frames as customer
from roark_otel._instrumentation.pipecat import kinds, speakers
from roark_otel._instrumentation.pipecat.tools import CANCELLED, WITHOUT_RESULT, Use

if TYPE_CHECKING:
    from roark_otel._instrumentation.pipecat.ears import Ears
    from roark_otel._instrumentation.pipecat.kinds import Frame, Pushed

Hears: TypeAlias = Callable[[Any, Any, Any, int], None]


def _starts(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    """It passes every processor of the pipeline before any other frame does."""
    if ears.is_first(frame):
        # To read the attribute itself warns since Pipecat 1.8.
        ears.audio.rate = frame.__dict__.get("audio_in_sample_rate") or 0
    ears.begin(at_ns)
    for processor in (data.source, data.destination):
        ears.processors |= kinds.names_of(processor)


def _ends(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    if ears.is_first(frame):
        ears.ending.asked(getattr(frame, "reason", None), at_ns)


def _cancels(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    if ears.is_first(frame):
        ears.ending.asked(frame.reason, at_ns, is_cancelled=True)


def _asks_to_end(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    if ears.is_first(frame):
        ears.ending.asked(frame.reason, at_ns, by_model=kinds.is_a(data.source, kinds.MODEL))


def _runs(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    if ears.is_first(frame):
        ears.enter_keys(at_ns)
        ears.customer.pause()
        by = speakers.of(frame.id)
        ears.tools.began(Use(frame.function_name, frame.tool_call_id, frame.arguments, by, at_ns))


def _returns(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    properties = getattr(frame, "properties", None)
    if ears.is_first(frame) and getattr(properties, "is_final", True):
        ears.tools.ended(frame.function_name, frame.tool_call_id, frame.result or WITHOUT_RESULT, at_ns)


def _is_cancelled(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    if ears.is_first(frame):
        ears.tools.ended(frame.function_name, frame.tool_call_id, CANCELLED, at_ns)


AUDIO: Final = "InputAudioRawFrame"
"""The class of frames that are heard by `audio.Audio`."""

HEARS: Final[Mapping[str, Hears]] = {
    "StartFrame": _starts,
    "EndFrame": _ends,
    "StopFrame": _ends,
    "CancelFrame": _cancels,
    "EndWorkerFrame": _asks_to_end,
    "EndTaskFrame": _asks_to_end,
    "CancelWorkerFrame": _asks_to_end,
    "CancelTaskFrame": _asks_to_end,
    "FunctionCallInProgressFrame": _runs,
    "FunctionCallResultFrame": _returns,
    "FunctionCallCancelFrame": _is_cancelled,
    "LLMFullResponseStartFrame": agent.responds,
    "LLMFullResponseEndFrame": agent.has_responded,
    "AggregatedTextFrame": agent.shows,
    "LLMTextFrame": agent.writes,
    "TTSSpeakFrame": agent.responds,
    "TTSStartedFrame": agent.opens,
    "TTSTextFrame": agent.says,
    "BotStartedSpeakingFrame": agent.begins,
    "BotStoppedSpeakingFrame": agent.stops,
    "InterruptionFrame": agent.is_interrupted,
    "SpeechControlParamsFrame": customer.is_listened_to,
    "VADUserStartedSpeakingFrame": customer.begins,
    "VADUserStoppedSpeakingFrame": customer.stops,
    "UserStartedSpeakingFrame": customer.takes_turn,
    "UserStoppedSpeakingFrame": customer.ends_turn,
    "ProposedUserStartedSpeakingFrame": customer.takes_turn,
    "ProposedUserStoppedSpeakingFrame": customer.ends_turn,
    "LLMContextUserTurnFrame": customer.is_understood,
    "InterimTranscriptionFrame": customer.may_say,
    "TranscriptionFrame": customer.says,
    "UserBackchannelFrame": customer.assents,
    "InputDTMFFrame": customer.presses,
    "LLMMessagesAppendFrame": customer.types,
    "InputTextRawFrame": customer.types_text,
    "UserImageRawFrame": customer.sends,
    "UserFileRawFrame": customer.sends,
}
"""What hears each class of frames. One that is not here is heard as the next above it that is."""
