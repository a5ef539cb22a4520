"""Isolates the demo from the environment of the shell, so that it always shows the same."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_PREFIXES = ("ROARK_", "OTEL_")
_SUFFIX = "_PROXY"  # a proxy would not know this machine's loopback


@contextmanager
def own_surroundings() -> Generator[Path]:
    """Hides variables of this package, OpenTelemetry and proxies for a block; yields a temporary spool directory."""
    hidden = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_PREFIXES) or name.upper().endswith(_SUFFIX)
    }
    for name in hidden:
        del os.environ[name]
    try:
        with tempfile.TemporaryDirectory(prefix="roark-otel-demo-") as folder:
            yield Path(folder)
    finally:
        os.environ.update(hidden)
