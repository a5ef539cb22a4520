"""Measures on command, inside a contestant's virtual environment: `python benchmarks/child CONTESTANT PORT DIRECTORY`.

Each line of the standard input is a command as JSON, `{"task": …, "arguments": {…}}`; each gets one line of JSON. It
uses the standard library, the OpenTelemetry SDK and what the contestant publishes, so one child runs them all.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from importlib import metadata

from desk import Desk

TASKS = {
    "backlog": "delivering",
    "bare_us": "ending",
    "big_call": "ending",
    "collect": "collecting",
    "fill": "delivering",
    "go_on": "going_on",
    "grow": "growing",
    "lag": "lagging",
    "official": "delivering",
    "open": "opening",
    "paced": "collecting",
    "slices": "slices",
    "wakes": "waking",
}
"""The module of each task."""


def versions() -> dict[str, str]:
    """Returns the versions of what is installed here and matters."""
    wanted = ("opentelemetry-sdk", "roark-otel", *sys.argv[4:])
    installed = {one.metadata["Name"]: one.version for one in metadata.distributions()}
    return {"python": sys.version.split()[0], **{name: installed[name] for name in wanted if name in installed}}


def main() -> None:
    """Answers commands until there are no more; then leaves at once, without the processors' farewells."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a contestant prints is not an answer
    logging.disable(logging.WARNING)
    desk = Desk(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    print(json.dumps(versions()), file=answers, flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        task = getattr(importlib.import_module(TASKS[command["task"]]), command["task"])
        print(json.dumps(task(desk, **command["arguments"])), file=answers, flush=True)
    os._exit(0)


main()
