"""Which words belong to which speech: what was transcribed and when someone spoke, matched in order. Pure.

A model transcribes a stretch of speech when it likes: while it goes on, after the agent has begun to answer, or after
the next one. So words and speech are matched as a whole, in order, and again whenever more is known. Words go with the
speech that ended last before they were known, unless other words need that one more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECOND: Final = 1_000_000_000
_MAX_PAUSE_NS: Final = 10 * _SECOND
"""The longest silence within one utterance."""

_MAX_START_NS: Final = 3 * _SECOND
"""The most by which a provider and the voice detection may disagree about a start."""

_MOST_LATE: Final = 10.0
"""Words that are later than this many seconds are as likely as later ones."""

_STILL_SPEAKING: Final = 6.0
"""What it costs that nearly all of a speech follows when its words are complete, in seconds that words come late."""

_GOES_ON: Final = 1.0
"""What it costs that a speech goes on when its words are complete, and nothing is known of its end."""

_LEAST_NS: Final = _SECOND // 2
"""A speech that has gone on for less has no complete words."""

_WITHOUT_SPEECH: Final = 12.0
"""What it costs that words have no speech: more than that they come very late."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A stretch of the customer's speech.

    Attributes:
        start_ns: Its start.
        end_ns: Its end; None while it goes on.
        replies: How many replies of the agent had begun before it: none begins within an utterance.
        by_model: Whether the model noticed it, which it does after a silence of its own; else voice detection did.
    """

    start_ns: int
    end_ns: int | None
    replies: int
    by_model: bool = False


@dataclass(frozen=True, slots=True)
class Transcription:
    """When the words of one item came.

    Attributes:
        known_ns: When the first of it was known.
        final_ns: When all of it was known.
        started_ns: When its speech began, as the provider says; None if it does not.
    """

    known_ns: int
    final_ns: int
    started_ns: int | None = None

    @property
    def is_gradual(self) -> bool:
        """Whether some of it was known before all of it was, as while the speech went on."""
        return self.known_ns < self.final_ns


class Place(NamedTuple):
    """When words were spoken.

    Attributes:
        start_ns: Their start.
        end_ns: Their end.
        is_over: False while the speech goes on.
        is_noticed: Whether the speech was noticed; else the times are those at which the words came.
        is_measured: Whether the times are those of the speech itself, so that a wait may be counted from its end.
    """

    start_ns: int
    end_ns: int
    is_over: bool = True
    is_noticed: bool = True
    is_measured: bool = True


def places(words: Sequence[Transcription], speeches: Sequence[Speech]) -> list[Place]:
    """Returns when each of some words was spoken, in the order of the words.

    Args:
        words: What was transcribed, in any order.
        speeches: All speech that it can belong to, by start.
    """
    order = sorted(range(len(words)), key=lambda index: _key(words[index]))
    ordered = [words[index] for index in order]
    found = _spread(ordered, speeches, _matched(ordered, speeches))
    return [found[order.index(index)] for index in range(len(words))]


def _key(words: Transcription) -> tuple[int, int]:
    return words.known_ns if words.started_ns is None else words.started_ns, words.final_ns


def _matched(words: Sequence[Transcription], speeches: Sequence[Speech]) -> list[int | None]:
    """Returns the index of the speech that each of some words was taken from last, at the least cost of all."""
    costs = [[0.0] * (len(speeches) + 1)]
    for one in words:
        before = costs[-1]
        row = [before[0] + _WITHOUT_SPEECH]
        for index, speech in enumerate(speeches):
            row.append(min(row[index], before[index + 1] + _WITHOUT_SPEECH, before[index] + _cost(one, speech)))
        costs.append(row)
    found: list[int | None] = [None] * len(words)
    row_index, index = len(words), len(speeches)
    while row_index and index:
        here, one = costs[row_index][index], words[row_index - 1]
        if here == costs[row_index][index - 1]:
            index -= 1
        elif here == costs[row_index - 1][index - 1] + _cost(one, speeches[index - 1]):
            row_index, index = row_index - 1, index - 1
            found[row_index] = index
        else:
            row_index -= 1
    return found


def _cost(words: Transcription, speech: Speech) -> float:
    """Returns how little words fit to a speech, about in seconds."""
    if words.started_ns is not None and (off := abs(speech.start_ns - words.started_ns)) <= _MAX_START_NS:
        return off / _SECOND
    if speech.start_ns > words.known_ns:
        return float("inf")
    if words.is_gradual and (speech.end_ns is None or speech.end_ns > words.known_ns):
        return 0.0
    if speech.end_ns is None:
        return _STILL_SPEAKING if words.known_ns - speech.start_ns < _LEAST_NS else _GOES_ON
    if speech.end_ns > words.known_ns:
        return _STILL_SPEAKING * (speech.end_ns - words.known_ns) / (speech.end_ns - speech.start_ns)
    late = (words.known_ns - speech.end_ns) / _SECOND
    return late if late < _MOST_LATE else _MOST_LATE + late / 1_000_000  # which is never worse than no speech at all


def _spread(words: Sequence[Transcription], speeches: Sequence[Speech], matched: Sequence[int | None]) -> list[Place]:
    """Returns the places of words, in their order: each goes over all the speech of its utterance."""
    shared = _shared(words, speeches, matched)
    found: list[Place] = []
    taken = -1
    while len(found) < len(words):
        speech = shared[len(found)]
        if speech is None:
            found.append(_unmeasured(words[len(found)]))
            continue
        together = [one for one, other in zip(words, shared, strict=True) if other == speech]
        following = min((other for other in shared if other is not None and other > speech), default=len(speeches))
        first, last = speech, speech
        while first - 1 > taken and _is_one(speeches[first - 1], speeches[first]):
            first -= 1
        while last + 1 < following and _goes_on(together[-1], speeches[last], speeches[last + 1]):
            last += 1
        found += _divided(together, speeches[first].start_ns, speeches[last])
        taken = last
    return found


def _shared(
    words: Sequence[Transcription], speeches: Sequence[Speech], matched: Sequence[int | None]
) -> list[int | None]:
    """Returns the speech of each of some words: those left over share the next one, if it had begun by then."""
    found: list[int | None] = []
    following: int | None = None
    for one, speech in zip(reversed(words), reversed(matched), strict=True):
        if speech is not None:
            following = speech
        elif following is not None and speeches[following].start_ns > one.known_ns:
            following = None
        found.append(following)
    return found[::-1]


def _is_one(speech: Speech, following: Speech) -> bool:
    """Returns whether two stretches of speech may be one utterance."""
    if speech.replies != following.replies or speech.end_ns is None:
        return False
    return following.start_ns - speech.end_ns <= _MAX_PAUSE_NS


def _goes_on(words: Transcription, speech: Speech, following: Speech) -> bool:
    """Returns whether words may go on in the next speech, which had begun before all of them were known."""
    return following.start_ns <= words.final_ns and _is_one(speech, following)


def _divided(words: Sequence[Transcription], start_ns: int, last: Speech) -> list[Place]:
    """Divides the speech up to this stretch of it among words, where each but the last was known."""
    end_ns, is_measured = last.end_ns, not last.by_model
    found: list[Place] = []
    for one in words[:-1]:
        until_ns = max(start_ns, one.known_ns if end_ns is None else min(one.known_ns, end_ns))
        found.append(Place(start_ns, until_ns, is_measured=is_measured))
        start_ns = until_ns
    if end_ns is None:
        end_ns = max(start_ns, words[-1].final_ns)
        return [*found, Place(start_ns, end_ns, is_over=False, is_measured=is_measured)]
    return [*found, Place(start_ns, end_ns, is_measured=is_measured)]


def _unmeasured(words: Transcription) -> Place:
    """Returns when words were spoken for all that is known without voice detection."""
    start_ns = words.known_ns if words.started_ns is None else words.started_ns
    return Place(start_ns, max(start_ns, words.final_ns), is_noticed=False, is_measured=False)
