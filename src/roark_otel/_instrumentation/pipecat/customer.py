"""What the customer said: the words of whoever wrote them down, at the times when the voice was heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._instrumentation.pipecat.joining import Piece, joined
from roark_otel._instrumentation.pipecat.voices import Stretch, Voice

if TYPE_CHECKING:
    from collections.abc import Callable

_NS_PER_CHARACTER: Final = 1_000_000_000 // 15
"""How long a character takes, where the length of its words was not measured."""

_PIECES_NS: Final = 2_000_000_000
"""The pieces of what a speech-to-speech model writes down follow each other within this time."""

_FORGOTTEN_NS: Final = 15_000_000_000
"""Words that may still change become final within this time, or never."""

_AT_ONCE_NS: Final = 100_000_000
"""Words that begin a turn come before it by less than this."""


class Said(NamedTuple):
    """One utterance of the customer.

    `is_timed`: a voice was heard at these times. Turns end when a detector is sure of it, which is later.
    """

    text: str
    start_ns: int
    end_ns: int
    language: str | None = None
    is_timed: bool = True


@dataclass(slots=True)
class _Utterance:
    """An utterance in the making.

    `earlier` is a stretch of which the utterance before has the beginning, up to `since_ns`. `replied_ns` is when the
    agent had begun to reply before the words were known, 0 if it had not. `is_late` words may go on after that, too.
    """

    since_ns: int
    replied_ns: int
    language: str | None
    earlier: Stretch | None
    is_late: bool
    pieces: list[Piece] = field(default_factory=list[Piece])
    stretches: list[Stretch] = field(default_factory=list[Stretch])
    hint_ns: int | None = None
    known_ns: int = 0
    is_by_turn: bool = False

    def ends_before(self, turn: int | None, at_ns: int) -> bool:
        """Returns whether it is of an earlier turn than what comes now; nothing measured that if the turn is None."""
        if turn is None:
            return self.is_late and at_ns - self.known_ns > _PIECES_NS
        return bool(self.stretches) and self.stretches[-1].turn != turn

    def said(self) -> Said | None:
        """Returns what was said, None if it has no words."""
        text = joined(self.pieces)
        if not text:
            return None
        if self.stretches:
            start_ns, end_ns = self.stretches[0].start_ns, self.stretches[-1].end_ns or self.known_ns
        elif self.earlier is not None:
            start_ns, end_ns = self.since_ns, self.earlier.end_ns or self.known_ns
        else:
            end_ns = self.replied_ns or self.known_ns
            lasted_ns = len(text) * _NS_PER_CHARACTER
            start_ns = max(self.since_ns, end_ns - lasted_ns) if self.hint_ns is None else self.hint_ns
            return Said(text, min(start_ns, end_ns), end_ns, self.language, is_timed=False)
        return Said(text, start_ns, max(start_ns, end_ns), self.language, is_timed=not self.is_by_turn)


class Customer:
    """Puts together what the customer says.

    Voice activity has the times, and where nothing measures it, turns do: those that a speech-to-speech service or the
    framework takes. An utterance is what was said in one turn of the customer's, as in the context of the model.

    Args:
        write: Is given each utterance when it is over.

    Attributes:
        was_heard: Whether a voice was ever heard.
    """

    __slots__ = (
        "_entered_ns",
        "_hint_ns",
        "_last",
        "_replied_ns",
        "_said_ns",
        "_turn",
        "_turns",
        "_utterance",
        "_voice",
        "_write",
        "was_heard",
    )

    def __init__(self, write: Callable[[Said], None]) -> None:
        self._write = write
        self._voice = Voice()
        self._turns = Voice()
        self._turn = 0
        self._utterance: _Utterance | None = None
        self._last: Stretch | None = None
        self._said_ns = self._replied_ns = self._entered_ns = 0
        self._hint_ns: int | None = None
        self.was_heard = False

    def voice_began(self, start_ns: int) -> None:
        """Notes that voice activity began."""
        self.was_heard = True
        if self._voice.began(start_ns, self._turn) is not None:
            self._another_turn()

    def voice_ended(self, end_ns: int) -> None:
        """Notes that voice activity ended."""
        self._voice.ended(end_ns)

    def turn_began(self, at_ns: int) -> None:
        """Notes that the customer's turn began, as a service or the framework has it."""
        made = self._turns.began(at_ns, self._turn)
        if made is None:
            return
        utterance = self._utterance
        words_ns = utterance.known_ns if utterance is not None and not utterance.stretches else self._entered_ns
        if words_ns and words_ns >= at_ns - _AT_ONCE_NS:
            self._turns.forget(made)  # it was the words that began the turn
        else:
            self._another_turn()

    def turn_ended(self, at_ns: int) -> None:
        """Notes that the customer's turn ended."""
        self._turns.ended(at_ns)
        self.pause()

    def guessed(self, at_ns: int) -> None:
        """Notes that words were recognized that may still change."""
        self._hint_ns = self._hint_ns or at_ns

    def words(self, piece: Piece, at_ns: int, language: str | None, *, is_late: bool) -> list[Piece]:
        """Adds words that are final. Returns the pieces of their utterance, this one the last."""
        length = len(piece.text.strip())
        hint_ns, self._hint_ns = self._hint_ns, None
        if hint_ns is not None and hint_ns <= max(self._said_ns, at_ns - _FORGOTTEN_NS):
            hint_ns = None
        stretches = self._voice.take(at_ns, length, is_late=is_late)
        by_turn = self._turns.take(at_ns, length, is_late=is_late)
        is_by_turn = not stretches and bool(by_turn)
        if is_by_turn:
            stretches = by_turn
            stretches[0].start_ns = min(stretches[0].start_ns, hint_ns or at_ns)
        utterance = self._utterance
        if utterance is not None and utterance.ends_before(stretches[0].turn if stretches else None, at_ns):
            self._close()
            utterance = None
        if utterance is None:
            last = self._last
            earlier = last if last is not None and (last.end_ns is None or last.end_ns > self._said_ns) else None
            replied_ns = self._replied_ns if is_late else 0
            utterance = self._utterance = _Utterance(self._said_ns, replied_ns, language, earlier, is_late)
        utterance.is_by_turn = utterance.is_by_turn or is_by_turn
        utterance.stretches += stretches
        utterance.pieces.append(piece)
        utterance.hint_ns = utterance.hint_ns or hint_ns
        utterance.known_ns = at_ns
        self._last = stretches[-1] if stretches else self._last
        return utterance.pieces

    @property
    def has_voice(self) -> bool:
        """Whether a voice was heard that no words were found for yet."""
        return self._voice.is_waiting or self._turns.is_waiting

    def entered(self, at_ns: int) -> None:
        """Notes that the customer entered something by keypad or keyboard."""
        self.pause()
        self._entered_ns = at_ns

    def pause(self) -> None:
        """Notes that someone else takes over, unless the customer is speaking: then what was said goes on."""
        if self._voice.is_open:
            return
        self._turn += 1
        if self._utterance is not None and not self._utterance.is_late:
            self._close()

    def agent_began(self, at_ns: int) -> None:
        """Notes that the agent can be heard from now on."""
        self.pause()
        self._turn += 1
        self._replied_ns = at_ns

    def agent_stopped(self, at_ns: int) -> None:
        """Notes that the agent fell silent."""
        self._replied_ns = 0
        self._said_ns = max(self._said_ns, at_ns)

    def over(self) -> None:
        """Writes what was said so far: the turn is over, or the call."""
        self._turn += 1
        self._close()

    def _another_turn(self) -> None:
        """Divides what is said from now on from what was said in an earlier turn."""
        utterance = self._utterance
        if utterance is not None and utterance.ends_before(self._turn, self._said_ns):
            self._close()

    def _close(self) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is None or (said := utterance.said()) is None:
            return
        self._said_ns = max(self._said_ns, utterance.known_ns if utterance.earlier is None else said.end_ns)
        self._write(said)
