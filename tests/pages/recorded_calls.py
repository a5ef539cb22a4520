"""Documents of recorded calls: bodies as they arrived, with the spans from which they were made."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from roark_otel.pages import document
from support.paths import SNAPSHOTS, SPANS

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]


def recorded_calls() -> Iterator[Json]:
    """Yields a document for each, with the name of its recording."""
    for path in sorted(SPANS.rglob("*.json")):
        name = path.relative_to(SPANS).with_suffix("").as_posix()
        arrived = SNAPSHOTS / f"{name.replace('/', '-')}.json"
        if not arrived.exists():
            continue
        spans: list[Json] = json.loads(path.read_text(encoding="utf-8"))
        for body in json.loads(arrived.read_text(encoding="utf-8")):
            yield {**document(body, spans=list(_spans(body, spans))), "name": name}


def _spans(body: Json, spans: list[Json]) -> Iterator[Json]:
    started = datetime.fromisoformat(body["startedAt"].replace("Z", "+00:00")).timestamp() * 1000
    for span in spans:
        if span["end_ns"] is not None and span["trace_id"] == body.get("properties", {}).get("trace_id"):
            yield {
                "traceId": span["trace_id"],
                "spanId": span["span_id"],
                "parentSpanId": span.get("parent_span_id"),
                "name": span["name"],
                "kind": "internal",
                "scope": (span.get("scope") or {}).get("name") or "",
                "startMs": span["start_ns"] / 1e6 - started,
                "endMs": span["end_ns"] / 1e6 - started,
                "status": {"code": "unset", "message": ""},
                "attributes": span["attributes"],
                "events": [],
            }
