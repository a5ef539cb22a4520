"""When the agent said what it said.

The end of speech is in no span. Where a turn was closed by a timer or by a barge-in it follows exactly; these also
show how fast the agent speaks, by which the other ends are estimated.
"""

from __future__ import annotations

from bisect import bisect_right
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.moments import CALLS_AGENT, Utterance, utterance
from roark_otel._model.tuples import made
from roark_otel.dialects.pipecat.turns import (
    BY_BARGE_IN,
    BY_CUSTOMER,
    BY_HANG_UP,
    BY_TIMER,
    NOT_YET,
    SILENCE_NS,
    spoken_until_ns,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roark_otel.dialects.pipecat.customer import Spoken
    from roark_otel.dialects.pipecat.replies import Reply
    from roark_otel.dialects.pipecat.stretches import Turn
    from roark_otel.dialects.pipecat.turns import Closed, Turns

_MS = 1_000_000
_NS_PER_CHARACTER = 1_000_000_000 // 15
"""How long a character takes, if nothing in the call shows it."""

_PLAUSIBLE = range(1_000_000_000 // 100, 1_000_000_000 // 4)


class Speech:
    """Replies that were played one after another, without anything that shows when one ended. The first has begun.

    `characters` is the length of all that was heard.
    """

    __slots__ = ("characters", "replies", "start_ns")

    def __init__(self, start_ns: int, first: Reply) -> None:
        self.start_ns: int = start_ns
        self.replies: list[Reply] = [first]
        self.characters: int = len(first.text)

    def add(self, reply: Reply) -> None:
        """Adds a reply that waited for the others."""
        self.replies.append(reply)
        self.characters += len(reply.text)


class _End(NamedTuple):
    """What shows when a speech ended: its turn, what closed that, and whether it was the last one there.

    `known_ns` is when it ended, None if nothing shows it.
    """

    turn: Turn | None
    closed: Closed
    is_last: bool
    known_ns: int | None


def answered(replies: Sequence[Reply], said: Sequence[Spoken]) -> dict[int, Reply]:
    """Returns the first reply in each turn to what the customer said there last.

    What an app has the agent say while the customer still speaks does not answer it.
    """
    asked_ns = {one.turn_id: 0 if one.live else (one.end_ns or one.start_ns) for one in said}
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

    __slots__ = ("_answers", "_last_in_turn", "_said", "_said_ns", "_silent_ns", "_speeches", "_turns", "answers")

    def __init__(self, replies: Sequence[Reply], said: Sequence[Spoken], turns: Turns, *, has_metrics: bool) -> None:
        self._turns, self._said = turns, [one for one in said if not one.live]  # live words begin late
        self._said_ns = [one.start_ns for one in self._said]
        self._answers = answered(replies, said)
        self.answers: dict[int, int] = {turn_id: one.spoken_ns for turn_id, one in self._answers.items()}
        """When the agent first spoke in each turn, in answer to what the customer said there last."""
        self._silent_ns = {one.turn_id: one.end_ns for one in said}
        self._speeches: list[Speech] = []
        last: Speech | None = None
        for one in replies:
            if has_metrics and one.ttfb_ns is None and last is not None and self._waited(one, last):
                last.add(one)
            else:
                last = Speech(self._started_ns(one), one)
                self._speeches.append(last)
        self._last_in_turn = {one.replies[0].turn_id: one for one in self._speeches}

    def agent_said(self) -> Iterator[Utterance]:
        """Yields what the agent said as utterances."""
        ends = [self._end(speech) for speech in self._speeches]
        pace = _ns_per_character(self._speeches, ends)
        followed = [*(speech.start_ns for speech in self._speeches[1:]), None]
        for speech, end, following_ns in zip(self._speeches, ends, followed, strict=False):
            known_ns = self._guess_ns(speech, end, following_ns, pace) if end.known_ns is None else end.known_ns
            end_ns = max(speech.start_ns, known_ns)
            is_interrupted = end.is_last and end.closed is BY_BARGE_IN
            if len(speech.replies) == 1:
                yield self._utterance(speech.replies[0], speech.start_ns, end_ns, is_interrupted)
            else:
                yield from self._utterances(speech, end_ns, is_interrupted)

    def _waited(self, reply: Reply, speech: Speech) -> bool:
        """Returns whether a reply had to wait until others were played, so that its first byte is not known."""
        if reply.start_ns >= speech.start_ns + speech.characters * _NS_PER_CHARACTER:
            return False
        return reply.turn_id == speech.replies[-1].turn_id and self._turns.get(reply.turn_id) is not None

    def _started_ns(self, reply: Reply) -> int:
        """Returns when a reply began: by its turn after the customer fell silent, else with its first byte."""
        turn, silent_ns = self._turns.get(reply.turn_id), self._silent_ns.get(reply.turn_id)
        if (
            turn is None
            or turn.latency_ns is None
            or silent_ns is None
            or self._answers.get(reply.turn_id) is not reply
        ):
            return reply.spoken_ns
        started_ns = silent_ns + turn.latency_ns
        return started_ns if reply.start_ns <= started_ns <= (turn.end_ns or started_ns) else reply.spoken_ns

    def _end(self, speech: Speech) -> _End:
        """Returns what shows when a speech ended: what closed a turn is the end of the last speech in it."""
        turn_id = speech.replies[0].turn_id
        turn, is_last = self._turns.get(turn_id), self._last_in_turn[turn_id] is speech
        if turn is None:
            return _End(None, NOT_YET, is_last, None)
        closed, known_ns = self._turns.closed(turn), None
        if is_last and closed is BY_TIMER:
            known_ns = spoken_until_ns(turn)
        elif is_last and closed is BY_BARGE_IN:
            known_ns = turn.end_ns
        return made(_End, (turn, closed, is_last, known_ns))

    def _guess_ns(self, speech: Speech, end: _End, following_ns: int | None, pace: int) -> int:
        """Returns about when a speech ended of which nothing shows it."""
        start_ns = speech.start_ns
        guess = max(speech.replies[-1].made_ns, start_ns + speech.characters * pace)
        if following_ns is not None and guess > following_ns:
            guess = max(following_ns, start_ns)
        if end.turn is not None and end.closed is BY_CUSTOMER:
            ended_ns = end.turn.until_ns
            if end.is_last and guess < ended_ns - SILENCE_NS:
                guess = ended_ns - SILENCE_NS
            return min(guess, self._latest_ns(start_ns, end.turn.span_id, ended_ns))
        hung_up_ns, until_ns = self._turns.hung_up_ns, self._turns.played_until_ns
        if hung_up_ns is None:
            return guess
        if following_ns is None and until_ns is not None and max(guess, speech.start_ns) > hung_up_ns:
            return until_ns
        return min(guess, hung_up_ns) if end.closed is BY_HANG_UP else guess

    def _latest_ns(self, start_ns: int, turn_id: int, until_ns: int) -> int:
        """Returns by when the agent was silent in a turn that the customer closed at this time without interrupting.

        A turn ends when the customer's voice is noticed, which is a little after it began.
        """
        for index in range(bisect_right(self._said_ns, start_ns), len(self._said)):
            if self._said[index].turn_id != turn_id:
                return min(self._said_ns[index], until_ns)
        return until_ns

    def _utterances(self, speech: Speech, end_ns: int, is_interrupted: bool) -> Iterator[Utterance]:
        """Yields the replies of a speech, each with a share of its time by the length of its text."""
        lasted_ns, characters, before = end_ns - speech.start_ns, speech.characters, 0
        for one in speech.replies:
            start_ns = speech.start_ns + lasted_ns * before // characters
            before += len(one.text)
            until_ns = speech.start_ns + lasted_ns * before // characters
            yield self._utterance(one, start_ns, until_ns, is_interrupted and one is speech.replies[-1])

    def _utterance(self, reply: Reply, start_ns: int, until_ns: int, is_interrupted: bool) -> Utterance:
        """Returns a reply with how long it took to hear, to think and to speak, in ms, as far as it is known."""
        turn, model, ttfb_ns = self._turns.get(reply.turn_id), reply.model, reply.ttfb_ns
        payload: dict[str, object] = {}
        timed = ttfb_ns is not None
        if turn is not None and turn.latency_ns is not None and self._answers.get(reply.turn_id) is reply:
            payload["response_latency_ms"] = turn.latency_ns // _MS
            timed = True
        if model is not None and model.ttfb_ns is not None:
            payload["llm_ttfb_ms"] = model.ttfb_ns // _MS
        if ttfb_ns is not None:
            payload["tts_ttfb_ms"] = ttfb_ns // _MS
        if reply.is_cut or is_interrupted:
            payload["interrupted"] = True
        return utterance(CALLS_AGENT, reply.text, start_ns, until_ns, None, payload, timed, reply.span_id)


def _ns_per_character(speeches: Iterable[Speech], ends: Iterable[_End]) -> int:
    """Returns how fast the agent speaks."""
    paces = [
        (end.known_ns - speech.start_ns) // speech.characters
        for speech, end in zip(speeches, ends, strict=True)
        if end.known_ns is not None
    ]
    return int(median([one for one in paces if one in _PLAUSIBLE] or [_NS_PER_CHARACTER]))
