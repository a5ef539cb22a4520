"""Opens a page in headless Chromium, where it is installed, and returns what the page became."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=3000",
    "--dump-dom",
)


class Opened(NamedTuple):
    """A page after its scripts ran: its elements as HTML, and what it wrote to the console, violations among it."""

    html: str
    console: tuple[str, ...]


def executable() -> str | None:
    """Returns the path of the Chromium that `CHROMIUM` names, else of the first on the path; None without one."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


def opened(url: str, folder: Path) -> Opened:
    """Opens a page. Skips the test where there is no Chromium.

    Args:
        url: The page.
        folder: An empty folder, for the profile.
    """
    path = executable()
    if path is None:
        pytest.skip("Chromium is not installed")
    done = subprocess.run(  # noqa: S603
        [path, *_OPTIONS, f"--user-data-dir={folder}", url], capture_output=True, check=True, timeout=120
    )
    console = [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    return Opened(done.stdout.decode(), tuple(console))
