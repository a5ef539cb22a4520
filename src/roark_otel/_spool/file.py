"""The content of a spool's file: two lines. Pure.

The first line is a header of our own, the second the body exactly as it is sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TypeAlias, cast

FILE_FORMAT = 1
"""The format that this version writes and reads. A file of a newer one is left alone."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its call.

    Times are in seconds since the epoch; `not_before` 0 means now. `call_id` is Roark's, where it is known already;
    `recording_wait` is for how many seconds after its end the call waits for a recording, 0 if not given.
    """

    external_id: str
    trace_id: str
    finished_at: float
    not_before: float
    turns: int
    tools: int
    format: int = FILE_FORMAT
    started_at: float = 0.0
    call_id: str | None = None
    recording_wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Readable:
    """A file of this version."""

    header: Header
    body: bytes


@dataclass(frozen=True, slots=True)
class Newer:
    """A file of a later version, which that one will deliver."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that is not two such lines."""


Content: TypeAlias = "Readable | Newer | Damaged"

_FIELDS = tuple(field.name for field in fields(Header))


def to_bytes(header: Header, body: bytes) -> bytes:
    """Returns the two lines of a file."""
    head = json.dumps({name: getattr(header, name) for name in _FIELDS})
    return b"%b\n%b\n" % (head.encode(), body)


def from_bytes(content: bytes) -> Content:
    """Parses the two lines of a file."""
    head, _, body = content.partition(b"\n")
    try:
        found: object = json.loads(head)
    except (ValueError, RecursionError):
        return Damaged()
    if not isinstance(found, dict):
        return Damaged()
    values = cast("dict[str, object]", found)
    version = values.get("format")
    if isinstance(version, int) and version > FILE_FORMAT:
        return Newer()
    header = _header(values)
    return Damaged() if header is None or not body.endswith(b"\n") or not body.strip() else Readable(header, body[:-1])


_TEXTS = ("external_id", "trace_id")
_NUMBERS = ("finished_at", "not_before", "turns", "tools")


def _header(values: dict[str, object]) -> Header | None:
    if not all(isinstance(values.get(name), str) for name in _TEXTS):
        return None
    if not all(isinstance(values.get(name), (int, float)) for name in _NUMBERS):
        return None
    if not isinstance(values.get("format", FILE_FORMAT), int):
        return None
    if not all(
        isinstance(values.get(name, 0.0), (int, float)) for name in ("started_at", "recording_wait")
    ) or not isinstance(values.get("call_id", ""), str | None):
        return None
    return Header(**{name: values[name] for name in _FIELDS if name in values})  # type: ignore[arg-type]
