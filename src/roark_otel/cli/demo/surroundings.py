"""What the demo runs in: nothing that this shell is set to changes what it shows."""

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
    """A process environment without settings of ours, of OpenTelemetry or of proxies, and a spool that goes away."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_PREFIXES) or name.upper().endswith(_SUFFIX)
    }
    for name in ours:
        del os.environ[name]
    try:
        with tempfile.TemporaryDirectory(prefix="roark-otel-demo-") as folder:
            yield Path(folder)
    finally:
        os.environ.update(ours)
