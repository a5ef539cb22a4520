"""Stores the spans of the sandbox, with just enough of each to link its trace to a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel.sandbox.json_values import JsonObject, text_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel.sandbox.database import Database

EXTERNAL_ID_KEY = "roark.external_id"
ROOM_ID_KEY = "livekit.room.id"

_TRACE_ID_DIGITS = 32
_SPAN_ID_DIGITS = 16
_LARGEST_STORED = 2**63 - 1

_INSERT = """
INSERT INTO span (trace_id, span_id, parent_span_id, name, start_ns, end_ns, external_id, room_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace_id, span_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The stored part of a span. Ids are lower-case hex."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    start_ns: int
    end_ns: int
    external_id: str | None
    room_id: str | None

    def is_acceptable(self) -> bool:
        """Returns whether OTLP allows the span: its ids have the right length and are not zero."""
        return (
            _is_id(self.trace_id, _TRACE_ID_DIGITS)
            and _is_id(self.span_id, _SPAN_ID_DIGITS)
            and max(self.start_ns, self.end_ns) <= _LARGEST_STORED
        )


class Spans:
    """The spans in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, spans: Iterable[Span]) -> None:
        """Stores spans. One that is stored already stays as it is, because exporters send spans again."""
        rows = [
            (s.trace_id, s.span_id, s.parent_span_id, s.name, s.start_ns, s.end_ns, s.external_id, s.room_id)
            for s in spans
        ]
        with self._database.transaction() as connection:
            connection.executemany(_INSERT, rows)

    def linked_to(self, call: JsonObject) -> tuple[str, ...]:
        """Returns the ids of the traces that carry the external id or the room id of a call, in order of arrival."""
        keys = (text_at(call, "externalId"), text_at(call, "livekitRoomId"))
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT trace_id FROM span WHERE external_id = ? OR room_id = ? GROUP BY trace_id ORDER BY MIN(seq)",
                keys,
            )
            return tuple(row["trace_id"] for row in rows)


def _is_id(digits: str, length: int) -> bool:
    return len(digits) == length and digits.strip("0") != ""
