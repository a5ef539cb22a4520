"""Starts a child process for each contestant and drives them all in rounds, so that noise hits all alike."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contestants import CONTESTANTS, label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RAISED = re.compile(r"[\w.]+(?:Error|Exception)\b")
HERE = Path(__file__).resolve().parent
ROUNDS = 9


class FailedError(Exception):
    """A contestant is not installed, or its process has ended."""


class Child:
    """A contestant in a process of its own."""

    def __init__(self, name: str, port: int, directory: str) -> None:
        contestant = CONTESTANTS[name]
        if not contestant.python.exists():
            raise FailedError("not installed")
        self._errors = Path(directory, "errors.txt").open("w+")  # noqa: SIM115 - until `stop`
        command = [str(contestant.python), str(HERE / "child"), name, str(port), directory, *contestant.packages]
        self._process = subprocess.Popen(  # noqa: S603 - our own files
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        try:
            self.versions = self._answer()
        except FailedError:
            self.stop()
            raise

    def ask(self, task: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Has the child do a task. Returns its result."""
        self.begin(task, **arguments)
        return self._answer()

    def begin(self, task: str, **arguments: object) -> None:
        """Has the child begin a task; `end` returns its result."""
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"task": task, "arguments": arguments}) + "\n")
            self._process.stdin.flush()

    def end(self) -> Any:  # noqa: ANN401 - JSON
        """Waits for the task. Returns its result."""
        return self._answer()

    def stop(self) -> None:
        """Ends the child."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _answer(self) -> Any:  # noqa: ANN401 - JSON
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines() or ["it ended without a word"]
            raised = [one for one in said if _RAISED.match(one)]  # what the processor logs at exit comes after it
            raise FailedError((raised or said)[-1][:200])
        return json.loads(line)


@dataclass(frozen=True, slots=True)
class Contest:
    """The children of several contestants.

    Args:
        children: Those that run.
        missing: Why others do not, by name.
        versions: What each has installed.
    """

    children: dict[str, Child] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    def rounds(
        self, number: int, task: str, only: Sequence[str] | None = None, **arguments: object
    ) -> dict[str, list[Any]]:
        """Has each contestant do a task in each round, in an order that rotates. Returns the results, by contestant."""
        order = [name for name in self.children if only is None or name in only]
        found: dict[str, list[Any]] = {name: [] for name in order}
        for _ in range(number):
            order = order[1:] + order[:1]
            for name in list(order):
                try:
                    found[name].append(self.children[name].ask(task, **arguments))
                except FailedError as error:
                    self.missing[name] = str(error)
                    order.remove(name)
                    del found[name], self.children[name]
        return found


@contextmanager
def receiver(port: int = 0) -> Iterator[int]:
    """Runs a loopback receiver. Yields its port."""
    command = [sys.executable, str(HERE / "receiver.py"), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own file
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@contextmanager
def contest(names: Sequence[str], port: int | None = None) -> Iterator[Contest]:
    """Yields a child for each of these contestants; those that cannot start are missing, with the reason."""
    with ExitStack() as stack:
        port = stack.enter_context(receiver()) if port is None else port
        found = Contest()
        for name in names:
            directory = tempfile.mkdtemp(prefix="roark-otel-benchmark-")
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            try:
                found.children[name] = child = Child(name, port, directory)
            except FailedError as error:
                found.missing[name] = str(error)
            else:
                found.versions[name] = child.versions
                stack.callback(child.stop)
        yield found


def reasons(found: Contest) -> dict[str, str]:
    """Returns why contestants are missing, by the names in tables."""
    return {label(name): why for name, why in found.missing.items()}
