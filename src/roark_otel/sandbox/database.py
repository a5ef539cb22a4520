"""The SQLite database of the sandbox, which is used in transactions only."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

FILE_NAME = "roark-sandbox.sqlite3"

_TABLES = """
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
);
CREATE TABLE IF NOT EXISTS tool_invocation (
    seq INTEGER PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES call (id),
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tool_invocation_call ON tool_invocation (call_id);
CREATE TABLE IF NOT EXISTS property (
    call_id TEXT NOT NULL REFERENCES call (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (call_id, name)
);
CREATE TABLE IF NOT EXISTS property_type (
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    PRIMARY KEY (project_id, name)
);
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
);
CREATE INDEX IF NOT EXISTS span_external_id ON span (external_id);
CREATE INDEX IF NOT EXISTS span_room_id ON span (room_id);
"""


class Database:
    """One connection, used by one thread at a time.

    Args:
        directory: The directory of the file, made if missing. None: everything is in memory.
    """

    def __init__(self, directory: Path | None) -> None:
        self._lock = threading.Lock()
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if directory is None else str(directory / FILE_NAME)
        self._connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(_TABLES)

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection, None, None]:
        """Commits the statements of the block together; rolls all of them back if an exception leaves it."""
        with self._lock:
            # IMMEDIATE, so that a second process on the same file waits here instead of failing at its first write.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()
