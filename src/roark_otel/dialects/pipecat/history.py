"""The histories that go to the model: each repeats the one before, so only what is new of it is decoded.

Nothing of a history counts but what it says of tools, and what was said last before the model was asked again.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from roark_otel._model.growth import Growth
from roark_otel.dialects.pipecat.messages import Asked, Said, items, words

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

_Left: TypeAlias = "tuple[_Window, int, int]"
"""What a history left when it was read: its window, and where the messages begin with the customer's two last words."""

_NOTHING: _Window = (None, (), None, ())
_MAY_DIFFER = 2
"""The number of messages at the beginning behind which a history may repeat an earlier one: prompts that change."""


def _recent(window: _Window, at_ns: int, span_id: int) -> Recent:
    """Returns what was last said: before the customer's last words if nothing came after them."""
    before, then, last, since = window
    return Recent(at_ns, span_id, last, since) if since or last is None else Recent(at_ns, span_id, before, then)


def _next(history: str, position: int) -> int:
    """Returns where the next message begins, -1 if there is none."""
    start = cast("re.Match[str]", _BETWEEN.match(history, position)).end()
    return -1 if history.startswith("]", start) else start


class History:
    """Reads the histories of a conversation.

    Args:
        learn: Gets every tool call and answer in them, and when it was there; some more than once.
    """

    __slots__ = ("_growth", "_latest_ns", "_learn")

    def __init__(self, learn: Callable[[Called | Answered, int], None]) -> None:
        self._learn = learn
        self._growth: Growth[_Left] = Growth()
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
        left: _Left = _NOTHING, 0, 0
        for message in cast("Sequence[object]", history):
            left = self._take(message, left, 0, at_ns)
        return _recent(left[0], at_ns, span_id)

    def _read_json(self, history: str, at_ns: int) -> _Window:
        position, left, may_differ = self._since(history, at_ns)
        is_new = False
        try:
            while True:
                # Nearly always it is a comma and a blank, which is known sooner than matched.
                start = position + 2 if history.startswith(", {", position) else _next(history, position)
                if start < 0:
                    return left[0]
                message, position = _DECODER.raw_decode(history, start)
                left, is_new = self._take(message, left, start, at_ns), True
                if may_differ:
                    may_differ -= 1
                    position, left, may_differ = self._moved(history, position) or (position, left, may_differ)
        except (ValueError, RecursionError):
            raise ValueError("not JSON, or cut") from None
        finally:
            if is_new:
                self._growth.remember(history, position, left)
                self._latest_ns = max(self._latest_ns, at_ns)

    def _since(self, history: str, at_ns: int) -> tuple[int, _Left, int]:
        """Returns from where a history is new, what comes before that left, and how many messages may be others."""
        # Read out of order, the same words were there earlier than was thought.
        is_in_order = at_ns >= self._latest_ns
        if is_in_order and (known := self._growth.known(history)) is not None:
            return *known, 0
        start = len(history) - len(history.lstrip())
        if not history.startswith("[", start):
            raise ValueError("not a JSON array")
        return start + 1, (_NOTHING, 0, 0), _MAY_DIFFER if is_in_order else 0

    def _moved(self, history: str, position: int) -> tuple[int, _Left, int] | None:
        """Returns the same where a history repeats an earlier one behind other messages, as far as that can be seen.

        What the customer said last has to be in what it repeats.
        """
        found = self._growth.moved(history, position)
        if found is None:
            return None
        end, back, (window, before, last) = found
        return None if window[0] is None or before < position + back else (end, (window, before - back, last - back), 0)

    def _take(self, message: object, left: _Left, start: int, at_ns: int) -> _Left:
        """Takes in a message that begins at `start`. Returns what is left after it."""
        window, before, last = left
        before_that, then, asked, since = window
        if (said := words(message)) is not None:
            by_customer, spoken = said
            if by_customer:
                return (asked, since, spoken, ()), last, start
            return (before_that, then, asked, (*since, spoken)), before, last
        for item in items(message):
            if isinstance(item, Asked):
                before_that, then, asked, since = asked, since, item.text, ()
                before, last = last, start
            elif isinstance(item, Said):
                since = (*since, item.text)
            else:
                self._learn(item, at_ns)
        return (before_that, then, asked, since), before, last
