"""The kinds of values that settings take, each with its check."""

import ipaddress
import re
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from roark_otel._linking.recording_template import Template
from roark_otel._model.formats import is_http_url
from roark_otel._privacy.patterns import Kind
from roark_otel._settings.api_key import is_header


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _roark_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("must be an absolute https URL") from None
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError("must be an absolute https URL")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("must be https, because the key travels with every request; plain http only to loopback")
    return value.rstrip("/")


def _http_url(value: str) -> str:
    if not is_http_url(value):
        raise ValueError("must be an absolute http or https URL")
    return value


def _header_text(value: str) -> str:
    if not is_header(value):
        raise ValueError("must be printable ASCII without blanks")
    return value


def _key(value: SecretStr) -> SecretStr:
    _header_text(value.get_secret_value())
    return value


def _template(value: object) -> object:
    return Template(value) if isinstance(value, str) else value


def _split(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


UPPER: Final = BeforeValidator(_upper)
"""Takes a choice that is written in capitals in any case."""

LOWER: Final = BeforeValidator(_lower)
"""Takes a choice that is written in small letters in any case."""

ApiKey: TypeAlias = Annotated[SecretStr, AfterValidator(_key)]
"""A secret that can be sent in a header."""

HeaderText: TypeAlias = Annotated[str, AfterValidator(_header_text)]
"""Text that can be sent in a header."""

RoarkUrl: TypeAlias = Annotated[str, AfterValidator(_roark_url)]
"""A URL to which the key is sent: https, or http to a loopback host."""

WebUrl: TypeAlias = Annotated[str, AfterValidator(_http_url)]
"""An absolute http or https URL."""

UrlTemplate: TypeAlias = Annotated[Template, BeforeValidator(_template)]
"""A URL with names in braces."""

Seconds: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A time that may be 0."""

SomeSeconds: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A time longer than 0."""

Quantity: TypeAlias = Annotated[int, Field(ge=1)]
"""A number of things, at least 1."""

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
"""A share of a whole, from 0 to 1."""

Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Names; in one text they are separated by commas."""

Redacted: TypeAlias = Annotated[tuple[Kind | re.Pattern[str], ...], BeforeValidator(_split)]
"""Kinds of text that are replaced, and patterns of the app's own."""
