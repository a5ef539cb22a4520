"""Checks the environment: our settings, and which tracer provider an app would get."""

from __future__ import annotations

import logging
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

from roark_otel._model.formats import without_user
from roark_otel._settings.environment import GENAI_CAPTURE_CONTENT
from roark_otel._settings.settings import VARIABLES, Settings
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SECRET: Final = frozenset(name for name, setting in VARIABLES.items() if setting == "api_key")
"""Variables that hold a key."""

KEY_FILE: Final = "ROARK_API_KEY_FILE"

_HIDDEN: Final = SECRET | {"ROARK_REDACT_PATTERNS"}
"""Variables whose value is never shown."""


class _Listening(logging.Handler):
    """Keeps the warnings that are logged while the settings are read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.findings: list[Finding] = []

    def emit(self, record: logging.LogRecord) -> None:
        kind = Wrong if record.levelno >= logging.ERROR else Warned
        self.findings.append(
            kind("environment", record.getMessage(), "see docs/settings.md, which lists every setting")
        )


def read_settings(environ: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """Returns the settings of an environment, and what reading them logs: an error is wrong, a warning is to note."""
    logger = logging.getLogger("roark_otel")
    listening, propagate = _Listening(), logger.propagate
    logger.addHandler(listening)
    logger.propagate = False
    try:
        settings = Settings.from_env(environ)
    finally:
        logger.removeHandler(listening)
        logger.propagate = propagate
    return settings, listening.findings


def check_environment(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Lists our variables that are set, and checks that calls are switched on and have a key."""
    found = [_shown(name, value) for name, value in sorted(environ.items()) if _is_ours(name) and value.strip()]
    if settings.api_key is None and any(environ.get(name, "").strip() for name in SECRET | {KEY_FILE}):
        return [*found, Wrong("key", "none that can be used, so no calls are sent to Roark", "correct it, see above")]
    if not settings.enabled:
        cure = "unset it, or set it to true"
        found.append(Wrong("switch", "ROARK_OBSERVABILITY_ENABLED turns everything off", cure))
    if settings.api_key is None:
        found.append(Wrong("key", "missing, so no calls are sent to Roark", "set ROARK_API_KEY"))
    elif settings.api_key_file is not None:
        found.append(Fine("key", f"in {settings.api_key_file}"))
    return found


def check_recording(settings: Settings) -> list[Finding]:
    """Checks whether the settings give every call a recording URL."""
    if settings.recording_url_template is not None or settings.recording_fallback_url is not None:
        return [Fine("recording", "every call gets a URL")]
    return [
        Warned(
            "recording",
            "only spans can give a recording URL, and Roark rejects calls without one",
            "set ROARK_RECORDING_URL_TEMPLATE, or the attribute roark.recording_url on a span",
        )
    ]


def check_provider(
    environ: Mapping[str, str],
    provider: object = None,
    names: Callable[[str], Iterable[str]] | None = None,
) -> list[Finding]:
    """Checks which tracer provider an app would get, started by itself and under `opentelemetry-instrument`.

    Args:
        environ: The environment.
        provider: The current one. Default: this process's, which is the app's if doctor runs under
            `opentelemetry-instrument`.
        names: Returns the names of the entry points of a group. Default: of those that are installed.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return [Wrong("provider", "OTEL_SDK_DISABLED turns OpenTelemetry off, so no span is recorded", "unset it")]
    there = trace.get_tracer_provider() if provider is None else provider
    if not isinstance(there, trace.ProxyTracerProvider):
        return [_present(there)]
    found: list[Finding] = [
        Fine("provider", "none until the app makes one: it adds RoarkSpanProcessor(), or calls roark_otel.configure()")
    ]
    return [*found, *_zero_code(environ, names or _entry_points)]


def _entry_points(group: str) -> Iterable[str]:
    return [one.name for one in metadata.entry_points(group=group)]


def _present(provider: object) -> Finding:
    kind = f"{type(provider).__module__}.{type(provider).__qualname__}"
    many = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    listed = [type(one).__name__ for one in many]
    if "RoarkSpanProcessor" in listed:
        return Fine("provider", f"{kind} with {', '.join(listed)}")
    cure = "set ROARK_API_KEY, or add RoarkSpanProcessor() to it"
    return Wrong("provider", f"{kind} without RoarkSpanProcessor (it has {', '.join(listed) or 'none'})", cure)


def _zero_code(environ: Mapping[str, str], names: Callable[[str], Iterable[str]]) -> list[Finding]:
    about = "opentelemetry-instrument"
    if not list(names("opentelemetry_configurator")):
        return [Fine(about, 'not installed; for calls without a change to the app: pip install "roark-otel[auto]"')]
    if (off := environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "")) and {"roark", "*"} & set(_list(off)):
        cure = "take roark (or *) out of it"
        return [Warned(about, f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={off} turns this package off there", cure)]
    if config := environ.get("OTEL_CONFIG_FILE", "").strip():
        return [_config_file(about, config)]
    wanted = _list(environ.get("OTEL_TRACES_EXPORTER", "") or "otlp")
    known = set(names("opentelemetry_traces_exporter"))
    missing = [name for name in wanted if not _is_there(name, known, environ)]
    if missing:
        cure = 'pip install "opentelemetry-distro[otlp]", or set OTEL_TRACES_EXPORTER=none'
        return [Wrong(about, f"fails at startup: no exporter called {', '.join(missing)}", cure)]
    return [Fine(about, f"makes a provider that exports to {', '.join(wanted)}, and adds our processor")]


def _config_file(about: str, config: str) -> Finding:
    if not Path(config).is_file():
        return Wrong(about, f"OTEL_CONFIG_FILE={config} does not exist", "correct it, or unset it")
    return Fine(about, f"makes the provider of {config}, and adds our processor")


def _is_there(name: str, known: set[str], environ: Mapping[str, str]) -> bool:
    if name == "none":
        return True
    if name != "otlp":
        return name in known
    # The default that the distro sets.
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc"
    return ("otlp_proto_grpc" if protocol.strip() == "grpc" else "otlp_proto_http") in known


def _is_ours(name: str) -> bool:
    return name in VARIABLES or name == GENAI_CAPTURE_CONTENT


def _shown(name: str, value: str) -> Finding:
    """Returns a variable without what may be secret in it: a key, and in URLs a password or a signature."""
    shown = re.sub(r"\?[^\s]*", "?…", without_user(value))
    return Fine(name, "set, not shown" if name in _HIDDEN else shown)


def _list(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
