"""Stores the calls of the sandbox, and changes only what Roark lets a sender change."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from roark_otel.sandbox.arrivals import note_call, note_tools
from roark_otel.sandbox.json_values import JsonObject, int_at, object_at, objects_at, text_at
from roark_otel.sandbox.listing import Page, PageRequest, select_page
from roark_otel.sandbox.properties import select_properties, store_properties
from roark_otel.sandbox.records import call_record, now, search_text, times
from roark_otel.sandbox.stored import Appended, CallRecord, Creation, Patched, Patching, Taken, WrongType

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from roark_otel.sandbox.database import Database

_INSERT = """
INSERT INTO call (id, project_id, external_id, created_at, updated_at, started_at, ended_at, duration_ms,
                  status, search_text, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'ENDED', ?, ?)
ON CONFLICT (project_id, external_id) DO NOTHING
"""


class _WrongTypeError(Exception):
    """Carries a `WrongType` out of a transaction, which an exception rolls back."""

    def __init__(self, outcome: WrongType) -> None:
        super().__init__(outcome.key)
        self.outcome = outcome


class Calls:
    """The calls in a database. The caller has validated all bodies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, project_id: str, posted: str, body: JsonObject, headers: Mapping[str, str]) -> Creation:
        """Stores a new call.

        Args:
            project_id: The project that it belongs to.
            posted: The body as text, which is stored unchanged.
            body: The parsed body.
            headers: Those of the request that a page may show.
        """
        call_id, created = str(uuid.uuid4()), now()
        key = (call_id, project_id, text_at(body, "externalId"), created, created)
        row = (*key, *times(body), search_text(body), posted)
        try:
            with self._database.transaction() as connection:
                if not connection.execute(_INSERT, row).rowcount:
                    return Taken(text_at(body, "externalId") or "")
                _write_properties(connection, project_id, call_id, object_at(body, "properties"))
                _insert_tools(connection, call_id, objects_at(body, "toolInvocations"))
                note_call(connection, call_id, body, headers)
                return _select(connection, project_id, call_id)
        except _WrongTypeError as error:
            return error.outcome

    def get(self, project_id: str, call_id: str) -> CallRecord:
        """Reads one call.

        Raises:
            KeyError: The project has no call with this id.
        """
        with self._database.reading() as connection:
            return _select(connection, project_id, call_id)

    def with_id(self, call_id: str) -> CallRecord:
        """Reads a call of any project by Roark's id.

        Raises:
            KeyError: No call has it.
        """
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM call WHERE id = ?", (call_id,))
            return _record(rows.fetchone(), call_id)

    def page(self, project_id: str, request: PageRequest) -> Page:
        """Reads one page of the calls of a project.

        Raises:
            KeyError: The cursor of the request is not a call of the project.
        """
        with self._database.reading() as connection:
            return select_page(connection, project_id, request)

    def append_tools(self, call_id: str, invocations: list[JsonObject]) -> Appended:
        """Adds those tool invocations whose name and timing the call does not have yet."""
        with self._database.transaction() as connection:
            known = {_tool_key(tool) for tool in _select_tools(connection, call_id)}
            fresh: dict[tuple[object, ...], JsonObject] = {}
            for invocation in invocations:
                key = _tool_key(invocation)
                if key not in known:
                    fresh.setdefault(key, invocation)
            _insert_tools(connection, call_id, list(fresh.values()))
            if fresh:
                note_tools(connection, call_id, fresh.values())
                _touch(connection, call_id)
        return Appended(len(fresh), len(invocations) - len(fresh))

    def patch_properties(self, project_id: str, call_id: str, values: JsonObject) -> Patching:
        """Changes properties of a call, all of them or none."""
        try:
            with self._database.transaction() as connection:
                patched = _write_properties(connection, project_id, call_id, values)
                _touch(connection, call_id)
                return patched
        except _WrongTypeError as error:
            return error.outcome

    def properties(self, call_id: str) -> dict[str, str]:
        """Reads the properties of a call."""
        with self._database.reading() as connection:
            return select_properties(connection, call_id)

    def tool_invocations(self, call_id: str) -> tuple[JsonObject, ...]:
        """Reads the tool invocations of a call, in order of arrival."""
        with self._database.reading() as connection:
            return tuple(_select_tools(connection, call_id))

    def bodies(self) -> list[JsonObject]:
        """Reads the posted bodies of all projects, oldest first."""
        with self._database.reading() as connection:
            return [json.loads(row["body"]) for row in connection.execute("SELECT body FROM call ORDER BY seq")]

    def with_external_id(self, external_id: str) -> CallRecord:
        """Reads the first call of any project with this external id.

        Raises:
            KeyError: No call has it.
        """
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM call WHERE external_id = ? ORDER BY seq", (external_id,))
            return _record(rows.fetchone(), external_id)


def _write_properties(connection: sqlite3.Connection, project_id: str, call_id: str, values: JsonObject) -> Patched:
    match store_properties(connection, project_id, call_id, values):
        case WrongType() as outcome:
            raise _WrongTypeError(outcome)
        case Patched() as patched:
            return patched


def _select(connection: sqlite3.Connection, project_id: str, call_id: str) -> CallRecord:
    rows = connection.execute("SELECT * FROM call WHERE (project_id, id) = (?, ?)", (project_id, call_id))
    return _record(rows.fetchone(), call_id)


def _record(row: sqlite3.Row | None, wanted: str) -> CallRecord:
    if row is None:
        raise KeyError(wanted)
    return call_record(row)


def _select_tools(connection: sqlite3.Connection, call_id: str) -> list[JsonObject]:
    rows = connection.execute("SELECT body FROM tool_invocation WHERE call_id = ? ORDER BY seq", (call_id,))
    return [json.loads(row["body"]) for row in rows]


def _insert_tools(connection: sqlite3.Connection, call_id: str, invocations: list[JsonObject]) -> None:
    connection.executemany(
        "INSERT INTO tool_invocation (call_id, body) VALUES (?, ?)",
        [(call_id, json.dumps(invocation, ensure_ascii=False)) for invocation in invocations],
    )


def _tool_key(invocation: JsonObject) -> tuple[object, ...]:
    return (invocation["name"], int_at(invocation, "startOffsetMs"), int_at(invocation, "endOffsetMs"))


def _touch(connection: sqlite3.Connection, call_id: str) -> None:
    connection.execute("UPDATE call SET updated_at = ? WHERE id = ?", (now(), call_id))
