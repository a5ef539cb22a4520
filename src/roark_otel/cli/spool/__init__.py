"""`roark-otel spool`: look after the calls that wait in the spool, while processes work on it.

Only `drain` and `adopt` need a key, the others work on files alone. Exit status: 0 all of it was done, 1 some of it was
not (no such call, one that is being sent, calls left after `drain`), 2 wrong usage or no key.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from roark_otel.cli.command import Command, completes_files
from roark_otel.cli.ids import id_argument
from roark_otel.cli.problems import USAGE, Problem
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    from collections.abc import Callable


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, summary: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=summary, description=summary)
        one.add_argument("--spool-dir", type=Path, metavar="DIR", help="the spool (default: ROARK_SPOOL_DIR)")
        one.add_argument("--json", action="store_true", help="print JSON")
        return one

    listing = action("list", "list every call in the spool: what it waits for, since when, and why it was rejected")
    listing.add_argument(
        "id",
        metavar="ID",
        type=id_argument,
        nargs="?",
        help="only this external id, and the hash by which logs and file names know it",
    )
    show = action("show", "show what the spool knows about a call")
    show.add_argument("id", metavar="ID", type=id_argument, help="its external id, or its name in the spool")
    show.add_argument("--body", action="store_true", help="also show the body as it is sent: every word of the call")
    completes_files(
        show.add_argument(
            "--html", metavar="FILE", type=Path, help="write the page of the call, with every word, instead"
        )
    )
    attach = action("attach", "give a call its recording, now or when it comes")
    attach.add_argument("id", metavar="ID", type=id_argument, help="its external id")
    attach.add_argument("url", metavar="URL", help="the URL of the recording")
    retry = action("retry", "send rejected calls again")
    retry.add_argument("ids", metavar="ID", type=id_argument, nargs="*", help="external ids or names in the spool")
    retry.add_argument("--rejected", action="store_true", help="all rejected calls")
    reject = action("reject", "set a waiting call aside, so that it is not sent")
    reject.add_argument("id", metavar="ID", type=id_argument, help="its external id, or its name in the spool")
    purge = action("purge", "delete the calls that were rejected")
    purge.add_argument("--rejected", action="store_true", required=True, help="required: they cannot be restored")
    forget = action(
        "forget", "delete everything that the spool has of a call: what waits, what was rejected, recordings"
    )
    forget.add_argument("id", metavar="ID", type=id_argument, help="its external id")
    adopt = action("adopt", "take over the calls of another directory, for example after a change of keys")
    adopt.add_argument("directory", metavar="DIR", type=Path, help="a directory of a spool, as `list` names it")
    drain = action("drain", "deliver the calls that wait, without an app; settings come from the environment")
    drain.add_argument("--follow", action="store_true", help="keep delivering until SIGTERM or Ctrl-C, then once more")
    drain.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="S", help="give up after S seconds (default: %(default)s)"
    )


def _run(options: argparse.Namespace) -> int:
    """Runs the chosen action."""
    from roark_otel.cli.spool import change, drain, view

    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": view.run_list,
        "show": view.run_show,
        "attach": change.run_attach,
        "retry": change.run_retry,
        "reject": change.run_reject,
        "purge": change.run_purge,
        "forget": change.run_forget,
        "adopt": change.run_adopt,
        "drain": drain.run_drain,
    }
    if options.action == "retry" and bool(options.ids) == options.rejected:
        raise Problem("name the calls to send again, or pass --rejected for all of them", USAGE)
    return actions[options.action](options)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return seconds


SPOOL = Command("spool", SUMMARIES["spool"], _add_arguments, _run)
