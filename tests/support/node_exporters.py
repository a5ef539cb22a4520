"""Packages for Node, installed once and kept outside the tree, by a hash of what they are made of."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.paths import ROOT

SECONDS = 300
"""The longest that the installation may take."""

PACKAGE = ROOT / "tests" / "scale" / "gateway" / "package.json"


def cache() -> Path:
    """The folder of what is built or installed once."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roark-otel"


def node_modules(package: Path = PACKAGE) -> Path:
    """Returns the folder of the modules of a `package.json`, or skips the test without Node or a registry."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node is not installed")
    made_by = hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    folder = cache() / "node" / made_by
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # of two that begin together, the second waits and finds them installed
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            _install(npm, package, folder)
    return folder / "node_modules"


def _install(npm: str, package: Path, folder: Path) -> None:
    shutil.copy(package, folder)
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
    try:
        found = subprocess.run(  # noqa: S603 - our own command
            command, cwd=folder, timeout=SECONDS, check=False, capture_output=True, text=True
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm does not install {package.parent.name}'s packages in {SECONDS} s")
    if found.returncode:
        pytest.skip(f"npm cannot install {package.parent.name}'s packages: {found.stderr[-300:]}")
    (folder / "installed").touch()
