"""What the garbage collector makes of a span: with an app of many objects, and with many conversations open."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from processors import make, provider_with
from shapes import SHAPES, add, begin, below

if TYPE_CHECKING:
    from desk import Desk
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span
    from shapes import Shape

CONVERSATIONS = 50
CHILDREN = 50
BATCH_SECONDS = 0.02


class Collections:
    """Counts the collector's runs by generation, and the thread CPU that they take."""

    def __init__(self) -> None:
        self.runs = [0, 0, 0]
        self.ns = 0
        self.longest_full_ns = 0
        self._began = 0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Takes in the start or the end of a run, as one of `gc.callbacks`."""
        if phase == "start":
            self._began = time.thread_time_ns()
            return
        taken = time.thread_time_ns() - self._began
        self.runs[info["generation"]] += 1
        self.ns += taken
        if info["generation"] == 2:
            self.longest_full_ns = max(self.longest_full_ns, taken)


class App:
    """An app with 150,000 objects and fifty traces that go on; one that has fifty spans below its root ends."""

    def __init__(self, provider: TracerProvider, shape: Shape) -> None:
        self.objects = [{"list": [number], "pair": (number, [])} for number in range(37_500)]
        self._provider = provider
        self._shape = shape
        self._tracer = provider.get_tracer(shape.scope)
        self._traces = [self._new(first) for first in range(CONVERSATIONS)]
        self._turn = 0
        gc.collect()

    def span(self) -> int:
        """Makes the next span. Returns how many have ended: 2 where that was the last of its trace."""
        self._turn = (self._turn + 1) % CONVERSATIONS
        root, parent, made = self._traces[self._turn]
        add(self._tracer, parent, self._shape, made)
        if made + 1 < CHILDREN:
            self._traces[self._turn] = (root, parent, made + 1)
            return 1
        root.end()
        self._traces[self._turn] = self._new()
        return 2

    def _new(self, made: int = 0) -> tuple[Span, Context, int]:
        root = begin(self._provider, self._shape)
        return root, below(root), made


def paced(desk: Desk, shape: str, seconds: float, rate: float) -> dict[str, object]:
    """Makes spans at this rate, with the collector on.

    Returns:
        us per span of the app's thread and of the process, the collector's runs by generation, its ms, the ms of the
        longest full one, and how many spans there were.
    """
    provider = desk.once("provider", lambda: provider_with(make(desk.contestant, desk.port, desk.directory)))
    app: App = desk.once(f"app {shape}", lambda: App(provider, SHAPES[shape]))
    collections = Collections()
    gc.callbacks.append(collections)
    process, thread, began, ended = time.process_time(), time.thread_time(), time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        while ended < now * rate:
            ended += app.span()
        time.sleep(BATCH_SECONDS)
    process, thread = time.process_time() - process, time.thread_time() - thread
    gc.callbacks.remove(collections)
    return {
        "app": thread / ended * 1e6,
        "process": process / ended * 1e6,
        "runs": collections.runs,
        "ms": collections.ns / 1e6,
        "longest": collections.longest_full_ns / 1e6,
        "spans": ended,
    }


def collect(desk: Desk, shape: str, conversations: int, spans: int) -> dict[str, float]:
    """Opens this many conversations. Returns the CPU ms of a full collection then, and what one took before."""
    processor = make(desk.contestant, desk.port, desk.directory)
    provider = provider_with(processor)
    tracer = provider.get_tracer(SHAPES[shape].scope)
    before = _full_collection()
    roots = []
    for number in range(conversations):
        root = begin(provider, SHAPES[shape])
        parent = below(root)
        for child in range(spans - 1):
            add(tracer, parent, SHAPES[shape], child)
        roots.append(root)
        if number % 500 == 499:
            provider.force_flush()  # closes no conversation whose root is open
    provider.force_flush()
    return {"before": before, "after": _full_collection()}


def _full_collection() -> float:
    taken = []
    for _ in range(5):
        began = time.thread_time_ns()
        gc.collect()
        taken.append((time.thread_time_ns() - began) / 1e6)
    return min(taken)
