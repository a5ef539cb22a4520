"""The JSON schema of the block `roark` in a config file of OpenTelemetry, made from the settings."""

from __future__ import annotations

import re
from typing import Any, Final, get_args, get_type_hints

from roark_otel import Settings
from roark_otel._settings.variable import default_in_words, variable_of
from roark_otel._settings.wording import values_in_words
from roark_otel_zero_code.configuration import RoarkConfiguration

_TYPES: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}
_SUBSTITUTED: Final = {"type": "string", "pattern": r"\$\{\w+(:-[^}]*)?\}"}
"""A variable that the file names, where a value is no text."""


def schema() -> dict[str, Any]:
    """Returns the schema."""
    hints = get_type_hints(RoarkConfiguration)
    properties = {name: _property(name, hints[name]) for name in hints if name != "unknown"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "roark",
        "description": "Settings of roark-otel, at instrumentation/development, python, roark of a config file.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "enabled": {"type": "boolean", "description": "false: the file does not add the processor."},
            **properties,
        },
    }


def _property(name: str, hint: object) -> dict[str, Any]:
    if name == "recording_url":
        return {"type": "string", "description": "The recording of every call whose spans name none."}
    field = Settings.model_fields[name]
    variable, default = variable_of(field), default_in_words(field)
    values = values_in_words(name, field)
    known: dict[str, Any] = {
        "description": f"{variable.meaning} {variable.name}; {values.replace('`', '')}; default {default}."
    }
    kinds = [one for one in get_args(hint) if one is not type(None)]
    kind = kinds[0] if len(kinds) == 1 else list
    choices = re.findall(r"`(\w+)`", values)
    if kind is list:
        items: dict[str, Any] = {"type": "string", **({"enum": choices} if name == "redact_kinds" else {})}
        return {**known, "anyOf": [{"type": "array", "items": items}, {"type": "string"}]}
    if kind is bool:
        return {**known, "anyOf": [{"type": "boolean"}, _SUBSTITUTED]}
    if kind is not str:
        bounds: dict[str, Any] = {"exclusiveMinimum": 0} if "more than 0" in values else {}
        if found := re.search(r"(\d+) (?:or more|to (\d+))", values):
            bounds["minimum"] = int(found[1])
            if found[2]:
                bounds["maximum"] = int(found[2])
        return {**known, "anyOf": [{"type": _TYPES[kind], **bounds}, _SUBSTITUTED]}
    if choices:
        return {**known, "anyOf": [{"enum": choices}, _SUBSTITUTED]}
    return {**known, "type": "string"}
