"""The command line: `roark-otel COMMAND`.

A command is a module of this package that says what it does (`SUMMARY`), what it takes (`arguments`) and does it
(`run`); `COMMANDS` is the table of them. Importing this package is cheap: a command imports what it needs when it runs.

Exit status: 0 fine, 1 the thing failed, 2 wrong usage or a missing extra, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING, Final, Protocol

from roark_otel._model.version import __version__
from roark_otel.cli import demo, doctor, replay, sandbox, spool
from roark_otel.cli.problems import FAILED, INTERRUPTED, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main"]


class Command(Protocol):
    """What a module has to have to be a command."""

    SUMMARY: str

    def arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Says what the command takes."""

    def run(self, options: argparse.Namespace, /) -> int:
        """Does it, and returns the exit status."""
        ...


COMMANDS: Final[Mapping[str, Command]] = {
    "demo": demo,
    "doctor": doctor,
    "replay": replay,
    "sandbox": sandbox,
    "spool": spool,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: What follows the program's name; by default what this process was started with.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(argv)
    _survive_narrow_encodings()
    try:
        status = COMMANDS[options.command].run(options)
        sys.stdout.flush()
    except Problem as problem:
        print(f"roark-otel: {problem}", file=sys.stderr)
        return problem.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`). The interpreter flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="roark-otel", description="Voice conversations that an app traces, as linked calls at Roark."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        command.arguments(commands.add_parser(name, help=command.SUMMARY, description=command.SUMMARY))
    return parser


def _survive_narrow_encodings() -> None:
    """A terminal that cannot write a character shows a question mark, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
