"""The key as it is now: one that comes from a file may change, and is then used without a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._settings.api_key import read_key

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr


class Key:
    """The key of an engine.

    Args:
        first: The key at construction.
        file: `ROARK_API_KEY_FILE`. Its content counts later on, unless `first` came from elsewhere.
    """

    def __init__(self, first: SecretStr, file: Path | None) -> None:
        self.first = first
        self._now = first
        self._file = file if file is not None and _found(file) == first else None

    def current(self) -> SecretStr:
        """The key as it is now; the last one known where the file cannot be read."""
        if self._file is not None and (found := _found(self._file)) is not None:
            self._now = found
        return self._now

    def has_changed(self) -> bool:
        """Whether the file has another key than the one that was last used."""
        found = None if self._file is None else _found(self._file)
        return found is not None and found != self._now


def _found(path: Path) -> SecretStr | None:
    try:
        return read_key(path)
    except ValueError:
        return None
