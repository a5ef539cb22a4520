"""Checks the two string formats of the schema.

jsonschema on its own accepts every string where the package that checks a format is not installed.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from urllib.parse import urlsplit

from jsonschema import FormatChecker

_DATE_TIME = re.compile(
    r"(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?(?P<offset>Z|[+-]\d\d:\d\d)", re.ASCII
)


def to_utc(text: str) -> datetime:
    """Parses an RFC 3339 date-time, down to the microsecond.

    Raises:
        ValueError: The text is not a date-time, or has no offset from UTC.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 date-time")
    # Python 3.10 reads neither Z nor a fraction of other than three or six digits.
    fraction = (match["fraction"] or ".")[:7].ljust(7, "0")
    offset = "+00:00" if match["offset"] == "Z" else match["offset"]
    try:
        return datetime.fromisoformat(match["moment"] + fraction + offset).astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError(f"{text!r} is out of range") from error


def _is_date_time(value: object) -> bool:
    try:
        return not isinstance(value, str) or bool(to_utc(value))
    except ValueError:
        return False


def _is_http_url(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        parts = urlsplit(value)
        # Reading the port checks it.
        addressed = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return addressed and parts.scheme in ("http", "https") and re.search(r"[\s\x00-\x1f]", value) is None


FORMATS: FormatChecker = FormatChecker(formats=())
FORMATS.checks("date-time")(_is_date_time)
FORMATS.checks("uri")(_is_http_url)
