"""Delivers without an app: in an init container, a sidecar, a DaemonSet or a CronJob."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from roark_otel._engine.engine import Engine
from roark_otel._engine.parts import spool_directory
from roark_otel._model.hooks import Hooks
from roark_otel._safety.printable import printable
from roark_otel._spool.listing import measure
from roark_otel.cli.problems import FAILED, USAGE, Problem
from roark_otel.cli.spool.change import settings_with_key
from roark_otel.cli.spool.keys import introduce, outlooks
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator
    from types import FrameType

FOLLOW_SECONDS = 1.0
"""How often `--follow` looks for new calls."""


def run_drain(options: argparse.Namespace) -> int:
    """Delivers the calls that wait. Returns 0 if none that is due is left, else 1.

    With `--follow` it goes on until SIGTERM or Ctrl-C, and then has the timeout once more: calls that the app finishes
    while the pod ends are delivered too.
    """
    settings, key = settings_with_key(options.spool_dir)
    if not settings.enabled:
        raise Problem("ROARK_OBSERVABILITY_ENABLED is off, so nothing is sent", USAGE)
    own = spool_directory(settings, key)
    introduce(settings, key, own)
    engine = Engine(settings, key, DIALECTS, Hooks())
    with _log_on_stderr():
        if options.follow:
            _follow(engine)
        is_done = engine.drain(options.timeout)
    engine.retire()
    stats, left = engine.stats(), measure(own)
    counts = {
        "delivered": stats.delivered + stats.already,
        "rejected": stats.rejected,
        "left": left.sendable,
        "awaiting_recording": left.awaiting_recording,
    }
    print(json.dumps({**counts, "spool": asdict(left)}) if options.json else _in_words(counts))
    if not options.json:
        print("".join(f"{printable(line)}\n" for line in outlooks(settings, own)), end="")
    return 0 if is_done else FAILED


def _follow(engine: Engine) -> None:
    """Looks for calls until a signal stops it. The courier makes its own pauses where Roark does not answer."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for which in (signal.SIGTERM, signal.SIGINT):
        signal.signal(which, stop)
    engine.start_with_backlog()
    while not stopped.wait(FOLLOW_SECONDS):
        engine.start_with_backlog()


def _in_words(counts: dict[str, int]) -> str:
    plural = "" if counts["delivered"] == 1 else "s"
    return (
        f"{counts['delivered']} call{plural} delivered, {counts['rejected']} rejected; left: {counts['left']} to send, "
        f"{counts['awaiting_recording']} without a recording"
    )


@contextmanager
def _log_on_stderr() -> Generator[None]:
    """Prints the log on stderr: a command may configure logging, a library may not."""
    logger, handler = logging.getLogger("roark_otel"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
