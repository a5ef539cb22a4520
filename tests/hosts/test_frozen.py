"""A process that is frozen between two events, as a function as a service, and at last killed while it is frozen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hosts.hosting import APPS, SECONDS, environment, found
from support.helpers import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox


def state_of(pid: int) -> str:
    """The state of a process, `T` where it is frozen."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - as short
        return stat.read().rpartition(")")[2].split()[0]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="the state of a process is read from /proc")  # noqa: PTH110
@pytest.mark.parametrize("how", ["flushed", "waiting"])
def test_frozen_after_each_event(sandbox: Sandbox, tmp_path: Path, how: str) -> None:
    """With a flush at the end of each event, and with `ROARK_WAIT_AT_END_SECONDS`."""
    env = environment(sandbox.url, tmp_path, ROARK_WAIT_AT_END_SECONDS="60" if how == "waiting" else "0")
    with subprocess.Popen(
        [sys.executable, "function.py"], cwd=APPS, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as function:
        try:
            assert function.stdin is not None
            assert function.stdout is not None
            for number in range(3):
                function.stdin.write(f"call-{number} {how}\n")
                function.stdin.flush()
                assert function.stdout.readline() == f"call-{number}\n"
                function.send_signal(signal.SIGSTOP)
                wait_until(lambda: state_of(function.pid) == "T", SECONDS)
                if number < 2:
                    function.send_signal(signal.SIGCONT)
        finally:
            function.kill()
    assert found(sandbox, env) == ["call-0", "call-1", "call-2"]
