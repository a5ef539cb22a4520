"""The key from a file, where no variable may hold it: a rotated key is used without a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 65_536
"""So much of the file is read; a key is shorter."""


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


def read_key(path: Path) -> SecretStr:
    """The key in a file, without the blanks and line ends around it.

    Raises:
        ValueError: in words that do not quote the file: it cannot be read, or is empty, or holds no key.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode().strip()
    except OSError as fault:
        raise ValueError(f"cannot be read ({type(fault).__name__})") from None
    except UnicodeDecodeError:
        raise ValueError("is no text") from None
    if not text:
        raise ValueError("is empty")
    if not is_header(text):
        raise ValueError("must hold printable ASCII without blanks")
    return SecretStr(text)


def is_header(value: str) -> bool:
    """Whether the value can be sent as a header, as a key is."""
    return bool(value) and value.isascii() and value.isprintable() and " " not in value


def _found(path: Path) -> SecretStr | None:
    try:
        return read_key(path)
    except ValueError:
        return None
