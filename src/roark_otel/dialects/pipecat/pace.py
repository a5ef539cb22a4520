"""When the agent said what it said.

The end of speech is in no span. Where a turn was closed by a timer or by a barge-in it follows exactly; these also
show how fast the agent speaks, by which the other ends are estimated.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.moments import Agent, Utterance
from roark_otel.dialects.pipecat.turns import SILENCE_NS, Closed, spoken_until_ns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from roark_otel.dialects.pipecat.customer import Spoken
    from roark_otel.dialects.pipecat.replies import Reply
    from roark_otel.dialects.pipecat.stretches import Turn
    from roark_otel.dialects.pipecat.turns import Turns

_MS = 1_000_000
_start = attrgetter("start_ns")
_NS_PER_CHARACTER = 1_000_000_000 // 15
"""How long a character takes, if nothing in the call shows it."""

_PLAUSIBLE = range(1_000_000_000 // 100, 1_000_000_000 // 4)


class Speech(NamedTuple):
    """Replies that were played one after another, without anything that shows when one ended. The first has begun."""

    start_ns: int
    replies: tuple[Reply, ...]

    @property
    def characters(self) -> int:
        """The length of all that was heard."""
        return sum(len(one.text) for one in self.replies)


def answered(replies: Sequence[Reply], said: Sequence[Spoken]) -> dict[int, Reply]:
    """The first reply in each turn to what the customer said there last."""
    asked_ns = {one.turn_id: 0 if one.live else one.start_ns for one in said}
    found: dict[int, Reply] = {}
    for one in replies:
        if one.turn_id in asked_ns and one.start_ns >= asked_ns[one.turn_id]:
            found.setdefault(one.turn_id, one)
    return found


class Pace:
    """Puts the replies of a conversation on its clock.

    Args:
        replies: What was heard, by start.
        said: What the customer said, by start.
        turns: The turns.
        has_metrics: Whether speech services report when they began, so that a reply without that waited for another.
    """

    __slots__ = ("_answers", "_last_in_turn", "_said", "_silent_ns", "_speeches", "_turns", "answers")

    def __init__(self, replies: Sequence[Reply], said: Sequence[Spoken], turns: Turns, *, has_metrics: bool) -> None:
        self._turns, self._said = turns, [one for one in said if not one.live]  # live words begin late
        self._answers = answered(replies, said)
        self.answers: dict[int, int] = {turn_id: one.spoken_ns for turn_id, one in self._answers.items()}
        """When the agent first spoke in each turn, in answer to what the customer said there last."""
        self._silent_ns = {one.turn_id: one.end_ns for one in said}
        self._speeches: list[Speech] = []
        for one in replies:
            last = self._speeches[-1] if self._speeches else None
            if last and has_metrics and self._waited(one, last):
                self._speeches[-1] = last._replace(replies=(*last.replies, one))
            else:
                self._speeches.append(Speech(self._started_ns(one), (one,)))
        self._last_in_turn = {one.replies[0].turn_id: one for one in self._speeches}

    def agent_said(self) -> Iterator[Utterance]:
        """What the agent said as utterances."""
        pace = self._ns_per_character()
        for index, speech in enumerate(self._speeches):
            following = self._speeches[index + 1].start_ns if index + 1 < len(self._speeches) else None
            end_ns = max(speech.start_ns, self._end_ns(speech, following, pace))
            yield from self._utterances(speech, end_ns)

    def _waited(self, reply: Reply, speech: Speech) -> bool:
        """Whether a reply had to wait until others were played, so that its first byte is not known."""
        until_ns = speech.start_ns + speech.characters * _NS_PER_CHARACTER
        same_turn = reply.turn_id == speech.replies[-1].turn_id and self._turns.get(reply.turn_id) is not None
        return reply.ttfb_ns is None and same_turn and reply.start_ns < until_ns

    def _started_ns(self, reply: Reply) -> int:
        """When a reply began: so long after the customer fell silent as its turn says, else with its first byte."""
        turn, silent_ns = self._turns.get(reply.turn_id), self._silent_ns.get(reply.turn_id)
        if turn is None or turn.latency_ns is None or silent_ns is None or self._answers.get(reply.turn_id) != reply:
            return reply.spoken_ns
        started_ns = silent_ns + turn.latency_ns
        return started_ns if reply.start_ns <= started_ns <= (turn.end_ns or started_ns) else reply.spoken_ns

    def _ns_per_character(self) -> int:
        """How fast the agent speaks."""
        known = ((speech, self._known_end_ns(speech)) for speech in self._speeches)
        paces = [(end_ns - speech.start_ns) // speech.characters for speech, end_ns in known if end_ns is not None]
        return int(median([one for one in paces if one in _PLAUSIBLE] or [_NS_PER_CHARACTER]))

    def _known_end_ns(self, speech: Speech) -> int | None:
        """The end of the last speech of a turn, where what closed the turn shows it."""
        turn = self._turns.get(speech.replies[0].turn_id)
        if turn is None or self._last_in_turn[turn.span_id] is not speech:
            return None
        match self._turns.closed(turn):
            case Closed.BY_TIMER:
                return spoken_until_ns(turn)
            case Closed.BY_BARGE_IN:
                return turn.end_ns
            case _:
                return None

    def _end_ns(self, speech: Speech, following_ns: int | None, pace: int) -> int:
        known = self._known_end_ns(speech)
        if known is not None:
            return known
        guess = max(speech.replies[-1].made_ns, speech.start_ns + speech.characters * pace)
        if following_ns is not None:
            guess = min(guess, max(following_ns, speech.start_ns))
        turn = self._turns.get(speech.replies[0].turn_id)
        closed = Closed.NOT_YET if turn is None else self._turns.closed(turn)
        if turn is not None and closed is Closed.BY_CUSTOMER:
            latest = self._last_in_turn[turn.span_id] is speech
            return min(max(guess, turn.until_ns - SILENCE_NS if latest else guess), self._latest_ns(speech, turn))
        hung_up_ns, until_ns = self._turns.hung_up_ns, self._turns.played_until_ns
        if hung_up_ns is None:
            return guess
        if following_ns is None and until_ns is not None and max(guess, speech.start_ns) > hung_up_ns:
            return until_ns
        return min(guess, hung_up_ns) if closed is Closed.BY_HANG_UP else guess

    def _latest_ns(self, speech: Speech, turn: Turn) -> int:
        """By when the agent was silent in a turn that the customer closed without interrupting.

        A turn ends when the customer's voice is noticed, which is a little after it began.
        """
        first = bisect_right(self._said, speech.start_ns, key=_start)
        closing = (one.start_ns for one in self._said[first:] if one.turn_id != turn.span_id)
        return min(next(closing, turn.until_ns), turn.until_ns)

    def _utterances(self, speech: Speech, end_ns: int) -> Iterator[Utterance]:
        """The replies of a speech, each with a share of its time by the length of its text."""
        lasted_ns, characters, before = end_ns - speech.start_ns, speech.characters, 0
        for one in speech.replies:
            start_ns = speech.start_ns + lasted_ns * before // characters
            before += len(one.text)
            until_ns = speech.start_ns + lasted_ns * before // characters
            cut_off = one.is_cut or (one is speech.replies[-1] and self._is_interrupted(speech))
            payload = {**self._latencies(one), **({"interrupted": True} if cut_off else {})}
            yield Utterance(Agent(), one.text, start_ns, until_ns, payload=payload)

    def _is_interrupted(self, speech: Speech) -> bool:
        turn = self._turns.get(speech.replies[0].turn_id)
        return (
            turn is not None
            and self._last_in_turn[turn.span_id] is speech
            and self._turns.closed(turn) is Closed.BY_BARGE_IN
        )

    def _latencies(self, reply: Reply) -> Mapping[str, int]:
        """How long it took to hear, to think and to speak, in ms, as far as it is known."""
        turn = self._turns.get(reply.turn_id)
        found = {
            "response_latency_ms": turn.latency_ns if turn and self._answers.get(reply.turn_id) == reply else None,
            "llm_ttfb_ms": reply.model.ttfb_ns if reply.model else None,
            "tts_ttfb_ms": reply.ttfb_ns,
        }
        return {name: value // _MS for name, value in found.items() if value is not None}
