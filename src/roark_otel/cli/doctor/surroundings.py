"""What the environment says: our settings, and which tracer provider an app would get."""

from __future__ import annotations

import logging
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

from roark_otel._safety.guard import logger
from roark_otel._settings import environment
from roark_otel._settings.settings import Settings
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SECRET: Final = {environment.ROARK_API_KEY, environment.ROARK_API_BEARER_TOKEN}
"""Variables whose value is never shown."""


class _Listening(logging.Handler):
    """Keeps what is said while the settings are read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def read_settings(environ: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """The settings of an environment, and what is odd about it."""
    listening, propagate = _Listening(), logger.propagate
    logger.addHandler(listening)
    logger.propagate = False
    try:
        settings = Settings.from_env(environ)
    finally:
        logger.removeHandler(listening)
        logger.propagate = propagate
    cure = "see the table of settings in the README"
    return settings, [Warned("environment", line, cure) for line in listening.said]


def check_environment(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Which of our variables are set, and whether calls are switched on and have a key."""
    found = [_shown(name, value) for name, value in sorted(environ.items()) if _is_ours(name) and value.strip()]
    if not settings.enabled:
        cure = "unset it, or set it to true"
        found.append(Wrong("switch", f"{environment.ROARK_OBSERVABILITY_ENABLED} turns everything off", cure))
    if settings.api_key is None:
        found.append(_no_key(settings.api_key_file))
    elif settings.api_key_file is not None:
        found.append(Fine("key", f"in {settings.api_key_file}"))
    return found


def check_recording(settings: Settings) -> list[Finding]:
    """Whether anything but the app itself can tell where recordings are."""
    if settings.recording_url_template is not None or settings.recording_fallback_url is not None:
        return [Fine("recording", "a URL is made for every call")]
    return [
        Warned(
            "recording",
            "no URL is known but what spans tell, and Roark takes no call without one",
            f"set {environment.ROARK_RECORDING_URL_TEMPLATE}, or the attribute roark.recording_url on a span",
        )
    ]


def check_provider(
    environ: Mapping[str, str],
    provider: object = None,
    names: Callable[[str], Iterable[str]] | None = None,
) -> list[Finding]:
    """Which tracer provider an app would get, started by itself and under `opentelemetry-instrument`.

    Args:
        environ: The environment.
        provider: The one there is; by default this process's, which is the app's if doctor runs under
            `opentelemetry-instrument`.
        names: The names of the entry points of a group; by default those that are installed.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return [Wrong("provider", "OTEL_SDK_DISABLED turns OpenTelemetry off, so there are no spans", "unset it")]
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
    return Wrong("provider", f"{kind} without a processor of ours ({', '.join(listed) or 'it has none'})", cure)


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
        return [Wrong(about, f"ends before it has begun: no exporter called {', '.join(missing)}", cure)]
    return [Fine(about, f"makes a provider that exports to {', '.join(wanted)}, and adds our processor")]


def _config_file(about: str, config: str) -> Finding:
    if not Path(config).is_file():
        return Wrong(about, f"OTEL_CONFIG_FILE={config} is not there", "correct it, or unset it")
    return Fine(about, f"makes the provider of {config}, and adds our processor")


def _is_there(name: str, known: set[str], environ: Mapping[str, str]) -> bool:
    if name == "none":
        return True
    if name != "otlp":
        return name in known
    # What the distro sets where nobody else does.
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc"
    return ("otlp_proto_grpc" if protocol.strip() == "grpc" else "otlp_proto_http") in known


def _is_ours(name: str) -> bool:
    return name in environment.FIELDS or name == environment.GENAI_CAPTURE_CONTENT


def _shown(name: str, value: str) -> Finding:
    """A variable without what may be secret in it: a key, and in URLs a password or a signature."""
    told = re.sub(r"\?[^\s]*", "?…", re.sub(r"//[^/@\s]*@", "//…@", value))
    return Fine(name, "set, not shown" if name in SECRET else told)


def _no_key(file: Path | None) -> Finding:
    if file is None:
        return Wrong("key", "there is none, so no calls are made", f"set {environment.ROARK_API_KEY}")
    try:
        is_empty = not file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        cure = f"correct {environment.ROARK_API_KEY_FILE}, or the rights of the file"
        return Wrong("key", f"{file} cannot be read ({type(fault).__name__})", cure)
    seen = "is empty" if is_empty else "holds no key"
    return Wrong("key", f"{file} {seen}", "put the key into it, and nothing else")


def _list(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
