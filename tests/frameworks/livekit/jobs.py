"""Runs workers as processes of their own, and looks when Roark gets their calls."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from frameworks.livekit.customer import Speech
from frameworks.livekit.rig import Ran, Truth
from support.paths import TESTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roark_otel.sandbox import Sandbox

PATIENCE = 120.0
_WORKER = Path(__file__).with_name("worker.py")
_POLL = 0.02


@dataclass(slots=True)
class Worked:
    """What a worker left behind.

    Attributes:
        folder: Where its notes, its output and the spools of its processes are.
        created: When Roark first had each call, in Unix seconds.
        status: The exit status of the worker.
    """

    folder: Path
    created: dict[str, float] = field(default_factory=dict)
    status: int | None = None

    def note(self, name: str) -> dict[str, Any]:
        """What a process of the worker left under this name."""
        path = self.folder / f"{name}.json"
        assert path.exists(), f"{path.name} is missing; the worker said:\n{self.output()}"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def truth(self, external_id: str) -> Truth:
        """What really happened in a call."""
        note = self.note(external_id)
        return Truth(
            note["history"],
            [Speech(*one) for one in note["customer"]],
            [Speech(*one) for one in note["agent"]],
            [Ran(**one) for one in note["tools"]],
            note["closed"],
        )

    def output(self) -> str:
        """The end of what the worker wrote."""
        return (self.folder / "output").read_text(encoding="utf-8", errors="replace")[-4000:]

    def left_in_spools(self) -> list[str]:
        """Calls that no process delivered."""
        return [path.name for path in (self.folder / "spool").rglob("*.jsonl")]


def run(modes: Sequence[str], folder: Path, sandbox: Sandbox, environ: Mapping[str, str]) -> dict[str, Worked]:
    """Runs a worker of each mode, all at the same time, until they end or patience does."""
    found: dict[str, Worked] = {}
    with contextlib.ExitStack() as stack:
        processes: list[tuple[Worked, subprocess.Popen[bytes]]] = []
        for mode in modes:
            worked = found[mode] = Worked(folder / mode)
            processes.append((worked, _start(mode, worked.folder, sandbox.url, environ)))
            stack.callback(_end, processes[-1][1])
        deadline = time.monotonic() + PATIENCE
        while any(process.poll() is None for _, process in processes) and time.monotonic() < deadline:
            _look(sandbox, found.values())
            time.sleep(_POLL)
        _look(sandbox, found.values())
        for worked, process in processes:
            worked.status = process.poll()
    return found


def _start(mode: str, folder: Path, url: str, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    folder.mkdir()
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, os.fspath(_WORKER), mode, os.fspath(folder), url],
            env={**environ, "PYTHONPATH": str(TESTS)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _look(sandbox: Sandbox, workers: Any) -> None:
    now = time.time()
    for body in sandbox.calls():
        for worked in workers:
            worked.created.setdefault(body["externalId"], now)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a worker that has not ended, and the processes that it started, each by its id."""
    if process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        process.kill()
    process.wait()
