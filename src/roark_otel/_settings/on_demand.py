"""Imports the class of the settings when it is first needed: pydantic, and the class, take a while to build."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from roark_otel._safety.late_imports import importing

if TYPE_CHECKING:
    from roark_otel._settings.settings import Settings


@cache  # once it is there, no thread waits for another one's import
def settings_class() -> type[Settings]:
    """Returns the class `Settings`. A processor's constructor calls this first, so that no later call imports it."""
    with importing():
        from roark_otel._settings.settings import Settings
    return Settings
