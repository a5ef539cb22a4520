"""How far long work is, for a person at a terminal: a bar with a rate that rich draws, or a line where rich is missing.

Everything goes to standard error, because a program may read standard output. Where standard error is not a terminal,
nothing is shown: what ends in a file or in the log of a job is the one line of totals that each command prints.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from roark_otel._safety.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

BYTES: Final = "bytes"
"""The unit of files; any other is a word that follows a number."""

_PATIENCE_SECONDS: Final = 0.5
"""Work that takes less is over before a person would look."""

_EVERY_SECONDS: Final = 0.1
_NAME_COLUMNS: Final = 40
_shown: Final[list[str]] = []
_MEGABYTE: Final = 1_000_000


class Show(Protocol):
    """Shows how much of the work is done, and perhaps a word about it. It may be called very often."""

    def __call__(self, done: int, note: str = "") -> None:
        """Notes it, and draws it if it is time to."""


@contextmanager
def progress(name: str, total: int, unit: str, *, prints: bool = False) -> Generator[Show]:
    """Shows how far work is that takes a while. Yields the function that is called with how much of it is done.

    Args:
        name: What is worked on.
        total: How much there is to do.
        unit: What is counted: `BYTES`, or a word for several, such as `calls`.
        prints: Whether the work prints what it makes: on a terminal that shows how far it is.

    Work that is a part of other work that is shown is not.
    """
    if _shown or not _has_a_place() or (prints and sys.stdout.isatty()):
        yield _show_nothing
        return
    name = printable(name)
    if len(name) > _NAME_COLUMNS:
        name = f"{name[: _NAME_COLUMNS - 1]}…"
    with ExitStack() as until_the_end:
        pace = _Pace(lambda: until_the_end.enter_context(_drawn(name, total)), unit)
        _shown.append(name)
        try:
            yield pace.show
        finally:
            _shown.remove(name)
            pace.draw_last()


def _has_a_place() -> bool:
    """Returns whether standard error is a terminal on which a line can be written over."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _show_nothing(done: int, note: str = "") -> None: ...


class _Pace:
    """Draws a few times a second, however often it is called, with the rate since the first time.

    Args:
        begin: Begins to draw; returns what draws how much is done, with a text.
        unit: What is counted.
    """

    def __init__(self, begin: Callable[[], Callable[[int, str], None]], unit: str) -> None:
        self._begin, self._unit = begin, unit
        self._draw: Callable[[int, str], None] | None = None
        self._first: tuple[int, float] | None = None
        self._last = 0, ""
        self._next = 0.0

    def show(self, done: int, note: str = "") -> None:
        self._last, now = (done, note), time.monotonic()
        if self._first is None:
            self._first, self._next = (done, now), now + _PATIENCE_SECONDS
        elif now >= self._next:
            self._next = now + _EVERY_SECONDS
            self._draw = self._draw or self._begin()
            self.draw_last()

    def draw_last(self) -> None:
        if self._draw is not None and self._first is not None:
            (done, note), (before, then) = self._last, self._first
            rate = (done - before) / (time.monotonic() - then)
            shown = f"{rate / _MEGABYTE:.1f} MB/s" if self._unit == BYTES else f"{rate:,.1f} {self._unit}/s"
            self._draw(done, f"{shown}, {note}" if note else shown)


@contextmanager
def _drawn(name: str, total: int) -> Generator[Callable[[int, str], None]]:
    """Yields what draws how much is done, with a text. It is gone at the end, and what is logged stands above it."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    except ImportError:
        with _Line(sys.stderr) as line, redirect_stderr(line):
            yield lambda done, text: line.draw(f"{name}: {_percent(done, total)} %, {text}")
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        *(BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[text]}", markup=False), TimeRemainingColumn()),
    )
    # Standard output is left alone: it may be a program's to read.
    console = Console(stderr=True, soft_wrap=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(name, total=total, text="")
        yield lambda done, text: bar.update(task, completed=done, text=text)


def _percent(done: int, total: int) -> int:
    return min(100, 100 * done // total) if total > 0 else 100


class _Line(io.TextIOBase):
    """A terminal with a line at its end that is written over, and out of the way of what others write."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._columns = 0
        self._lock = threading.RLock()

    def draw(self, text: str) -> None:
        text = text[: shutil.get_terminal_size().columns - 1]
        with self._lock:
            self._terminal.write(f"\r{text.ljust(self._columns)}")
            self._terminal.flush()
            self._columns = len(text)

    def write(self, text: str) -> int:
        with self._lock:
            if self._columns:
                self._terminal.write(f"\r{' ' * self._columns}\r")
            self._columns = 0
            return self._terminal.write(text)

    def flush(self) -> None:
        self._terminal.flush()

    def isatty(self) -> bool:
        return True

    def close(self) -> None:
        """Takes the line away, and leaves the terminal open."""
        self.write("")
        self.flush()
