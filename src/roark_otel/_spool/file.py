"""The content of a spool's file: two lines. Pure.

The first line is a header of our own, the second the body exactly as it is sent.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias, cast

from roark_otel._model.formats import is_unicode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE_FORMAT = 1
"""The format that this version writes and reads. A file of a newer one is left alone."""

MAX_TEXT = 1_024
"""The most characters of a text in a header; ids have at most 255."""

MAX_NUMBER = 1e300
"""The largest number in a header: a larger one would leave the range of a float when it is added to a time."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its call.

    Times are in seconds since the epoch; `not_before` 0 means now. `call_id` is Roark's, where it is known already;
    `recording_wait` is for how many seconds after its end the call waits for a recording, 0 if not given. `service` is
    its `service.name`, empty if it has none. `has_resolver`: whether the process that wrote it may ask a resolver.
    `owner` is the token of the process whose conversation goes on, empty once it has ended.
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
    service: str = ""
    has_resolver: bool = True
    owner: str = ""


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

_TOKEN = re.compile("[0-9a-f]{0,64}")

_FIELDS = tuple(field.name for field in fields(Header))


def to_bytes(header: Header, body: bytes) -> bytes:
    """Returns the two lines of a file."""
    head = json.dumps({name: getattr(header, name) for name in _FIELDS if name != "owner" or header.owner})
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


def head_of(content: bytes) -> Header | None:
    """Parses the first line of a file, of which the rest may be missing; None where it is of no use."""
    found = from_bytes(content.partition(b"\n")[0] + b"\n{}\n")
    return found.header if isinstance(found, Readable) else None


def id_in(content: bytes) -> str | None:
    """Returns the external id of the call in a file, of which the end may be missing; None where it is of no use."""
    header = head_of(content)
    return None if header is None else header.external_id


_NEEDED = ("external_id", "trace_id", "finished_at", "not_before", "turns", "tools")


def _header(values: dict[str, object]) -> Header | None:
    """Returns the header of these values; None if one is missing or not what this package would have written."""
    if any(name not in values for name in _NEEDED) or not all(
        _FITS[name](values[name]) for name in _FIELDS if name in values
    ):
        return None
    return Header(**{name: values[name] for name in _FIELDS if name in values})  # type: ignore[arg-type]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and is_unicode(value)


def _is_number(value: object) -> bool:
    # Not a number is in no range, and one of hundreds of digits cannot be added to a time.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -MAX_NUMBER <= value <= MAX_NUMBER


def _is_token(value: object) -> bool:
    # It names a file, so it may hold nothing that leads elsewhere.
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _is_text_or_none(value: object) -> bool:
    return value is None or _is_text(value)


_FITS: Mapping[str, Callable[[object], bool]] = {
    "external_id": _is_text,
    "trace_id": _is_text,
    "finished_at": _is_number,
    "not_before": _is_number,
    "turns": _is_number,
    "tools": _is_number,
    "format": _is_number,
    "started_at": _is_number,
    "call_id": _is_text_or_none,
    "recording_wait": _is_number,
    "service": _is_text,
    "owner": _is_token,
    "has_resolver": lambda value: isinstance(value, bool),
}
