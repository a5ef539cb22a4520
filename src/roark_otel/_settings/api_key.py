"""The key of a Roark project: read from a file, and read again when the file changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

MAX_KEY_BYTES = 65_536
"""The most bytes that are read of a key file; a key is far shorter."""


class Key:
    """The current key of an engine. A key that came from a file can change without a restart.

    Args:
        first: The key at construction.
        file: `ROARK_API_KEY_FILE`. It is read again only if it holds `first`; otherwise the key came from elsewhere.
    """

    def __init__(self, first: SecretStr, file: Path | None) -> None:
        self.first = first
        self._now = first
        self._file = file if file is not None and _try_to_read(file) == first else None

    def current(self) -> SecretStr:
        """Returns the key as it is now, or the last one read if the file cannot be read."""
        if self._file is not None and (found := _try_to_read(self._file)) is not None:
            self._now = found
        return self._now

    def has_changed(self) -> bool:
        """Returns whether the file holds another key than the one that was last used."""
        found = None if self._file is None else _try_to_read(self._file)
        return found is not None and found != self._now


def read_key(path: Path) -> SecretStr:
    """Reads the key in a file, without the blanks and line ends around it.

    Raises:
        ValueError: if the file cannot be read, is empty or does not hold a key. The message never quotes the file.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_KEY_BYTES).decode().strip()
    except OSError as fault:
        raise ValueError(f"cannot be read ({type(fault).__name__})") from None
    except UnicodeDecodeError:
        raise ValueError("is not text") from None
    if not text:
        raise ValueError("is empty")
    if not is_header(text):
        raise ValueError("must hold printable ASCII without blanks")
    from pydantic import SecretStr  # the settings have imported it before a key is read

    return SecretStr(text)


def is_header(value: str) -> bool:
    """Returns whether the value can be sent in an HTTP header, as a key is."""
    return bool(value) and value.isascii() and value.isprintable() and " " not in value


def _try_to_read(path: Path) -> SecretStr | None:
    try:
        return read_key(path)
    except ValueError:
        return None
