"""What `import roark_otel` takes over the OpenTelemetry SDK.

    python benchmarks/imports.py [--json]

Measured is the CPU time of fresh interpreters that import the one or both, in turn.
"""

from __future__ import annotations

import subprocess
import sys

from report import Figure, figure, main

ROUNDS = 15
LIMIT_MS = 120.0

_SDK = "import opentelemetry.sdk.trace"
_TOLD = "import time; print(time.process_time() * 1000)"


def measure() -> list[Figure]:
    """The figure of the SDK, and that of ours over it."""
    rounds = [(_ms(_SDK), _ms(f"{_SDK}, roark_otel")) for _ in range(ROUNDS)]
    return [
        figure("python and opentelemetry-sdk", "ms", [sdk for sdk, _ in rounds]),
        figure("import roark_otel, over them", "ms", [both - sdk for sdk, both in rounds]).under(LIMIT_MS),
    ]


def _ms(statement: str) -> float:
    """The CPU time of an interpreter with this statement, in ms."""
    told = subprocess.run([sys.executable, "-c", f"{statement}; {_TOLD}"], capture_output=True, check=True)  # noqa: S603
    return float(told.stdout)


if __name__ == "__main__":
    main(measure)
