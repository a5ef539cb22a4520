"""`roark-otel calls`: read calls, of a file or of Roark, compare them, and check them without pytest.

A call is named by a FILE (a call's document, a body as posted, or a file of the spool) or by its id at Roark, either
the external one or Roark's own. Roark is the one of `ROARK_BASE_URL` and `ROARK_API_KEY`, a local one too.

Exit status: 0 success, 1 they differ or a rule is broken, 2 wrong usage, no such call, or a rule that cannot be
checked.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roark_otel.cli.command import Command, completes_files
from roark_otel.cli.ids import id_argument
from roark_otel.cli.stopping import stops_on_sigterm
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    from collections.abc import Callable


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, summary: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=summary, description=summary)
        one.add_argument("--json", action="store_true", help="print JSON")
        return one

    def call(on: argparse.ArgumentParser, dest: str, metavar: str, **more: Any) -> None:  # noqa: ANN401 - whatever add_argument takes
        about = "a file with a call, or the id of a call at Roark"
        completes_files(on.add_argument(dest, metavar=metavar, type=id_argument, help=about, **more))

    listing = action("list", "list the calls that Roark has, the newest first")
    listing.add_argument("--limit", type=_positive, default=20, metavar="N", help="how many (default: %(default)s)")
    listing.add_argument("--search", metavar="TEXT", help="only calls in which these words were said")
    show = action("show", "show a call: who said what, and which tools were used")
    call(show, "call", "CALL")
    show.add_argument("--times", action="store_true", help="begin each line with its start, in seconds")
    page = show.add_argument(
        "--html", type=Path, metavar="FILE", help="write the page of the call, which opens from disk"
    )
    completes_files(page)
    show.add_argument("--sound", action="store_true", help="put the recording into the page")
    action("tail", "print each call that Roark gets from now on, until Ctrl-C")
    diff = action("diff", "compare two calls; exit status 1 if they differ")
    call(diff, "before", "A")
    call(diff, "after", "B")
    check = action("check", "check a call; exit status 1 if a rule is broken")
    call(check, "calls", "CALL", nargs="+")
    check.add_argument("--max-response", type=_count, metavar="MS", help="the longest wait for an answer, in ms")
    check.add_argument("--no-tool-errors", action="store_true", help="no tool failed")
    check.add_argument("--min-turns", type=_count, metavar="N", help="the fewest entries of the transcript")
    check.add_argument(
        "--format",
        choices=("text", "json", "github"),
        default="github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text",
        help="how to print: lines, JSON, or annotations for GitHub (default: those under GitHub Actions, else text)",
    )
    completes_files(check.add_argument("--junit", type=Path, metavar="FILE", help="write a report in JUnit's format"))


def _run(options: argparse.Namespace) -> int:
    """Runs the chosen action."""
    from roark_otel.cli.calls import check, diff, listing, show

    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": listing.run_list,
        "tail": listing.run_tail,
        "show": show.run_show,
        "diff": diff.run_diff,
        "check": check.run_check,
    }
    with stops_on_sigterm():
        return actions[options.action](options)


def _count(text: str, *, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number, {least} or more")
    return int(text)


def _positive(text: str) -> int:
    return _count(text, least=1)


CALLS = Command("calls", SUMMARIES["calls"], _add_arguments, _run)
