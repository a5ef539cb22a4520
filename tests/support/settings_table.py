"""The table of settings in the documents, made from the fields of `Settings`."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, SecretStr

from roark_otel import Settings
from roark_otel._linking.recording_template import Template
from roark_otel._settings.overrides import OVERRIDABLE
from roark_otel._settings.variable import default_in_words, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

HEAD = "| variable | argument | values | default | meaning |\n|---|---|---|---|---|\n"


def row(setting: str) -> str:
    """Returns the line of the table for a setting."""
    field = Settings.model_fields[setting]
    variable = variable_of(field)
    names = ", ".join(f"`{name}`" for name in (variable.name, variable.other_name) if name)
    argument = f"`{setting}`" if setting in OVERRIDABLE else ""
    default = default_in_words(field)
    if not variable.unset and default != "none":
        default = f"`{default}`"
    return f"| {names} | {argument} | {values(setting, field)} | {default} | {variable.meaning} |\n"


def listed(document: str) -> list[str]:
    """Returns the settings of the table in a document, in its order."""
    settings = {variable_of(field).name: setting for setting, field in Settings.model_fields.items()}
    return [settings.get(name, name) for name in re.findall(r"^\| `(ROARK_\w+)`", _rows(document), re.MULTILINE)]


def with_rows(document: str, settings: Iterable[str]) -> str:
    """Returns a document with these settings in its table."""
    return document.replace(HEAD + _rows(document), HEAD + "".join(map(row, settings)), 1)


def _rows(document: str) -> str:
    match = re.search(re.escape(HEAD) + r"((?:\|.*\n)*)", document)
    assert match is not None, "the document has no table of settings"
    return match[1]


def values(setting: str, field: FieldInfo) -> str:
    """Returns what a setting takes, in words."""
    kind, checks = _flat(field.annotation, list(field.metadata))
    unit = {"seconds": "seconds", "bytes": "bytes"}.get(setting.rpartition("_")[2], "number")
    if get_origin(kind) is Literal:
        return _either(get_args(kind))
    if get_origin(kind) is tuple:
        items = {value for one in get_args(get_args(kind)[0]) for value in get_args(one) if isinstance(value, str)}
        return f"{', '.join(f'`{item}`' for item in sorted(items)) or 'names'}, separated by commas"
    if kind in {int, float}:
        return f"{unit}{_bounds(checks)}"
    if any(isinstance(one, AfterValidator) and "url" in getattr(one.func, "__name__", "") for one in checks):
        return "URL"
    words: dict[object, str] = {bool: _either(["true", "false"]), Path: "path", Template: "URL with names in braces"}
    return words.get(kind) or {str: "text", SecretStr: "text"}[kind]


def _flat(kind: Any, checks: list[object]) -> tuple[Any, list[object]]:
    """Returns a type without `None` and without its checks, and the checks."""
    if get_origin(kind) is Annotated:
        return _flat(get_args(kind)[0], [*checks, *kind.__metadata__])
    if get_origin(kind) in {Union, types.UnionType}:
        (kind,) = [one for one in get_args(kind) if one is not type(None)]
        return _flat(kind, checks)
    return kind, checks


def _bounds(checks: list[object]) -> str:
    least = next((one.ge for one in checks if isinstance(one, Ge)), None)
    most = next((one.le for one in checks if isinstance(one, Le)), None)
    above = next((one.gt for one in checks if isinstance(one, Gt)), None)
    if most is not None:
        return f", {least} to {most}"
    return f", more than {above}" if least is None else f", {least} or more"


def _either(choices: Iterable[object]) -> str:
    return " or ".join(f"`{choice}`" for choice in choices)
