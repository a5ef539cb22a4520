"""A machine without Chromium: it is installed where that can be done, and else the tests are skipped and say why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.chromium import SECONDS
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCRIPT = Path(__file__).with_name("install.sh")
_IS_ROOT = "#!/bin/sh\necho 0\n"
_APT_FAILS = "#!/bin/sh\necho 'no route' >&2\nexit 100\n"
_APT_HANGS = "#!/bin/sh\nexec sleep 600\n"
_APT_HAS_NONE = "#!/bin/sh\nexit 0\n"


def installed(folder: Path, programs: Mapping[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the script on a machine that has these programs, and those of every machine."""
    for name in ("bash", "env", "timeout", "sleep", "sh"):
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, text in {"id": _IS_ROOT, **programs}.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return subprocess.run(  # noqa: S603 - our own script
        [str(_SCRIPT)],
        env={"PATH": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )


@pytest.mark.parametrize(
    ("programs", "reason"),
    [
        ({}, "there is no apt-get"),
        ({"apt-get": _APT_FAILS}, "apt-get update failed"),
        ({"apt-get": _APT_HANGS}, "apt-get update failed"),
        ({"apt-get": _APT_HAS_NONE}, "the package has no chromium"),
        ({"apt-get": _APT_HAS_NONE, "id": "#!/bin/sh\necho 1000\n"}, "apt-get needs root"),
    ],
    ids=["no apt-get", "failing", "hanging", "without the package", "not root"],
)
def test_what_cannot_be_installed_is_said(tmp_path: Path, programs: dict[str, str], reason: str) -> None:
    done = installed(tmp_path, programs, SECONDS_FOR_APT="1")
    assert done.stdout.startswith(f"Chromium cannot be installed here: {reason}. Set CHROMIUM")


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_one_that_is_there_is_enough(tmp_path: Path, name: str) -> None:
    assert installed(tmp_path, {name: "#!/bin/sh\n", "apt-get": _APT_FAILS}).stdout == ""


def test_one_that_is_named_is_enough(tmp_path: Path) -> None:
    assert installed(tmp_path, {"apt-get": _APT_FAILS}, CHROMIUM="/opt/chromium").stdout == ""


def test_without_chromium_tests_are_skipped_with_a_reason(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CHROMIUM", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/browser/test_harness.py"],
        cwd=ROOT,
        env={**environment, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=4 * SECONDS,
        check=True,
    )
    assert "there is no Chromium; tests/browser/install.sh installs it where it can" in done.stdout
    assert "passed" not in done.stdout
