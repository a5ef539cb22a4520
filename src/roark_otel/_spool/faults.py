"""Faults of the spool's disk: which there are, and what a log says of them."""

from __future__ import annotations

import errno
import logging

from roark_otel._safety.guard import log_once

FROM_MEMORY = "calls are delivered from memory, and lost with this process"
"""What a directory that cannot be used means."""

_FULL = {errno.ENOSPC, errno.EDQUOT}

_NOT_OURS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP}
"""What a directory raises that this user cannot use."""


class FullError(OSError):
    """The directory has as many bytes as it may have, or calls are kept in memory only."""


def is_full(fault: OSError) -> bool:
    """Returns whether there is no room, on the disk or within the limit of the directory."""
    return isinstance(fault, FullError) or fault.errno in _FULL


def log_fault(place: str, fault: OSError | None, outcome: str) -> None:
    """Logs once what a fault of the disk means for calls. `fault`: None where memory is full."""
    why = f"{type(fault).__name__} {fault.strerror or ''}".strip() if fault else "memory"
    cure = "set ROARK_SPOOL_DIR to a directory that this user alone can write; " if _is_not_ours(fault) else ""
    log_once(logging.ERROR, (place, outcome), "the spool %s failed (%s); %s%s", place, why, cure, outcome)


def _is_not_ours(fault: OSError | None) -> bool:
    return fault is not None and fault.errno in _NOT_OURS
