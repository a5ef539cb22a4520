"""Measures what `import roark_otel` adds to importing the OpenTelemetry SDK.

    python benchmarks/imports.py [--json]

The figures are CPU times of fresh interpreters that import the SDK alone, or both, in turn.
"""

from __future__ import annotations

import subprocess
import sys

from report import Figure, figure, main

ROUNDS = 15
LIMIT_MS = 120.0

_SDK = "import opentelemetry.sdk.trace"
_PRINT_MS = "import time; print(time.process_time() * 1000)"


def measure() -> list[Figure]:
    """Returns the figure for the SDK, and the one for roark_otel over it."""
    rounds = [(_ms(_SDK), _ms(f"{_SDK}, roark_otel")) for _ in range(ROUNDS)]
    return [
        figure("python and opentelemetry-sdk", "ms", [sdk for sdk, _ in rounds]),
        figure("import roark_otel, over the above", "ms", [both - sdk for sdk, both in rounds]).under(LIMIT_MS),
    ]


def _ms(statement: str) -> float:
    """Returns the CPU time of an interpreter that runs this statement, in ms."""
    command = [sys.executable, "-c", f"{statement}; {_PRINT_MS}"]
    return float(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S603 - our own statements


if __name__ == "__main__":
    main(measure)
