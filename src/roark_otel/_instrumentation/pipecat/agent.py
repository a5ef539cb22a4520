"""What the agent said aloud: the words that the output transport let go, while it played them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._instrumentation.pipecat.joining import Piece, joined

if TYPE_CHECKING:
    from collections.abc import Callable

_SILENCED_NS: Final = 1_500_000_000
"""The transport falls silent within this time of an interruption, unless it was asked to go on."""

_SETTLED_NS: Final = 500_000_000
"""The last words of a speech are let go within this time of its end."""


class Spoken(NamedTuple):
    """One stretch of the agent's speech, as far as it was heard. What is not `is_timed` was shown and not spoken."""

    text: str
    start_ns: int
    end_ns: int
    is_interrupted: bool
    agent: str | None
    is_timed: bool = True


@dataclass(slots=True)
class _Speech:
    """A speech in the making. `context` is what the speech service calls it; speech-to-speech models have none."""

    context: str | None
    agent: str | None
    pieces: list[Piece] = field(default_factory=list[Piece])
    first_ns: int | None = None
    last_ns: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    cut_ns: int | None = None

    def is_opened_by(self, context: str | None) -> bool:
        """Returns whether it has only begun: its sound, or its first words, may come before what opens it."""
        if context is not None and self.context is not None:
            return False
        return self.end_ns is None and (self.start_ns is None or not self.pieces)

    def spoken(self, now_ns: int) -> Spoken | None:
        """Returns what was heard of it, None if no word was."""
        text = joined(self.pieces)
        start_ns = self.start_ns or self.first_ns
        if not text or start_ns is None:
            return None
        end_ns = self.end_ns or (self.last_ns if self.start_ns is None else None) or now_ns
        is_cut = self.cut_ns is not None and self.end_ns is not None and self.end_ns - self.cut_ns < _SILENCED_NS
        return Spoken(text, start_ns, max(start_ns, end_ns), is_cut, self.agent)


class AgentVoice:
    """Puts together what one line to the customer plays.

    Args:
        write: Is given each speech when it is over.
    """

    __slots__ = ("_is_answered", "_speech", "_waiting", "_write")

    def __init__(self, write: Callable[[Spoken], None]) -> None:
        self._write = write
        self._speech: _Speech | None = None
        self._waiting: list[_Speech] = []  # by the order in which they are played: their first words came early
        self._is_answered = False

    @property
    def is_speaking(self) -> bool:
        """Whether the agent can be heard."""
        return self._speech is not None and self._speech.start_ns is not None and self._speech.end_ns is None

    def opened(self, context: str | None, agent: str | None, at_ns: int) -> None:
        """Notes that what comes now belongs to another speech, if its context is another one."""
        if self._following(context, at_ns) is not None:
            return
        speech = self._speech
        if speech is not None and speech.is_opened_by(context):
            speech.context, speech.agent = context or speech.context, agent or speech.agent
        elif speech is None or context is None or speech.context != context:
            self._open(_Speech(context, agent), at_ns)

    def word(self, piece: Piece, context: str | None, agent: str | None, at_ns: int) -> None:
        """Adds a piece of text that was let go."""
        speech = self._speech
        if speech is None:
            speech = self._open(_Speech(context, agent), at_ns)
        elif context is None or speech.context is None:
            if speech.end_ns is not None:
                self._waiting = self._waiting or [_Speech(context, agent)]
                speech = self._waiting[0]
        elif context != speech.context:
            speech = self._after(context, agent, at_ns)
        elif speech.cut_ns is not None and speech.end_ns is not None:
            return  # its audio was dropped
        speech.context = speech.context or context
        speech.pieces.append(piece)
        speech.first_ns, speech.last_ns = speech.first_ns or at_ns, at_ns

    def began(self, at_ns: int, agent: str | None) -> None:
        """Notes that the agent can be heard from now on."""
        speech, following = self._speech, None
        if self._waiting and (speech is None or speech.end_ns is not None):
            following = self._following(self._waiting[0].context, at_ns)
        if following is not None:
            speech = following
        elif speech is not None and speech.end_ns is not None:
            if speech.context is not None and speech.cut_ns is None and not self._is_answered:
                speech.end_ns = None  # it ran dry for a moment
                return
            speech = None
        speech = speech or self._open(_Speech(None, agent), at_ns)
        speech.start_ns = speech.start_ns or at_ns

    def stopped(self, at_ns: int) -> None:
        """Notes that the agent is silent from now on."""
        if self._speech is not None and self.is_speaking:
            self._speech.end_ns = at_ns

    def interrupted(self, at_ns: int) -> None:
        """Notes that what is being said and waits to be said is to be dropped."""
        self._waiting.clear()
        if self._speech is None:
            return
        if self.is_speaking:
            self._speech.cut_ns = at_ns
        elif self._speech.start_ns is None and not self._speech.pieces:
            self._speech = None  # nothing of it was heard

    def answered(self, at_ns: int) -> None:
        """Notes that someone else spoke: what comes after that is another speech."""
        self._is_answered = True
        speech = self._speech
        if speech is not None and speech.end_ns is not None and at_ns - speech.end_ns > _SETTLED_NS:
            self._close(at_ns)

    def over(self, at_ns: int) -> None:
        """Notes the end of the call."""
        self.stopped(at_ns)
        self._close(at_ns)

    def _after(self, context: str, agent: str | None, at_ns: int) -> _Speech:
        """Returns the speech that a word belongs to after another. It may come while the other can still be heard."""
        for following in self._waiting:
            if following.context == context:
                return following
        if not self._waiting and not self.is_speaking:
            return self._open(_Speech(context, agent), at_ns)
        self._waiting.append(_Speech(context, agent))
        return self._waiting[-1]

    def _following(self, context: str | None, at_ns: int) -> _Speech | None:
        """Opens the speech whose first words came before it began. Without a context they may be late instead."""
        place = next((place for place, one in enumerate(self._waiting) if one.context == context), None)
        if place is None:
            return None
        following, later = self._waiting[place], self._waiting[place + 1 :]
        if context is None and at_ns - (following.first_ns or at_ns) > _SETTLED_NS:
            self._add_late_words()
            return None
        del self._waiting[place:]
        if self.is_speaking:
            following.start_ns = at_ns
        self._open(following, at_ns)
        self._waiting = later
        return following

    def _add_late_words(self) -> None:
        """Adds words that came after the end of a speech to it, unless it was cut off: then they were not heard."""
        speech, late = self._speech, self._waiting.pop(0)
        if speech is not None and speech.cut_ns is None:
            speech.pieces += late.pieces

    def _open(self, speech: _Speech, at_ns: int) -> _Speech:
        self._close(at_ns)
        self._speech = speech
        return speech

    def _close(self, at_ns: int) -> None:
        """Writes the speech so far. Those that followed it without a pause were played in the same go."""
        if self._waiting and self._waiting[0].context is None:
            self._add_late_words()
        if self._speech is not None:
            played = [self._speech, *self._waiting]
            for one, following in pairwise(played):
                if one.end_ns is not None:
                    following.start_ns, following.end_ns = following.first_ns, max(one.end_ns, following.last_ns or 0)
                    one.end_ns = following.first_ns
            for one in played:
                if (spoken := one.spoken(at_ns)) is not None:
                    self._write(spoken)
        self._speech, self._waiting, self._is_answered = None, [], False
