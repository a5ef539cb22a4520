"""The account that calls go to: the settings of the environment, with their key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._settings.settings import Settings
from roark_otel.cli.problems import USAGE, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr


def account(spool_dir: Path | None = None) -> tuple[Settings, SecretStr]:
    """Returns the settings of the environment, and the key that they must have.

    Raises:
        Problem: if they have none, or no usable address.
    """
    settings = Settings.from_env().with_arguments(spool_dir=spool_dir)
    if not settings.address:
        raise Problem("no usable address: correct ROARK_BASE_URL and ROARK_PROJECT_ID", USAGE)
    if settings.api_key is None:
        raise Problem("no key: set ROARK_API_KEY", USAGE)
    return settings, settings.api_key
