"""The log of a command that runs for long."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


class _OnStderr(logging.Handler):
    """Writes to the standard error of the moment: while a bar is drawn, that is what writes above it."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


@contextmanager
def log_on_stderr() -> Generator[None]:
    """Prints the log on stderr: a command may configure logging, a library may not."""
    logger, handler = logging.getLogger("roark_otel"), _OnStderr()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
