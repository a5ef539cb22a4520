"""Runs apps as processes of their own, next to a local Roark, and keeps what became of their calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frameworks.pipecat import roster
from roark_otel.sandbox import Sandbox
from support.instrumented import INSTRUMENT, NO_COLLECTOR
from support.lateness import judge
from support.paths import TESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from roark_otel.sandbox import StoredCall

PATIENCE = 150.0
"""After so many seconds an app is not going to end."""

Body = dict[str, Any]


@dataclass(slots=True)
class Ended:
    """An app that has ended: its exit status, all that it wrote, and how long it took."""

    folder: Path
    status: int
    output: str
    seconds: float

    def left(self, name: str) -> Any:
        """What it left in its folder; if there is nothing, what it wrote tells why."""
        path = self.folder / f"{name}.json"
        assert path.exists(), self.output
        return json.loads(path.read_text(encoding="utf-8"))

    @property
    def warnings(self) -> str:
        """What our own logger complained of."""
        return (self.folder / "said.log").read_text(encoding="utf-8")

    @property
    def spooled(self) -> list[str]:
        """The calls that are still in its spool."""
        return [path.name for path in (self.folder / "spool").rglob("*.json")]


@dataclass(slots=True)
class Played:
    """What became of the calls of all apps, and what became of those that were played again, alone."""

    apps: dict[str, Ended] = field(default_factory=dict)
    calls: list[StoredCall] = field(default_factory=list)
    played_again: dict[str, Played] = field(default_factory=dict)

    def app(self, external_id: str) -> Ended:
        """The app that answered a call."""
        known = {**roster.APPS, **roster.LISTENING, **roster.INSTRUMENTED}
        (app,) = [app for app in self.apps if external_id in known[app]]
        return self.apps[app]

    def truth(self, external_id: str) -> dict[str, Any]:
        """What really happened in a call, as in `bot.Truth`."""
        truth: dict[str, Any] = self.app(external_id).left(external_id)
        return truth

    def waits(self, external_id: str) -> list[tuple[float, float]]:
        """When the app that answered a call was late, and by how much."""
        return [(due, late) for due, late in self.app(external_id).left("waits")]

    def call(self, external_id: str) -> StoredCall:
        """A call as Roark has it."""
        (call,) = [call for call in self.calls if call.external_id == external_id]
        return call

    def body(self, external_id: str) -> Body:
        """A call as Roark got it."""
        return dict(self.call(external_id).body)

    def judge(self, external_id: str, check: Callable[[Played], None]) -> None:
        """Checks the times of a call; where the machine was too busy, once more those of the call played alone."""
        judge(check, self, lambda: self._again(external_id))

    def _again(self, external_id: str) -> Played:
        if external_id not in self.played_again:
            (app,) = [name for name, ended in self.apps.items() if ended is self.app(external_id)]
            folder = self.apps[app].folder / "again" / external_id
            folder.mkdir(parents=True)
            with Sandbox() as sandbox:
                self.played_again[external_id] = run_all(folder, sandbox, {app: [external_id]})
        return self.played_again[external_id]


def run_all(folder: Path, sandbox: Sandbox, apps: Mapping[str, Iterable[str]]) -> Played:
    """Runs apps at the same time, each with these of its calls, and waits until they have ended."""
    running = {app: _start(app, calls, folder / app, sandbox.url) for app, calls in apps.items()}
    start = time.monotonic()
    try:
        ended = {app: _wait(process, folder / app, start) for app, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    ids = [str(body["externalId"]) for body in sandbox.calls()]
    return Played(ended, [sandbox.call(external_id) for external_id in ids])


def _start(app: str, calls: Iterable[str], folder: Path, url: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ROARK_", "OTEL_"))}
    environ |= {
        "ROARK_API_KEY": "test-key",
        "ROARK_BASE_URL": url,
        "ROARK_RECORDING_URL_TEMPLATE": "https://example.com/{external_id}.wav",
        "ROARK_SPOOL_DIR": str(folder / "spool"),
        **(NO_COLLECTOR if app in roster.INSTRUMENTED else {}),
        "PYTHONPATH": str(TESTS),
        "PYTHONWARNINGS": "ignore",  # those of the framework about itself
    }
    with (folder / "output.txt").open("wb") as output:
        under = [str(INSTRUMENT)] if app in roster.INSTRUMENTED else []
        command = [*under, sys.executable, str(Path(__file__).with_name("app.py")), app, str(folder), *calls]
        return subprocess.Popen(command, env=environ, stdout=output, stderr=output)  # noqa: S603 - our own program


def _wait(process: subprocess.Popen[bytes], folder: Path, start: float) -> Ended:
    try:
        status = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    output = (folder / "output.txt").read_text(encoding="utf-8", errors="replace")
    return Ended(folder, status, output, time.monotonic() - start)
