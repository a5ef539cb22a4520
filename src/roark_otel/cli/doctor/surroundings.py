"""Checks the environment: our settings, and which tracer provider an app would get."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from typing_extensions import assert_never

from roark_otel._instrumentation.instrument import unknown_because, unknown_in
from roark_otel._settings.environment import GENAI_CAPTURE_CONTENT
from roark_otel._settings.settings import VARIABLES
from roark_otel.cli.doctor.config_file import Described, NoFile, UnusableFile
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong
from roark_otel.cli.doctor.reading import show_setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from roark_otel._settings.settings import Settings
    from roark_otel.cli.doctor.config_file import ConfigFile

SECRET: Final = frozenset(name for name, setting in VARIABLES.items() if setting == "api_key")
"""Variables that hold a key."""

KEY_FILE: Final = "ROARK_API_KEY_FILE"


def check_environment(settings: Settings, environ: Mapping[str, str], warnings: Iterable[Finding]) -> list[Finding]:
    """Lists our variables that are set, and checks that calls are switched on and have a key.

    `warnings`: what reading the settings found. A variable that one of them is about is not listed as fine.
    """
    flawed = {one.seen.partition(":")[0] for one in warnings}
    ours = [(name, value) for name, value in sorted(environ.items()) if _is_ours(name) and value.strip()]
    ours = [(name, value) for name, value in ours if name not in flawed]
    found = [show_setting(VARIABLES.get(name, name), value, name) for name, value in ours]
    cure = "see docs/settings.md, which lists every setting"
    found += [Warned("environment", unknown_because(name), cure) for name in unknown_in(settings.instrument)]
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


def check_recording(settings: Settings, recording_url: str | None = None) -> list[Finding]:
    """Checks whether the settings, or the `recording_url` of a config file, give every call a recording URL."""
    if (
        recording_url is not None
        or settings.recording_url_template is not None
        or settings.recording_fallback_url is not None
    ):
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
    provider: object,
    names: Callable[[str], Iterable[str]] | None = None,
    config: ConfigFile = NoFile(),  # noqa: B008 - frozen
) -> list[Finding]:
    """Checks which tracer provider an app would get, started by itself and under `opentelemetry-instrument`.

    Args:
        environ: The environment.
        provider: The current one, which is the app's if doctor runs under `opentelemetry-instrument`.
        names: Returns the names of the entry points of a group. Default: of those that are installed.
        config: The config file.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return [Wrong("provider", "OTEL_SDK_DISABLED turns OpenTelemetry off, so no span is recorded", "unset it")]
    if not isinstance(provider, trace.ProxyTracerProvider):
        return [_present(provider)]
    found: list[Finding] = [
        Fine("provider", "none until the app makes one: it adds RoarkSpanProcessor(), or calls roark_otel.configure()")
    ]
    return [*found, *_zero_code(environ, config, names or _entry_points)]


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


def _zero_code(environ: Mapping[str, str], config: ConfigFile, names: Callable[[str], Iterable[str]]) -> list[Finding]:
    about = "opentelemetry-instrument"
    if not list(names("opentelemetry_configurator")):
        return [Fine(about, 'not installed; for calls without a change to the app: pip install "roark-otel[auto]"')]
    if (off := environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "")) and {"roark", "*"} & set(_list(off)):
        cure = "take roark (or *) out of it"
        return [Warned(about, f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={off} turns this package off there", cure)]
    match config:
        case Described(path):
            return [Fine(about, f"makes the provider of {path}, and adds our processor")]
        case UnusableFile():
            return []  # said already
        case NoFile():
            return [_of_variables(about, environ, names)]
        case _:
            assert_never(config)


def _of_variables(about: str, environ: Mapping[str, str], names: Callable[[str], Iterable[str]]) -> Finding:
    wanted = _list(environ.get("OTEL_TRACES_EXPORTER", "") or "otlp")
    known = set(names("opentelemetry_traces_exporter"))
    missing = [name for name in wanted if not _is_there(name, known, environ)]
    if missing:
        cure = 'pip install "opentelemetry-distro[otlp]", or set OTEL_TRACES_EXPORTER=none'
        return Wrong(about, f"fails at startup: no exporter called {', '.join(missing)}", cure)
    return Fine(about, f"makes a provider that exports to {', '.join(wanted)}, and adds our processor")


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


def _list(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
