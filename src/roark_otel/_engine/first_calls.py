"""Which call has an id: the first one that was made of it. A further root of the id makes no other."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

REMEMBERED_SECONDS: Final = 3_600.0
"""How long the id of a call is remembered, so that a second one of it is a duplicate."""


class FirstCalls:
    """The names of calls by their external ids.

    Args:
        most: The most calls that are remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def is_it(self, external_id: str, name: str) -> bool:
        """Returns whether the id is this call's, however long ago it was made."""
        return self._known.get(external_id, ("", 0.0))[0] == name

    def is_another(self, external_id: str, name: str) -> bool:
        """Returns whether another call has the id."""
        first, at = self._known.get(external_id, ("", 0.0))
        return first not in {"", name} and time.monotonic() - at < REMEMBERED_SECONDS

    def take(self, external_id: str, name: str) -> bool:
        """Gives the id to a call, unless another one has it. Returns whether it is this call's."""
        if self.is_another(external_id, name):
            return False
        self._known.pop(external_id, None)
        self._known[external_id] = name, time.monotonic()
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return True
