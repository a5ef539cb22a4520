"""The key of a Roark project: read from a file, and read again when the file changes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from roark_otel._settings.whole_path import whole_path

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

MAX_KEY_BYTES = 65_536
"""The most bytes that are read of a key file; a key is far shorter."""

_NAMED: Final = "ROARK_API_KEY="
"""What begins a line of an `.env` file that was pasted whole."""

_OPEN: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Opens a pipe without waiting for a writer."""


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
        content = _read(whole_path(path))
    except OSError as fault:
        raise ValueError(f"cannot be read ({type(fault).__name__})") from None
    if len(content) > MAX_KEY_BYTES:
        raise ValueError("holds more than a key")
    try:
        text = content.decode("utf-8-sig").strip()  # editors of Windows write a mark before the first character
    except UnicodeDecodeError:
        raise ValueError("is not text") from None
    if not text:
        raise ValueError("is empty")
    check_key(text)
    from pydantic import SecretStr  # the settings have imported it before a key is read

    return SecretStr(text)


def _read(path: Path) -> bytes:
    """Returns the first bytes of a file, and never waits for it.

    Raises:
        OSError: if it cannot be opened.
        ValueError: if it is a pipe, a device or the like, or a name that no file can have.
    """
    file = os.open(path, _OPEN)
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError("is not a regular file")
        return opened.read(MAX_KEY_BYTES + 1)


def check_key(value: str) -> None:
    """Raises a ValueError if a value cannot be a key. The message never quotes it."""
    if not is_header(value):
        raise ValueError("must be printable ASCII without blanks")
    if value.startswith(_NAMED):
        raise ValueError("must be the key alone, without its name before it")


def is_header(value: str) -> bool:
    """Returns whether the value can be sent in an HTTP header, as a key is."""
    return bool(value) and value.isascii() and value.isprintable() and " " not in value


def _try_to_read(path: Path) -> SecretStr | None:
    try:
        return read_key(path)
    except ValueError:
        return None
