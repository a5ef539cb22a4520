"""Checks the formats of external ids, URLs and phone numbers, and converts names of properties."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

MAX_EXTERNAL_ID = 255
"""The longest external id that Roark takes, in characters."""

MAX_PROPERTY = 2_048
"""The longest name and the longest value of a property, in characters."""

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")


def is_external_id(value: object) -> bool:
    """Returns whether the value is an external id: 1 to 255 characters, not all blank, that UTF-8 can encode."""
    return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_EXTERNAL_ID and is_unicode(value)


def is_unicode(value: str) -> bool:
    """Returns whether UTF-8 can encode a text: it has no lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_e164(value: str) -> bool:
    """Returns whether the value is a phone number as ITU-T E.164 writes it: a plus sign and 2 to 15 digits."""
    return _E164.fullmatch(value) is not None


def is_http_url(value: str) -> bool:
    """Returns whether the value is an absolute http or https URL without blanks, with a port that can exist."""
    if not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def without_user(url: str) -> str:
    """Returns a URL, or what was meant as one, with `…` in place of user and password."""
    return re.sub(r"^([^/@]*//)?.*@", r"\1…@", url, count=1, flags=re.DOTALL)


def snake_case(name: str) -> str:
    """Converts the name of a property to snake_case, as Roark stores it."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", words).strip("_").lower()[:MAX_PROPERTY] or "_"
