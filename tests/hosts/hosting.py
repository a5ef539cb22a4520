"""Runs real hosts as processes of their own, and finds the calls of their apps, at Roark or in the spool."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from support.helpers import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from roark_otel.sandbox import Sandbox

SECONDS = 60.0
"""The longest that a test waits for an event, on however slow a machine."""

APPS = Path(__file__).with_name("apps")
BIN = Path(sys.executable).parent
INSTRUMENTED = [str(BIN / "opentelemetry-instrument")]


def environment(url: str, folder: Path, **more: str) -> dict[str, str]:
    """The environment of an app: its settings in variables, the waits as they are by default."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ROARK_", "OTEL_"))},
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")]),
        "PYTHONUNBUFFERED": "1",
        "ROARK_API_KEY": KEY,
        "ROARK_BASE_URL": url,
        "ROARK_RECORDING_URL_TEMPLATE": "https://example.com/{external_id}.wav",
        "ROARK_SPOOL_DIR": str(folder / "spool"),
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        **more,
    }


class Host:
    """A process in a group of its own."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def send(self, number: int) -> None:
        """Sends the process a signal."""
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ends the process by a signal. Returns its status."""
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        """Waits until the process has ended. Returns its status."""
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.output}") from None

    def until(self, condition: Callable[[], bool]) -> None:
        """Waits for an event."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.output}"
            assert time.monotonic() < deadline, f"it never happened:\n{self.output}"
            time.sleep(0.02)


@contextmanager
def running(command: Sequence[str], folder: Path, env: dict[str, str]) -> Generator[Host]:
    """Runs a command in the folder of apps. What is left of its group is killed at the end of the block."""
    output = folder / f"{Path(command[0]).name}-{time.monotonic_ns()}.txt"
    with output.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=APPS,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Host(process, output)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def get(port: int, path: str, seconds: float = SECONDS) -> str:
    """Asks an app for a path; returns its answer, or the name of the error."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=seconds) as answer:
            text: str = answer.read().decode()
            return text
    except OSError as fault:
        return type(fault).__name__


def serves(port: int) -> Callable[[], bool]:
    """Returns a condition: an app answers at this port."""
    return lambda: get(port, "ping", 5.0) == "ok"


def found(sandbox: Sandbox, env: dict[str, str]) -> list[str]:
    """The ids of the calls that are at Roark or in the spool once `roark-otel spool drain` has run, sorted.

    It does not wait until what was cut off has rested.
    """
    drained = subprocess.run(  # noqa: S603 - our own command
        [str(BIN / "roark-otel"), "spool", "drain", "--timeout", "10"],
        env=env,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert b"Traceback" not in drained.stderr, drained.stderr
    files = [file.read_text(encoding="utf-8") for file in Path(env["ROARK_SPOOL_DIR"]).rglob("*.jsonl")]
    waiting = [json.loads(text.splitlines()[1])["externalId"] for text in files]
    return sorted([*(call["externalId"] for call in sandbox.calls()), *waiting])
