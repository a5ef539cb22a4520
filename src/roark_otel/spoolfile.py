"""A file of the spool: its two lines, its name, and how it is written, locked and read.

The first line is a header of our own, the second the body exactly as it is sent. A file is written beside its place,
synced and renamed into it, so that a reader sees a whole one or none.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias, cast

try:
    import fcntl
except ImportError:  # Windows: there a 409 alone keeps two processes from creating a call twice
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
"""The format that this version writes and reads. A file of a newer one is left alone."""


class Stage(Enum):
    """How far a call has come, as the end of its file's name."""

    WAITING = ".waiting.jsonl"
    READY = ".ready.jsonl"
    TRIED = ".tried.jsonl"


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its call. `not_before` is in seconds since the epoch; 0 means now."""

    external_id: str
    trace_id: str
    finished_at: float
    not_before: float
    turns: int
    tools: int
    format: int = FORMAT


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


def call_name(external_id: str, root_span_id: int) -> str:
    """The name of a call in the spool: no id, however hostile, can name a path."""
    return f"{sha256(external_id.encode()).hexdigest()[:32]}-{root_span_id & (2**64 - 1):016x}"


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
    fields = cast("dict[str, object]", found)
    version = fields.get("format")
    if isinstance(version, int) and version > FORMAT:
        return Newer()
    header = _header(fields)
    return Damaged() if header is None or not body.strip() else Readable(header, body.rstrip(b"\n"))


def _header(fields: dict[str, object]) -> Header | None:
    texts, numbers = (
        (fields.get("external_id"), fields.get("trace_id")),
        (
            fields.get("finished_at"),
            fields.get("not_before"),
            fields.get("turns"),
            fields.get("tools"),
        ),
    )
    if not all(isinstance(one, str) for one in texts) or not all(isinstance(one, (int, float)) for one in numbers):
        return None
    try:
        return Header(**fields)  # type: ignore[arg-type]
    except TypeError:
        return None


def write(path: Path, content: bytes) -> None:
    """Writes a whole file or none.

    Raises:
        OSError: if the disk does not take it.
    """
    make_directory(path.parent)
    file, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(file, "wb") as writer:
            if _is_shared(path.parent):
                Path(temporary).chmod(0o660)
            writer.write(content)
            writer.flush()
            os.fsync(writer.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def make_directory(directory: Path) -> None:
    """Makes a directory that only the user can enter, or the group where the one above is the group's.

    Raises:
        OSError: if it cannot be made.
    """
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(exist_ok=True)
    directory.chmod(0o770 if _is_shared(directory.parent) else 0o700)


def _is_shared(directory: Path) -> bool:
    """Whether the group may write there, and not everybody."""
    mode = directory.stat().st_mode
    return bool(mode & stat.S_IWGRP) and not mode & stat.S_IWOTH


def lock(file: int) -> bool:
    """Whether nobody else sends this call now. The kernel frees the lock of a process that dies."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: a 409 is safeguard enough
    return True
