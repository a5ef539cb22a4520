"""Runs the benchmarks, each in its own process.

    python benchmarks [NAME …] [--quick] [--json] [--save FILE] [--document]

`--save` keeps a run as JSON; `--document` writes docs/performance.md from the last one that was saved.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from contestants import ENVIRONMENTS
from document import write
from machine import machine
from report import Figure, Table, text

NAMES = (
    "spans",
    "collector",
    "open_conversations",
    "calls",
    "event_loop",
    "redaction",
    "otlp",
    "gateway",
    "worker",
    "saving",
    "wakes",
    "backlog",
    "growth",
    "imports",
    "pages",
)
RUN = ENVIRONMENTS / "bench-run.json"


def main() -> None:
    """Parses the command line, and runs or documents."""
    parser = argparse.ArgumentParser(prog="python benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="measure less")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--save", type=Path, default=RUN, metavar="FILE", help=f"where the run is kept: {RUN.name}")
    parser.add_argument("--document", action="store_true", help="write docs/performance.md from a run that was kept")
    arguments = parser.parse_args()
    if arguments.document:
        write(json.loads(arguments.save.read_text()))
        return
    run = _run(arguments.names or NAMES, arguments.quick, quiet=arguments.json, save=arguments.save)
    if arguments.json:
        print(json.dumps(run, indent=1))


def _run(names: list[str] | tuple[str, ...], quick: bool, *, quiet: bool, save: Path) -> dict[str, object]:
    """Runs these benchmarks, and saves the run after each. Returns the machine, the command and the tables by name."""
    save.parent.mkdir(exist_ok=True)
    began = time.time()
    tables = {}
    run = {"machine": machine(), "command": "make bench-quick" if quick else "make bench", "tables": tables}
    for name in names:
        started = time.time()
        if (table := _table(name, quick)) is None:
            continue
        tables[name] = {**table, "seconds": round(time.time() - started)}
        run["minutes"] = (time.time() - began) / 60
        save.write_text(json.dumps(run, indent=1))
        if not quiet:
            figures = [Figure(**one) for one in table["figures"]]
            print(text(Table(table["title"], figures, table["missing"])), end="\n\n", flush=True)
    return run


def _table(name: str, quick: bool) -> dict[str, object] | None:
    command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), "--json", *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)  # noqa: S603 - our own files
    if done.returncode != 0:
        print(f"{name}: failed", file=sys.stderr)
        return None
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
