"""Counts what a piece of code asks of the system, so that a test can say how much that may be."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FUNCTIONS = (
    *("access", "chmod", "chown", "close", "dup", "fchmod", "fchown", "fdatasync", "fdopen", "fstat", "fsync", "link"),
    *("listdir", "lseek", "lstat", "mkdir", "open", "pread", "pwrite", "read", "readv", "rename", "replace", "rmdir"),
    *("scandir", "sendfile", "stat", "symlink", "sync", "truncate", "unlink", "urandom", "utime", "write", "writev"),
)
"""Of `os`, those that are about files. `open` of Python's own, `tempfile` and `pathlib` end in them, too."""


@contextmanager
def counted(*threads: str) -> Iterator[Counter[str]]:
    """Yields how often each function about files was called, with `flock`.

    Args:
        threads: The names of the threads that count; none for all.
    """
    counts: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if not threads or threading.current_thread().name in threads:
                counts[name] += 1
            return function(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in FUNCTIONS:
            if (function := getattr(os, name, None)) is not None:
                patch.setattr(os, name, counting(name, function))
        if sys.platform != "win32":
            import fcntl

            patch.setattr(fcntl, "flock", counting("flock", fcntl.flock))
        gc.collect()  # what earlier tests have left closes its files now, and not in the block
        counts.clear()
        gc.disable()
        try:
            yield counts
        finally:
            gc.enable()
