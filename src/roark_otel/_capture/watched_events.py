"""The events of a root span, which are read before the SDK drops the oldest of them.

The SDK keeps the last 128 events of a span and drops one without a word. So the list of a root is one of
ours, with the same limit. Where the SDK has other parts, events are read whenever there is an occasion.
"""

# The SDK's private attributes have no types that pyright knows.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.util import BoundedList

from roark_otel._safety.guard import log_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import Span

    from roark_otel._capture.branch import Branch

_NO_EVENTS = (
    "spans keep no events, so what the app says by events would be lost: set OTEL_SPAN_EVENT_COUNT_LIMIT, or "
    "max_events of SpanLimits, to 1 or more"
)


class WatchedEvents(BoundedList[Any] if TYPE_CHECKING else BoundedList):  # type: ignore[misc]
    """A span's events with the SDK's limit.

    Args:
        events: The SDK's own list, whose events it takes over.
        read: Called with the branch before an event is dropped, with the span's lock held: it must not change the span.
        branch: The branch that the span opens.
    """

    _dq: Any
    dropped: int

    def __init__(self, events: Any, read: Callable[[Branch], object], branch: Branch) -> None:  # noqa: ANN401 - private
        super().__init__(events._dq.maxlen)
        self._dq.extend(events._dq)
        self.dropped = events.dropped
        self._read = read
        self._branch = branch

    def append(self, item: Any) -> None:  # noqa: ANN401 - an event of the SDK
        """Adds an event. If that drops one that was not read, all are read first: each event once, many at a time."""
        if len(self._dq) == self._dq.maxlen and self._branch.seen <= self.dropped:
            self._read(self._branch)
        BoundedList.append(self, item)  # `super()` takes half as long again


def watch(span: Span, read: Callable[[Branch], object], branch: Branch) -> bool:
    """Has the events of a span read before one is dropped, if the SDK's list is the one that we know.

    Returns:
        Whether it is.
    """
    try:
        events: Any = span._events
        is_known = type(events) is BoundedList
        queue: Any = events._dq
    except AttributeError:
        return False  # another SDK: its events are read when there is an occasion
    if not is_known:
        return False
    if queue.maxlen == 0:
        log_once(logging.WARNING, (), _NO_EVENTS)
    elif queue.maxlen:
        span._events = WatchedEvents(events, read, branch)
    return True
