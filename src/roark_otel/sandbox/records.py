"""Converts the body of a call to its row in the database and back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from roark_otel.sandbox.formats import to_utc
from roark_otel.sandbox.json_values import JsonObject, int_at, objects_at, text_at
from roark_otel.sandbox.stored import CallRecord

if TYPE_CHECKING:
    import sqlite3


def timestamp(ms: int) -> str:
    """Returns a time in ms since 1970 in the format of Roark's answers."""
    return _timestamp(datetime.fromtimestamp(ms / 1000, timezone.utc))


def now() -> str:
    """Returns the current time in the format of Roark's answers."""
    return _timestamp(datetime.now(timezone.utc))


def times(body: JsonObject) -> tuple[str, str | None, int | None]:
    """Computes start, end and duration in ms of a call, which ends with its last utterance or tool use."""
    started = to_utc(text_at(body, "startedAt") or "")
    timed = [*objects_at(body, "transcript"), *objects_at(body, "toolInvocations")]
    offsets = [int_at(item, key) or 0 for item in timed for key in ("startOffsetMs", "endOffsetMs")]
    if not offsets:
        return _timestamp(started), None, None
    duration = max(offsets)
    try:
        ended = _timestamp(started + timedelta(milliseconds=duration))
    except OverflowError:
        return _timestamp(started), None, duration
    return _timestamp(started), ended, duration


def search_text(body: JsonObject) -> str:
    """Joins the words of a call, case-folded, for `searchText`."""
    return "\n".join(text_at(entry, "text") or "" for entry in objects_at(body, "transcript")).casefold()


def call_record(row: sqlite3.Row) -> CallRecord:
    """Reads the call of a row."""
    return CallRecord(
        id=row["id"],
        project_id=row["project_id"],
        external_id=row["external_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        duration_ms=row["duration_ms"],
        status=row["status"],
        body=json.loads(row["body"]),
    )


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
