"""When frames were pushed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from roark_otel._instrumentation.pipecat.kinds import Pushed

_LATEST_NS: Final = 60_000_000_000


def pushed_ns(data: Pushed) -> int:
    """Returns when a frame was pushed, in nanoseconds since the epoch: a busy observer is given it later."""
    now = time.time_ns()
    if data.timestamp:
        late: int = data.source.get_clock().get_time() - data.timestamp
        if 0 < late < _LATEST_NS:
            return now - late
    return now
