"""What is logged as the process ends, when the app's handlers may have ended before it."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

from roark_otel._safety.guard import logger
from roark_otel._safety.printable import printable_value


def log_last(level: int, message: str, *args: object) -> None:
    """Logs a message, from WARNING on stderr where every handler is closed already, as in LiveKit's job processes."""
    logger.log(level, message, *args)
    if level >= logging.WARNING and _is_unheard(level):
        with suppress(OSError, ValueError, AttributeError):  # stderr is closed too, or there is none
            sys.stderr.write(f"roark_otel: {message % tuple(map(printable_value, args))}\n")
            sys.stderr.flush()


def _is_unheard(level: int) -> bool:
    """Returns whether there are handlers, and all are closed. Without any, `logging` itself writes to stderr."""
    ours = logging.getLogger("roark_otel")
    if not ours.isEnabledFor(level):
        return False
    at: logging.Logger | None = ours
    handlers: list[logging.Handler] = []
    while at is not None:
        handlers += at.handlers
        at = at.parent if at.propagate else None
    return bool(handlers) and all(getattr(handler, "_closed", False) for handler in handlers)
