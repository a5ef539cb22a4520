"""Which conversations are over, by their ids and their traces: what comes for them is late."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._gateway.store import ClosedCall

CLOSED_SECONDS: Final = 3_600.0
"""How long a conversation that is over is remembered, in accepting time."""


class ClosedCalls:
    """Remembers conversations that are over.

    Args:
        most: The most that are remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_id: OrderedDict[str, tuple[float, tuple[bytes, ...]]] = OrderedDict()
        self._by_trace: dict[bytes, dict[str, None]] = {}
        self.traces = self._by_trace.keys()
        """The traces of all conversations that are remembered, as they are at any time."""

    def __contains__(self, one: object) -> bool:
        """Returns whether a conversation of this external id, or of this trace, is over."""
        return one in self._by_trace if isinstance(one, bytes) else one in self._by_id

    def add(self, one: ClosedCall, now: float) -> None:
        """Remembers one."""
        self._drop(one.external_id)
        self._by_id[one.external_id] = now, one.traces
        for trace in one.traces:
            self._by_trace.setdefault(trace, {})[one.external_id] = None

    def ids_of(self, traces: Iterable[bytes]) -> set[str]:
        """Returns the ids of the conversations that are over and had spans in some of these traces."""
        return {external_id for trace in traces for external_id in self._by_trace.get(trace, ())}

    def outdated(self, now: float) -> list[str]:
        """Returns the ids of those that need not be remembered any more, and forgets them."""
        found: list[str] = []
        while self._by_id:
            external_id, (closed, _) = next(iter(self._by_id.items()))
            if len(self._by_id) <= self._most and now - closed < CLOSED_SECONDS:
                break
            self._drop(external_id)
            found.append(external_id)
        return found

    def _drop(self, external_id: str) -> None:
        _, traces = self._by_id.pop(external_id, (0.0, ()))
        for trace in traces:
            several = self._by_trace.get(trace, {})
            several.pop(external_id, None)
            if not several:
                self._by_trace.pop(trace, None)
