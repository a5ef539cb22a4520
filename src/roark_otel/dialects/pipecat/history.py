"""The histories that go to the model: each repeats the one before, so only what is new of it is decoded.

They hold who said what and which tools were used, but not when. `threads` finds out what each adds to the ones before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._model.growth import Growth
from roark_otel._model.json_lists import ItemTooLongError, item_at
from roark_otel._model.tuples import made
from roark_otel.dialects.pipecat.marks import is_marked, plain
from roark_otel.dialects.pipecat.messages import Asked, Item, Said, items

if TYPE_CHECKING:
    from collections.abc import Sequence

_BETWEEN = re.compile(r"[\s,]*")

KEPT = 64
"""How many items are kept of a history that goes on with no earlier one: what is new in it is among the last."""


class HistoryView(NamedTuple):
    """The history that a model was called with at `start_ns`.

    These are the items up to `stop`, less the first ones, of which `dropped` were left out. Histories that go on with
    one another share their items. `fault` says what is wrong with a history that could not be read to its end.
    """

    start_ns: int
    span_id: int
    items: list[Item]
    stop: int
    dropped: int
    fault: str = ""

    @property
    def total(self) -> int:
        """How many items the history has."""
        return self.dropped + self.stop

    def last(self, count: int) -> Sequence[Item]:
        """Returns the last items, at most this many."""
        return self.items[max(0, self.stop - count) : self.stop]


class Recent(NamedTuple):
    """What was last said before the model was asked, at `start_ns`.

    `asked` is what the customer had said before that, `said` what was heard of the agent since; what the customer said
    in reply, if anything, is what the model was asked.
    """

    start_ns: int
    asked: str | None
    said: tuple[str, ...]


def recent(view: HistoryView) -> Recent:
    """Returns what was last said: before the customer's last words if nothing came after them."""
    said: list[str] = []
    asked: str | None = None
    is_replied = False
    items_, stop = view.items, view.stop
    for place in range(stop - 1, max(-1, stop - 1 - KEPT), -1):
        item = items_[place]
        if isinstance(item, Said):
            if item.text.isascii() or plain(item.text):  # not a mark alone
                said.append(item.text)
        elif isinstance(item, Asked):
            if said or is_replied:
                asked = item.text
                break
            is_replied = True
    return made(Recent, (view.start_ns, asked, tuple(said[::-1])))


_MAY_DIFFER = 2
"""The number of messages at the beginning behind which a history may repeat an earlier one: prompts that change."""


class _Place(NamedTuple):
    """How far a history was read: its items up to `stop`.

    `before` and `last` are where the messages begin with the customer's last but one and last words, 0 without any.
    """

    items: list[Item]
    stop: int
    dropped: int
    before: int
    last: int


_NOWHERE = _Place([], 0, 0, 0, 0)


class _Progress:
    """A place in the making. What goes on with another history adds to its items, unless a third did so already."""

    __slots__ = ("before", "dropped", "is_marked", "items", "last")

    def __init__(self, place: _Place) -> None:
        self.items, stop, self.dropped, self.before, self.last = place
        self.is_marked = False
        if place is _NOWHERE or len(self.items) != stop:
            first = max(0, stop - KEPT)
            self.items = self.items[first:stop]
            self.dropped += first

    def take(self, message: object, start: int) -> None:
        """Takes in a message that begins at `start`."""
        for item in items(message):
            self.items.append(item)
            if isinstance(item, Asked):
                self.before, self.last = self.last, start
            elif isinstance(item, Said) and not item.text.isascii() and is_marked(item.text):
                self.is_marked = True

    def place(self, *, is_whole: bool) -> _Place:
        """Returns the place. Of a history that was read as a whole only the last items are kept."""
        if is_whole and (first := len(self.items) - KEPT) > 0:
            self.items = self.items[first:]
            self.dropped += first
        return made(_Place, (self.items, len(self.items), self.dropped, self.before, self.last))


def _next(history: str, position: int) -> int:
    """Returns where the next message begins, -1 if there is none."""
    start = _BETWEEN.match(history, position).end()  # type: ignore[union-attr]  # it matches nothing too
    return -1 if history.startswith("]", start) else start


class History:
    """Reads the histories of a conversation."""

    __slots__ = ("_growth", "_latest_ns", "is_marked", "left_out")

    def __init__(self) -> None:
        self._growth: Growth[_Place] = Growth()
        self._latest_ns = 0
        self.is_marked: bool = False
        """Whether an answer in any of them began with a mark."""
        self.left_out: str = ""
        """Why a message of the last one was left out, if one was."""

    def read(self, history: object, at_ns: int, span_id: int) -> HistoryView:
        """Takes in what is new of a history, all that comes before a fault if it has one."""
        self.left_out = ""
        if isinstance(history, str):
            place, fault = self._read_json(history, at_ns)
        elif isinstance(history, (list, tuple)):
            progress, fault = _Progress(_NOWHERE), ""
            for message in cast("Sequence[object]", history):
                progress.take(message, 0)
            self.is_marked = self.is_marked or progress.is_marked
            place = progress.place(is_whole=True)
        else:
            place, fault = _NOWHERE, "not a JSON array"
        return made(HistoryView, (at_ns, span_id, place.items, place.stop, place.dropped, fault))

    def _read_json(self, history: str, at_ns: int) -> tuple[_Place, str]:
        # Read out of order, the same words were there earlier than was thought.
        is_in_order = at_ns >= self._latest_ns
        known = self._growth.known(history) if is_in_order else None
        if known is None:
            blank = len(history) - len(history.lstrip())
            if not history.startswith("[", blank):
                return _NOWHERE, "not a JSON array"
            known = blank + 1, _NOWHERE
        position, place = known
        is_whole = place is _NOWHERE
        end, place, fault = self._decoded(history, position, place, _MAY_DIFFER if is_whole and is_in_order else 0)
        if end > position:
            self._growth.remember(history, end, place)
            self._latest_ns = max(self._latest_ns, at_ns)
        return place, fault

    def _decoded(self, history: str, position: int, place: _Place, may_differ: int) -> tuple[int, _Place, str]:
        """Decodes the messages from a position on.

        Returns:
            How far it got, what it has then read of the history, and what is wrong with the rest, if anything.
        """
        progress: _Progress | None = None
        is_whole, fault = place is _NOWHERE, ""
        message: object
        try:
            while True:
                # Nearly always it is a comma and a blank, or the end, which is known sooner than matched.
                if history.startswith(", {", position):
                    start = position + 2
                elif history.startswith("]", position) or (start := _next(history, position)) < 0:
                    break
                try:
                    message, position = item_at(history, start)
                except ItemTooLongError as long:
                    message, position, self.left_out = None, long.end, str(long)
                if progress is None:
                    progress = _Progress(place)
                progress.take(message, start)
                if may_differ:
                    may_differ -= 1
                    if (moved := self._moved(history, position)) is not None:
                        (position, place), progress, may_differ, is_whole = moved, None, 0, False
        except ValueError:
            fault = "not JSON, or cut"
        if progress is None:
            return position, place, fault
        if progress.is_marked:
            self.is_marked = True
        return position, progress.place(is_whole=is_whole), fault

    def _moved(self, history: str, position: int) -> tuple[int, _Place] | None:
        """Returns the same where a history repeats an earlier one behind other messages, as far as that can be seen.

        What the customer said last has to be in what it repeats.
        """
        found = self._growth.moved(history, position)
        if found is None:
            return None
        end, back, place = found
        if not place.before or place.before < position + back:
            return None
        return end, place._replace(before=place.before - back, last=place.last - back)
