"""What is logged as the process ends, when the app's handlers may have ended before it."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

from roark_otel._safety.guard import logger


def log_last(message: str, *args: object) -> None:
    """Logs at ERROR; on stderr where every handler is closed already, as in LiveKit's job processes."""
    logger.error(message, *args)
    if logger.under.isEnabledFor(logging.ERROR) and _is_unheard(logger.under):
        with suppress(OSError, ValueError, AttributeError):  # stderr is closed too, or there is none
            sys.stderr.write(f"roark_otel: {message % args}\n")
            sys.stderr.flush()


def _is_unheard(of: logging.Logger) -> bool:
    """Returns whether it has handlers, and all are closed. Without any, `logging` itself writes to stderr."""
    handlers: list[logging.Handler] = []
    at: logging.Logger | None = of
    while at is not None:
        handlers += at.handlers
        at = at.parent if at.propagate else None
    return bool(handlers) and all(getattr(handler, "_closed", False) for handler in handlers)
