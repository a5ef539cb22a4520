"""The calls that left the spool, so that a later version of one is not sent again."""

from __future__ import annotations

from collections import OrderedDict

MAX_DEPARTED = 10_000
"""The most calls that are remembered after they left the spool."""


class Departed:
    """The names of calls that this process delivered or set aside, and Roark's ids of them."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, str | None] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        """Returns whether a call has left."""
        return name in self._ids

    def call_id(self, name: str) -> str | None:
        """Returns Roark's id of a call that was delivered; None if it is not known."""
        return self._ids.get(name)

    def add(self, name: str, call_id: str | None) -> None:
        """Notes that a call has left."""
        self._ids[name] = call_id
        if len(self._ids) > MAX_DEPARTED:
            self._ids.popitem(last=False)
