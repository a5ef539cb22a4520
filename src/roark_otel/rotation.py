"""The key where it comes from a file, which may change: a rotated key is used without a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from pathlib import Path


class Key:
    """The key of an engine.

    Args:
        first: The key at construction.
        file: `ROARK_API_KEY_FILE`. Its content counts later on, unless `first` came from elsewhere.
    """

    def __init__(self, first: SecretStr, file: Path | None) -> None:
        self.first = first
        self._now = first
        self._file = file if file is not None and _read(file) == first.get_secret_value() else None

    def current(self) -> SecretStr:
        """The key as it is now; the last one known where the file cannot be read."""
        if self._file is not None and (found := _read(self._file)) is not None:
            self._now = SecretStr(found)
        return self._now

    def has_changed(self) -> bool:
        """Whether the file has another key than the one that was last used."""
        found = None if self._file is None else _read(self._file)
        return found is not None and found != self._now.get_secret_value()


def _read(file: Path) -> str | None:
    """The key in a file; None if there is none, or something that cannot be a header."""
    try:
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return found if found and found.isascii() and found.isprintable() and " " not in found else None
