"""Reads times in nanoseconds since the epoch: of spans and events, which may have been given in another unit."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

MIN_NS = 0
MAX_NS = 4_102_444_800_000_000_000  # the year 2100: a later time was measured in another unit

EARLIEST_NS = 1_000_000_000_000_000_000
"""September 2001: a smaller number does not count nanoseconds, but may count a larger unit."""

_FAR_NS = 20 * 366 * 86_400 * 1_000_000_000
_UNITS = {"microseconds": 10**3, "milliseconds": 10**6, "seconds": 10**9}


def time_ns(value: object) -> int | None:
    """Returns a number of nanoseconds since the epoch; None for anything else, and outside 1970 to 2100."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not MIN_NS <= value <= MAX_NS:
        return None
    return int(value)


def time_near_ns(value: object, around_ns: int) -> tuple[int, str | None]:
    """Returns a time in nanoseconds since the epoch, and what was wrong with it; None if nothing was.

    A time that is decades from another one, which must be near, was given in another unit. If no unit explains it, the
    other one takes its place, as it does for what is not a time at all.
    """
    found = time_ns(value)
    if found is not None and abs(found - around_ns) <= _FAR_NS:
        return found, None
    if found is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return around_ns, "not nanoseconds since the epoch"
    for unit, factor in _UNITS.items():
        if abs((meant := int(value * factor)) - around_ns) <= _FAR_NS:
            return meant, f"in {unit} since the epoch and not in nanoseconds; its unit is put right"
    return around_ns, "decades from the time of its span, which holds instead"


def instant_ns(value: object) -> int:
    """Converts ISO 8601 text with an offset to nanoseconds since the epoch.

    Raises:
        ValueError: the value is not such text. The message explains why, without the value.
    """
    if not isinstance(value, str):
        raise ValueError("not ISO 8601 text")
    iso = value.strip()
    try:
        moment = datetime.fromisoformat(iso[:-1] + "+00:00" if iso[-1:] in {"Z", "z"} else iso)
    except ValueError:
        raise ValueError("not ISO 8601 text") from None
    if moment.tzinfo is None:
        raise ValueError("without an offset from UTC")
    found = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    if not MIN_NS <= found <= MAX_NS:
        raise ValueError("not between 1970 and 2100")
    return found
