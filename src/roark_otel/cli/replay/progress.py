"""How far a long file has been read, on the terminal: drawn with rich where it is installed, else in plain lines."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

LONG_BYTES: Final = 8 * 1024 * 1024
"""The size from which progress is shown. A shorter file is read before a person would look."""

_STEPS: Final = 10


@contextmanager
def progress(name: str, size: int) -> Generator[Callable[[int], None]]:
    """Shows how much of a file is read. Yields the function that is called with the number of bytes so far.

    Short files show nothing. Everything goes to standard error, because a program may read standard output.
    """
    if size < LONG_BYTES:
        yield lambda _: None
    elif sys.stderr.isatty() and (drawn := _drawn(name, size)) is not None:
        yield from drawn
    else:
        yield _in_lines(name, size)


def _drawn(name: str, size: int) -> Generator[Callable[[int], None]] | None:
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        return None

    def draw() -> Generator[Callable[[int], None]]:
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(name, total=size)
            yield lambda done: bar.update(task, completed=done)

    return draw()


def _in_lines(name: str, size: int) -> Callable[[int], None]:
    shown = 0

    def show(done: int) -> None:
        nonlocal shown
        step = done * _STEPS // size
        if step > shown:
            shown = step
            print(f"{name}: {100 * step // _STEPS} %", file=sys.stderr, flush=True)

    return show
