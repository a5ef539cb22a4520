"""Spans as the Collector's file exporter writes them: what the SDK's own encoder makes of them, in OTLP's JSON."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import SpanProcessor

from support.replaying import replay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

BATCH = 5
"""So many spans are in a line."""


class Ended(SpanProcessor):
    """Keeps the spans that have ended, in their order."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


def ended(dump: list[dict[str, Any]], add: Mapping[str, Mapping[str, Any]] | None = None) -> list[ReadableSpan]:
    """The spans of a recorded dump as the SDK hands them to an exporter."""
    processor = Ended()
    replay(dump, processor, add)
    return processor.spans


def line(spans: Sequence[ReadableSpan]) -> bytes:
    """One export request as a line."""
    told = MessageToDict(encode_spans(list(spans)))
    for resource in told["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                _with_hex_ids(span)
                for link in span.get("links", ()):
                    _with_hex_ids(link)
    return json.dumps(told).encode() + b"\n"


def lines(spans: Sequence[ReadableSpan], batch: int = BATCH) -> bytes:
    """A whole file."""
    return b"".join(line(spans[first : first + batch]) for first in range(0, len(spans), batch))


def _with_hex_ids(holder: dict[str, Any]) -> None:
    """Protobuf's own JSON has base64 and names, OTLP's has hex and numbers."""
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in holder:
            holder[name] = base64.b64decode(holder[name]).hex()
    holder.pop("kind", None)
    if "code" in holder.get("status", {}):
        holder["status"]["code"] = {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}[holder["status"]["code"]]
