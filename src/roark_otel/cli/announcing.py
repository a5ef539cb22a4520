"""What a command that serves says on its standard output, which may be gone: it serves all the same."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final

STREAMS: Final = ("stdin", "stdout", "stderr")
"""The standard streams, by their numbers."""


def announce(line: str) -> None:
    """Prints a line at once. Where nobody can read it, as after `| head` or on a full disk, nothing more is printed."""
    try:
        print(line, flush=True)
    except OSError as fault:
        with suppress(OSError):
            print(f"roark-otel: the standard output cannot be written ({fault.strerror}); goes on", file=sys.stderr)
        # What could not be written would be tried again when the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_closed_streams() -> None:
    """Opens `/dev/null` for each standard stream that the process was started without.

    Otherwise the next file or connection would get its number, and what a library writes to it.
    """
    for number, name in enumerate(STREAMS):
        if getattr(sys, name) is None:
            _open_null(number)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="replace", closefd=False))  # noqa: SIM115


def _open_null(number: int) -> None:
    try:
        os.fstat(number)  # something has it already
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
