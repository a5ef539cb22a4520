"""A logger whose handlers, filters and record factories, which are the app's, may fail without harm."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING

from roark_otel._safety import own_threads
from roark_otel._safety.printable import printable_value

if TYPE_CHECKING:
    from collections.abc import Mapping


class Log:
    """Logs through a logger of the standard library. What that raises is dropped: there is nowhere left to report it.

    Arguments and fields are escaped, because ids and names come from outside.

    Args:
        logger: The logger.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def info(self, message: str, *args: object, fields: Mapping[str, object] | None = None) -> None:
        """Logs at INFO, as `log` does."""
        self._log(logging.INFO, message, args, fields)

    def warning(self, message: str, *args: object) -> None:
        """Logs at WARNING."""
        self._log(logging.WARNING, message, args, None)

    def error(self, message: str, *args: object) -> None:
        """Logs at ERROR."""
        self._log(logging.ERROR, message, args, None)

    def log(self, level: int, message: str, *args: object) -> None:
        """Logs at a level."""
        self._log(level, message, args, None)

    def _log(self, level: int, message: str, args: tuple[object, ...], fields: Mapping[str, object] | None) -> None:
        """Logs a message.

        Args:
            level: The level.
            message: The message, with `%` marks for its arguments.
            args: The arguments.
            fields: Attributes for the record, as `extra`; those that the app's record factory has set are its own.
        """
        try:
            if not self._logger.isEnabledFor(level):
                return
            path, line, function = _caller()
            safe = tuple(map(printable_value, args))
            record = self._logger.makeRecord(self._logger.name, level, path, line, message, safe, None, function)
            for name, value in (fields or {}).items():
                record.__dict__.setdefault(name, printable_value(value))
            self._logger.handle(record)
        except BaseException as fault:
            if own_threads.is_the_apps(fault):
                raise


def _caller() -> tuple[str, int, str]:
    """Returns the file, the line and the function that log: three calls above this one."""
    frame = inspect.currentframe()
    for _ in range(3):
        frame = None if frame is None else frame.f_back
    return ("?", 0, "?") if frame is None else (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
