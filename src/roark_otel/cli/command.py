"""The interface of a subcommand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


_FILES: Final = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}
"""What `shtab` calls files, which only `roark-otel completion` needs."""


def completes_files(action: argparse.Action) -> None:
    """Has shells complete an argument with the names of files."""
    vars(action)["complete"] = _FILES


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand of `roark-otel`.

    Attributes:
        name: The word that selects it.
        summary: One line for `--help`.
        add_arguments: Adds its arguments to its parser.
        run: Runs it with the parsed arguments and returns the exit status. It imports what it needs itself, so that
            no command pays for another.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
