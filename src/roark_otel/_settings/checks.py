"""The kinds of values that settings take, each with its check."""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Final, TypeAlias, cast, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidatorFunctionWrapHandler, WrapValidator

from roark_otel._linking.recording_template import Template
from roark_otel._model.formats import is_http_url
from roark_otel._model.hosts import is_loopback
from roark_otel._privacy.own_patterns import linear
from roark_otel._privacy.patterns import Kind
from roark_otel._settings.api_key import check_key, is_header
from roark_otel._settings.unusable import Unusable
from roark_otel._settings.whole_path import whole_path

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
"""One of the names between the dots of a host's name, as it is looked up."""


MAX_SECONDS: Final = 366 * 86_400.0
"""The longest time that a setting may be."""


def _roark_url(value: str) -> str:
    _roark_address(value)
    if "?" in value or "#" in value:
        raise ValueError("must be an absolute https URL without a query, because paths are added to it")
    return value.rstrip("/")


def _traces_url(value: str) -> str:
    _roark_address(value)
    return value.rstrip("/")


def _roark_address(value: str) -> None:
    """Raises a ValueError if a URL is none that the key may be sent to. No message quotes it."""
    try:
        parts = urlsplit(value)
        is_whole = value.isprintable() and " " not in value and "\\" not in value and _is_host(parts)
    except ValueError:
        parts, is_whole = urlsplit(""), False
    if not is_whole or parts.scheme not in {"http", "https"}:
        raise ValueError("must be an absolute https URL, such as https://api.roark.ai")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must be https, because the key travels with every request; plain http only to loopback")
    if "@" in parts.netloc:
        raise ValueError("must be an absolute https URL without user or password: the key is all that Roark needs")


def _is_host(parts: SplitResult) -> bool:
    """Returns whether a URL has the name or address of a host, and a port if there is a colon.

    Raises:
        ValueError: if it has not.
    """
    host = parts.hostname or ""
    if parts.netloc.endswith(":") or parts.port == 0:
        return False
    if "[" in parts.netloc:
        return IPv6Address(host).version == 6
    return all(_LABEL.fullmatch(label) for label in host.encode("idna").decode().removesuffix(".").split("."))


def _if_usable(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Leaves what stands for an unusable value as it is: it comes from settings, and cannot be passed."""
    return value if isinstance(value, Unusable) else check(value)


def _http_url(value: str) -> str:
    if not is_http_url(value):
        raise ValueError("must be an absolute http or https URL")
    return value


def _header_text(value: str) -> str:
    if not is_header(value):
        raise ValueError("must be printable ASCII without blanks")
    return value


def _key(value: SecretStr) -> SecretStr:
    check_key(value.get_secret_value())
    return value


def _within_a_year(seconds: float) -> float:
    """Returns a time as it is, or a year: 1e18 is meant as for ever, which sockets and locks refuse."""
    return min(seconds, MAX_SECONDS)


def _template(value: object) -> object:
    return Template(value) if isinstance(value, str) else value


def _split(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _kinds(value: object) -> object:
    if not isinstance(value, str):
        return value
    names = [name.lower() for name in cast("list[str]", _split(value))]
    if value.strip() and not names:
        raise ValueError("must be kinds, and is only commas")
    return names


def _patterns(value: object) -> object:
    """Compiles the lines of one text. In a sequence, as it is passed in code, a word is a kind, and not a pattern."""
    if isinstance(value, str):
        lines = [line.strip() for line in value.splitlines()]
        return [one for number, line in enumerate(lines, start=1) if line for one in _patterns_in(line, number)]
    if isinstance(value, Sequence):
        several = cast("Sequence[object]", value)
        if any(isinstance(one, str) and one not in KINDS for one in several):
            raise ValueError(f"must be {', '.join(KINDS)}, or patterns that `re.compile` has made")
        return several
    return value


def _all_linear(several: tuple[Kind | re.Pattern[str], ...]) -> tuple[Kind | re.Pattern[str], ...]:
    return tuple([one if isinstance(one, str) else linear(one) for one in several])


def _patterns_in(line: str, number: int) -> Sequence[object]:
    """Returns the pattern of a line, or the kinds that it names, written as in `ROARK_REDACT`."""
    names = [name.strip().lower() for name in line.split(",") if name.strip()]
    if names and all(name in KINDS for name in names):
        return names
    try:
        return [re.compile(line)]
    except (re.error, RecursionError, OverflowError, Warning):  # a warning where the app makes errors of them
        raise ValueError(f"must be regular expressions, one a line, and line {number} is not one") from None


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""The kinds of text that can be redacted without a pattern."""

_IF_USABLE: Final = WrapValidator(_if_usable)

UPPER: Final = BeforeValidator(_upper)
"""Takes a choice that is written in capitals in any case."""

LOWER: Final = BeforeValidator(_lower)
"""Takes a choice that is written in small letters in any case."""

ApiKey: TypeAlias = Annotated[SecretStr, AfterValidator(_key)]
"""A secret that can be sent in a header."""

ProjectId: TypeAlias = Annotated[str, AfterValidator(_header_text), _IF_USABLE]
"""Text that can be sent in a header."""

RoarkUrl: TypeAlias = Annotated[str, AfterValidator(_roark_url), _IF_USABLE]
"""A URL to which the key is sent: https, or http to a loopback host. Other paths are put below its own."""

TracesUrl: TypeAlias = Annotated[str, AfterValidator(_traces_url), _IF_USABLE]
"""A URL to which the key is sent, with its whole path."""

WebUrl: TypeAlias = Annotated[str, AfterValidator(_http_url)]
"""An absolute http or https URL."""

UrlTemplate: TypeAlias = Annotated[Template, BeforeValidator(_template)]
"""A URL with names in braces."""

Seconds: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_within_a_year)]
"""A time that may be 0."""

SomeSeconds: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False), AfterValidator(_within_a_year)]
"""A time longer than 0."""

LocalPath: TypeAlias = Annotated[Path, AfterValidator(whole_path)]
"""A path that stays the same wherever the process goes."""

Quantity: TypeAlias = Annotated[int, Field(ge=1)]
"""A number of things, at least 1."""

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
"""A share of a whole, from 0 to 1."""

Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Names; in one text they are separated by commas."""

Kinds: TypeAlias = Annotated[tuple[Kind, ...], BeforeValidator(_kinds)]
"""Kinds of text that are replaced; in one text they are separated by commas."""

Redacted: TypeAlias = Annotated[
    tuple[Kind | re.Pattern[str], ...], BeforeValidator(_patterns), AfterValidator(_all_linear)
]
"""Patterns of the app's own, and kinds beside them; in one text they are regular expressions, one a line."""
