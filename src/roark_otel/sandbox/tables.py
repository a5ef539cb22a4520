"""The tables of the database, and how a file that an older version wrote gets them.

Triggers note what arrives, so that the pages also list what an older version adds to the same file.
"""

from __future__ import annotations

import sqlite3

from roark_otel.sandbox.arrivals import complete

_VERSION = 1

# What version 0 had: its files have these tables, and no version.
_FIRST = """
CREATE TABLE IF NOT EXISTS call (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    external_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    duration_ms INTEGER,
    status TEXT NOT NULL,
    search_text TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (project_id, external_id)
);;
CREATE TABLE IF NOT EXISTS tool_invocation (
    seq INTEGER PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES call (id),
    body TEXT NOT NULL
);;
CREATE INDEX IF NOT EXISTS tool_invocation_call ON tool_invocation (call_id);;
CREATE TABLE IF NOT EXISTS property (
    call_id TEXT NOT NULL REFERENCES call (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (call_id, name)
);;
CREATE TABLE IF NOT EXISTS property_type (
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    PRIMARY KEY (project_id, name)
);;
CREATE TABLE IF NOT EXISTS span (
    seq INTEGER PRIMARY KEY,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    parent_span_id TEXT NOT NULL,
    name TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    external_id TEXT,
    room_id TEXT,
    UNIQUE (trace_id, span_id)
);;
CREATE INDEX IF NOT EXISTS span_external_id ON span (external_id);;
CREATE INDEX IF NOT EXISTS span_room_id ON span (room_id)
"""

# An arrival is a request that was answered: one that made a call, or one that was refused and has no call. A scope has
# a row for each trace that it has spans in, and an id a row for each trace that it stands in. The first span's time is
# that of its arrival where it is a recorded one, of another day.
_SINCE_VERSION_0 = """
ALTER TABLE span ADD COLUMN kind TEXT NOT NULL DEFAULT 'internal';;
ALTER TABLE span ADD COLUMN scope TEXT NOT NULL DEFAULT '';;
ALTER TABLE span ADD COLUMN status_code TEXT NOT NULL DEFAULT 'unset';;
ALTER TABLE span ADD COLUMN status_message TEXT NOT NULL DEFAULT '';;
ALTER TABLE span ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';;
ALTER TABLE span ADD COLUMN events TEXT NOT NULL DEFAULT '[]';;
CREATE INDEX call_external_id ON call (external_id);;
CREATE TABLE arrival (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    call_id TEXT UNIQUE REFERENCES call (id),
    external_id TEXT,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL DEFAULT '{}',
    answer TEXT NOT NULL DEFAULT '{}',
    issues TEXT NOT NULL DEFAULT '[]',
    body TEXT NOT NULL DEFAULT '{}',
    found_by TEXT
);;
CREATE INDEX arrival_external_id ON arrival (external_id);;
CREATE TABLE trace_scope (
    trace_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    spans INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    PRIMARY KEY (trace_id, scope)
);;
CREATE TABLE trace_call (
    external_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    PRIMARY KEY (external_id, trace_id)
);;
CREATE INDEX trace_call_trace ON trace_call (trace_id);;
INSERT INTO arrival (received_at, call_id, external_id, status)
SELECT created_at, id, external_id, 201 FROM call ORDER BY seq;;
INSERT INTO trace_scope
SELECT trace_id, scope, COUNT(*), MIN(start_ns) / 1000000, 0 FROM span GROUP BY trace_id, scope;;
INSERT INTO trace_call SELECT DISTINCT external_id, trace_id FROM span WHERE external_id IS NOT NULL;;
CREATE TRIGGER call_arrives AFTER INSERT ON call BEGIN
    INSERT INTO arrival (received_at, call_id, external_id, status)
    VALUES (NEW.created_at, NEW.id, NEW.external_id, 201);
END;;
CREATE TRIGGER span_arrives AFTER INSERT ON span BEGIN
    INSERT INTO trace_scope
    SELECT NEW.trace_id, NEW.scope, 1, IIF(NEW.start_ns / 1000000 BETWEEN now - 86400000 AND now,
                                           NEW.start_ns / 1000000, now), now
    FROM (SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS now) WHERE TRUE
    ON CONFLICT (trace_id, scope) DO UPDATE SET
        spans = spans + 1, first_ms = MIN(first_ms, excluded.first_ms), seen_ms = excluded.seen_ms;
END;;
CREATE TRIGGER span_names_call AFTER INSERT ON span WHEN NEW.external_id IS NOT NULL BEGIN
    INSERT OR IGNORE INTO trace_call VALUES (NEW.external_id, NEW.trace_id);
END
"""


def known_version(connection: sqlite3.Connection) -> int:
    """Returns which tables a file has; 0 for those of the first version, and for a new file.

    Raises:
        sqlite3.DatabaseError: a newer version wrote it.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        raise sqlite3.DatabaseError("a newer version of roark-otel wrote it")
    return version


def prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables that are missing, inside of a transaction."""
    if known_version(connection) < _VERSION:
        for statement in (_FIRST + ";;" + _SINCE_VERSION_0).split(";;"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    complete(connection)
