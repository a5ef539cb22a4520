"""Delivers without an app: in an init container, a sidecar, a DaemonSet or a CronJob."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from roark_otel._engine.engine import Engine
from roark_otel._engine.parts import spool_directory
from roark_otel._model.hooks import Hooks
from roark_otel._safety.printable import printable
from roark_otel._spool.listing import measure
from roark_otel.cli.counted import counted
from roark_otel.cli.problems import FAILED, INTERRUPTED, USAGE, Problem
from roark_otel.cli.progress import progress
from roark_otel.cli.spool.change import settings_with_key
from roark_otel.cli.spool.keys import introduce, outlooks
from roark_otel.cli.stderr_log import log_on_stderr
from roark_otel.cli.stopping import stops_on_sigterm
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator
    from pathlib import Path
    from types import FrameType

    from roark_otel.cli.progress import Show

FOLLOW_SECONDS = 1.0
"""How often `--follow` looks for new calls."""

WATCH_SECONDS = 0.1
"""How often a terminal shows how many calls have been delivered."""


def run_drain(options: argparse.Namespace) -> int:
    """Delivers the calls that wait. Returns 0 if none that is due is left, else 1.

    With `--follow` it goes on until SIGTERM or Ctrl-C, and then has the timeout once more: calls that the app finishes
    while the pod ends are delivered too. Without it, or once more, these stop it: what was not sent stays in the spool.
    """
    settings, key = settings_with_key(options.spool_dir)
    if not settings.enabled:
        raise Problem("ROARK_OBSERVABILITY_ENABLED is off, so nothing is sent", USAGE)
    own = spool_directory(settings, key)
    introduce(settings, key, own)
    engine = Engine(settings, key, DIALECTS, Hooks())
    with log_on_stderr():
        if options.follow:
            _follow(engine)
        status = _drain(engine, own, options.timeout)
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
    if status == INTERRUPTED:
        raise Problem("stopped; what was not sent stays in the spool, for the next drain or app", INTERRUPTED)
    return status


def _drain(engine: Engine, own: Path, timeout: float) -> int:
    """Delivers until nothing is due, the time is over, or a person stops it. Returns the exit status."""
    try:
        with stops_on_sigterm(), _shown(engine, own):
            return 0 if engine.drain(timeout) else FAILED
    except KeyboardInterrupt:
        engine.parts.courier.discard(engine.settings.exit_timeout_seconds)  # which ends the call that it is sending
        return INTERRUPTED


@contextmanager
def _shown(engine: Engine, own: Path) -> Generator[None]:
    """Shows how many calls have been delivered, from a thread of its own: this one waits for the courier's."""
    is_over = threading.Event()

    def watch(show: Show) -> None:
        while not is_over.wait(WATCH_SECONDS):
            stats = engine.stats()
            show(stats.delivered + stats.already + stats.rejected)

    with progress(str(own), measure(own).sendable, "calls") as show:
        watching = threading.Thread(target=watch, args=(show,), name="roark-otel-progress", daemon=True)
        watching.start()
        try:
            yield
        finally:
            is_over.set()
            watching.join()


def _follow(engine: Engine) -> None:
    """Looks for calls until a signal stops it. The courier makes its own pauses where Roark does not answer."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {which: signal.signal(which, stop) for which in (signal.SIGTERM, signal.SIGINT)}
    engine.start_with_backlog()
    while not stopped.wait(FOLLOW_SECONDS):
        engine.start_with_backlog()
    for which, handler in before.items():
        signal.signal(which, handler or signal.SIG_DFL)


def _in_words(counts: dict[str, int]) -> str:
    done = f"{counted(counts['delivered'], 'call')} delivered, {counts['rejected']} rejected"
    return f"{done}; left: {counts['left']} to send, {counts['awaiting_recording']} without a recording"
