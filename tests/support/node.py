"""Runs JavaScript of the pages in Node, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_MODULES_SINCE: Final = 22
"""The version that takes a file for a module without being asked to."""


def node(*arguments: str | Path, stdin: str = "") -> str:
    """Runs Node and returns what it prints. Skips the test where there is none.

    Raises:
        AssertionError: It failed. The message is what it printed.
    """
    path, options = _node()
    done = subprocess.run(  # noqa: S603
        [path, *options, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def _node() -> tuple[str, tuple[str, ...]]:
    path = shutil.which("node")
    if path is None:
        pytest.skip("node is not installed")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout  # noqa: S603
    is_old = int(version.removeprefix("v").partition(".")[0]) < _MODULES_SINCE
    return path, ("--experimental-default-type=module",) if is_old else ()
