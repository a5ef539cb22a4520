"""The SQLite database of the sandbox, which is used in transactions only."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from roark_otel.sandbox.tables import known_version, prepare

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

FILE_NAME = "roark-sandbox.sqlite3"


class Database:
    """One connection, used by one thread at a time.

    Args:
        directory: The directory of the file, made if missing. None: everything is in memory.

    Raises:
        OSError: The directory cannot be made.
        sqlite3.Error: The file is damaged, or a newer version wrote it.
    """

    def __init__(self, directory: Path | None) -> None:
        self._lock = threading.Lock()
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if directory is None else str(directory / FILE_NAME)
        self._connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        try:
            known_version(self._connection)  # first: a file of a newer version is left as it is
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            with self.transaction() as connection:
                prepare(connection)
        except BaseException:
            self._connection.close()
            raise

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection, None, None]:
        """Commits the statements of the block together; rolls all of them back if an exception leaves it."""
        # IMMEDIATE, so that a second process on the same file waits here instead of failing at its first write.
        with self._lock, self._block("BEGIN IMMEDIATE"):
            yield self._connection

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """Lets the statements of the block read the same state; other processes may write meanwhile."""
        with self._lock, self._block("BEGIN"):
            yield self._connection

    @contextmanager
    def _block(self, begin: str) -> Generator[None, None, None]:
        self._connection.execute(begin)
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself rolls back where the disk is full
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()
