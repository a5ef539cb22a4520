"""The files of which the pages are made: modules, styles and shells, served as they are written."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

_TYPES: Final = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}


def static(name: str) -> tuple[bytes, str]:
    """Returns a file of the pages, and its media type without a charset, which is UTF-8.

    Args:
        name: Its name, such as `call.js`. A path is the name of no file.

    Raises:
        KeyError: if no file has this name.
    """
    if name not in names():
        raise KeyError(name)
    return (resources.files("roark_otel.pages") / "static" / name).read_bytes(), _TYPES[_suffix(name)]


@cache
def names() -> frozenset[str]:
    """Returns the names of all files."""
    folder = resources.files("roark_otel.pages") / "static"
    return frozenset(one.name for one in folder.iterdir() if one.is_file() and _suffix(one.name) in _TYPES)


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
