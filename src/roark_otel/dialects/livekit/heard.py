"""What was heard of a realtime session, beside what its own spans say: nothing twice, and nothing left out.

Of the customer no span has a word, up to 1.8; later versions give each transcript a turn of its own, which ends when it
comes. Of the agent a turn has the words of its last step. A session with a chain of models has all words on its spans.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.moments import Customer, Utterance, utterance
from roark_otel.dialects.livekit.stretches import Stretches
from roark_otel.dialects.livekit.turns import Interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from roark_otel.dialects.livekit.below import Below
    from roark_otel.dialects.livekit.turns import AgentTurn

_SAME_NS: Final = 30_000_000_000
"""The longest between a speech and the turn that its transcript opens."""


class Own(NamedTuple):
    """What a turn of the customer says. `is_timed`: when it was spoken is known, not only when its words came."""

    said: Utterance
    is_timed: bool


class Besides(NamedTuple):
    """What was heard of the agent and is on no turn.

    `turn_id` is that of the turn it was said in, 0 if in none, and `agent` the name that the turn has for its agent.
    """

    said: Utterance
    turn_id: int
    agent: str | None


def customer_heard(own: Sequence[Own], heard: Collection[Utterance], speech: Below[Interval]) -> list[Utterance]:
    """Returns what the customer said: the words of the session's own turns, and what was heard besides.

    Args:
        own: What the session's own spans say.
        heard: What was heard of anyone.
        speech: When the customer spoke, as the session's own spans have it.
    """
    if not heard and False not in [is_timed for _, is_timed in own]:
        return [one for one, _ in own]
    speeches = [one for below in speech.values() for one in below.values()]
    spoken = Stretches((one.start_ns, one.end_ns, one) for one in speeches)
    left = _Left([_exact(one, spoken) for one in heard if isinstance(one.speaker, Customer)])
    said: list[Utterance] = []
    for one, is_timed in own:
        same = left.take(one) if heard else None
        if not is_timed:
            start_ns, end_ns = _speech_of(one, spoken) if same is None else (same.start_ns, _end(same))
            is_known = (start_ns, end_ns) != (one.start_ns, _end(one)) if same is None else same.timed
            one = _timed(one, start_ns, end_ns, timed=is_known)
        elif same is not None and not same.timed:
            one = _timed(one, one.start_ns, one.end_ns, timed=False)
        said.append(one)
    if not heard:
        return said
    same_time = Stretches((one.start_ns, _end(one), one) for one in said if _end(one) > one.start_ns)
    return said + [one for one in left if "way" in one.payload or not _is_said(one, same_time)]


def _timed(one: Utterance, start_ns: int, end_ns: int | None, *, timed: bool) -> Utterance:
    """Returns an utterance with other times."""
    if start_ns == one.start_ns and end_ns == one.end_ns and timed == one.timed:
        return one
    return utterance(one.speaker, one.text, start_ns, end_ns, one.language_code, one.payload, timed, one.span_id)


class _Left:
    """What was heard and is not yet found among what the session's own spans say."""

    def __init__(self, heard: Iterable[Utterance]) -> None:
        self._by_words: defaultdict[str, list[Utterance]] = defaultdict(list)
        for one in heard:
            self._by_words[_words(one.text)].append(one)

    def __iter__(self) -> Iterator[Utterance]:
        for left in self._by_words.values():
            yield from left

    def take(self, said: Utterance) -> Utterance | None:
        """Takes out what has these words, the nearest in time."""
        same = self._by_words.get(_words(said.text), ())
        near = [one for one in same if _distance(one, said) <= _SAME_NS]
        if not near:
            return None
        nearest = min(near, key=lambda one: (_distance(one, said), abs(one.start_ns - said.start_ns)))
        self._by_words[_words(said.text)].remove(nearest)
        return nearest


def _exact(heard: Utterance, spoken: Stretches[Interval]) -> Utterance:
    """Returns what was heard with the times of the speech: those of events are later before 1.5."""
    if "way" in heard.payload:
        return heard
    around = spoken.around(heard.start_ns, _end(heard))
    if not around:
        return heard
    return _timed(heard, around[0].start_ns, max([one.end_ns for one in around]), timed=heard.timed)


def _speech_of(said: Utterance, spoken: Stretches[Interval]) -> Interval:
    """Returns the speech whose transcript opened a turn: the turn begins with it, or when the transcript came."""
    end_ns = _end(said)
    if not spoken:
        return Interval(said.start_ns, end_ns)
    if around := spoken.around(said.start_ns, end_ns):
        return min(around, key=lambda one: abs(one.start_ns - said.start_ns))
    return next(reversed(spoken.around(end_ns - _SAME_NS, end_ns)), Interval(said.start_ns, end_ns))


def _is_said(heard: Utterance, said: Stretches[Utterance]) -> bool:
    """Returns whether this speech has its words already, whichever words another model understood."""
    for one in said.around(heard.start_ns, _end(heard)):
        together = min(_end(heard), _end(one)) - max(heard.start_ns, one.start_ns)
        if 2 * together >= min(_end(heard) - heard.start_ns, _end(one) - one.start_ns):
            return True
    return False


def _distance(one: Utterance, other: Utterance) -> int:
    return max(0, one.start_ns - _end(other), other.start_ns - _end(one))


def _end(one: Utterance) -> int:
    return one.start_ns if one.end_ns is None else one.end_ns


def _words(text: str) -> str:
    return " ".join(text.split()).casefold()


def agent_heard(heard: Iterable[Utterance], turns: Mapping[int, AgentTurn]) -> list[Besides]:
    """Returns what was heard of the agent that no turn says: the steps of a turn before its last one.

    Args:
        heard: What was heard of anyone.
        turns: The turns of the agent, by the ids of their spans.
    """
    agents = [one for one in heard if not isinstance(one.speaker, Customer)]
    if not agents:
        return []
    known = Stretches((turn.start_ns, turn.end_ns, span_id) for span_id, turn in turns.items())
    left = {span_id: [_words(line) for line in (turn.heard or "").splitlines()] for span_id, turn in turns.items()}
    found: list[Besides] = []
    for one in sorted(agents, key=_start, reverse=True):
        middle_ns = (one.start_ns + _end(one)) // 2
        turn_id = next(reversed(known.around(middle_ns, middle_ns)), 0)
        lines, words = left.get(turn_id, []), _words(one.text)
        if words in lines:
            lines.remove(words)
        elif words and " ".join(lines) == words:
            lines.clear()
        else:
            found.append(Besides(one, turn_id, turns[turn_id].agent if turn_id else None))
    return found[::-1]


def _start(one: Utterance) -> int:
    return one.start_ns


def without(speeches: Collection[Interval], besides: Collection[Utterance]) -> Collection[Interval]:
    """Returns the speech of a turn that is not of words heard besides; all of it if that is all."""
    if not besides:
        return speeches
    taken = Stretches((one.start_ns, _end(one), one) for one in besides)
    left = [one for one in speeches if not taken.around(middle_ns := (one.start_ns + one.end_ns) // 2, middle_ns)]
    return left or speeches
