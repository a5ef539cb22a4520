"""Writes the page of a call as a file of its own: it opens from disk, and makes no request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from roark_otel._safety.printable import printable
from roark_otel.cli.problems import FAILED, Problem
from roark_otel.pages.file import call_file
from roark_otel.pages.values import part, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LONGEST: Final = 100


def write_page(path: Path, document: Mapping[str, Any], sound: bytes | None = None) -> None:
    """Writes the page of a call.

    Args:
        path: The file, which is replaced if it is there.
        document: The call: see `roark_otel.pages.document`.
        sound: The bytes of its recording, to be in the file.

    Raises:
        Problem: if the file cannot be written.
    """
    write_html(path, call_file(document, sound=sound))


def write_html(path: Path, html: str) -> None:
    """Writes a page that is made already.

    Raises:
        Problem: if the file cannot be written.
    """
    try:
        path.write_bytes(html.encode())
    except (OSError, ValueError) as fault:
        raise Problem(f"{printable(str(path))} cannot be written ({_why(fault)})", FAILED) from None


class PageFolder:
    """Writes pages of several calls to a folder, each under the id of its call.

    Args:
        folder: The folder, which is made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()

    def write(self, document: Mapping[str, Any]) -> Path:
        """Writes the page of a call. Returns its file.

        Raises:
            Problem: if it cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as fault:
            raise Problem(f"{printable(str(self._folder))} cannot be made ({_why(fault)})", FAILED) from None
        path = self._folder / self._name(text(part(document, "body"), "externalId"))
        write_page(path, document)
        return path

    def _name(self, external_id: str) -> str:
        """Returns the name of a file that no other call of this run has, also where case does not count."""
        stem = re.sub(r"[^\w.-]+", "-", external_id, flags=re.ASCII).strip(".-")[:_LONGEST] or "call"
        number, name = 1, f"{stem}.html"
        while name.lower() in self._taken:
            number += 1
            name = f"{stem}-{number}.html"
        self._taken.add(name.lower())
        return name


def _why(fault: Exception) -> str:
    return (fault.strerror if isinstance(fault, OSError) else None) or type(fault).__name__
