"""Checks the file of `OTEL_CONFIG_FILE`: our block in it, by the class that the instrumentor reads it with.

`opentelemetry-instrument` reads it with the package `opentelemetry-configuration`. So does doctor: variables that the
file names are filled in, and what is not good is found by the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from opentelemetry.sdk import environment_variables
from typing_extensions import assert_never

from roark_otel._model.formats import is_http_url
from roark_otel._settings.lenient import warn_of_unknown, with_valid
from roark_otel._settings.overrides import OVERRIDABLE
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong
from roark_otel.cli.doctor.reading import heard, show_setting
from roark_otel_zero_code.configuration import RoarkConfiguration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._settings.settings import Settings

VARIABLE: Final = "OTEL_CONFIG_FILE"
_ABOUT: Final = "config file"
_PACKAGE: Final = "opentelemetry-configuration"
_NO_MAPPING: Final = Wrong(
    _ABOUT,
    "the block roark is no mapping of names, so OpenTelemetry does not get past it",
    "write settings below it, or `roark: {}`",
)
_OFF: Final = Warned(
    _ABOUT,
    "enabled: false: the file's settings are not used; opentelemetry-instrument adds the processor all the same",
    "to turn it off there, set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=roark",
)


@dataclass(frozen=True, slots=True)
class NoFile:
    """The environment names no file."""


@dataclass(frozen=True, slots=True)
class UnusableFile:
    """The environment names a file that nothing comes of. `finding`: why."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Described:
    """A file that can be used. `model`: what `opentelemetry-configuration` makes of it."""

    path: str
    model: Any


ConfigFile: TypeAlias = "NoFile | UnusableFile | Described"


@dataclass(frozen=True, slots=True)
class InEffect:
    """What holds with a file: its settings and, where it is silent, those of the environment."""

    settings: Settings
    recording_url: str | None
    findings: list[Finding]


def read_config_file(environ: Mapping[str, str]) -> ConfigFile:
    """Reads the file that the environment names."""
    path = environ.get(VARIABLE, "").strip()
    if not path:
        return NoFile()
    if not metadata.entry_points(group="opentelemetry_configurator"):
        seen = f"{path} is read by nothing: opentelemetry-instrument is not installed"
        return UnusableFile(Warned(_ABOUT, seen, f'pip install "roark-otel[auto]", or unset {VARIABLE}'))
    if not hasattr(environment_variables, VARIABLE):
        cure = f"pip install -U opentelemetry-sdk {_PACKAGE}, or unset {VARIABLE}"
        return UnusableFile(Warned(_ABOUT, f"{path}: this version of OpenTelemetry reads no config file", cure))
    try:
        from opentelemetry.configuration import (  # pyright: ignore[reportMissingTypeStubs]
            ConfigurationError,
            load_config_file,
        )
    except ImportError as fault:
        missing = cast("str", getattr(fault, "package", _PACKAGE))  # or what that needs to read YAML
        seen = f"{path} cannot be read, and opentelemetry-instrument does nothing: {missing} is not installed"
        return UnusableFile(Wrong(_ABOUT, seen, f"pip install {missing}, or unset {VARIABLE}"))
    try:
        with heard(_ABOUT, "opentelemetry.configuration"):
            return Described(path, load_config_file(path))
    except (ConfigurationError, OSError, ValueError, RecursionError) as fault:
        seen = f"{path}: {_why(path, fault)}, so opentelemetry-instrument does nothing"
        return UnusableFile(Wrong(_ABOUT, seen, f"correct it, or unset {VARIABLE}"))


def check_config_file(found: ConfigFile, settings: Settings) -> InEffect:
    """Checks our block in a file.

    Args:
        found: The file.
        settings: Those of the environment.
    """
    match found:
        case NoFile():
            return InEffect(settings, None, [])
        case UnusableFile(finding):
            return InEffect(settings, None, [finding])
        case Described(path, model):
            in_block = _check_block(model, settings)
            return replace(in_block, findings=[Fine(_ABOUT, path), *_whole(model), *in_block.findings])
        case _:
            assert_never(found)


def _check_block(model: Any, settings: Settings) -> InEffect:  # noqa: ANN401 - a class of an optional package
    blocks: dict[str, object] = getattr(model.instrumentation_development, "python", None) or {}
    if "roark" not in blocks:
        seen = "no block roark below instrumentation/development, python: variables hold alone"
        return InEffect(settings, None, [Fine(_ABOUT, seen)])
    if not isinstance(written := blocks["roark"], dict):
        return InEffect(settings, None, [_NO_MAPPING])
    block = cast("dict[object, object]", written)
    named = {name: value for name, value in block.items() if isinstance(name, str)}
    if len(named) < len(block):
        return InEffect(settings, None, [_NO_MAPPING])
    if not named.pop("enabled", True):
        return InEffect(settings, None, [_OFF])
    return _checked(named, settings)


def _why(path: str, fault: Exception) -> str:
    """Returns in one line why a file cannot be used, without what stands in it."""
    cause = fault.__cause__
    if (place := getattr(cause, "absolute_path", None)) is not None:
        where = ".".join(map(str, place))
        return f"it does not have the form that OpenTelemetry expects{f', at {where}' if where else ''}"
    line = getattr(cause, "lineno", getattr(getattr(cause, "problem_mark", None), "line", -1) + 1)  # of JSON, of YAML
    if line > 0:
        return f"it cannot be parsed, at line {line}"
    if cause is None and not isinstance(fault, (ValueError, RecursionError)):
        return str(fault).partition("\n")[0].removesuffix(f": {path}")
    return f"it cannot be read ({type(cause or fault).__name__})"


def _whole(model: Any) -> list[Finding]:  # noqa: ANN401 - a class of an optional package
    if model.disabled:
        return [Wrong(_ABOUT, "disabled: true turns OpenTelemetry off, so no span is recorded", "take it out")]
    if model.tracer_provider is None:
        cure = "add tracer_provider to it, unless the app makes one"
        return [Warned(_ABOUT, "it has no tracer_provider, so opentelemetry-instrument makes none", cure)]
    return []


def _checked(block: dict[str, object], settings: Settings) -> InEffect:
    configuration = RoarkConfiguration(**block)
    given = {name: value for name in sorted(OVERRIDABLE) if (value := getattr(configuration, name, None)) is not None}
    findings = [show_setting(name, block[name], f"{_ABOUT}, {name}") for name in given]
    with heard(_ABOUT) as warnings:
        warn_of_unknown(configuration.unknown or (), [*OVERRIDABLE, "recording_url"])
        settings = with_valid(settings, given)
    url = block.get("recording_url")
    if url is None:
        return InEffect(settings, None, [*findings, *warnings])
    if isinstance(url, str) and is_http_url(url):
        return InEffect(
            settings, url, [*findings, show_setting("recording_url", url, f"{_ABOUT}, recording_url"), *warnings]
        )
    seen = "recording_url: must be an absolute http or https URL; ignoring it"
    return InEffect(settings, None, [*findings, *warnings, Warned(_ABOUT, seen, "correct it, or take it out")])
