"""Reads settings from an environment. An invalid value is logged and replaced; it never stops the app."""

from __future__ import annotations

import difflib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from roark_otel._safety.guard import log_once
from roark_otel._settings.api_key import read_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationError

GENAI_CAPTURE_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""OpenTelemetry's switch for content: `false` or `NO_CONTENT` turns ours off too."""

_USING_DEFAULT: Final = "using the default"

_PRIVATE: Final[Mapping[str, tuple[str, str]]] = {
    "capture_content": ("false", "content stays off"),
    "redact_patterns": ("card,phone,email", "redacting all three"),
    "log_external_id": ("hash", "logs show a hash"),
}
"""The value that replaces an invalid privacy switch, and how the log says so."""


def values_in(environ: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Returns the settings that an environment gives, unchecked. An empty variable is unset.

    Args:
        environ: The environment.
        variables: Every variable and its setting; of two for one setting the later one wins.
    """
    values = {setting: environ[name].strip() for name, setting in variables.items() if environ.get(name, "").strip()}
    if "api_key_file" in values and "api_key" not in values:
        values |= _key_of_file(values.pop("api_key_file"))
    if environ.get(GENAI_CAPTURE_CONTENT, "").strip().lower() in {"false", "no_content"}:
        values["capture_content"] = "false"
    return values


def _key_of_file(path: str) -> dict[str, str]:
    """Returns the settings that a key file gives. If no key can be read from it, logs that and returns none."""
    try:
        return {"api_key_file": path, "api_key": read_key(Path(path)).get_secret_value()}
    except ValueError as fault:
        name = "ROARK_API_KEY_FILE"
        log_once(logging.WARNING, (name,), "%s: %s; %s", name, str(fault), _USING_DEFAULT)
        return {}


def without_invalid(
    values: Mapping[str, str], fault: ValidationError, environ: Mapping[str, str], variables: Mapping[str, str]
) -> dict[str, str]:
    """Returns the valid values. Logs each invalid one and leaves it out, or replaces it by what is more private.

    Args:
        values: What `values_in` returned.
        fault: What the check of these values raised.
        environ: The environment.
        variables: Every variable and its setting, in the same order as for `values_in`.
    """
    valid = dict(values)
    for one in fault.errors():
        setting = str(one["loc"][0])
        # Of two variables for one setting the later one gave the value.
        name = [name for name, of in variables.items() if of == setting and environ.get(name, "").strip()][-1]
        valid.pop(setting, None)
        private, instead = _PRIVATE.get(setting, (None, _USING_DEFAULT))
        if private is not None:
            valid[setting] = private
        log_once(logging.WARNING, (name,), "%s: %s; %s", name, _reason(one["msg"]), instead)
    return valid


def warn_of_unknown(environ: Mapping[str, str], variables: Mapping[str, str]) -> None:
    """Warns of every `ROARK_` variable that is not a setting but has nearly the name of one."""
    for name in environ:
        if not name.startswith("ROARK_") or name in variables:
            continue
        for near in difflib.get_close_matches(name, variables, 1, 0.5):
            log_once(logging.WARNING, (name,), "%s is not a setting of this version; nearest: %s", name, near)


def in_one_line(fault: ValidationError) -> str:
    """Returns the message of a `ValueError` about arguments."""
    problems = (f"{'.'.join(str(part) for part in one['loc'][:1])}: {_reason(one['msg'])}" for one in fault.errors())
    return "roark_otel: " + "; ".join(problems)


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")
