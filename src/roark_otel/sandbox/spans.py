"""Stores the spans of the sandbox, and knows which traces are linked to a call."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roark_otel.sandbox.json_values import JsonObject, text_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roark_otel.sandbox.database import Database

EXTERNAL_ID_KEY = "roark.external_id"
ROOM_ID_KEY = "livekit.room.id"

_TRACE_ID_DIGITS = 32
_SPAN_ID_DIGITS = 16
_LARGEST_STORED = 2**63 - 1

_INSERT = """
INSERT INTO span (trace_id, span_id, parent_span_id, name, start_ns, end_ns, external_id, room_id,
                  kind, scope, status_code, status_message, attributes, events)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace_id, span_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The stored part of a span. Ids are lower-case hex.

    Attributes:
        external_id: The external id that it or its resource carries.
        room_id: The id of the LiveKit room that it or its resource carries.
        kind: OTLP's word in lower case, such as `client`.
        status_code: `unset`, `ok` or `error`.
        attributes: Its own, as JSON values.
        events: Each with `name`, `atNs` and `attributes`.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    start_ns: int
    end_ns: int
    external_id: str | None
    room_id: str | None
    kind: str = "internal"
    scope: str = ""
    status_code: str = "unset"
    status_message: str = ""
    attributes: JsonObject = field(default_factory=dict[str, object])
    events: list[JsonObject] = field(default_factory=list[JsonObject])

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
        rows = [_row(span) for span in spans]
        with self._database.transaction() as connection:
            connection.executemany(_INSERT, rows)

    def linked_to(self, call: Mapping[str, object]) -> tuple[str, ...]:
        """Returns the ids of the traces that carry the external id or the room id of a call, in order of arrival."""
        keys = [call.get(name) for name in ("externalId", "livekitRoomId")]
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT trace_id FROM span WHERE external_id = ? OR room_id = ? GROUP BY trace_id ORDER BY MIN(seq)",
                [key if isinstance(key, str) else None for key in keys],
            )
            return tuple(row["trace_id"] for row in rows)


def carried(key: str, *attributes: JsonObject) -> str | None:
    """Returns the first text under a key; None without any."""
    return next((text for one in attributes if (text := text_at(one, key)) is not None), None)


def _row(span: Span) -> tuple[object, ...]:
    ids = (span.trace_id, span.span_id, span.parent_span_id, span.name, span.start_ns, span.end_ns)
    status = (span.kind, span.scope, span.status_code, span.status_message)
    texts = (json.dumps(span.attributes, ensure_ascii=False), json.dumps(span.events, ensure_ascii=False))
    return (*ids, span.external_id, span.room_id, *status, *texts)


def _is_id(digits: str, length: int) -> bool:
    return len(digits) == length and digits.strip("0") != ""
