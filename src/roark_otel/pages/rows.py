"""The row of a request in the list of calls: what a miniature of the call, its numbers and the filters need.

A row has no words, and its size is bounded: a call of four hours costs the list no more than one of a minute.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from roark_otel.pages.outline import answers, interruptions
from roark_otel.pages.values import Json, end, entries, failed, part, start, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MOST_PIECES: Final = 400
"""The most pieces of one side that a miniature shows: about one for each pixel."""

_LONGEST_TEXT: Final = 300
"""Roark's ids have up to 255 characters; what was refused can be of any length."""

_MOST_FIELDS: Final = 20
_MOST_AGENTS: Final = 4

Piece = tuple[int, int, str, bool]
"""Start and end in ms, the side, and whether it was cut off or failed."""


def row(
    body: object,
    *,
    seq: int,
    received_at: str,
    call_id: str | None = None,
    traces: int = 0,
    status: int = 201,
    fields: Iterable[str] = (),
) -> dict[str, Any]:
    """Returns the row of a request.

    Args:
        body: What was posted to `/v1/call`: a call, or whatever else it is.
        seq: The number of the request, by which rows are ordered.
        received_at: When it arrived, in ISO 8601.
        call_id: Roark's id of the call; None for a refused request.
        traces: How many traces are linked to the call.
        status: The status of the answer.
        fields: The names of the fields that were refused.

    Returns:
        A row of plain JSON values; times are in ms from the start of the call.
    """
    call: Json = cast("Json", body) if isinstance(body, dict) else {}
    cut_off = interruptions(call)
    said, used = list(_said(call, cut_off)), list(_used(call))
    length = max((piece[1] for piece in (*said, *used)), default=0)
    return {
        "seq": seq,
        "kind": "call" if 200 <= status < 300 else "refused",
        "id": call_id,
        "externalId": _text(call, "externalId"),
        "receivedAt": received_at,
        "startedAt": _text(call, "startedAt"),
        "agent": _agent(call),
        "framework": _text(part(call, "properties"), "framework"),
        "lengthMs": length,
        "said": [[*piece[:3], int(piece[3])] for piece in _joined(said, length)],
        "tools": [[*piece[:2], int(piece[3])] for piece in _joined(used, length)],
        "answersMs": [waited for _, _, waited in answers(call)],
        "turns": len(said),
        "toolUses": len(used),
        "interruptions": len(cut_off),
        "toolsFailed": sum(piece[3] for piece in used),
        "linked": traces,
        "ended": _text(call, "endedStatus"),
        "status": status,
        "fields": [_bounded(one) for one in islice(fields, _MOST_FIELDS)],
        "noWords": not any(text(one, "text").strip() for one in entries(call, "transcript")),
    }


def _said(call: Json, cut_off: list[Json]) -> Iterator[Piece]:
    interrupted = {id(one) for one in cut_off}
    for one in entries(call, "transcript"):
        yield (
            _from(start(one)),
            _from(end(one)),
            "c" if text(one, "role") == "CUSTOMER" else "a",
            id(one) in interrupted,
        )


def _used(call: Json) -> Iterator[Piece]:
    for one in entries(call, "toolInvocations"):
        yield _from(start(one)), _from(end(one)), "t", failed(one)


def _from(offset: int) -> int:
    return max(0, offset)


def _joined(pieces: list[Piece], length: int) -> list[Piece]:
    """Returns pieces by their start. Of more than can be seen, those of a side that almost touch become one."""
    ordered = sorted(pieces, key=lambda piece: piece[:2])
    if len(ordered) <= _MOST_PIECES:
        return ordered
    apart = length / _MOST_PIECES
    last: dict[str, int] = {}
    found: list[Piece] = []
    for begins, ends, side, marked in ordered:
        at = last.get(side)
        if at is not None and begins - found[at][1] < apart:
            found[at] = (found[at][0], max(ends, found[at][1]), side, marked or found[at][3])
        else:
            last[side] = len(found)
            found.append((begins, ends, side, marked))
    return found


def _agent(call: Json) -> str | None:
    """Returns the names of the agents in the order in which they came."""
    people = [one for one in (part(call, "agent"), *entries(call, "agents")) if one]
    names = [name for one in people if (name := text(one, "name") or text(one, "customId"))]
    more = ["…"] if len(names) > _MOST_AGENTS else []
    return _bounded(" → ".join([*names[:_MOST_AGENTS], *more])) or None


def _text(body: Mapping[str, Any], key: str) -> str | None:
    return _bounded(text(body, key)) or None


def _bounded(words: str) -> str:
    """Returns words that UTF-8 can hold, cut with a mark if they are too long."""
    kept = words if len(words) <= _LONGEST_TEXT else words[: _LONGEST_TEXT - 1] + "…"
    return kept.encode("utf-8", "backslashreplace").decode()
