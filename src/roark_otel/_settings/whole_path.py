"""What a path of the settings means, wherever the process goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def whole_path(path: Path) -> Path:
    """Returns a path as it is meant now: below the user's home for a `~`, else below the current directory.

    No shell has read a variable of an `.env` file or a unit of systemd, and a daemon changes its directory later.
    """
    try:
        return path.expanduser().absolute()
    except (OSError, RuntimeError):  # there is no home, or the current directory was removed
        return path
