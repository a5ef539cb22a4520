"""`roark-otel replay`: makes calls of spans that were recorded in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from roark_otel._safety.printable import printable
from roark_otel.cli.command import Command
from roark_otel.cli.problems import FAILED, Problem

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from roark_otel._delivery.client import Client
    from roark_otel._replay.pipeline import ReadyCall
    from roark_otel._settings.settings import Settings
    from roark_otel.cli.replay.playing import Played
    from roark_otel.cli.replay.sending import SendResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="what the Collector's file exporter wrote")
    parser.add_argument("--dry-run", action="store_true", help="print the calls, one JSON object a line, and send none")
    parser.add_argument("--from-start", action="store_true", help="begin at the start of the file, whatever is done")
    parser.add_argument(
        "--incomplete", action="store_true", help="also send conversations whose root span is not in the file"
    )


def _run(options: argparse.Namespace) -> int:
    """Replays the files one after the other. Exit status 1 if something did not become a call that should have."""
    from roark_otel._settings.settings import Settings

    settings = Settings.from_env()
    client = None if options.dry_run else _client(settings)
    try:
        statuses = [_replay(path, options, settings, client) for path in options.files]
    finally:
        if client is not None:
            client.close()
    return max(statuses)


def _replay(path: Path, options: argparse.Namespace, settings: Settings, client: Client | None) -> int:
    from roark_otel.cli.replay.bookmark import Bookmarks
    from roark_otel.cli.replay.playing import Options, Playing
    from roark_otel.cli.replay.progress import progress
    from roark_otel.dialects import DIALECTS

    bookmarks = Bookmarks(settings, path)
    try:
        with path.open("rb") as file, progress(path.name, path.stat().st_size) as show_read:
            how = Options(
                offset=0 if options.dry_run or options.from_start else bookmarks.offset(),
                incomplete=options.incomplete,
                send=_sender(client),
                on_done=_put_nowhere if options.dry_run else bookmarks.put,
                on_read=show_read,
            )
            played = Playing(file, settings, DIALECTS, how).play()
    except OSError as fault:
        raise Problem(f"{fault.filename or path}: {fault.strerror}") from fault
    _report(path, played, is_dry=options.dry_run)
    return FAILED if played.problems or played.counts["faults"] else 0


def _put_nowhere(_offset: int) -> None:
    """A dry run leaves no bookmark."""


def _sender(client: Client | None) -> Callable[[ReadyCall], SendResult]:
    from roark_otel.cli.replay.playing import print_call
    from roark_otel.cli.replay.sending import send

    return print_call if client is None else lambda call: send(client, call)


def _client(settings: Settings) -> Client:
    from roark_otel._delivery.client import Client
    from roark_otel._delivery.misconfigured import Misconfigured

    if settings.api_key is None:
        raise Problem("there is no key: set ROARK_API_KEY, or look with --dry-run first")
    if not settings.address:
        raise Problem("no usable address: correct ROARK_BASE_URL and ROARK_PROJECT_ID")
    try:
        return Client(settings.address, settings.api_key, settings.project_id, settings.http_timeout_seconds)
    except Misconfigured as fault:
        raise Problem(f"no connection to Roark: {fault}") from None


_COUNTED: tuple[tuple[str, str], ...] = (
    ("already", "already there"),
    ("without_recording", "without a recording URL (set ROARK_RECORDING_URL_TEMPLATE, then --from-start)"),
    ("rejected", "rejected"),
    ("duplicates", "left out, because their id is that of another call"),
    ("empty", "empty"),
    ("skipped", "marked roark.skip"),
    ("unreadable_lines", "lines that cannot be read"),
    ("unfinished_traces", "traces not finished in the file (--incomplete sends them as they are)"),
    ("traces_without_id", "traces without an external id"),
    ("faults", "faults in roark-otel, logged on standard error (some of a call may be missing)"),
)
"""The counters that the summary mentions unless they are 0, each with its words."""


def _report(path: Path, played: Played, *, is_dry: bool) -> None:
    """Prints what became of a file, in one line, and below it each problem."""
    if played.resumed_at:
        print(f"{path}: goes on at byte {played.resumed_at} (--from-start begins at the start)", file=sys.stderr)
    counts = played.counts
    done = [f"{counts['created']} {'to be created' if is_dry else 'created'}"]
    done += [f"{counts[name]} {words}" for name, words in _COUNTED if counts[name]]
    print(f"{path}: {', '.join(done)}", file=sys.stderr if is_dry else sys.stdout)
    for problem in played.problems:
        print(f"  {printable(problem)}", file=sys.stderr)


REPLAY = Command(
    "replay", "make calls of recorded spans: OTLP JSON lines of the Collector, or a dump", _add_arguments, _run
)
