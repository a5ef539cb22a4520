"""Runs all benchmarks, each in a process of its own.

python benchmarks [--json]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("spans", "memory", "calls", "imports")


def told(name: str, *arguments: str) -> str:
    """What one benchmark prints."""
    command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout  # noqa: S603 - our own files


if "--json" in sys.argv[1:]:
    print(json.dumps({name: json.loads(told(name, "--json")) for name in NAMES}, indent=2))
else:
    for each in NAMES:
        print(f"{each}\n\n{told(each)}", flush=True)
