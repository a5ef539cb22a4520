"""Where the spool is by default."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def default_spool_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the user's own state directory on this platform; without a home, a directory of the user's in /tmp."""
    if sys.platform == "win32" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "roark-otel" / "spool"
    if state := environ.get("XDG_STATE_HOME"):
        return Path(state) / "roark-otel" / "spool"
    try:
        home = Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"roark-otel-{os.getuid()}" / "spool"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "roark-otel" / "spool"
    return home / ".local" / "state" / "roark-otel" / "spool"
