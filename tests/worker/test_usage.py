"""What a worker cannot begin without is named in one line, before brokers are asked."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from worker.line import DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("quixstreams", reason="the extra `kafka` is not installed")

NOWHERE = "127.0.0.1:9"


def run_worker(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"ROARK_API_KEY": "test-key", "ROARK_BASE_URL": "http://127.0.0.1:9", **environment}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROARK_", "OTEL_"))}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "roark_otel", "worker", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
        cwd=folder,
        env={**kept, **{name: value for name, value in given.items() if value}},
    )


@pytest.mark.parametrize(
    ("options", "environment", "says"),
    [
        ((), {"ROARK_API_KEY": ""}, "set ROARK_API_KEY"),
        ((), {"ROARK_BASE_URL": "nowhere"}, "correct ROARK_BASE_URL"),
        ((), {"ROARK_OBSERVABILITY_ENABLED": "false"}, "ROARK_OBSERVABILITY_ENABLED"),
        (("--state-dir", "file"), {}, "--state-dir file cannot be made"),
        (("--settle", "0"), {}, "--settle"),
        (("--brokers", " ,"), {}, "--brokers names none"),
        (("--kafka-config", "missing"), {}, "--kafka-config missing cannot be read"),
    ],
)
def test_wrong_usage_is_one_line(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], says: str
) -> None:
    (tmp_path / "file").write_text("")
    done = run_worker(tmp_path, "--brokers", NOWHERE, *options, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.splitlines()[-1].startswith("roark-otel: ")


def test_a_spool_in_memory_is_none_of_a_workers_concern(tmp_path: Path) -> None:
    done = run_worker(tmp_path, "--brokers", NOWHERE, ROARK_SPOOL="memory")
    assert done.returncode == 1
    assert "check --brokers" in done.stderr
    assert (tmp_path / "roark-worker-state").is_dir()
