"""The key from a file, where no variable may hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 65_536
"""So much of the file is read; a key is shorter."""


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
