"""What was heard of a reply: `tts` spans hold what was generated, the next history what the customer heard of it."""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.tuples import made
from roark_otel.dialects.pipecat.marks import beginning, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel.dialects.pipecat.customer import Spoken
    from roark_otel.dialects.pipecat.history import Recent

_NEXT = 3
"""The number of histories after a reply that are searched for it: those of other models may come between."""


class Verdict(Enum):
    """What histories say of a reply."""

    NOTHING = "they do not know it"
    HEARD = "as much of it as they hold was heard"
    UNHEARD = "the customer spoke before anything of it was heard"


# Python 3.11 takes ten times as long for a member as for a name.
NOTHING: Final = Verdict.NOTHING
HEARD: Final = Verdict.HEARD
UNHEARD: Final = Verdict.UNHEARD


class Heard(NamedTuple):
    """What of a reply was heard. `is_cut`: not all of it was."""

    verdict: Verdict
    text: str
    is_cut: bool = False


class Histories:
    """What the histories of a conversation say was heard; asked about replies in the order in which they were given.

    Args:
        recents: What each history says was last said, by start.
        said: What the customer said, by start.
    """

    __slots__ = ("_left", "_recents", "_said", "_said_ns", "_seen_ns")

    def __init__(self, recents: Sequence[Recent], said: Sequence[Spoken]) -> None:
        self._recents = recents
        self._said = said
        self._seen_ns = [one.start_ns for one in recents]
        self._said_ns = [one.start_ns for one in said]
        self._left: dict[int, list[str]] = {}

    def heard(self, text: str, start_ns: int, *, generated: bool) -> Heard:
        """Returns what was heard of a reply.

        Args:
            text: What was generated.
            start_ns: When.
            generated: Whether a model wrote it, so that a history knows it if anything of it was heard.
        """
        recents = self._recents
        following, reply = bisect_right(self._seen_ns, start_ns), ""
        for index in range(following, min(following + _NEXT, len(recents))):
            left = self._left.get(index)
            if left is None:
                said = recents[index].said
                if said and said[0] == text:
                    self._left[index] = [plain(one) for one in said[1:]] if len(said) > 1 else []
                    return made(Heard, (HEARD, text, False))
                left = self._left[index] = [plain(one) for one in said]
            reply = reply or plain(text)
            if left and (length := _taken(reply, left)):
                heard = text if length == len(reply) else beginning(text, length)
                return Heard(HEARD, heard, len(heard) < len(text))
        if generated and not self._left.get(following, [text]) and self._answers(self._recents[following], start_ns):
            return Heard(UNHEARD, text)
        return Heard(NOTHING, text)

    def hold(self, text: str, start_ns: int) -> bool:
        """Returns whether one of the next histories holds a text of the agent's as it is."""
        following = bisect_right(self._seen_ns, start_ns)
        whole = plain(text)
        return any(plain(said) == whole for one in self._recents[following : following + _NEXT] for said in one.said)

    def _answers(self, recent: Recent, start_ns: int) -> bool:
        """Returns whether the next history holds the words that a reply answers: an app may have cleared it.

        If so, and it holds nothing behind them but what other replies left there, nothing of this one was heard. The
        customer may have gone on already.
        """
        if recent.asked is None:
            return False
        before = bisect_right(self._said_ns, start_ns)
        asked = plain(recent.asked)
        return any(plain(one.text) == asked for one in self._said[max(0, before - 2) : before])


def _taken(reply: str, left: list[str]) -> int:
    """Takes the characters of a reply that are next in what is left of a history. Returns how many.

    All of it may be there, cut into messages anywhere; else some messages may be its beginning, because an
    interruption ends a message.
    """
    for first, message in enumerate(left):
        if not (reply.startswith(message) or message.startswith(reply)):
            continue
        if length := _match(reply, left[first:]):
            del left[:first]
            rest = length
            while rest > 0:
                message = left.pop(0)
                if len(message) > rest:
                    left.insert(0, message[rest:])
                rest -= len(message)
            return length
    return 0


def _match(reply: str, messages: Sequence[str]) -> int:
    whole = "".join(messages)
    if whole.startswith(reply):
        return len(reply)
    length = 0
    for message in messages:
        if not reply.startswith(message, length):
            break
        length += len(message)
    return length
