"""The histories that go to the model: each repeats the one before, so only what is new of it is decoded.

Nothing of a history is kept but what it says of tools, and what was said last before the model was asked again.
"""

from __future__ import annotations

import json
import re
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel.dialects.pipecat.messages import Answered, Asked, Called, Item, Said, items

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")
_TAIL = 64
_MAX_PLACES = 8
_length = attrgetter("length")


class Recent(NamedTuple):
    """What was last said before the model was asked.

    `asked` is what the customer had said before that, `said` what was heard of the agent since; what the customer said
    in reply, if anything, is what the model was asked.
    """

    asked: str | None
    said: tuple[str, ...]


class _Window(NamedTuple):
    """The last two things that the customer said, and what the agent said after each."""

    before: str | None = None
    then: tuple[str, ...] = ()
    last: str | None = None
    since: tuple[str, ...] = ()

    def after(self, item: Item) -> _Window:
        """The window after one more item."""
        if isinstance(item, Asked):
            return _Window(self.last, self.since, item.text)
        if isinstance(item, Said):
            return self._replace(since=(*self.since, item.text))
        return self

    def recent(self) -> Recent:
        """What was last said: before the customer's last words if nothing came after them."""
        return Recent(self.last, self.since) if self.since or self.last is None else Recent(self.before, self.then)


class _Place(NamedTuple):
    """A place in a history up to which it was read, at `read_ns`; the digest knows that beginning again."""

    length: int
    tail: str
    digest: int
    read_ns: int
    window: _Window

    def is_in(self, history: str, at_ns: int) -> bool:
        """Whether a history begins with what was read, at the same time or before."""
        if self.read_ns > at_ns or len(history) < self.length:
            return False  # read out of order: the same words were there earlier than was thought
        end = self.length
        return history.startswith(self.tail, end - len(self.tail)) and hash(history[:end]) == self.digest


class History:
    """Reads the histories of a conversation, in any order.

    Args:
        learn: Gets every tool call and answer in them, and when it was there; some more than once.
    """

    __slots__ = ("_learn", "_places")

    def __init__(self, learn: Callable[[Called | Answered, int], None]) -> None:
        self._learn = learn
        self._places: list[_Place] = []

    def read(self, history: object, at_ns: int) -> Recent:
        """Takes in what is new of a history.

        Returns:
            What was last said.

        Raises:
            ValueError: saying what is wrong with it, after all that comes before the fault was taken in.
        """
        if isinstance(history, str):
            return self._read_json(history, at_ns)
        if not isinstance(history, (list, tuple)):
            raise ValueError("not a JSON array")
        window = _Window()
        for message in cast("Sequence[object]", history):
            window = self._take(message, window, at_ns)
        return window.recent()

    def _read_json(self, history: str, at_ns: int) -> Recent:
        known = max((one for one in self._places if one.is_in(history, at_ns)), key=_length, default=None)
        position = known.length if known else len(history) - len(history.lstrip())
        window = known.window if known else _Window()
        if known is None:
            if not history.startswith("[", position):
                raise ValueError("not a JSON array")
            position += 1
        try:
            while True:
                start = cast("re.Match[str]", _BETWEEN.match(history, position)).end()
                if history.startswith("]", start):
                    return window.recent()
                message, position = cast("tuple[object, int]", _DECODER.raw_decode(history, start))
                window = self._take(message, window, at_ns)
        except (ValueError, RecursionError):
            raise ValueError("not JSON, or cut") from None
        finally:
            self._remember(history, position, at_ns, window)

    def _take(self, message: object, window: _Window, at_ns: int) -> _Window:
        for item in items(message):
            if isinstance(item, (Called, Answered)):
                self._learn(item, at_ns)
            window = window.after(item)
        return window

    def _remember(self, history: str, length: int, at_ns: int, window: _Window) -> None:
        """Keeps the last few places: a history may be changed near its end, and several models have each their own."""
        place = _Place(length, history[max(0, length - _TAIL) : length], hash(history[:length]), at_ns, window)
        self._places = [*self._places[1 - _MAX_PLACES :], place]
