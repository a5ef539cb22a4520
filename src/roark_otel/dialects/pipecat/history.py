"""The histories that go to the model: each repeats the one before, so only what is new of it is decoded.

Nothing of a history counts but what it says of tools, and what was said last before the model was asked again.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._model.growth import Growth
from roark_otel.dialects.pipecat.messages import Answered, Asked, Called, Item, Said, items

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")


class Recent(NamedTuple):
    """What was last said before the model was asked, at `start_ns`.

    `asked` is what the customer had said before that, `said` what was heard of the agent since; what the customer said
    in reply, if anything, is what the model was asked.
    """

    start_ns: int
    span_id: int
    asked: str | None
    said: tuple[str, ...]


class _Window(NamedTuple):
    """The last two things that the customer said, and what the agent said after each."""

    before: str | None = None
    then: tuple[str, ...] = ()
    last: str | None = None
    since: tuple[str, ...] = ()

    def after(self, item: Item) -> _Window:
        """Returns the window after one more item."""
        if isinstance(item, Asked):
            return _Window(self.last, self.since, item.text)
        if isinstance(item, Said):
            return _Window(self.before, self.then, self.last, (*self.since, item.text))
        return self

    def recent(self, at_ns: int, span_id: int) -> Recent:
        """Returns what was last said: before the customer's last words if nothing came after them."""
        if self.since or self.last is None:
            return Recent(at_ns, span_id, self.last, self.since)
        return Recent(at_ns, span_id, self.before, self.then)


_NOTHING = _Window()


class History:
    """Reads the histories of a conversation.

    Args:
        learn: Gets every tool call and answer in them, and when it was there; some more than once.
    """

    __slots__ = ("_growth", "_latest_ns", "_learn")

    def __init__(self, learn: Callable[[Called | Answered, int], None]) -> None:
        self._learn = learn
        self._growth: Growth[_Window] = Growth()
        self._latest_ns = 0

    def read(self, history: object, at_ns: int, span_id: int) -> Recent:
        """Takes in what is new of a history.

        Returns:
            What was last said.

        Raises:
            ValueError: saying what is wrong with it, after all that comes before the fault was taken in.
        """
        if isinstance(history, str):
            return self._read_json(history, at_ns).recent(at_ns, span_id)
        if not isinstance(history, (list, tuple)):
            raise ValueError("not a JSON array")
        window = _NOTHING
        for message in cast("Sequence[object]", history):
            window = self._take(message, window, at_ns)
        return window.recent(at_ns, span_id)

    def _read_json(self, history: str, at_ns: int) -> _Window:
        # Read out of order, the same words were there earlier than was thought.
        known = self._growth.known(history) if at_ns >= self._latest_ns else None
        if known is None:
            since = len(history) - len(history.lstrip())
            if not history.startswith("[", since):
                raise ValueError("not a JSON array")
            since, window = since + 1, _NOTHING
        else:
            since, window = known
        position = since
        try:
            while True:
                start = cast("re.Match[str]", _BETWEEN.match(history, position)).end()
                if history.startswith("]", start):
                    return window
                message, position = cast("tuple[object, int]", _DECODER.raw_decode(history, start))
                window = self._take(message, window, at_ns)
        except (ValueError, RecursionError):
            raise ValueError("not JSON, or cut") from None
        finally:
            if position > since:
                self._growth.remember(history, position, window)
                self._latest_ns = max(self._latest_ns, at_ns)

    def _take(self, message: object, window: _Window, at_ns: int) -> _Window:
        for item in items(message):
            if isinstance(item, (Called, Answered)):
                self._learn(item, at_ns)
            else:
                window = window.after(item)
        return window
