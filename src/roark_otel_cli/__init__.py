"""The command `roark-otel`, until it is known what it shall do: its version and its help need nothing of the package.

To import `roark_otel` takes a tenth of a second or two. `roark_otel.cli` has the commands.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUMMARIES: Final[Mapping[str, str]] = {
    "calls": "read, compare and check calls, of a file or of Roark",
    "completion": "print what makes a shell complete commands and options",
    "demo": "see two traced conversations become calls, against a local Roark",
    "doctor": "find out why no call arrives: versions, settings, spool, network, key",
    "gateway": "take spans by OTLP: of many processes and languages, and make calls of them",
    "replay": "make calls of recorded spans: OTLP of the Collector, JSON or protobuf, or a dump",
    "sandbox": "run a local Roark to develop against: no account, no network",
    "spool": "look after the calls that wait in the spool: list, retry, set aside, take over, deliver",
    "worker": "make calls of the spans that a Collector writes to Kafka",
}
"""The commands, each with one line about it."""

_HELP: Final = frozenset({"-h", "--help"})


class Parser(argparse.ArgumentParser):
    """A parser whose errors, which quote what was given, do nothing to a terminal."""

    def error(self, message: str) -> NoReturn:
        """Prints the usage and what is wrong, and exits with 2."""
        from roark_otel._safety.printable import printable

        super().error(printable(message))


def new_parser() -> tuple[Parser, Any]:
    """Returns a parser without commands, and where they are added."""
    parser = Parser(prog="roark-otel", description="Turns traced voice conversations into linked calls at Roark.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    return parser, parser.add_subparsers(dest="command", metavar="COMMAND", required=True)


def version() -> str:
    """Returns the version of the package, which it reads without importing the package."""
    from importlib.machinery import PathFinder

    found = PathFinder.find_spec("roark_otel")
    if found is None or found.origin is None or (get := getattr(found.loader, "get_data", None)) is None:
        from roark_otel import __version__

        return __version__
    written: bytes = get(found.origin.replace("__init__.py", "_model/version.py"))
    return written.decode().rpartition(" = ")[2].strip().strip('"')


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; without one it prints the help.

    Args:
        argv: The arguments after the program's name. Default: those of this process.

    Returns:
        The exit status.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    if given and given[0] not in {*_HELP, "--version"}:
        from roark_otel.cli import main as run

        return run(given)
    parser, commands = new_parser()
    for name, summary in SUMMARIES.items():
        commands.add_parser(name, help=summary)
    if not given:
        parser.print_help()
        return 0
    parser.parse_args(given[:1])
    return 0
