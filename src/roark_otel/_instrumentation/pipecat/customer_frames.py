"""What frames say of the customer's speech, and of what the customer enters without speaking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._instrumentation.pipecat import kinds, speakers
from roark_otel._instrumentation.pipecat.customer import Said
from roark_otel._instrumentation.pipecat.entries import KEYPAD, TYPED, texts_of
from roark_otel._instrumentation.pipecat.joining import Piece

if TYPE_CHECKING:
    from roark_otel._instrumentation.pipecat.ears import Ears
    from roark_otel._instrumentation.pipecat.kinds import Frame, Pushed


def is_listened_to(ears: Ears, frame: Frame, _: Pushed, __: int) -> None:
    """Voice activity is measured, by these parameters."""
    if getattr(frame, "vad_params", None) is not None:
        ears.has_voice_activity = True


def begins(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    """A voice was heard: so long ago as it took to be sure."""
    if ears.is_first(frame):
        ears.other_speaks(at_ns)
        ears.customer.voice_began(ears.audio.before_ns(at_ns, getattr(frame, "start_secs", 0.0), data.source))


def stops(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    """The voice fell silent: so long ago as it took to be sure."""
    if ears.is_first(frame):
        ears.customer.voice_ended(ears.audio.before_ns(at_ns, getattr(frame, "stop_secs", 0.0), data.source))


def takes_turn(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """It is the customer's turn, as a service or the framework has it."""
    if ears.is_first(frame):
        ears.other_speaks(at_ns)
        ears.customer.turn_began(at_ns)


def ends_turn(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """It is the agent's turn."""
    if ears.is_first(frame):
        ears.customer.turn_ended(at_ns)


def is_understood(ears: Ears, frame: Frame, _: Pushed, __: int) -> None:
    """What the customer said is one message in the context of the model now."""
    if ears.is_first(frame):
        ears.customer.over()


def may_say(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """Words that may still change."""
    if ears.is_first(frame) and frame.text.strip():
        ears.customer.guessed(at_ns)


def says(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    """Words of the customer's, whoever wrote them down: a service, the transport, a model, a processor of the app."""
    if not ears.is_first(frame):
        arrived = kinds.is_a(data.destination, kinds.TO_CONTEXT)
        ears.passed.passed(frame.id, data.destination, has_arrived=arrived)
    elif not frame.text.strip():
        return
    elif kinds.is_a(data.source, kinds.KEYPAD):
        _, first_ns, last_ns = ears.keys.take(at_ns)
        ears.enter(Said(frame.text.strip(), first_ns, last_ns), KEYPAD)
    elif kinds.is_a(data.source, kinds.QUEUE) and not ears.customer.has_voice:
        ears.enter(Said(frame.text.strip(), at_ns, at_ns), TYPED)
    else:
        _add_words(ears, frame, data, at_ns)


def assents(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """The customer said something short while the agent spoke on, which is not in the context of the model."""
    if ears.is_first(frame) and frame.text.strip():
        ears.customer.over()
        ears.customer.words(Piece(frame.text, is_spaced=False), at_ns, None, is_late=False)
        ears.customer.over()


def presses(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """A key of a telephone."""
    if ears.is_first(frame):
        if ears.keys.are_over(at_ns):
            ears.enter_keys(at_ns)
        ears.keys.press(str(getattr(frame.button, "value", frame.button)), at_ns)


def types(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """Messages for the context of the model: those of the user are what a client typed, unless a worker wrote them."""
    if ears.is_first(frame) and speakers.of(frame.id) is None:
        for text in texts_of(frame.messages):
            ears.enter(Said(text, at_ns, at_ns), TYPED)


def types_text(ears: Ears, frame: Frame, _: Pushed, at_ns: int) -> None:
    """Text from the transport."""
    if ears.is_first(frame) and frame.text.strip():
        ears.enter(Said(frame.text.strip(), at_ns, at_ns), TYPED)


def sends(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    """A picture or a file that a client sends, and maybe text with it."""
    text = getattr(frame, "text", None)
    if ears.is_first(frame) and kinds.is_a(data.source, kinds.CLIENT) and isinstance(text, str) and text.strip():
        ears.enter(Said(text.strip(), at_ns, at_ns), TYPED)


def _add_words(ears: Ears, frame: Frame, data: Pushed, at_ns: int) -> None:
    piece = Piece(frame.text, bool(getattr(frame, "includes_inter_frame_spaces", False)))
    if ears.passed.replaced(piece, frame.id, data.source, data.destination):
        return
    language = getattr(frame, "language", None)
    code = None if language is None else str(getattr(language, "value", language))
    is_late = kinds.is_a(data.source, kinds.MODEL)
    pieces = ears.customer.words(piece, at_ns, code, is_late=is_late)
    if not kinds.is_a(data.destination, kinds.TO_CONTEXT):
        ears.passed.given(frame.id, pieces, data.destination)
