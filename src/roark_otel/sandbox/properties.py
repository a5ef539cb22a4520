"""Custom properties: names in snake_case, and one value type for each name in a project."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from roark_otel.sandbox.stored import Patched, Patching, WrongType

if TYPE_CHECKING:
    import sqlite3

    from roark_otel.sandbox.json_values import JsonObject

# Roark's documentation names these three "and more"; the rest of its list is not public.
RESERVED: frozenset[str] = frozenset({"direction", "duration_seconds", "agent_id"})

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_A_WORD = re.compile(r"[^0-9A-Za-z\u0080-\U0010ffff]+")


def stored_name(key: str) -> str:
    """Converts the name of a property to the snake_case that it is stored under."""
    return _NOT_A_WORD.sub("_", _WORD_START.sub("_", key)).strip("_").lower()


def store_properties(connection: sqlite3.Connection, project_id: str, call_id: str, values: JsonObject) -> Patching:
    """Sets properties of a call, and removes those whose value is null.

    On a `WrongType` the caller has to roll back, because the properties before it are written already.
    """
    updated: dict[str, None] = {}
    removed: dict[str, None] = {}
    for key, value in values.items():
        name = stored_name(key)
        if value is None:
            cursor = connection.execute("DELETE FROM property WHERE (call_id, name) = (?, ?)", (call_id, name))
            if cursor.rowcount:
                removed[name] = None
            continue
        stored = _type_in_project(connection, project_id, name, type_name(value))
        if stored != type_name(value):
            return WrongType(key, stored)
        connection.execute(
            "INSERT INTO property VALUES (?, ?, ?) ON CONFLICT (call_id, name) DO UPDATE SET value = excluded.value",
            (call_id, name, _as_text(value)),
        )
        updated[name] = None
    return Patched(tuple(updated), tuple(removed))


def select_properties(connection: sqlite3.Connection, call_id: str) -> dict[str, str]:
    """Reads the properties of a call, all values as strings, as Roark answers them."""
    rows = connection.execute("SELECT name, value FROM property WHERE call_id = ? ORDER BY rowid", (call_id,))
    return {row["name"]: row["value"] for row in rows}


def type_name(value: object) -> str:
    """Returns the name of the JSON type of a value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _type_in_project(connection: sqlite3.Connection, project_id: str, name: str, wanted: str) -> str:
    connection.execute("INSERT INTO property_type VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (project_id, name, wanted))
    row = connection.execute(
        "SELECT type FROM property_type WHERE (project_id, name) = (?, ?)", (project_id, name)
    ).fetchone()
    return str(row["type"])


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
