"""`GET /v1/call`: which calls, in which order, and where the next page begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel.sandbox.errors import Issue, invalid
from roark_otel.sandbox.records import call_record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from roark_otel.sandbox.stored import CallRecord

_STATUSES = ("RINGING", "IN_PROGRESS", "ENDED")
_DEFAULT_LIMIT = 20
_MOST = 100

# Null is replaced: a comparison with it is never true in SQL, so that the next page would be empty.
_SORT_KEYS = {
    "createdAt": "created_at",
    "startedAt": "started_at",
    "endedAt": "COALESCE(ended_at, '')",
    "duration": "COALESCE(duration_ms, -1)",
    "title": "''",
    "status": "status",
}
_DIRECTIONS = {"asc": ("ASC", ">"), "desc": ("DESC", "<")}


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The query of a listing. An empty string means that the parameter was not sent."""

    limit: int
    after: str
    status: str
    search_text: str
    sort_by: str
    sort_direction: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the calls of a project.

    Attributes:
        records: The calls of this page.
        total: The number of calls on all pages.
        has_more: Whether another page follows.
    """

    records: tuple[CallRecord, ...]
    total: int
    has_more: bool

    @property
    def next_cursor(self) -> str | None:
        """The value of `after` for the next page."""
        return self.records[-1].id if self.has_more else None


def page_request(query: Mapping[str, str]) -> PageRequest:
    """Parses the query parameters.

    Raises:
        ApiError: A parameter has a value that is not allowed.
    """
    return PageRequest(
        limit=_limit(query.get("limit", str(_DEFAULT_LIMIT))),
        after=query.get("after", ""),
        status=_one_of(query, "status", ("", *_STATUSES)),
        search_text=query.get("searchText", "").casefold(),
        sort_by=_one_of(query, "sortBy", tuple(_SORT_KEYS), "createdAt"),
        sort_direction=_one_of(query, "sortDirection", tuple(_DIRECTIONS), "desc"),
    )


def select_page(connection: sqlite3.Connection, project_id: str, request: PageRequest) -> Page:
    """Reads one page.

    Raises:
        KeyError: The cursor is not a call of the project.
    """
    values = {"project": project_id, "status": request.status, "search": request.search_text}
    wanted = (
        "project_id = :project AND (:status = '' OR status = :status)"
        " AND (:search = '' OR instr(search_text, :search) > 0)"
    )
    total = connection.execute(f"SELECT COUNT(*) FROM call WHERE {wanted}", values).fetchone()[0]  # noqa: S608 - constants
    if request.after:
        _require(connection, project_id, request.after)
    key, (direction, follows) = _SORT_KEYS[request.sort_by], _DIRECTIONS[request.sort_direction]
    # The names come from the two tables above, never from the request.
    statement = (
        f"SELECT * FROM call WHERE {wanted} AND (:after = '' OR ({key}, seq) {follows}"  # noqa: S608 - constants
        f" (SELECT {key}, seq FROM call WHERE id = :after))"
        f" ORDER BY {key} {direction}, seq {direction} LIMIT :most"
    )
    rows = connection.execute(statement, {**values, "after": request.after, "most": request.limit + 1}).fetchall()
    return Page(tuple(call_record(row) for row in rows[: request.limit]), total, len(rows) > request.limit)


def _require(connection: sqlite3.Connection, project_id: str, call_id: str) -> None:
    rows = connection.execute("SELECT 1 FROM call WHERE (project_id, id) = (?, ?)", (project_id, call_id))
    if rows.fetchone() is None:
        raise KeyError(call_id)


def _limit(text: str) -> int:
    # At most four digits: int() raises for text of very many.
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= len("9999") else 0
    if not 1 <= limit <= _MOST:
        raise invalid(Issue("limit", f"must be a whole number from 1 to {_MOST}"))
    return limit


def _one_of(query: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str = "") -> str:
    value = query.get(name, default)
    if value not in allowed:
        raise invalid(Issue(name, "must be one of " + ", ".join(filter(None, allowed))))
    return value
