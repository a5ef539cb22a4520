"""Checks the SDK's limits of spans: what they drop or cut is missing in calls, without a word of the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel.cli.doctor.findings import Finding, Warned, Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FEW_ATTRIBUTES: Final = 32
"""Spans of voice frameworks have up to about as many attributes."""

SHORT_TEXT: Final = 255
"""The longest external id. Words are longer."""

ROLE_AND_TEXT: Final = 2
"""The attributes without which an event says nothing."""

_ABOUT: Final = "span limits"
_ATTRIBUTES: Final = ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT")
_EVENTS: Final = ("OTEL_SPAN_EVENT_COUNT_LIMIT",)
_IN_EVENTS: Final = ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT")
_LENGTH: Final = ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")


def check_limits(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Checks the limits in the environment. Those of code and of a config file are not seen here."""
    for name in sorted({*_ATTRIBUTES, *_EVENTS, *_IN_EVENTS, *_LENGTH}):
        if (value := environ.get(name, "").strip()) and not _is_number(value):
            yield Wrong(_ABOUT, f"{name} is not a whole number, so OpenTelemetry makes no provider", f"unset {name}")
    name, most = _limit(environ, _ATTRIBUTES)
    if most == 0:
        yield Wrong(_ABOUT, f"{name}=0: spans keep no attributes, so no conversation has an id", f"unset {name}")
    elif most < FEW_ATTRIBUTES:
        yield Warned(
            _ABOUT, f"{name}={most}: a span drops its oldest attributes, its external id too", f"set {name} to 128"
        )
    name, most = _limit(environ, _EVENTS)
    if most == 0:
        yield Wrong(_ABOUT, f"{name}=0: spans keep no events, so what the app says by events is lost", f"unset {name}")
    name, most = _limit(environ, _IN_EVENTS)
    if most < ROLE_AND_TEXT:
        yield Wrong(_ABOUT, f"{name}={most}: events have no words, so what the app says is lost", f"unset {name}")
    name, most = _limit(environ, _LENGTH)
    if most < SHORT_TEXT:
        yield Warned(_ABOUT, f"{name}={most}: words, and longer ids, are cut", f"unset {name}, or set it to 4096")


def _limit(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, float]:
    """Returns the variable that the SDK takes a limit from, the first that is set, and the limit; infinity for none."""
    name = next((one for one in names if environ.get(one, "").strip()), names[0])
    value = environ.get(name, "").strip()
    return name, int(value) if _is_number(value) else float("inf")


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()
