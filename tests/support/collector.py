"""A real OpenTelemetry Collector, built once by `tests/scale/collector/build.sh` and kept outside the tree."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from support.helpers import wait_until
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typing_extensions import Self

BUILD = ROOT / "tests" / "scale" / "collector" / "build.sh"
BUILD_SECONDS = 1800
"""The longest that the first build may take: it compiles 1,100 packages."""

SECONDS = 60
"""The longest that a start or a stop may take."""


def collector_path() -> str:
    """Returns the program, which is built if it is not there, or skips the test where that cannot be."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed, so there is no Collector")
    found = subprocess.run([BUILD], check=False, capture_output=True, text=True, timeout=BUILD_SECONDS)  # noqa: S603
    if found.returncode:
        pytest.skip(f"the Collector cannot be built here: {found.stderr[-300:]}")
    return found.stdout.strip()


def free_ports(number: int) -> list[int]:
    """Returns ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [int(one.getsockname()[1]) for one in sockets]


class RunningCollector:
    """A Collector as a process. It may be killed and started again.

    Args:
        folder: Where its log is.
        config: Its configuration.
        environment: The variables that this names, beside `HEALTH_PORT`.
    """

    def __init__(self, folder: Path, config: Path, environment: Mapping[str, str]) -> None:
        self.log = folder / "collector.log"
        self._program = collector_path()
        self._config = config
        (self._health,) = free_ports(1)
        self._environment = {**os.environ, **environment, "HEALTH_PORT": str(self._health)}
        self.process: subprocess.Popen[bytes] | None = None

    def check(self) -> str:
        """Returns what the Collector says against its configuration; empty if nothing."""
        found = subprocess.run(  # noqa: S603 - the program that was built
            [self._program, "validate", f"--config={self._config}"],
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=self._environment,
        )
        return "" if found.returncode == 0 else found.stdout + found.stderr

    def start(self) -> Self:
        """Starts it, and returns when it says that it is well."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the program that was built
                [self._program, f"--config={self._config}"], stdout=log, stderr=log, env=self._environment
            )
        wait_until(self._is_well, SECONDS)
        return self

    def _is_well(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self._health}/", timeout=1) as answer:
            return bool(answer.status == 200)
        return False

    def kill(self) -> None:
        """Kills it as a machine without memory would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stops it as Kubernetes would."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(SECONDS)
        self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.kill()
