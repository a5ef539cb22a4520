"""The command line: `roark-otel COMMAND`.

Each module or subpackage exposes one `Command`; `COMMANDS` lists them. Importing this package is cheap: a command
imports what it needs when it runs.

Exit status: 0 success, 1 failure, 2 wrong usage or a missing extra, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from roark_otel._model.version import __version__
from roark_otel._safety.printable import printable
from roark_otel.cli.demo import DEMO
from roark_otel.cli.doctor import DOCTOR
from roark_otel.cli.problems import FAILED, INTERRUPTED, Problem
from roark_otel.cli.replay import REPLAY
from roark_otel.cli.sandbox import SANDBOX
from roark_otel.cli.spool import SPOOL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roark_otel.cli.command import Command

__all__ = ["main"]

COMMANDS: Final[Mapping[str, Command]] = {command.name: command for command in (DEMO, DOCTOR, REPLAY, SANDBOX, SPOOL)}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: The arguments after the program's name. Default: those of this process.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(argv)
    _survive_narrow_encodings()
    try:
        status = COMMANDS[options.command].run(options)
        sys.stdout.flush()
    except Problem as problem:
        print(f"roark-otel: {printable(str(problem))}", file=sys.stderr)
        return problem.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has closed it (`| head`). The interpreter flushes once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return status


class _Parser(argparse.ArgumentParser):
    """A parser whose errors, which quote what was given, do nothing to a terminal."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="roark-otel", description="Turns traced voice conversations into linked calls at Roark.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS.values():
        command.add_arguments(commands.add_parser(command.name, help=command.summary, description=command.summary))
    return parser


def _survive_narrow_encodings() -> None:
    """Makes a terminal that cannot write a character show a question mark, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
