"""What single fields of a span mean, in both encodings."""

from __future__ import annotations

from typing import Final

from roark_otel._sources.otlp.limits import UnreadableRequest

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8

_HAS_IS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200
# Tuples, because what is looked up in them may be a list.
_REMOTE_KINDS: Final = (2, 5, "SPAN_KIND_SERVER", "SPAN_KIND_CONSUMER")
_ERRORS: Final = (2, "STATUS_CODE_ERROR")


def id_number(raw: bytes, length: int) -> int:
    """Returns the id of a trace or a span as OpenTelemetry's API has it.

    Raises:
        UnreadableRequest: if it is not an id of this length: without one a span belongs to nothing.
    """
    if len(raw) == length and (found := int.from_bytes(raw, "big")):
        return found
    raise UnreadableRequest(f"an id is not {length} bytes long" if any(raw) else "a span has no id")


def parent_id(raw: bytes) -> int | None:
    """Returns the id of the span above; None of a root, whose id is empty or zero."""
    return id_number(raw, SPAN_ID_BYTES) if any(raw) else None


def has_remote_parent(flags: int, kind: object) -> bool:
    """Returns whether the parent of a span is in another process: by its flags, in older exports by its kind."""
    return bool(flags & _IS_REMOTE) if flags & _HAS_IS_REMOTE else kind in _REMOTE_KINDS


def is_error(status_code: object) -> bool:
    """Returns whether a status says that a span has failed."""
    return status_code in _ERRORS
