"""What has arrived at the sandbox, in one order: each call, and each request that was refused."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from roark_otel.pages.values import entries, part, text
from roark_otel.sandbox.formats import to_utc
from roark_otel.sandbox.records import now, timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from roark_otel.sandbox.database import Database
    from roark_otel.sandbox.errors import Issue
    from roark_otel.sandbox.json_values import JsonObject

_MOST_ROWS: Final = 500
_MOST_REFUSED: Final = 200
_MOST_REFUSED_BYTES: Final = 64 * 1024 * 1024

_NAMED_BY = ("externalId", "livekitRoomId", "vapiCallId", "endedStatus", "interfaceType", "callDirection")

# A call has its body in its own table.
_FROM = "FROM arrival LEFT JOIN call ON call.id = call_id"
_KEYS = f"SELECT arrival.seq, COALESCE(call.updated_at, received_at) AS changed_at {_FROM}"
_SELECT = f"""
SELECT arrival.seq, received_at, call_id, arrival.status, headers, answer, issues,
       COALESCE(call.body, arrival.body) AS body
{_FROM}
"""

# A room is looked for among the texts of the newest calls: one that only mentions it is no harm, its row is the same.
_CHANGED = f"""
{_KEYS} WHERE arrival.seq <= :seq AND call_id IS NOT NULL AND (
    (updated_at >= :iso AND updated_at > created_at) OR arrival.external_id IN (
        SELECT external_id FROM trace_call JOIN trace_scope USING (trace_id) WHERE seen_ms >= :since)
    OR (arrival.seq > :seq - {_MOST_ROWS} AND EXISTS (
        SELECT 1 FROM json_each(:rooms) WHERE instr(found_by, value) > 0)))
ORDER BY arrival.seq DESC LIMIT {_MOST_ROWS}
"""  # noqa: S608 - constants

_ROOMS = """
SELECT DISTINCT room_id FROM span WHERE room_id != '' AND trace_id IN (
    SELECT trace_id FROM trace_scope WHERE seen_ms >= ?)
"""

_OF_CALL = "call_id = :id OR (call_id IS NOT NULL AND arrival.external_id = :id)"
_REFUSED = "arrival.seq = :id AND call_id IS NULL"

_PRUNE = """
DELETE FROM arrival WHERE call_id IS NULL AND seq <= (
    SELECT seq FROM (
        SELECT seq, ROW_NUMBER() OVER newest AS number, SUM(LENGTH(body)) OVER newest AS bytes
        FROM arrival WHERE call_id IS NULL WINDOW newest AS (ORDER BY seq DESC)
    ) WHERE number > ? OR (bytes > ? AND number > 1) ORDER BY seq DESC LIMIT 1
)
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that was answered.

    Attributes:
        seq: Its place in the order of arrival; no two have the same.
        received_at: When it arrived.
        call_id: Roark's id of the call. None: it was refused.
        status: The status of the answer.
        headers: Those of the request that a page may show, by name.
        answer: The body of the answer, of one that was refused.
        issues: Why it was refused: each with `field` and `message`.
        body: What was posted; empty where that is not a JSON object.
    """

    seq: int
    received_at: str
    call_id: str | None
    status: int
    headers: JsonObject
    answer: JsonObject
    issues: list[JsonObject]
    body: JsonObject


@dataclass(frozen=True, slots=True)
class RowKey:
    """Which arrival, and when it last changed."""

    seq: int
    changed_at: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The newest of the arrivals that were looked for, and how many of them there are."""

    keys: tuple[RowKey, ...]
    total: int


