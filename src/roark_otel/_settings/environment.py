"""Reads settings from an environment. An invalid value is logged and replaced; it never stops the app."""

from __future__ import annotations

import difflib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from roark_otel._safety.guard import log_once
from roark_otel._settings.api_key import read_key
from roark_otel._settings.closing import CLOSED
from roark_otel._settings.variable import default_in_words, variables_of
from roark_otel._settings.wording import fault_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo

GENAI_CAPTURE_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""OpenTelemetry's switch for content: `false` or `NO_CONTENT` turns ours off too."""

GATEWAY_TOKEN: Final = "ROARK_GATEWAY_TOKEN"  # noqa: S105 - the name of a variable
"""The token of whoever sends to `roark-otel gateway`. It is no setting of a processor."""

_CONTENT_OFF: Final = frozenset({"false", "no_content", "0", "no", "off"})
_CONTENT_ON: Final = frozenset({"", "true", "span_only", "event_only", "span_and_event", "1", "yes", "on"})


def values_in(environ: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Returns the settings that an environment gives, unchecked. An empty variable is unset.

    Args:
        environ: The environment.
        variables: Every variable and its setting; of two for one setting the later one wins.
    """
    values = {setting: environ[name].strip() for name, setting in variables.items() if environ.get(name, "").strip()}
    if "api_key_file" in values and "api_key" not in values:
        values |= _key_of_file(values.pop("api_key_file"))
    if _is_content_off(environ.get(GENAI_CAPTURE_CONTENT, "").strip().lower()):
        values["capture_content"] = "false"
    return values


def _is_content_off(value: str) -> bool:
    """Returns whether OpenTelemetry's switch turns content off; one that cannot be read does, as with OpenTelemetry."""
    if value in _CONTENT_ON:
        return False
    if value not in _CONTENT_OFF:
        choices = "must be true, false, NO_CONTENT, SPAN_ONLY, EVENT_ONLY or SPAN_AND_EVENT"
        _log_closed(GENAI_CAPTURE_CONTENT, choices, "capture_content")
    return True


def _key_of_file(path: str) -> dict[str, str]:
    """Returns the settings that a key file gives. If no key can be read from it, logs that and returns none."""
    try:
        return {"api_key_file": path, "api_key": read_key(Path(path)).get_secret_value()}
    except ValueError as fault:
        _log_closed(
            "ROARK_API_KEY_FILE", f"must be the path of a file that holds the key, and it {fault}", "api_key_file"
        )
        return {}


def without_invalid(
    values: Mapping[str, str], fault: ValidationError, environ: Mapping[str, str], fields: Mapping[str, FieldInfo]
) -> dict[str, str]:
    """Returns the valid values. Logs each invalid one and leaves it out, or closes what it is about.

    Args:
        values: What `values_in` returned.
        fault: What the check of these values raised.
        environ: The environment.
        fields: The fields of the settings.
    """
    valid, closed = dict(values), dict[str, str | None]()
    variables = variables_of(fields)
    for setting, message in _first_faults(fault).items():
        # Of two variables for one setting the later one gave the value.
        name = [name for name, of in variables.items() if of == setting and environ.get(name, "").strip()][-1]
        valid.pop(setting, None)
        reason = fault_in_words(setting, message, fields.get(setting))
        if setting in CLOSED:
            closed |= CLOSED[setting].values
            _log_closed(name, reason, setting)
        else:
            default = default_in_words(fields[setting])
            log_once(logging.WARNING, (name,), "%s: %s; using the default: %s", name, reason, default)
    for setting, value in closed.items():
        valid.pop(setting, None)
        if value is not None:
            valid[setting] = value
    return valid


def _log_closed(name: str, reason: str, setting: str) -> None:
    log_once(logging.ERROR, (name,), "%s: %s; %s until it is corrected or unset", name, reason, CLOSED[setting].meaning)


def _first_faults(fault: ValidationError) -> dict[str, str]:
    """Returns the first message about each setting: each item of a list may have several."""
    found: dict[str, str] = {}
    for one in fault.errors():
        found.setdefault(str(one["loc"][0]) if one["loc"] else "", one["msg"])
    return found


def warn_of_unknown(environ: Mapping[str, str], variables: Mapping[str, str]) -> None:
    """Warns of every `ROARK_` variable that is not a setting but has nearly the name of one.

    It is an error where that one would have kept something back.
    """
    for name in environ:
        if not name.startswith("ROARK_") or name == GATEWAY_TOKEN or name in variables:
            continue
        for near in difflib.get_close_matches(name, variables, 1, 0.5):
            log_once(
                logging.ERROR if variables[near] in CLOSED else logging.WARNING,
                (name,),
                "%s is not a setting of this version and has no effect; nearest: %s",
                name,
                near,
            )


def in_one_line(fault: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """Returns the message of a `ValueError` about arguments."""
    faults = _first_faults(fault).items()
    problems = [f"{name}: {fault_in_words(name, message, fields.get(name))}" for name, message in faults]
    return "roark_otel: " + "; ".join(problems)
