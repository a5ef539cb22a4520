"""Apps that tests start from one folder, one right after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support import processes

if TYPE_CHECKING:
    from pathlib import Path


def test_an_app_that_is_started_next_changes_none_that_is_being_read(tmp_path: Path) -> None:
    """The interpreter of the first may open its file after the second was started: it must not find it empty."""
    first = processes.start(tmp_path, "print('first')", ["http://127.0.0.1:9"])
    with (tmp_path / "app.py").open(encoding="utf-8") as opened:
        second = processes.start(tmp_path, "print('second')", ["http://127.0.0.1:9"])
        assert opened.read().endswith("print('first')")
    for app in (first, second):
        _, err = app.communicate(timeout=processes.SECONDS)
        assert app.returncode == 0, err
