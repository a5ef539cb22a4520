"""An app in Python, whose exporter sends to an agent: `python -m scale.support.producing URL STEPS START`.

Prints how often a batch was handed to the exporter again.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import set_span_in_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Span, Tracer

EXPORT_SECONDS = 2
"""After which an exporter gives up."""

PAUSE_SECONDS = 0.2


class Persistent(SpanExporter):
    """Hands a batch to an exporter until it is acknowledged: what an exporter gives up on is lost otherwise."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.again = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        while (result := self._exporter.export(spans)) is not SpanExportResult.SUCCESS:
            self.again += 1
            time.sleep(PAUSE_SECONDS)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def speak(steps: Iterable[Any], tracer: Tracer, start: float) -> None:
    """Ends the spans, each at its time."""

    def ns(at: float) -> int:
        return int((start + at) * 1e9)

    roots: dict[str, Span] = {}
    for step in steps:
        time.sleep(max(0.0, start + step["at"] - time.time()))
        trace = step["trace"]
        if (root := roots.get(trace["key"])) is None:
            root = roots[trace["key"]] = tracer.start_span(trace["root"], start_time=ns(trace["begins"]))
        one = root
        if (event := step["event"]) is not None:
            one = tracer.start_span(step["name"], set_span_in_context(root), start_time=ns(step["begins"]))
            one.add_event(event["name"], event["attributes"], ns(step["begins"]))
        one.set_attributes(step["attributes"])
        one.end(ns(step["ends"]))


def main(url: str, steps: str, start: str) -> None:
    provider = TracerProvider()
    exporter = Persistent(OTLPSpanExporter(url, timeout=EXPORT_SECONDS))
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=100_000, schedule_delay_millis=100))
    speak(json.loads(Path(steps).read_text()), provider.get_tracer("my-agent"), float(start))
    provider.force_flush()
    provider.shutdown()
    sys.stdout.write(f"{exporter.again}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
