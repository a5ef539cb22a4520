"""The command line: `roark-otel COMMAND`.

Each module or subpackage exposes one `Command`; `COMMANDS` lists them. Importing this package is cheap: a command
imports what it needs when it runs.

`roark_otel_cli` is what the command runs first: it knows the help and the version without importing this.

Exit status: 0 success, 1 failure, 2 wrong usage or a missing extra, 130 after Ctrl-C or, of long work, SIGTERM.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, Final

import roark_otel_cli
from roark_otel._safety.printable import printable
from roark_otel.cli.announcing import open_closed_streams
from roark_otel.cli.calls import CALLS
from roark_otel.cli.completion import COMPLETION
from roark_otel.cli.demo import DEMO
from roark_otel.cli.doctor import DOCTOR
from roark_otel.cli.gateway import GATEWAY
from roark_otel.cli.problems import FAILED, INTERRUPTED, Problem
from roark_otel.cli.replay import REPLAY
from roark_otel.cli.sandbox import SANDBOX
from roark_otel.cli.spool import SPOOL
from roark_otel.cli.worker import WORKER

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from roark_otel.cli.command import Command

__all__ = ["main"]

COMMANDS: Final[Mapping[str, Command]] = {
    command.name: command for command in (CALLS, COMPLETION, DEMO, DOCTOR, GATEWAY, REPLAY, SANDBOX, SPOOL, WORKER)
}

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""How a write to standard output fails that goes to a file: its disk is full, a limit is reached, or it is damaged."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: The arguments after the program's name. Default: those of this process.

    Returns:
        The exit status.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    open_closed_streams()
    parser = new_parser()
    if not given:
        parser.print_help()
        return 0
    options = parser.parse_args(given)
    _survive_narrow_encodings()
    try:
        status = COMMANDS[options.command].run(options)
        sys.stdout.flush()
    except Problem as problem:
        print(f"roark-otel: {printable(str(problem))}", file=sys.stderr)
        return problem.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has closed it (`| head`)
        _drop_output()
        return FAILED
    except OSError as fault:
        if fault.filename is not None or fault.errno not in _FULL:  # commands handle the files that they write
            raise
        _drop_output()
        print(f"roark-otel: the output cannot be written: {os.strerror(fault.errno)}", file=sys.stderr)
        return FAILED
    return status


def _drop_output() -> None:
    """Lets what is left of the output go: the interpreter flushes once more when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def new_parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands."""
    parser, commands = roark_otel_cli.new_parser()
    for command in COMMANDS.values():
        command.add_arguments(commands.add_parser(command.name, help=command.summary, description=command.summary))
    return parser


def _survive_narrow_encodings() -> None:
    """Makes a terminal that cannot write a character show a question mark, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
