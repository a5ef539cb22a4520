"""What a setting takes, in words: for the table in the documents, and for the logs of a value that it does not take."""

from __future__ import annotations

import types
from pathlib import Path
from re import Pattern
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le  # comes with pydantic
from pydantic import AfterValidator, SecretStr
from pydantic.fields import FieldInfo

from roark_otel._linking.recording_template import Template

if TYPE_CHECKING:
    from collections.abc import Iterable

_OWN_WORDS: Final = "Value error, "
"""What pydantic puts before the message of a check of this package."""


def values_in_words(setting: str, field: FieldInfo) -> str:
    """Returns what a setting takes; choices are in backticks."""
    kind, checks = _flat(field.annotation, list(field.metadata))
    unit = {"seconds": "seconds", "bytes": "bytes"}.get(setting.rpartition("_")[2], "number")
    if get_origin(kind) is Literal:
        return _either(get_args(kind))
    if get_origin(kind) is tuple:
        return _several(get_args(kind)[0])
    if kind in {int, float}:
        return f"{unit}{_bounds(checks)}"
    if any(isinstance(one, AfterValidator) and "url" in getattr(one.func, "__name__", "") for one in checks):
        return "URL"
    words: dict[object, str] = {bool: _either(["true", "false"]), Path: "path", Template: "URL with names in braces"}
    return words.get(kind) or {str: "text", SecretStr: "text"}[kind]


def fault_in_words(setting: str, message: str, field: FieldInfo | None) -> str:
    """Returns why a setting does not take a value, without the value: a check's own words, else what it takes.

    Args:
        setting: The setting.
        message: pydantic's message.
        field: The field of the setting; None if there is no such setting.
    """
    if message.startswith(_OWN_WORDS):
        return message.removeprefix(_OWN_WORDS)
    if field is None:
        return "is not a setting"
    words = values_in_words(setting, field).replace("`", "")
    return f"must be {'a ' if words.startswith(('number', 'URL', 'path')) else ''}{words}"


def _flat(kind: Any, checks: list[object]) -> tuple[Any, list[object]]:  # noqa: ANN401 - a type of any form
    """Returns a type without `None` and without its checks, and the checks."""
    if get_origin(kind) is Annotated:
        own = [each for one in kind.__metadata__ for each in (one.metadata if isinstance(one, FieldInfo) else [one])]
        return _flat(get_args(kind)[0], [*checks, *own])
    if get_origin(kind) in {Union, types.UnionType}:
        (kind,) = [one for one in get_args(kind) if one is not type(None)]
        return _flat(kind, checks)
    return kind, checks


def _several(item: object) -> str:
    if any(get_origin(one) is Pattern for one in get_args(item)):
        return "regular expressions, one a line"
    choices = sorted(value for value in get_args(item) if isinstance(value, str))
    return f"{', '.join(f'`{one}`' for one in choices) or 'names'}, separated by commas"


def _bounds(checks: list[object]) -> str:
    least = next((one.ge for one in checks if isinstance(one, Ge)), None)
    most = next((one.le for one in checks if isinstance(one, Le)), None)
    above = next((one.gt for one in checks if isinstance(one, Gt)), None)
    if most is not None:
        return f", {least} to {most}"
    return f", more than {above}" if least is None else f", {least} or more"


def _either(choices: Iterable[object]) -> str:
    return " or ".join(f"`{choice}`" for choice in choices)
