"""Checks which versions are installed, and whether they are supported."""

from __future__ import annotations

import platform
import re
from importlib import metadata
from typing import TYPE_CHECKING, Final

from roark_otel._instrumentation.instrument import FRAMEWORKS as FRAMEWORKS_LISTENED_TO
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FLOOR: Final = "1.33.1"
"""The oldest OpenTelemetry that is supported."""

OURS: Final = ("roark-otel", "opentelemetry-api", "opentelemetry-sdk")

FRAMEWORKS: Final = (
    *dict.fromkeys(distribution for dialect in DIALECTS for distribution in dialect.distributions.values()),
    "openinference-instrumentation-pipecat",
    "opentelemetry-instrumentation",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-proto-grpc",
)

_LISTENED: Final = {
    one.name: next(iter(one.distributions.values())) for one in DIALECTS if one.name in FRAMEWORKS_LISTENED_TO
}
"""The distribution of each framework that can be listened to."""

OTHER_INTEGRATIONS: Final = ("pipecat-roark", "roark-analytics-python-livekit")
"""The distributions of Roark's other integrations, which create calls too."""


def installed(names: Iterable[str]) -> dict[str, str]:
    """Returns the versions of the distributions that are installed."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def check_versions(find: Callable[[Iterable[str]], dict[str, str]] = installed) -> list[Finding]:
    """Checks whether OpenTelemetry is recent enough, and lists the frameworks that are installed."""
    ours = find(OURS)
    sdk = ours.get("opentelemetry-sdk", "none")
    seen = ", ".join(f"{name} {version}" for name, version in ours.items())
    found: list[Finding] = [Fine("Python", platform.python_version())]
    if _numbers(sdk) < _numbers(FLOOR):
        cure = f'OpenTelemetry {FLOOR} is the oldest that is supported: pip install -U "opentelemetry-sdk>={FLOOR}"'
        found.append(Wrong("versions", seen, cure))
    else:
        found.append(Fine("versions", seen))
    others = find(FRAMEWORKS)
    listed = ", ".join(f"{name} {version}" for name, version in others.items())
    found.append(Fine("framework", listed or "none that this package knows"))
    return found


def check_listening(
    instrument: Iterable[str], find: Callable[[Iterable[str]], dict[str, str]] = installed
) -> list[Finding]:
    """Checks which of the frameworks that are installed are listened to, for what their spans leave out.

    Args:
        instrument: The setting.
        find: Returns the versions of the distributions that are installed.
    """
    about, wanted = "listening", {name.lower() for name in instrument}
    versions = find(_LISTENED.values())
    there = {name: f"{one} {versions[one]}" for name, one in _LISTENED.items() if one in versions}
    if not there:
        return [Fine(about, f"to nothing: neither {' nor '.join(_LISTENED.values())} is installed")]
    found: list[Finding] = []
    if heard := [shown for name, shown in there.items() if name in wanted]:
        how = "configure() and opentelemetry-instrument do; an app that makes its own provider calls instrument()"
        found.append(Fine(about, f"to {' and '.join(heard)}: {how}"))
    if deaf := {name: shown for name, shown in there.items() if name not in wanted}:
        seen = f"not to {' and '.join(deaf.values())}, as ROARK_INSTRUMENT={','.join(instrument)} says"
        cure = f"calls lack what its spans leave out: unset ROARK_INSTRUMENT, or add {','.join(deaf)} to it"
        found.append(Warned(about, seen, cure))
    return found


def check_doubles(find: Callable[[Iterable[str]], dict[str, str]] = installed) -> list[Finding]:
    """Checks whether another integration of Roark's is installed, which creates a call for each conversation too."""
    return [
        Warned(
            "double integration",
            f"{name} {version} is installed too",
            "if the app uses it, every call is created twice: use one of them",
        )
        for name, version in find(OTHER_INTEGRATIONS).items()
    ]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
