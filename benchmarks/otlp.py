"""Measures what a span of an OTLP request costs: at a glance, and as rows, beside the parsers of others.

    python benchmarks/otlp.py [--json] [--quick]

A request has 100 spans with ten attributes and three events each. Those of a conversation are a voice agent's, whose
id is on the root alone. All take turns in one process.
"""

from __future__ import annotations

import base64
import gc
import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from contestants import CONTESTANTS, JSON, NOW, PARSED, VALUES
from report import BARE_US, Table, figure, main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.sdk.trace import ReadableSpan

SPANS = 100
ROUNDS = 9
SECONDS = 0.15
"""About how long each takes its turn."""


def measure(quick: bool) -> Table:
    """Returns the figures: the median of nine rounds."""
    python = CONTESTANTS[NOW].python
    command = [str(python) if python.exists() else sys.executable, __file__, "--child", str(3 if quick else ROUNDS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)  # noqa: S603 - our own file
    rounds: list[dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    scale = BARE_US / statistics.median(one["bare"] for one in rounds)
    figures = []
    for name in rounds[0]:
        what, _, who = name.partition("|")
        if who:
            figures.append(figure(what, who, "µs", [one[name] * scale for one in rounds]))
    return Table("A span of an OTLP request", figures)


def child(rounds: int) -> list[dict[str, float]]:
    """Returns the µs of CPU that a span takes, for each contestant and round."""
    turns = {"bare": (_bare, 1), **{name: (turn, SPANS) for name, turn in _turns().items()}}
    gc.collect()
    gc.freeze()
    for turn, _ in turns.values():
        turn()
    return [{name: _us(*turn) for name, turn in _rotated(turns, at)} for at in range(rounds)]


def _rotated(turns: dict[str, Any], at: int) -> list[tuple[str, Any]]:
    items = list(turns.items())
    return items[at % len(items) :] + items[: at % len(items)]


def _us(turn: Callable[[], object], spans: int) -> float:
    times, began = 0, time.process_time()
    while (passed := time.process_time() - began) < SECONDS or times < 5:
        turn()
        times += 1
    return passed / times / spans * 1e6


def _turns() -> dict[str, Callable[[], object]]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._open.rows_in import RowsIn
    from roark_otel._sources.otlp.decode import decode
    from roark_otel._sources.otlp.peek import peek
    from roark_otel.dialects import DIALECTS

    vocabulary = Vocabulary(DIALECTS)
    rows_in = RowsIn(vocabulary)
    found: dict[str, Callable[[], object]] = {}
    for whose, spans in (("a conversation", _spans(_OURS)), ("another app", _spans(_OTHERS))):
        proto, text = _protobuf(spans), _json(spans)
        found |= {
            f"protobuf of {whose}, at a glance|{NOW}": lambda proto=proto: peek(proto, vocabulary),
            f"protobuf of {whose}, rows|{NOW}": lambda proto=proto: decode(proto, vocabulary, rows_in),
            f"protobuf of {whose}|{PARSED}": lambda proto=proto: ExportTraceServiceRequest.FromString(proto),
            f"protobuf of {whose}|{VALUES}": lambda proto=proto: _values(ExportTraceServiceRequest.FromString(proto)),
            f"JSON of {whose}, at a glance|{NOW}": lambda text=text: peek(text, vocabulary),
            f"JSON of {whose}, rows|{NOW}": lambda text=text: decode(text, vocabulary, rows_in),
            f"JSON of {whose}|{JSON}": lambda text=text: json.loads(text),
        }
    return found


# What is measured

_WORDS = "Where is my order, please? It should have come on Monday, and it is Thursday now."
_OURS = ("livekit-agents", "agent_turn", {f"lk.{name}": f"{name} {_WORDS}" for name in "abcdefghij"})
_OTHERS = (
    "opentelemetry.instrumentation.requests",
    "GET",
    {f"http.{name}": f"{name} https://shop.example.com/orders/1795?page=2" for name in "abcdefghij"},
)


def _spans(kind: tuple[str, str, dict[str, str]]) -> list[ReadableSpan]:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import set_span_in_context

    scope, name, attributes = kind
    ended = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "order-desk"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ended))
    tracer = provider.get_tracer(scope)
    is_ours = kind is _OURS
    root = tracer.start_span("agent_session" if is_ours else "POST", attributes=attributes)
    if is_ours:
        root.set_attribute("roark.external_id", "call-1")
    for _ in range(SPANS - 1):
        span = tracer.start_span(name, set_span_in_context(root), attributes=attributes)
        for number in range(3):
            span.add_event("gen_ai.user.message" if is_ours else "message", {"content": _WORDS, "number": number})
        span.end()
    root.end()
    return list(ended.get_finished_spans())


def _protobuf(spans: list[ReadableSpan]) -> bytes:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    return encode_spans(spans).SerializeToString()


def _json(spans: list[ReadableSpan]) -> bytes:
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    document = MessageToDict(encode_spans(spans))
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                span["kind"] = 1
                for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
                    span[name] = base64.b64decode(span[name]).hex()
    return json.dumps(document, separators=(",", ":")).encode()


def _values(request: Any) -> list[object]:  # noqa: ANN401 - protobuf has no types
    """Takes the values out of protobuf's objects, as whoever reads spans must."""
    found: list[object] = []
    for resource in request.resource_spans:
        shared = _pairs(resource.resource.attributes)
        for scope in resource.scope_spans:
            for one in scope.spans:
                ids = (int.from_bytes(raw, "big") for raw in (one.trace_id, one.span_id, one.parent_span_id))
                times = one.start_time_unix_nano, one.end_time_unix_nano
                events = [(each.name, each.time_unix_nano, _pairs(each.attributes)) for each in one.events]
                kind = one.kind, one.flags, one.status.code, one.dropped_events_count
                found.append((*ids, scope.scope.name, one.name, *times, *kind, _pairs(one.attributes), events, shared))
    return found


def _pairs(pairs: Iterable[Any]) -> dict[str, object]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in pairs}


def _bare() -> None:
    global _tracer
    if _tracer is None:
        from opentelemetry.sdk.trace import TracerProvider

        _tracer = TracerProvider(shutdown_on_exit=False).get_tracer("bare")
    span = _tracer.start_span("span", attributes=_OTHERS[2])
    for number in range(3):
        span.add_event("message", {"content": _WORDS, "number": number})
    span.end()


_tracer: Any = None


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(int(sys.argv[2]))), flush=True)
    else:
        main(measure)
