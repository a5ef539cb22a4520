"""The histories that go to the model: each repeats the one before, so only what is new of it is decoded.

Nothing of a history counts but what it says of tools, and what was said last before the model was asked again.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from roark_otel._model.growth import Growth
from roark_otel.dialects.pipecat.messages import Asked, Said, items

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roark_otel.dialects.pipecat.messages import Answered, Called

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


_Window: TypeAlias = "tuple[str | None, tuple[str, ...], str | None, tuple[str, ...]]"
"""The last but one thing that the customer said, what the agent said after it, and the same of the last one."""

_NOTHING: _Window = (None, (), None, ())


def _recent(window: _Window, at_ns: int, span_id: int) -> Recent:
    """Returns what was last said: before the customer's last words if nothing came after them."""
    before, then, last, since = window
    return Recent(at_ns, span_id, last, since) if since or last is None else Recent(at_ns, span_id, before, then)


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
            return _recent(self._read_json(history, at_ns), at_ns, span_id)
        if not isinstance(history, (list, tuple)):
            raise ValueError("not a JSON array")
        window = _NOTHING
        for message in cast("Sequence[object]", history):
            window = self._take(message, window, at_ns)
        return _recent(window, at_ns, span_id)

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
        """Takes in a message. Returns the window after it."""
        for item in items(message):
            if isinstance(item, Asked):
                window = window[2], window[3], item.text, ()
            elif isinstance(item, Said):
                before, then, last, since = window
                window = before, then, last, (*since, item.text)
            else:
                self._learn(item, at_ns)
        return window
