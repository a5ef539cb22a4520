"""What an external id, a URL, a phone number and the name of a property look like."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

MAX_EXTERNAL_ID = 255
"""The longest external id that Roark takes, in characters."""

MAX_PROPERTY = 2_048
"""The longest name and the longest value of a property, in characters."""

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")


def is_external_id(value: object) -> bool:
    """Whether the value is an external id: text of 1 to 255 characters that says something and UTF-8 can carry."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_EXTERNAL_ID:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


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


def snake_case(name: str) -> str:
    """The name of a property as Roark stores it."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", words).strip("_").lower()[:MAX_PROPERTY] or "_"
