"""A file of the spool: its two lines and its name. Pure.

The first line is a header of our own, the second the body exactly as it is sent.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import Enum
from hashlib import sha256
from typing import TypeAlias, cast

FORMAT = 1
"""The format that this version writes and reads. A file of a newer one is left alone."""


class Stage(Enum):
    """How far a call has come, as the end of its file's name."""

    WAITING = ".waiting.jsonl"
    READY = ".ready.jsonl"
    TRIED = ".tried.jsonl"
    LATE = ".late.jsonl"
    """Not a call, but tool invocations to append to one that was sent."""


SENDABLE = (Stage.READY, Stage.TRIED, Stage.LATE)
"""The stages in which a file may be sent."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its call.

    Times are in seconds since the epoch; `not_before` 0 means now. `call_id` is Roark's, where it is known already;
    `recording_wait` is for how many seconds after its end the call waits for a recording, 0 where nobody said.
    """

    external_id: str
    trace_id: str
    finished_at: float
    not_before: float
    turns: int
    tools: int
    format: int = FORMAT
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
    """A file that nobody can read."""


Content: TypeAlias = "Readable | Newer | Damaged"


def id_hash(external_id: str) -> str:
    """What the names of all files of an external id begin with: no id, however hostile, can name a path."""
    return sha256(external_id.encode()).hexdigest()[:32]


def call_name(external_id: str, root_span_id: int) -> str:
    """The name of a call in the spool."""
    return f"{id_hash(external_id)}-{root_span_id & (2**64 - 1):016x}"


def to_bytes(header: Header, body: bytes) -> bytes:
    """The two lines of a file."""
    return json.dumps(asdict(header)).encode() + b"\n" + body + b"\n"


def from_bytes(content: bytes) -> Content:
    """What the lines of a file say."""
    head, _, body = content.partition(b"\n")
    try:
        found: object = json.loads(head)
    except (ValueError, RecursionError):
        return Damaged()
    if not isinstance(found, dict):
        return Damaged()
    told = cast("dict[str, object]", found)
    version = told.get("format")
    if isinstance(version, int) and version > FORMAT:
        return Newer()
    header = _header(told)
    return Damaged() if header is None or not body.endswith(b"\n") or not body.strip() else Readable(header, body[:-1])


_TEXTS = ("external_id", "trace_id")
_NUMBERS = ("finished_at", "not_before", "turns", "tools")


def _header(told: dict[str, object]) -> Header | None:
    if not all(isinstance(told.get(name), str) for name in _TEXTS):
        return None
    if not all(isinstance(told.get(name), (int, float)) for name in _NUMBERS):
        return None
    if not isinstance(told.get("format", FORMAT), int):
        return None
    if not all(
        isinstance(told.get(name, 0.0), (int, float)) for name in ("started_at", "recording_wait")
    ) or not isinstance(told.get("call_id", ""), str | None):
        return None
    known = {field.name for field in fields(Header)}
    return Header(**{name: value for name, value in told.items() if name in known})  # type: ignore[arg-type]
