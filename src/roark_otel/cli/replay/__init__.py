"""`roark-otel replay`: makes calls of spans that were recorded in a file."""

from __future__ import annotations

from io import UnsupportedOperation
from pathlib import Path
from typing import TYPE_CHECKING

from roark_otel.cli.command import Command, completes_files
from roark_otel.cli.counted import counted
from roark_otel.cli.problems import FAILED, INTERRUPTED, USAGE, Problem
from roark_otel.cli.stopping import stops_on_sigterm
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    import argparse

    from roark_otel._settings.settings import Settings
    from roark_otel.cli.replay.bookmark import Bookmarks
    from roark_otel.cli.replay.outlets import Outlet
    from roark_otel.cli.replay.playing import Played


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="what a Collector wrote to a file")
    completes_files(files)
    parser.add_argument("--dry-run", action="store_true", help="print the calls, one JSON object a line, and send none")
    parser.add_argument("--html", metavar="DIR", type=Path, help="with --dry-run: write a page of each call to DIR")
    parser.add_argument("--from-start", action="store_true", help="begin at the start of the file, whatever is done")
    parser.add_argument(
        "--incomplete", action="store_true", help="also send conversations whose root span is not in the file"
    )


def _run(options: argparse.Namespace) -> int:
    """Replays the files one after the other. Exit status 1 if something did not become a call that should have."""
    if options.html is not None and not options.dry_run:
        raise Problem("--html writes what a dry run makes: add --dry-run", USAGE)
    from roark_otel._settings.settings import Settings
    from roark_otel.cli.replay.outlets import Sending, Showing
    from roark_otel.cli.replay.report import report_all

    settings = Settings.from_env()
    outlet = Showing(options.html) if options.dry_run else Sending(settings)
    played: list[Played] = []
    try:
        with stops_on_sigterm():
            for path in options.files:
                _replay(path, options, settings, outlet, played)
    finally:
        outlet.close()
        if len(played) > 1:
            report_all(played, is_dry=options.dry_run)
    return FAILED if any(one.problems or one.counts["faults"] for one in played) else 0


def _replay(path: Path, options: argparse.Namespace, settings: Settings, outlet: Outlet, files: list[Played]) -> None:
    """Replays a file. What became of it is reported, and added to `files`, wherever it ends."""
    from roark_otel._replay.file import unpacked_file
    from roark_otel.cli.progress import BYTES, progress
    from roark_otel.cli.replay.bookmark import Bookmarks
    from roark_otel.cli.replay.playing import Options, Played, Playing
    from roark_otel.cli.replay.report import has_something, report
    from roark_otel.dialects import DIALECTS

    bookmarks = Bookmarks(settings, path)
    played, is_once, is_whole = Played(), options.dry_run, False
    try:
        size = path.stat().st_size
        with path.open("rb") as file, progress(path.name, size, BYTES, prints=options.dry_run) as show:
            content = unpacked_file(file)
            is_once = is_once or content is not file  # what gzip has packed is complete, and read whole
            how = Options(
                offset=0 if is_once or options.from_start else bookmarks.offset(),
                incomplete=options.incomplete,
                send=outlet.take,
                on_done=_put_nowhere if is_once else bookmarks.put,
                on_read=lambda calls: show(file.tell(), counted(calls, "call")),
                on_unsendable=outlet.take_unsendable,
                on_trace=outlet.see,
            )
            playing = Playing(content, settings, DIALECTS, how)
            played = playing.played
            playing.play()
            is_whole = True
    except UnsupportedOperation:
        raise Problem(f"{path}: it is read more than once, which a pipe cannot be: write it to a file first") from None
    except OSError as fault:
        raise Problem(f"{fault.filename or path}: {fault.strerror or fault}") from fault
    except KeyboardInterrupt:
        raise Problem(f"{path}: stopped; {_next(path, bookmarks, is_once=is_once)}", INTERRUPTED) from None
    finally:
        files.append(played)
        if is_whole or has_something(played):
            report(path, played, is_dry=options.dry_run)


def _next(path: Path, bookmarks: Bookmarks, *, is_once: bool) -> str:
    """Returns where the same command begins the next time."""
    offset = 0 if is_once else bookmarks.offset()
    if offset:
        return f"the same command goes on at byte {offset} of {path.stat().st_size}"
    return "the same command begins at the start, and creates nothing twice"


def _put_nowhere(_offset: int) -> None:
    """A dry run leaves no bookmark, and a packed file has no place to go on from."""


REPLAY = Command("replay", SUMMARIES["replay"], _add_arguments, _run)
