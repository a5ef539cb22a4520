"""Reads spans as pages show them: those of a call, conversations without a call yet, and how many carry no id."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from roark_otel.sandbox.formats import to_utc
from roark_otel.sandbox.json_values import JsonObject, text_at

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from roark_otel.sandbox.database import Database

_MOST_SPANS: Final = 20_000
"""The most spans of a call that a page gets."""

_MOST_TRACES: Final = 500
_MOST_OPEN: Final = 50
_MOST_SCOPES: Final = 50

# A conversation whose last span arrived longer ago than this is not under way.
_OPEN_MS: Final = 3_600_000

_OF_CALL = """
SELECT * FROM span WHERE trace_id IN ({marks}) AND (external_id IS NULL OR external_id = ?)
ORDER BY start_ns, seq LIMIT ?
"""

# A refused request has an arrival too: its conversation is over.
_OPEN = """
SELECT named.external_id, named.trace_id, SUM(spans) AS spans, MIN(first_ms) AS since_ms,
       json_group_array(scope) AS scopes, MAX(seen_ms) AS seen_ms
FROM trace_call AS named JOIN trace_scope USING (trace_id)
WHERE seen_ms > ? AND NOT EXISTS (SELECT 1 FROM arrival WHERE external_id = named.external_id)
GROUP BY named.external_id, named.trace_id ORDER BY seen_ms DESC LIMIT ?
"""

_WITHOUT_ID = """
SELECT scope, SUM(spans) AS spans FROM trace_scope
WHERE trace_id NOT IN (SELECT trace_id FROM trace_call)
GROUP BY scope ORDER BY spans DESC, scope
"""


class Traced:
    """The spans in a database, for pages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_call(self, body: JsonObject, trace_ids: Sequence[str]) -> list[JsonObject]:
        """Reads the spans of a call's traces, by their start, without those that carry the id of another call.

        Returns:
            Objects as a page's document has them, with times in ms since the call started.
        """
        traces = trace_ids[:_MOST_TRACES]
        statement = _OF_CALL.format(marks=", ".join("?" * len(traces)))
        with self._database.reading() as connection:
            values = (*traces, text_at(body, "externalId"), _MOST_SPANS)
            rows = connection.execute(statement, values).fetchall()
        began_ns = _ns(to_utc(text_at(body, "startedAt") or ""))
        return [_span(row, began_ns) for row in rows]

    def open(self) -> list[JsonObject]:
        """Reads the conversations of which spans arrived within the last hour and no call, the latest first.

        Returns:
            Objects whose `sinceMs` is how long ago each began.
        """
        now_ms = int(time.time() * 1000)
        with self._database.reading() as connection:
            rows = connection.execute(_OPEN, (now_ms - _OPEN_MS, _MOST_OPEN)).fetchall()
        return [
            {
                "externalId": row["external_id"],
                "traceId": row["trace_id"],
                "spans": row["spans"],
                "sinceMs": max(0, now_ms - row["since_ms"]),
                "scopes": sorted(json.loads(row["scopes"])),
            }
            for row in rows
        ]

    def counts(self) -> JsonObject:
        """Counts the spans that have arrived, and those in whose traces no span carries an external id, by scope."""
        with self._database.reading() as connection:
            arrived = connection.execute("SELECT COALESCE(SUM(spans), 0) FROM trace_scope").fetchone()[0]
            rows = connection.execute(_WITHOUT_ID).fetchall()
        return {
            "arrived": arrived,
            "withoutId": sum(row["spans"] for row in rows),
            "scopes": {row["scope"]: row["spans"] for row in rows[:_MOST_SCOPES]},
        }


def _span(row: sqlite3.Row, began_ns: int) -> JsonObject:
    events = json.loads(row["events"])
    return {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "parentSpanId": row["parent_span_id"],
        "name": row["name"],
        "kind": row["kind"],
        "scope": row["scope"],
        "startMs": _ms(row["start_ns"], began_ns),
        "endMs": _ms(row["end_ns"], began_ns),
        "status": {"code": row["status_code"], "message": row["status_message"]},
        "attributes": json.loads(row["attributes"]),
        "events": [
            {"name": event["name"], "atMs": _ms(event["atNs"], began_ns), "attributes": event["attributes"]}
            for event in events
        ],
    }


def _ms(at_ns: int, began_ns: int) -> float:
    return (at_ns - began_ns) / 1e6


def _ns(moment: datetime) -> int:
    """Returns a moment in ns since 1970, without the rounding of a float."""
    whole = moment.replace(microsecond=0)
    return round(whole.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
