"""What a URL and a phone number look like."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")


def is_e164(value: str) -> bool:
    """Whether the value is a phone number as ITU-T E.164 writes it: a plus sign and at most 15 digits."""
    return _E164.fullmatch(value) is not None


def is_http_url(value: str) -> bool:
    """Whether the value is an absolute http or https URL without blanks."""
    if not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
