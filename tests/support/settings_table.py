"""The table of settings in the documents, made from the fields of `Settings`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roark_otel import Settings
from roark_otel._settings.overrides import OVERRIDABLE
from roark_otel._settings.variable import default_in_words, variable_of
from roark_otel._settings.wording import values_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = "| variable | argument, and name in a config file | values | default | meaning |\n|---|---|---|---|---|\n"


def row(setting: str) -> str:
    """Returns the line of the table for a setting."""
    field = Settings.model_fields[setting]
    variable = variable_of(field)
    names = ", ".join(f"`{name}`" for name in (variable.name, variable.other_name) if name)
    argument = f"`{setting}`" if setting in OVERRIDABLE else ""
    default = default_in_words(field)
    if not variable.unset and default != "none":
        default = f"`{default}`"
    return f"| {names} | {argument} | {values_in_words(setting, field)} | {default} | {variable.meaning} |\n"


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
