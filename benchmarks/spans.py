"""Measures what a span costs the app's thread, by span processor.

    python benchmarks/spans.py [--json]

Every configuration makes the same traces, one slice of them per round, in an order that rotates. What is measured is
the CPU time of the app's thread. A figure is the median over all rounds of the difference to the bare SDK, or to the
no-op processor, in the same round: other programs on the machine slow down both alike.
"""

from __future__ import annotations

import gc
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import set_span_in_context
from report import Figure, figure, main
from workload import (
    FOREIGN,
    FOREIGN_EVENT,
    FOREIGN_INSIDE,
    FOREIGN_SCOPE,
    ROARK,
    SPANS_PER_TRACE,
    VOICE,
    Shape,
    begin_span,
    make_children,
    provider_with,
    roark_processor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 101
TRACES_PER_SLICE = 20
WARM_UP_SLICES = 3

BARE, NOOP, BATCH = "bare SDK", "no-op SpanProcessor", "BatchSpanProcessor, no-op exporter"
OUTSIDE, INSIDE = "foreign span outside a conversation", "foreign span below a conversation's root"
LIVEKIT, OWN = "conversation's span, LiveKit's", "conversation's span with roark.transcript"

OVER_NOOP = 500
"""The most that a foreign span may cost over the no-op processor, in ns."""

OF_BATCH = 0.4
"""The most that it may cost as a share of the BatchSpanProcessor's cost, both over the bare SDK."""

LIMITS = {INSIDE: 1_500, LIVEKIT: 5_000, OWN: 5_000}
"""The most that the other spans may cost over the bare SDK, in ns."""

_ids = count()


class _NoExporter(SpanExporter):
    def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of the spans of a slice, in ns of the app thread's CPU time per span."""

    all_spans: float
    below_root: float


@dataclass(frozen=True, slots=True)
class Configuration:
    """Traces of one shape, made by a provider."""

    provider: TracerProvider
    shape: Shape = FOREIGN

    def slice(self) -> Cost:
        """Makes a slice of traces. The processor's own threads may finish with it after the measured part."""
        with _without_gc():
            costs = [self._trace() for _ in range(TRACES_PER_SLICE)]
        self.provider.force_flush()
        root_ns, children_ns = (sum(column) / TRACES_PER_SLICE for column in zip(*costs, strict=True))
        return Cost((root_ns + children_ns) / SPANS_PER_TRACE, children_ns / (SPANS_PER_TRACE - 1))

    def _trace(self) -> tuple[int, int]:
        """Makes a trace. Returns the ns for its root, and those for all other spans together."""
        root_tracer = self.provider.get_tracer(FOREIGN_SCOPE)
        tracer = self.provider.get_tracer(self.shape.scope)
        attributes = self.shape.root_attributes(f"benchmark-{next(_ids)}")
        began = time.thread_time_ns()
        root = begin_span(root_tracer, None, attributes, FOREIGN_EVENT)
        parent = set_span_in_context(root)
        children_began = time.thread_time_ns()
        make_children(tracer, parent, self.shape.event)
        children_ended = time.thread_time_ns()
        root.end()
        ended = time.thread_time_ns()
        children_ns = children_ended - children_began
        return ended - began - children_ns, children_ns


def measure() -> list[Figure]:
    """Returns the figures for all configurations."""
    with ExitStack() as stack:

        def ours(name: str, shape: Shape) -> Configuration:
            return Configuration(provider_with(stack.enter_context(roark_processor(name))), shape)

        batch = BatchSpanProcessor(_NoExporter())
        stack.callback(batch.shutdown)
        configurations = {
            BARE: Configuration(provider_with(None)),
            NOOP: Configuration(provider_with(SpanProcessor())),
            BATCH: Configuration(provider_with(batch)),
            OUTSIDE: ours("outside", FOREIGN),
            INSIDE: ours("inside", FOREIGN_INSIDE),
            LIVEKIT: ours("livekit", VOICE),
            OWN: ours("own", ROARK),
        }
        return figures(costs(configurations))


def costs(configurations: dict[str, Configuration]) -> dict[str, list[Cost]]:
    """Returns the costs of every configuration, round by round."""
    for one in configurations.values():
        for _ in range(WARM_UP_SLICES):
            one.slice()
    gc.freeze()
    found: dict[str, list[Cost]] = {name: [] for name in configurations}
    order = list(configurations)
    for _ in range(ROUNDS):
        order.append(order.pop(0))
        for name in order:
            found[name].append(configurations[name].slice())
    return found


def figures(found: dict[str, list[Cost]]) -> list[Figure]:
    """Returns the figure for the bare SDK, and those for every other configuration over it."""

    def over(base: str, name: str) -> Figure:
        pairs = zip(found[name], found[base], strict=True)
        if name == INSIDE:
            return figure(name, "ns/span", [cost.below_root - bare.below_root for cost, bare in pairs])
        return figure(name, "ns/span", [cost.all_spans - bare.all_spans for cost, bare in pairs])

    batch = over(BARE, BATCH)
    limits = {**LIMITS, OUTSIDE: round(OF_BATCH * batch.median)}
    rows = [figure(BARE, "ns/span", [cost.all_spans for cost in found[BARE]])]
    for name in list(found)[1:]:
        row = over(BARE, name).compared_to(batch, "over bare")
        rows.append(row.under(limits[name]) if name in limits else row)
        if name == OUTSIDE:
            rows.append(over(NOOP, name).compared_to(batch, "over no-op").under(OVER_NOOP))
    return rows


@contextmanager
def _without_gc() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


if __name__ == "__main__":
    main(measure)
