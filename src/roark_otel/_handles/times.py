"""Times as an app says them: an aware datetime, seconds since the epoch, or time since the conversation began."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from roark_otel._model import reading

if TYPE_CHECKING:
    from roark_otel.types import Instant

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST_S = 1e9  # September 2001: a smaller number counts from somewhere else


def instant_ns(value: Instant, zero_ns: int) -> int:
    """The time in ns since the epoch; `zero_ns` is when the conversation began.

    Raises:
        ValueError: saying what is wrong with it.
    """
    found = _ns(value, zero_ns)
    if reading.time_ns(found) is None:
        raise ValueError("not between 1970 and 2100; numbers are seconds since the epoch")
    return found


def _ns(value: object, zero_ns: int) -> int:
    if isinstance(value, timedelta):
        return zero_ns + value // _MICROSECOND * 1000
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone")
        return (value - _EPOCH) // _MICROSECOND * 1000
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("neither an aware datetime, nor seconds since the epoch, nor a timedelta")
    if not _EARLIEST_S <= value <= 1e11:
        raise ValueError(
            "no number of seconds since the epoch: pass a timedelta for a time since the conversation began"
        )
    return int(value) * 1_000_000_000 + int(value % 1 * 1e9)
