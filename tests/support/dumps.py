"""Recorded spans of real frameworks as span records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roark_otel._model.rows import SpanEvent, SpanView
from support.paths import SPANS

if TYPE_CHECKING:
    from pathlib import Path


def records(dump: str | Path) -> list[SpanView]:
    """Returns the spans of a dump below `tests/spans` (`livekit/NAME`) in the order in which they ended."""
    spans = json.loads((SPANS / f"{dump}.json").read_text(encoding="utf-8"))
    ended = [one for one in spans if one.get("on_end_seq") is not None]
    return [record(one) for one in sorted(ended, key=lambda one: one["on_end_seq"])]


def conversations(dump: str | Path) -> list[dict[str, Any]]:
    """Returns what was really said and done in each conversation of a dump, as its framework recorded it."""
    truth = json.loads((SPANS / f"{dump}.truth.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = truth["conversations"]
    return found


def record(span: dict[str, Any]) -> SpanView:
    """Returns one span of a dump as a record."""
    status = span.get("status") or {}
    return SpanView(
        trace_id=int(span["trace_id"], 16),
        span_id=int(span["span_id"], 16),
        parent_id=int(span["parent_span_id"], 16) if span.get("parent_span_id") else None,
        scope=(span.get("scope") or {}).get("name") or "",
        name=span["name"],
        start_ns=span["start_ns"],
        end_ns=span["end_ns"],
        attributes=span["attributes"],
        events=tuple(SpanEvent(one["name"], one["ts_ns"], one.get("attributes") or {}) for one in span["events"]),
        error=status.get("code") == "ERROR",
        resource=span.get("resource") or {},
    )


def below(spans: list[SpanView], root: int, roots: frozenset[str]) -> list[SpanView]:
    """Returns the spans whose nearest root is the given one, and those that have none."""
    by_id = {span.span_id: span for span in spans}

    def nearest(span: SpanView) -> int | None:
        found: SpanView | None = span
        while found is not None and found.name not in roots:
            found = by_id.get(found.parent_id or 0)
        return found.span_id if found else None

    return [span for span in spans if nearest(span) in {root, None}]
