"""Explains why there is no call, or not the one that a test expects, in the order in which one would look."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from opentelemetry import trace

from roark_otel.pages.values import printable

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from roark_otel._model.stats import Stats
    from roark_otel.testing.call import CapturedCall
    from roark_otel.testing.spans import SeenSpans

_MOST = 10
"""The most lines about things of one kind."""


def explained(calls: Sequence[CapturedCall], spans: SeenSpans, warnings: Sequence[str], stats: Sequence[Stats]) -> str:
    """Returns what was captured, in paragraphs."""
    found = [_of_calls(calls), _of_open(spans), _of_spans(spans), _of_spans_elsewhere(spans)]
    parts = [*found, _of_warnings(warnings), _of_numbers(stats)]
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines)


def _of_calls(calls: Sequence[CapturedCall]) -> Iterator[str]:
    yield f"calls: {len(calls)}"
    for one in calls[:_MOST]:
        yield f"  {printable(one.external_id)}"
        yield from (f"    {line}" for line in one.outline().splitlines())


def _of_open(spans: SeenSpans) -> Iterator[str]:
    found = spans.open_conversations()
    if found:
        yield f"conversations that have not ended: {len(found)}. A call is made when the root span ends."
    for one in found[:_MOST]:
        last = spans.last_in(one.trace_id)
        seconds = (time.time_ns() - one.start_ns) / 1e9
        since = f"open for {seconds:.1f} s: span {one.name!r}"
        ended = "no span of it has ended" if last is None else f"the last span that ended is {last.name!r}"
        yield f"  {printable(spans.id_of(one.trace_id) or '?')}: {since}; {ended}"


def _of_spans(spans: SeenSpans) -> Iterator[str]:
    if not len(spans):
        yield "spans: none reached a RoarkSpanProcessor"
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            yield "  no tracer provider is set: call roark_otel.configure(), or add RoarkSpanProcessor() to yours;"
            yield "  configure() does nothing without a key before calls are captured: set ROARK_API_KEY to any text"
        elif not spans.elsewhere() and not spans.number_dropped():
            yield (
                "  either the test started no span, or the tracer provider that it used has no RoarkSpanProcessor: "
                "add one to it"
            )
        return
    lost = spans.without_an_id()
    if lost:
        yield (
            "spans without an id: start the session inside roark_otel.call_attributes(external_id=…), or set "
            "roark.external_id on its root span"
        )
    yield from _counted(lost)


def _of_spans_elsewhere(spans: SeenSpans) -> Iterator[str]:
    if found := spans.elsewhere():
        yield "spans of a tracer provider that has no RoarkSpanProcessor: add one to it"
        yield from _counted(found)
    if number := spans.number_dropped():
        yield f"spans that a sampler dropped, so that no processor was given them: {number}"


def _counted(named: Counter[tuple[str, str]]) -> Iterator[str]:
    for (scope, name), count in named.most_common(_MOST):
        yield f"  {count} x {printable(name)}{f' of {printable(scope)}' if scope else ''}"


def _of_warnings(warnings: Sequence[str]) -> Iterator[str]:
    if warnings:
        yield "warnings:"
    yield from (f"  {printable(one)}" for one in warnings[:_MOST])


def _of_numbers(stats: Sequence[Stats]) -> Iterator[str]:
    for one in stats:
        counted = [f"{name}={value}" for name, value in asdict(one).items() if value]
        if counted:
            yield f"numbers: {', '.join(counted)}"
