"""Reads an app's times: an aware datetime, seconds since the epoch, or a timedelta since the conversation began."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TypeAlias

from roark_otel._handles.arguments import warn_of_argument
from roark_otel._model import times

Instant: TypeAlias = datetime | float | timedelta
"""A time: an aware datetime, seconds since the epoch, or a timedelta since the conversation began."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST_S = 1e9  # September 2001: a smaller number does not count from the epoch


def epoch_ns(name: str, value: Instant | None, zero_ns: int) -> int | None:
    """Converts an argument to ns since the epoch. An invalid time is logged and becomes None.

    Args:
        name: What the argument is called, for the log.
        value: The time; None stays None.
        zero_ns: When the conversation began, in ns since the epoch.
    """
    if value is None:
        return None
    try:
        return _epoch_ns(value, zero_ns)
    except ValueError as fault:
        warn_of_argument(name, str(fault))
        return None


def _epoch_ns(value: object, zero_ns: int) -> int:
    found = _converted(value, zero_ns)
    if times.time_ns(found) is None:
        raise ValueError("is not between 1970 and 2100; numbers are seconds since the epoch")
    return found


def _converted(value: object, zero_ns: int) -> int:
    if isinstance(value, timedelta):
        return zero_ns + value // _MICROSECOND * 1000
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("is a datetime without a time zone")
        return (value - _EPOCH) // _MICROSECOND * 1000
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("is neither an aware datetime, nor seconds since the epoch, nor a timedelta")
    if not _EARLIEST_S <= value <= 1e11:
        raise ValueError(
            "is not a number of seconds since the epoch; pass a timedelta for a time since the conversation began"
        )
    return int(value) * 1_000_000_000 + int(value % 1 * 1e9)
