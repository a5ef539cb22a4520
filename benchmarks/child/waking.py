"""How often the threads of a processor wake."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
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
        By thread, how often a second: `switches`, it gave up the processor (to sleep, or to wait for a lock or for the
        interpreter); `waits`, it came back from waiting for work.

    Raises:
        RuntimeError: if none of the present code's threads seems to wait: what it waits on is not counted then.
    """
    waits: Counter[int] = desk.once("waits", _count_waits)
    settings = {"recording_url_template": "https://recordings.example.com/{external_id}.wav"}
    provider = desk.once("awake", lambda: _used(desk, settings))
    while len(roots := desk.once("roots", list)) < conversations:
        roots.append(begin(provider, PLAIN))
    tracer, parents = provider.get_tracer(PLAIN.scope), [below(root) for root in roots]
    provider.force_flush()
    time.sleep(SETTLE_SECONDS)
    threads = [one for one in threading.enumerate() if one is not threading.main_thread()]
    switches, waited = _switches(threads), waits.copy()
    began, made = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        while made < now * rate:
            add(tracer, parents[made % len(parents)], PLAIN, made)
            made += 1
        time.sleep(BATCH_SECONDS if rate else seconds)
    after = _switches(threads)
    if rate and desk.contestant == "now" and waits == waited:
        raise RuntimeError("no wait is counted: the threads wait on something else")
    return {
        one.name: {
            "switches": (after[one] - switches[one]) / now,
            "waits": (waits[one.ident] - waited[one.ident]) / now,
        }
        for one in threads
    }


def _count_waits() -> Counter[int]:
    """Has every thread's waits counted, by its id, for what is imported from now on."""
    waits: Counter[int] = Counter()
    condition_wait = threading.Condition.wait

    def wait(self: threading.Condition, timeout: float | None = None) -> bool:
        try:
            return condition_wait(self, timeout)
        finally:
            waits[threading.get_ident()] += 1

    class SimpleQueue(queue.SimpleQueue):
        def get(self, block: bool = True, timeout: float | None = None) -> object:
            waits[threading.get_ident()] += block and self.empty()
            return super().get(block, timeout)

    threading.Condition.wait = wait
    queue.SimpleQueue = SimpleQueue
    _count_bells(waits)
    return waits


def _count_bells(waits: Counter[int]) -> None:
    """Has the waits of this package's threads counted: they wait on a lock that is made for each wait."""
    try:
        from roark_otel._safety import threads
    except ImportError:
        return  # the code before waited on queues
    new_lock = threads._new_native_lock  # noqa: SLF001 - nothing else is made with it

    class Counted:
        def __init__(self) -> None:
            self._lock = new_lock()
            self.release = self._lock.release

        def acquire(self, *how: object) -> bool:
            try:
                return self._lock.acquire(*how)
            finally:
                waits[threading.get_ident()] += bool(how)

    threads._new_native_lock = Counted  # noqa: SLF001


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
