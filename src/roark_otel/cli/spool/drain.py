"""A courier without an app: for an init container, a sidecar, a DaemonSet or a CronJob."""

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
from roark_otel._model.hooks import Hooks
from roark_otel.cli.problems import FAILED, USAGE, Problem
from roark_otel.cli.spool.change import settings_with_key
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator
    from types import FrameType

FOLLOW_SECONDS = 1.0
"""How often `--follow` looks for calls that came."""


def drain(options: argparse.Namespace) -> int:
    """Delivers what waits; 0 if nothing that is due is left, 1 if something is.

    With `--follow` it goes on until SIGTERM or Ctrl-C, and then takes its time once more: what the app finishes while
    the pod ends is delivered too.
    """
    settings, key = settings_with_key(options.spool_dir)
    if not settings.enabled:
        raise Problem("ROARK_OBSERVABILITY_ENABLED is off, so nothing is sent", USAGE)
    engine = Engine(settings, key, DIALECTS, Hooks())
    with _log_on_stderr():
        if options.follow:
            _follow(engine)
        is_done = engine.drain(options.timeout)
    engine.retire()
    stats, left = engine.stats(), engine.measure_spool()
    told = {
        "delivered": stats.delivered + stats.already,
        "rejected": stats.rejected,
        "left": left.sendable,
        "awaiting_recording": left.awaiting_recording,
    }
    print(json.dumps({**told, "spool": asdict(left)}) if options.json else _in_words(told))
    return 0 if is_done else FAILED


def _follow(engine: Engine) -> None:
    """Looks for calls until somebody stops it. The courier keeps its own pauses where Roark does not answer."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for which in (signal.SIGTERM, signal.SIGINT):
        signal.signal(which, stop)
    engine.start_with_backlog()
    while not stopped.wait(FOLLOW_SECONDS):
        engine.start_with_backlog()


def _in_words(told: dict[str, int]) -> str:
    return (
        f"{told['delivered']} calls delivered, {told['rejected']} rejected; left: {told['left']} to send, "
        f"{told['awaiting_recording']} without a recording"
    )


@contextmanager
def _log_on_stderr() -> Generator[None]:
    """A command's log is for whoever runs it; a library's is not ours to handle."""
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