class Arrivals:
    """The arrivals in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def refuse(
        self, status: int, body: JsonObject, headers: Mapping[str, str], answer: JsonObject, issues: Sequence[Issue]
    ) -> int:
        """Keeps a refused request, and lets go of the oldest over the limits. Returns its number."""
        named = [{"field": issue.path, "message": issue.message} for issue in issues]
        texts = [json.dumps(value, ensure_ascii=False) for value in (dict(headers), answer, named, body)]
        row = (now(), text(body, "externalId") or None, status, *texts, found_by(body))
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO arrival (received_at, external_id, status, headers, answer, issues, body, found_by)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            connection.execute(_PRUNE, (_MOST_REFUSED, _MOST_REFUSED_BYTES))
            return cursor.lastrowid or 0

    def newest(self, search: str = "") -> Listing:
        """Lists the newest arrivals, newest first.

        Args:
            search: What they are found by: words, ids, people, numbers, tools or properties. Empty: all.
        """
        values: dict[str, str] = {"search": search.casefold()}
        wanted = "WHERE :search = '' OR instr(found_by, :search) > 0"
        with self._database.reading() as connection:
            total = connection.execute(f"SELECT COUNT(*) FROM arrival {wanted}", values).fetchone()[0]  # noqa: S608 - a constant
            ordered = f"{_KEYS} {wanted} ORDER BY arrival.seq DESC LIMIT {_MOST_ROWS}"
            return Listing(_keys(connection.execute(ordered, values)), total)

    def after(self, seq: int) -> tuple[RowKey, ...]:
        """Lists the newest arrivals that came after one, oldest first."""
        ordered = f"{_KEYS} WHERE arrival.seq > ? ORDER BY arrival.seq DESC LIMIT {_MOST_ROWS}"
        with self._database.reading() as connection:
            return _keys(connection.execute(ordered, (seq,)))[::-1]

    def changed(self, since_ms: int, seq: int) -> tuple[RowKey, ...]:
        """Lists the calls up to a number that have changed since a time, as by a trace that was linked to them."""
        with self._database.reading() as connection:
            rooms = [row["room_id"].casefold() for row in connection.execute(_ROOMS, (since_ms,))]
            values = {"since": since_ms, "iso": timestamp(since_ms), "seq": seq, "rooms": json.dumps(rooms)}
            return _keys(connection.execute(_CHANGED, values))

    def received_ms(self, seq: int) -> int:
        """Returns when an arrival was received, in ms since 1970; now if there is none with this number."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT received_at FROM arrival WHERE seq = ?", (seq,)).fetchone()
        return int(time.time() * 1000) if row is None else int(to_utc(row["received_at"]).timestamp() * 1000)

    def at(self, seq: int) -> Arrival:
        """Reads an arrival.

        Raises:
            KeyError: There is none with this number: it may have been let go of.
        """
        return self._one("arrival.seq = :id", seq)

    def of_call(self, call_id: str) -> Arrival:
        """Reads the arrival of a call by Roark's id, or else by its external id.

        Raises:
            KeyError: No call has it.
        """
        return self._one(_OF_CALL, call_id)

    def has_call(self, call_id: str) -> bool:
        """Returns whether `of_call` finds one, without reading what was posted."""
        return self._is_there(_OF_CALL, call_id)

    def refused(self, seq: int) -> Arrival:
        """Reads a refused request.

        Raises:
            KeyError: There is none with this number.
        """
        return self._one(_REFUSED, seq)

    def has_refused(self, seq: int) -> bool:
        """Returns whether `refused` finds one, without reading what was posted."""
        return self._is_there(_REFUSED, seq)

    def newest_seq(self) -> int:
        """Returns the number of the newest arrival; 0 without any."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT COALESCE(MAX(seq), 0) FROM arrival").fetchone()[0])

    def _is_there(self, wanted: str, value: str | int) -> bool:
        statement = f"SELECT EXISTS (SELECT 1 FROM arrival WHERE {wanted})"  # noqa: S608 - constants
        with self._database.reading() as connection:
            return bool(connection.execute(statement, {"id": value}).fetchone()[0])

    def _one(self, wanted: str, value: str | int) -> Arrival:
        with self._database.reading() as connection:
            ordered = f"{_SELECT} WHERE {wanted} ORDER BY call_id = :id DESC, arrival.seq DESC LIMIT 1"
            found = _arrivals(connection.execute(ordered, {"id": value}))
        if not found:
            raise KeyError(value)
        return found[0]


def note_call(connection: sqlite3.Connection, call_id: str, body: JsonObject, headers: Mapping[str, str]) -> None:
    """Completes the arrival of a call that was just stored."""
    connection.execute(
        "UPDATE arrival SET headers = ?, found_by = ? WHERE call_id = ?",
        (json.dumps(dict(headers), ensure_ascii=False), found_by(body), call_id),
    )


def note_tools(connection: sqlite3.Connection, call_id: str, invocations: Iterable[JsonObject]) -> None:
    """Lets a call be found by tools that came later."""
    names = "\n".join(text(tool, "name") for tool in invocations).casefold()
    connection.execute("UPDATE arrival SET found_by = found_by || char(10) || ? WHERE call_id = ?", (names, call_id))


def complete(connection: sqlite3.Connection) -> None:
    """Fills in what an older version of this package leaves out of the arrivals of its calls."""
    missing = connection.execute("SELECT call_id FROM arrival WHERE found_by IS NULL").fetchall()
    for (call_id,) in missing:
        posted = connection.execute("SELECT body FROM call WHERE id = ?", (call_id,)).fetchone()[0]
        note_call(connection, call_id, json.loads(posted), {})


def found_by(body: JsonObject) -> str:
    """Joins what a call is found by, case-folded: words, ids, people, numbers, tools and properties."""
    people = [part(body, "agent"), *entries(body, "agents"), part(body, "customer"), *entries(body, "customers")]
    found = [body.get(key) for key in _NAMED_BY]
    found += [value for one in people for value in one.values()]
    found += [entry.get("text") for entry in entries(body, "transcript")]
    found += [tool.get("name") for tool in entries(body, "toolInvocations")]
    found += [one for pair in part(body, "properties").items() for one in pair]
    return "\n".join(str(one) for one in found if isinstance(one, str | int | float)).casefold()


def _keys(rows: Iterable[sqlite3.Row]) -> tuple[RowKey, ...]:
    return tuple(RowKey(row["seq"], row["changed_at"]) for row in rows)


def _arrivals(rows: Iterable[sqlite3.Row]) -> list[Arrival]:
    return [
        Arrival(
            seq=row["seq"],
            received_at=row["received_at"],
            call_id=row["call_id"],
            status=row["status"],
            headers=json.loads(row["headers"]),
            answer=json.loads(row["answer"]),
            issues=json.loads(row["issues"]),
            body=json.loads(row["body"]),
        )
        for row in rows
    ]
