"""Runs all benchmarks, each in its own process.

python benchmarks [--json]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("spans", "memory", "calls", "imports")


def output_of(name: str, *arguments: str) -> str:
    """Runs one benchmark and returns what it prints."""
    command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout  # noqa: S603 - our own files


if "--json" in sys.argv[1:]:
    print(json.dumps({name: json.loads(output_of(name, "--json")) for name in NAMES}, indent=2))
else:
    for each in NAMES:
        print(f"{each}\n\n{output_of(each)}", flush=True)
