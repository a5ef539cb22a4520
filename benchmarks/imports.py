"""Measures what `import roark_otel` adds to importing the OpenTelemetry SDK.

    python benchmarks/imports.py [--json] [--quick]

The figures are CPU times of fresh interpreters that import the SDK alone, or both, in turn, as this machine gave them.
"""

from __future__ import annotations

import os
import subprocess

from contestants import BARE, BEFORE, CONTESTANTS, NOW, label
from report import Table, figure, main

ROUNDS = 9
LIMIT_MS = 120.0
"""The most that the import may add, in ms."""

_SDK = "import opentelemetry.sdk.trace"
_PRINT_MS = "import time; print(time.process_time() * 1000)"


def measure(quick: bool) -> Table:
    """Returns the figure for the SDK, and those for roark_otel over it."""
    names = [name for name in (BEFORE, NOW) if CONTESTANTS[name].python.exists()]
    for name in names:
        _ms(name, f"{_SDK}, roark_otel")
    rounds = [
        {name: (_ms(name, _SDK), _ms(name, f"{_SDK}, roark_otel")) for name in names}
        for _ in range(3 if quick else ROUNDS)
    ]
    figures = [
        figure("python and opentelemetry-sdk, raw", BARE, "ms", [one[name][0] for one in rounds]) for name in names[-1:]
    ]
    for name in names:
        over = [one[name][1] - one[name][0] for one in rounds]
        figures.append(figure("import roark_otel over the SDK, raw", name, "ms", over).at_most(LIMIT_MS))
    missing = {label(name): "not installed" for name in (BEFORE, NOW) if name not in names}
    return Table("The import", figures, missing)


def _ms(name: str, statement: str) -> float:
    """Returns the CPU time of a contestant's interpreter that runs this statement, in ms."""
    command = [str(CONTESTANTS[name].python), "-c", f"{statement}; {_PRINT_MS}"]
    # An app's modules are compiled once: an environment that forbids to keep byte code measures the compiler.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, check=True, env=environment)  # noqa: S603 - our own statements
    return float(done.stdout)


if __name__ == "__main__":
    main(measure)
