"""Runs the fuzzers, each in a process of its own, for a share of the time.

python -m fuzz --seconds 600            all targets, with hypothesis, and with atheris where it is installed
python -m fuzz --target spool FILE      checks an input again that atheris found
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import secrets
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ENGINES = ("hypothesis", "atheris")
CRASHES = Path(tempfile.gettempdir()) / "roark-otel-fuzz"
"""Where reports go: outside the tree, so that no strange input gets into it by mistake."""

GRACE_SECONDS = 180.0
"""How much longer than its share a process may take, for imports and its last input, before it counts as hanging."""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=600.0, help="for all targets together (600)")
    parser.add_argument("--target", help="one target; all without")
    parser.add_argument("--engine", choices=ENGINES, help="one engine; both without")
    parser.add_argument("--seed", type=int, help="where to begin; without, a new one, which is printed")
    parser.add_argument("--crashes", type=Path, default=CRASHES, help=f"where reports go ({CRASHES})")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("file", nargs="?", type=Path, help="an input that failed")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the arguments say. Returns 0 if nothing was found."""
    options = _options(arguments)
    if options.alone or options.file:
        return _alone(options)
    options.crashes.mkdir(parents=True, exist_ok=True)
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    print(f"seed {seed}; reports go to {options.crashes}", flush=True)
    from fuzz.engines import has_atheris
    from fuzz.targets import TARGETS

    engines = [options.engine] if options.engine else list(ENGINES)
    if "atheris" in engines and not has_atheris():
        print("atheris skipped: it is not installed (it has no package for this Python or machine)", flush=True)
        engines.remove("atheris")
    targets = [options.target] if options.target else list(TARGETS)
    share = options.seconds / max(1, len(targets) * len(engines))
    found = [
        f"{target} ({engine})"
        for engine in engines
        for target in targets
        if _run(target, engine, share, seed, options.crashes)
    ]
    passed = len(targets) * len(engines) - len(found)
    print(f"{passed} passed, {len(found)} failed{': ' * bool(found)}{', '.join(found)}")
    return 1 if found else 0


def _run(target: str, engine: str, seconds: float, seed: int, crashes: Path) -> int:
    """Runs one target with one engine in a process of its own. Returns its status."""
    command = [sys.executable, "-m", "fuzz", "--alone", "--target", target, "--engine", engine]
    command += ["--seconds", str(seconds), "--seed", str(seed), "--crashes", str(crashes)]
    try:
        return subprocess.run(command, check=False, timeout=seconds + GRACE_SECONDS).returncode  # noqa: S603
    except subprocess.TimeoutExpired:
        print(f"{target} ({engine}): an input hangs with seed {seed}", flush=True)
        return 1


def _alone(options: argparse.Namespace) -> int:
    for name in [name for name in os.environ if name.startswith(("ROARK_", "OTEL_"))]:
        del os.environ[name]
    logging.disable(logging.CRITICAL)
    if options.engine == "atheris" and not options.file:
        import atheris

        # It prints the name of every module.
        with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["roark_otel"]):
            import fuzz.targets  # noqa: F401 - all of it, before anything else imports it
    from fuzz import engines
    from roark_otel._safety import guard

    guard._reraise = True
    if options.file:
        return engines.again(options.target, options.file)
    run = engines.mutate if options.engine == "atheris" else engines.draw
    return run(options.target, options.seconds, options.seed, options.crashes)


if __name__ == "__main__":
    sys.exit(main())
