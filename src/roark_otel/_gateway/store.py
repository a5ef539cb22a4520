"""The pieces of open conversations, and the calls that were made of closed ones, in SQLite: what a kill leaves.

A request is stored whole or not at all, and is on the disk when `add` returns. Requests that wait together share one
transaction, and so one sync of the disk.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from roark_otel._gateway.trace_group import PieceArrival

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from roark_otel._gateway.pieces import TracePiece

STORE_FILE: Final = "spans.sqlite3"
SPARE_BYTES: Final = 16 * 1024 * 1024
"""What is left free on the disk: even to remove something SQLite writes it into its log first."""

FORMAT: Final = 1
"""The version of the tables. A store of a newer one is not opened."""

_TABLES: Final = """
CREATE TABLE pieces (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    trace BLOB NOT NULL,
    digest BLOB NOT NULL,
    arrived REAL NOT NULL,
    spans INTEGER NOT NULL,
    size INTEGER NOT NULL,
    shown TEXT NOT NULL,
    resource_id TEXT,
    body BLOB NOT NULL,
    UNIQUE (trace, digest)
);
CREATE TABLE calls (
    external_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    closed REAL,
    made TEXT NOT NULL,
    traces BLOB NOT NULL,
    spans BLOB NOT NULL
);
CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), accepted REAL NOT NULL);
INSERT INTO clock VALUES (1, 0);
"""


class NewerStoreError(Exception):
    """The store was written by a newer version, whose tables this one does not know."""


class ClosedCall(NamedTuple):
    """A conversation that is over.

    Attributes:
        external_id: Its id.
        name: The name of its call in the spool; empty if it made none.
        closed: When it was closed, in accepting time; None while its call is being put into the spool.
        made: What late spans of it are read with, as a list.
        traces: Its traces.
        spans: The ids of its spans, each as 8 bytes.
    """

    external_id: str
    name: str
    closed: float | None
    made: list[Any]
    traces: tuple[bytes, ...]
    spans: frozenset[int]


class SpanStore:
    """The tables, for one thread. The thread that reads opens a store of its own.

    Args:
        directory: Where the file is. It is made, for the user alone, if it is not there.

    Raises:
        OSError: if it cannot be made.
        sqlite3.Error: if the file cannot be opened, or is none.
        NewerStoreError: if a newer version has written it.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        path = directory / STORE_FILE
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._path, self._file = path, _file_at(path)
        self._tables = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
        self._tables.execute("PRAGMA journal_mode=WAL")
        self._tables.execute("PRAGMA synchronous=FULL")
        self._tables.execute("PRAGMA journal_size_limit=67108864")
        (version,) = self._tables.execute("PRAGMA user_version").fetchone()
        if version > FORMAT:
            raise NewerStoreError
        if version == 0:
            self._tables.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version={FORMAT}; COMMIT;")

    def close(self) -> None:
        """Closes the file."""
        self._tables.close()

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._tables.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._tables.execute("COMMIT")
        except BaseException:
            if self._tables.in_transaction:
                self._tables.execute("ROLLBACK")
            raise

    def _check_file(self) -> None:
        """Checks that what is written is found again: a file that was removed takes everything, and is gone with us."""
        if _file_at(self._path) != self._file:
            raise sqlite3.OperationalError("its file was removed or replaced: start the gateway again")

    # What comes

    def add(self, requests: Iterable[Sequence[TracePiece]], accepted: float) -> list[list[PieceArrival]]:
        """Stores the pieces of several requests. Returns what is new of each: a piece that is there already is not.

        Raises:
            sqlite3.Error: if they cannot be stored; then none of them is.
        """
        self._check_file()
        with self._transaction():
            found = [[one for piece in pieces for one in self._added(piece, accepted)] for pieces in requests]
            self._tables.execute("UPDATE clock SET accepted = ?", (accepted,))
        return found

    def _added(self, piece: TracePiece, accepted: float) -> Iterator[PieceArrival]:
        digest = blake2b(piece.body, digest_size=16).digest()
        shown, size = json.dumps(piece.shown) if piece.shown else "", len(piece.body)
        row = (piece.trace, digest, accepted, piece.spans, size, shown, piece.resource_id, piece.body)
        done = self._tables.execute(
            "INSERT OR IGNORE INTO pieces (trace, digest, arrived, spans, size, shown, resource_id, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        if done.rowcount:
            yield PieceArrival(done.lastrowid or 0, piece.trace, size, piece.shown, piece.resource_id)

    def keep_clock(self, accepted: float) -> None:
        """Notes the accepting time.

        Raises:
            sqlite3.Error: if it cannot be noted.
        """
        self._check_file()
        self._tables.execute("UPDATE clock SET accepted = ?", (accepted,))

    # What there is

    def room(self) -> int:
        """Returns how many bytes can be stored: those that are free on the disk, and within the file."""
        outside = shutil.disk_usage(self._directory).free - SPARE_BYTES
        if outside < 0:
            return 0
        (pages,), (size,) = (
            self._tables.execute(f"PRAGMA {one}").fetchone() for one in ("freelist_count", "page_size")
        )
        return outside + int(pages) * int(size)

    def accepted(self) -> float:
        """Returns the accepting time that was noted last."""
        with _as_written():
            (found,) = self._tables.execute("SELECT accepted FROM clock").fetchone()
            return float(found)

    def arrivals(self) -> Iterator[tuple[PieceArrival, float]]:
        """Yields every piece, without its spans, and when it came, in the order in which they came."""
        for row in self._tables.execute(
            "SELECT number, trace, size, shown, resource_id, arrived FROM pieces ORDER BY number"
        ):
            with _as_written():
                found = _arrival(row), float(row[5])
            yield found

    def arrivals_of(self, traces: Iterable[bytes]) -> list[PieceArrival]:
        """Returns the pieces of some traces, without their spans."""
        query = "SELECT number, trace, size, shown, resource_id FROM pieces WHERE trace = ?"
        return sorted(_arrival(row) for trace in traces for row in self._tables.execute(query, (trace,)))

    def bodies(self, traces: Iterable[bytes], last: int) -> Iterator[bytes]:
        """Yields the requests of some traces, up to the piece of this number."""
        for trace in traces:
            query = "SELECT body FROM pieces WHERE trace = ? AND number <= ? ORDER BY number"
            for (body,) in self._tables.execute(query, (trace, last)):
                yield body

    def calls(self) -> Iterator[ClosedCall]:
        """Yields the conversations that are over, without their spans, and those whose call is being spooled."""
        for row in self._tables.execute(
            "SELECT external_id, name, closed, made, traces, x'' FROM calls ORDER BY closed"
        ):
            with _as_written():
                found = _closed_call(row)
            yield found

    def call(self, external_id: str) -> ClosedCall | None:
        """Returns the conversation of this id that is over; None if there is none."""
        query = "SELECT external_id, name, closed, made, traces, spans FROM calls WHERE external_id = ?"
        row = self._tables.execute(query, (external_id,)).fetchone()
        return None if row is None else _closed_call(row)

    # What becomes of it

    def begin_calls(self, several: Iterable[ClosedCall]) -> None:
        """Notes, before their calls go into the spool, that these conversations are about to be over."""
        with self._transaction():
            for one in several:
                self._put_call(one)

    def close_group(self, several: Iterable[ClosedCall], traces: Iterable[bytes], last: int) -> None:
        """Notes that conversations are over, and removes the pieces of some traces up to this number."""
        with self._transaction():
            for one in several:
                self._put_call(one)
            for trace in traces:
                self._tables.execute("DELETE FROM pieces WHERE trace = ? AND number <= ?", (trace, last))

    def _put_call(self, one: ClosedCall) -> None:
        spans = b"".join(span.to_bytes(8, "big") for span in one.spans)
        row = (one.external_id, one.name, one.closed, json.dumps(one.made), b"".join(one.traces), spans)
        self._tables.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?)", row)

    def forget_calls(self, several: Iterable[str]) -> None:
        """Removes what is remembered of conversations."""
        with self._transaction():
            self._tables.executemany("DELETE FROM calls WHERE external_id = ?", [(one,) for one in several])


def _file_at(path: Path) -> tuple[int, int] | None:
    """Returns which file is at a path; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _as_written() -> Generator[None]:
    """Turns what rows raise that no gateway has written into what a damaged file raises."""
    try:
        yield
    except (ValueError, TypeError, LookupError) as fault:
        raise sqlite3.DatabaseError("it has rows that no gateway writes") from fault


def _arrival(row: Sequence[Any]) -> PieceArrival:
    number, trace, size, shown, resource_id = row[:5]
    return PieceArrival(number, trace, size, tuple((one, two) for one, two in json.loads(shown or "[]")), resource_id)


def _closed_call(row: Sequence[Any]) -> ClosedCall:
    external_id, name, closed, made, traces, spans = row
    return ClosedCall(
        external_id,
        name,
        closed,
        json.loads(made),
        tuple(traces[at : at + 16] for at in range(0, len(traces), 16)),
        frozenset(int.from_bytes(spans[at : at + 8], "big") for at in range(0, len(spans), 8)),
    )
