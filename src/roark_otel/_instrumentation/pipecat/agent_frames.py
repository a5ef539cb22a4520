"""What frames say of the agent's speech."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._instrumentation.pipecat import kinds, speakers
from roark_otel._instrumentation.pipecat.joining import Piece
from roark_otel.dialects.pipecat.marks import is_marked

if TYPE_CHECKING:
    from roark_otel._instrumentation.pipecat.ears import Ears
    from roark_otel._instrumentation.pipecat.kinds import Frame, Pushed

_MOST_CONTEXTS: Final = 256


def responds(ears: Ears, frame: Frame, data: Pushed, _: int) -> None:
    """A worker replies. A speech service passes this on when it begins with the reply."""
    if ears.is_first(frame) or kinds.is_a(data.source, kinds.SPEECH):
        ears.speaker = speakers.of(frame.id)
        ears.is_shown = getattr(frame, "skip_tts", None) is True


def shows(ears: Ears, frame: Frame, data: Pushed, _: int) -> None:
    """A sentence that clients are shown and that is not spoken, where the app has turned speech off."""
    is_shown = getattr(frame, "skip_tts", None) is True and getattr(frame, "append_to_context", False) is True
    if ears.is_shown and is_shown and isinstance(frame.text, str) and _is_let_go(ears, frame, data):
        ears.shown.append(_piece(frame, frame.text))


def writes(ears: Ears, frame: Frame, data: Pushed, _: int) -> None:
    """A part of a reply, where nothing in the pipeline speaks: clients see the words instead."""
    is_shown = not ears.has_voice and getattr(frame, "append_to_context", True) is True
    if is_shown and kinds.OUTPUT in ears.processors and isinstance(frame.text, str) and _is_let_go(ears, frame, data):
        ears.shown.append(_piece(frame, frame.text))


def has_responded(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    """A reply is complete."""
    if ears.shown and _is_let_go(ears, frame, data):
        ears.show(at_ns)


def opens(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    """A speech service has begun a speech, or the transport has come to it."""
    context = getattr(frame, "context_id", None)
    if context is not None and context not in ears.speaker_of:
        ears.speaker_of[context] = ears.speaker
        while len(ears.speaker_of) > _MOST_CONTEXTS:
            del ears.speaker_of[next(iter(ears.speaker_of))]
    if _is_let_go(ears, frame, data):
        ears.voice_of(frame).opened(context, ears.speaker_of.get(context, ears.speaker), at_ns)


def says(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    """A word, or all that was spoken at once by a service that does not time its words."""
    if isinstance(frame.text, str) and _is_let_go(ears, frame, data):
        context = getattr(frame, "context_id", None)
        piece = _piece(frame, _written(frame))
        ears.voice_of(frame).word(piece, context, ears.speaker_of.get(context, ears.speaker), at_ns)


def begins(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """The transport plays speech."""
    if ears.is_first(frame):
        ears.enter_keys(at_ns)
        ears.customer.agent_began(at_ns)
        ears.voice_of(frame).began(at_ns, ears.speaker)


def stops(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """The transport has played all that there was, or dropped it."""
    if ears.is_first(frame):
        ears.voice_of(frame).stopped(at_ns)
        ears.customer.agent_stopped(at_ns)


def is_interrupted(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """The transport is to drop what is not played yet."""
    if ears.is_first(frame):
        ears.interrupt(at_ns)


def _is_let_go(ears: Ears, frame: Frame, data: Pushed) -> bool:
    """Returns whether a frame goes out now: a transport holds it until its audio is played."""
    has_line = kinds.OUTPUT in ears.processors
    return (not has_line or kinds.is_a(data.source, kinds.OUTPUT)) and ears.is_first(frame)


def _piece(frame: Frame, text: str) -> Piece:
    return Piece(text, bool(getattr(frame, "includes_inter_frame_spaces", False)))


def _written(frame: Frame) -> str:
    """Returns the text of a frame with what is not pronounced, such as emoji, which Pipecat keeps beside it."""
    spoken, written = frame.text, getattr(frame, "raw_text", None)
    if isinstance(written, str) and _letters(written) == _letters(spoken) and not is_marked(written):
        return written
    return str(spoken)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
