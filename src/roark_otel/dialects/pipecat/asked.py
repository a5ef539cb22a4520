"""What the customer said as histories show it: words that no speech service wrote down, and where turns were cut.

A transport may transcribe by itself, an entry comes by keypad or keyboard, and a history may hold as two turns what the
speech service heard as one. Nearly always, though, histories repeat what spans say, and then nothing is added.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.tuples import made
from roark_otel.dialects.pipecat.marks import plain
from roark_otel.dialects.pipecat.mentioned_tools import CANCELLED, settled
from roark_otel.dialects.pipecat.messages import Answered, Asked, Said

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from roark_otel.dialects.pipecat.customer import Spoken
    from roark_otel.dialects.pipecat.stretches import Stretch
    from roark_otel.dialects.pipecat.threads import News

_KEYS = re.compile(r"DTMF: ?[0-9A-D*#]+")
"""What Pipecat's aggregator of keys makes of them, unless the app asks for something else."""

_ABOUT = re.compile(r"the (?:user|caller|customer)\b", re.IGNORECASE)
"""How an app informs its model of silence: most providers have no role for that but the customer's."""

_BACK = 8
"""How many utterances are searched for the one that a history repeats: some never reach the model."""

_start = attrgetter("start_ns")
_SLACK_NS = 50_000_000
"""How much later than its words the span of an utterance may end."""


class Ask(NamedTuple):
    """A model was asked with this for the first time, at `at_ns`, and at `since_ns` the time before.

    `is_sure`: it follows on something that was said in this call; else an app may have put it there to begin with.
    `follows_tool`: it stands behind what a tool gave back. `before_ns`: the customer said what stands behind it there
    at this time, None if nothing does.
    """

    at_ns: int
    span_id: int
    turn_id: int
    since_ns: int
    text: str
    is_sure: bool
    follows_tool: bool
    before_ns: int | None = None

    @property
    def is_instruction(self) -> bool:
        """Whether it looks like instructions, about the customer or behind what a tool gave back."""
        return self.follows_tool or _ABOUT.match(self.text) is not None

    @property
    def entered_ns(self) -> int:
        """When it was entered at the latest."""
        return self.at_ns if self.before_ns is None else min(self.at_ns, self.before_ns - 1)

    @property
    def is_keyed(self) -> bool:
        """Whether it was entered by keypad."""
        return _KEYS.search(self.text) is not None


def asks(several: Iterable[News], models: Mapping[int, Stretch], unheard: Container[int]) -> list[Ask]:
    """Returns what models were asked with, each thing once.

    Args:
        several: What histories add, by start.
        models: The models that a speech service spoke for, by the ids of their spans.
        unheard: The threads whose answers are not spoken.
    """
    found: list[Ask] = []
    texts: set[str] = set()
    last: dict[int, int] = {}
    for news in several:
        model = models.get(news.view.span_id)
        if model is None or news.thread in unheard:
            continue
        for one in _asks(news, model):
            place = last.get(news.thread)
            if place is not None and news.replaced and letters(one.text).startswith(letters(found[place].text)):
                found[place] = one  # the customer had not finished
            elif not (_is_repeated(one, found) if news.since_ns else one.text in texts):
                last[news.thread] = len(found)
                found.append(one)
            texts.add(one.text)
    return found


def _asks(news: News, model: Stretch) -> list[Ask]:
    found: list[Ask] = []
    is_sure, follows_tool = not news.begins, False
    for item in news.items:
        if isinstance(item, Asked):
            view = news.view
            ask = view.start_ns, view.span_id, model.turn_id, news.since_ns, item.text, is_sure, follows_tool, None
            found.append(made(Ask, ask))
        elif isinstance(item, Said):
            is_sure, follows_tool = True, False
        elif isinstance(item, Answered):
            follows_tool = settled(item.content) not in {None, CANCELLED}
    return found


def _is_repeated(one: Ask, found: Sequence[Ask]) -> bool:
    """Returns whether another thread has shown the same meanwhile."""
    since_ns = one.since_ns
    for other in reversed(found):
        if other.at_ns <= since_ns:
            return False
        if other.text == one.text and other.span_id != one.span_id:
            return True
    return False


