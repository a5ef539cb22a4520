"""How often the threads of a processor wake."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from processors import make, provider_with
from shapes import SHAPES, add, begin, below

if TYPE_CHECKING:
    from desk import Desk
    from opentelemetry.sdk.trace import TracerProvider

CONVERSATIONS = 50
SETTLE_SECONDS = 3.0
BATCH_SECONDS = 0.01
PLAIN = SHAPES["plain"]


def wakes(desk: Desk, seconds: float, conversations: int, rate: float) -> dict[str, dict[str, float]]:
    """Counts for some seconds, with so many open conversations, while spans come at this rate.

    Returns:
        By thread: `switches`, how often a second it gave up the processor (to sleep, or to wait for a lock or for the
        interpreter), and `runs`, how often a second it went from not running to running, at a look every 10 ms.
    """
    settings = {"recording_url_template": "https://recordings.example.com/{external_id}.wav"}
    provider = desk.once("awake", lambda: _used(desk, settings))
    while len(roots := desk.once("roots", list)) < conversations:
        roots.append(below(begin(provider, PLAIN)))
    tracer = provider.get_tracer(PLAIN.scope)
    provider.force_flush()
    time.sleep(SETTLE_SECONDS)
    threads = [one for one in threading.enumerate() if one is not threading.main_thread()]
    clocks = {one: time.pthread_getcpuclockid(one.ident) for one in threads}
    switches, runs = _switches(threads), dict.fromkeys(threads, 0)
    ran, was = dict.fromkeys(threads, False), {one: time.clock_gettime_ns(clock) for one, clock in clocks.items()}
    began, made = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        while made < now * rate:
            add(tracer, roots[made % len(roots)], PLAIN, made)
            made += 1
        time.sleep(BATCH_SECONDS if rate else seconds)
        for one, clock in clocks.items():
            at = time.clock_gettime_ns(clock)
            runs[one] += at > was[one] and not ran[one]
            ran[one], was[one] = at > was[one], at
    after = _switches(threads)
    return {one.name: {"switches": (after[one] - switches[one]) / now, "runs": runs[one] / now} for one in threads}


def _used(desk: Desk, settings: dict[str, object]) -> TracerProvider:
    """Returns a provider that has delivered a call: its processor's threads run."""
    provider = provider_with(make(desk.contestant, desk.port, desk.directory, **settings))
    begin(provider, PLAIN).end()
    provider.force_flush()
    return provider


def _switches(threads: list[threading.Thread]) -> dict[threading.Thread, int]:
    return {one: _voluntary(one.native_id) for one in threads}


def _voluntary(thread: int | None) -> int:
    status = Path(f"/proc/self/task/{thread}/status").read_text()
    return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])
