"""What can go wrong in a command, told to a person in one line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130


class Problem(Exception):  # noqa: N818 - shown to a person, who did not necessarily make an error
    """The command cannot go on; its text is the one line that a person reads.

    Args:
        line: What is wrong, and what to do about it.
        status: The exit status.
    """

    def __init__(self, line: str, status: int = FAILED) -> None:
        super().__init__(line)
        self.status = status


@contextmanager
def extras() -> Generator[None]:
    """Around the imports of a command: a package that is not there is a `Problem` that says how to get it."""
    try:
        yield
    except ImportError as fault:
        # The sandbox says it in its own words, with the reason behind.
        missing = fault if isinstance(fault, ModuleNotFoundError) else fault.__cause__
        if not isinstance(missing, ModuleNotFoundError) or (missing.name or "").startswith("roark_otel"):
            raise
        line = f'this command needs {missing.name}: pip install "roark-otel[cli,sandbox]"'
        raise Problem(line, USAGE) from None
