"""A failed command, reported in one line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130


class Problem(Exception):  # noqa: N818 - shown to a person, who did not necessarily make an error
    """The command cannot go on; its text is the one line that is printed.

    Args:
        line: What is wrong, and what to do about it.
        status: The exit status.
    """

    def __init__(self, line: str, status: int = FAILED) -> None:
        super().__init__(line)
        self.status = status


@contextmanager
def extras(names: str = "cli,sandbox") -> Generator[None]:
    """Wraps the imports of a command: a missing package raises a `Problem` that explains how to install it.

    Args:
        names: The extras that have what the command needs.
    """
    try:
        yield
    except ImportError as fault:
        # The sandbox raises its own ImportError, with the ModuleNotFoundError as its cause.
        missing = fault if isinstance(fault, ModuleNotFoundError) else fault.__cause__
        if not isinstance(missing, ModuleNotFoundError) or (missing.name or "").startswith("roark_otel"):
            raise
        line = f'this command needs {missing.name}: pip install "roark-otel[{names}]"'
        raise Problem(line, USAGE) from None
