"""The environment variable of a setting, and the setting in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Variable:
    """The environment variable and the documentation of a setting, kept in the metadata of its field.

    Attributes:
        name: The name of the variable.
        meaning: What the setting does.
        unset: The default in words, where the field's own default does not show it.
        other_name: A second name of the variable; `name` wins over it.
    """

    name: str
    meaning: str
    unset: str = ""
    other_name: str = ""


def variable_of(field: FieldInfo) -> Variable:
    """Returns the variable of a setting's field."""
    return next(one for one in field.metadata if isinstance(one, Variable))


def variables_of(fields: Mapping[str, FieldInfo]) -> dict[str, str]:
    """Returns every variable with its setting. Of two variables for one setting, the one that wins comes last."""
    found: dict[str, str] = {}
    for setting, field in fields.items():
        variable = variable_of(field)
        if variable.other_name:
            found[variable.other_name] = setting
        found[variable.name] = setting
    return found


def default_in_words(field: FieldInfo) -> str:
    """Returns the default of a setting as an environment variable spells it, or in words, or `none`."""
    if unset := variable_of(field).unset:
        return unset
    match field.default:
        case bool():
            return str(field.default).lower()
        case int() | float():
            return f"{field.default:.10g}"
        case default:
            return str(default) if default else "none"


def described(fields: Mapping[str, FieldInfo]) -> str:
    """Returns the settings as a docstring describes arguments, one a line."""
    lines: list[str] = []
    for setting, field in fields.items():
        variable = variable_of(field)
        default = default_in_words(field)
        ending = "" if default == "none" else f", default {default}"
        lines.append(f"    {setting}: {variable.meaning} (`{variable.name}`{ending})")
    return "\n".join(lines)
