"""An older version of this package, from the history of the repository, in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from typing import Final

import pytest

from support.paths import ROOT

OLDER: Final = "6bc9ebae33120ff4b68a22d5f38da7b32a2885bc"
"""The last commit before conversations that go on lived in the spool."""

_ENVIRONMENTS = ROOT / ".venvs"


def older_python() -> Path:
    """Returns the interpreter of an environment with the older version, which is made once.

    Everything but the package itself comes from the environment that runs the tests. A test is skipped where the
    commit is missing, as in a source archive or a clone without its history.
    """
    environment = _ENVIRONMENTS / f"older-{OLDER[:12]}-{sys.version_info[0]}.{sys.version_info[1]}"
    interpreter = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (environment / ".ready").exists():
        _make(environment)
    paths = f"{environment / 'source' / 'src'}\n{sysconfig.get_paths()['purelib']}\n"
    pth = Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)})) / "older.pth"
    if not pth.exists() or pth.read_text() != paths:  # another environment ran the tests the last time
        written = pth.with_suffix(f".{tempfile.gettempprefix()}")
        written.write_text(paths)
        written.replace(pth)
    return interpreter


def _make(environment: Path) -> None:
    archive = subprocess.run(  # noqa: S603 - a constant
        ["git", "-C", str(ROOT), "archive", OLDER, "src"],  # noqa: S607 - git, wherever it is
        capture_output=True,
        check=False,
    )
    if archive.returncode != 0:
        pytest.skip(f"no commit {OLDER[:12]} here, of which the older version is made")
    _ENVIRONMENTS.mkdir(exist_ok=True)
    # Another worker may make it at the same moment: each makes one, and the first gives it its name.
    made = Path(tempfile.mkdtemp(dir=_ENVIRONMENTS, prefix=".older-"))
    try:
        venv.create(made, with_pip=False, symlinks=sys.platform != "win32")
        (made / "source").mkdir()
        subprocess.run(["tar", "-x", "-C", str(made / "source")], input=archive.stdout, check=True)  # noqa: S603, S607
        (made / ".ready").touch()
        if not environment.exists():
            made.rename(environment)
    finally:
        shutil.rmtree(made, ignore_errors=True)
