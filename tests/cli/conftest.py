from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from roark_otel import cli
from support.terminal import OnTerminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHOUT_RICH = """
import sys
sys.modules["rich"] = None
from roark_otel.cli import main
sys.exit(main(sys.argv[1:]))
"""

Started = subprocess.Popen[str]

OF_THE_SHELL = ("COLUMNS", "FORCE_COLOR", "NO_COLOR")
"""Variables of the shell that runs the tests, which would change what is printed."""


@pytest.fixture(name="on_terminal")
def _on_terminal() -> Iterator[Callable[..., OnTerminal]]:
    """Runs `roark-otel` on a terminal of its own, with rich or as if it were not installed."""
    started: list[OnTerminal] = []

    def on_terminal(*arguments: str, rich: bool = True, pipe_out: bool = False, **environment: str) -> OnTerminal:
        program = ["-m", "roark_otel.cli"] if rich else ["-c", WITHOUT_RICH]
        command = [sys.executable, *program, *arguments]
        started.append(OnTerminal(command, surroundings(**environment), pipe_out=pipe_out))
        return started[-1]

    yield on_terminal
    for one in started:
        one.close()


@pytest.fixture(name="start")
def _start() -> Iterator[Callable[..., Started]]:
    """Starts `roark-otel` in a process; kills those that still run after the test."""
    started: list[Started] = []

    def start(*arguments: str, code: str | None = None, **environment: str) -> Started:
        program = ["-m", "roark_otel.cli"] if code is None else ["-c", code]
        process = subprocess.Popen(  # noqa: S603 - this interpreter, our own code
            [sys.executable, *program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=surroundings(**environment),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.fixture(name="run")
def _run(start: Callable[..., Started]) -> Callable[..., tuple[int, str, str]]:
    """Runs `roark-otel` in a process to its end; returns exit status, stdout and stderr."""

    def run(*arguments: str, code: str | None = None, **environment: str) -> tuple[int, str, str]:
        process = start(*arguments, code=code, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    return run


@pytest.fixture(name="command")
def _command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs `roark-otel` within this process, which is much faster; returns exit status, stdout and stderr."""

    def command(*arguments: str, **environment: str) -> tuple[int, str, str]:
        with monkeypatch.context() as own:
            for name in OF_THE_SHELL:
                own.delenv(name, raising=False)
            for name, value in environment.items():
                own.setenv(name, value)
            capsys.readouterr()
            try:
                status = cli.main(arguments)
            except SystemExit as leaving:
                status = int(leaving.code or 0)
        return status, *capsys.readouterr()

    return command


def surroundings(**environment: str) -> dict[str, str]:
    """Returns the environment of a process without the colour and width settings of the shell that runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in OF_THE_SHELL}
    path = os.pathsep.join(filter(None, sys.path))
    return {**kept, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **environment}
