"""Ids on a command line."""

from __future__ import annotations

import os


def id_argument(given: str) -> str:
    """Returns an id as its app wrote it, in UTF-8, whatever the encoding of the locale is.

    Python decodes a command line by the locale: under `LC_ALL=C` each byte beyond ASCII would be another character.
    """
    return os.fsencode(given).decode("utf-8", "surrogateescape")