def matched(asked: Sequence[Ask], said: Sequence[Spoken]) -> tuple[list[Spoken], list[Ask]]:
    """Finds what histories repeat of what spans say.

    Returns:
        What spans say, cut where the model was asked before the customer went on, and what only histories show.
    """
    listing = _Listing(said)
    left: list[Ask] = []
    first = 0
    for place, one in enumerate(asked, 1):
        if place == len(asked) or asked[place].span_id != one.span_id or asked[place].at_ns != one.at_ns:
            left += listing.left(asked[first:place])
            first = place
    return listing.said, left


class _Listing:
    """What spans say, and how far histories have repeated it."""

    __slots__ = ("_next", "said")

    def __init__(self, said: Sequence[Spoken]) -> None:
        self.said: list[Spoken] = [*said]
        self._next = 0

    def left(self, group: Iterable[Ask]) -> list[Ask]:
        """Takes what a model was asked with at once. Returns what of it no span says."""
        left: list[Ask] = []
        for one in group:
            rest, place = self._left(one)
            if place is not None and left:
                start_ns = self.said[place].start_ns
                left = [known if known.before_ns else known._replace(before_ns=start_ns) for known in left]
            if rest is not None:
                left.append(rest)
        if left and self._is_rewritten(left[0]):
            return [one for one in left if one.is_keyed]
        return left

    def _left(self, one: Ask) -> tuple[Ask | None, int | None]:
        """Returns what of it no span says, and the place of what one says."""
        if (place := self._take(one.text, one.at_ns)) is not None:
            return None, place
        keys = _KEYS.search(one.text)
        if keys is not None:
            place = self._take(one.text[: keys.start()] + one.text[keys.end() :], one.at_ns)
        return (one if keys is None or place is None else one._replace(text=keys[0])), place

    def _take(self, text: str, at_ns: int) -> int | None:
        """Takes what says the same as a text, and leaves out what was said before it. Returns its place."""
        if self._next < len(self.said):
            following = self.said[self._next]
            if following.text == text and following.start_ns <= at_ns:  # as nearly always
                self._next += 1
                return self._next - 1
        asked = letters(text)
        for first in self._until(at_ns) if asked else ():
            if (stop := self._stop(first, asked, at_ns)) is not None:
                self._next = stop
                return first
        return None

    def _until(self, at_ns: int) -> range:
        """Returns the places of what was said last before a time, and is in no history yet."""
        stop = bisect_right(self.said, at_ns, key=_start)
        return range(max(self._next, stop - _BACK), stop)

    def _stop(self, first: int, asked: str, at_ns: int) -> int | None:
        """Returns up to where the utterances from `first` on say the same; None if they do not."""
        left = asked
        for place in range(first, len(self.said)):
            one = self.said[place]
            mine = letters(one.text)
            if one.start_ns > at_ns:
                break
            if not left.startswith(mine):
                if not mine.startswith(left):
                    break
                self.said[place : place + 1] = _cut(one, len(left), at_ns)
                return place + 1
            left = left[len(mine) :]
            if not left:
                return place + 1
        return None

    def _is_rewritten(self, one: Ask) -> bool:
        """Returns whether no history repeats what the customer said in this turn: then this is what it became."""
        for place in reversed(self._until(one.at_ns)):
            spoken = self.said[place]
            is_late = spoken.heard_ns is None or spoken.heard_ns > one.at_ns + _SLACK_NS
            if spoken.turn_id == one.turn_id and spoken.start_ns > one.since_ns and not is_late:
                self._next = place + 1
                return True
        return False


def _cut(one: Spoken, count: int, at_ns: int) -> list[Spoken]:
    """Cuts an utterance behind a number of letters: by `at_ns` the model was asked with what comes before."""
    counts = accumulate(len(character.casefold()) if character.isalnum() else 0 for character in one.text)
    place = next((place for place, known in enumerate(counts, 1) if known >= count), len(one.text))
    before, after = one.text[:place].strip(), one.text[place:].strip()
    if not letters(after):
        return [one]
    until_ns = one.heard_ns if one.end_ns is None else one.end_ns
    lasted_ns = at_ns - one.start_ns if until_ns is None else until_ns - one.start_ns
    cut_ns = max(one.start_ns, min(at_ns, one.start_ns + lasted_ns * place // len(one.text)))
    return [
        one._replace(end_ns=cut_ns, heard_ns=at_ns, text=before, ttfb_ns=None),
        one._replace(start_ns=cut_ns, text=after),
    ]


def letters(text: str) -> str:
    """Returns the letters and digits of a text: speech services and apps differ in everything else."""
    return "".join(filter(str.isalnum, text)).casefold() or plain(text)
