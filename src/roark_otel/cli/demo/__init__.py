"""`roark-otel demo`: follows two calls from span to screen, on this machine only."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from roark_otel._safety.printable import printable
from roark_otel.cli.command import Command
from roark_otel.cli.page import write_html
from roark_otel.cli.problems import extras
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from roark_otel.cli.demo.readback import SeenCall


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--json", action="store_true", help="print the bodies as they were posted, as a JSON list, instead"
    )
    how.add_argument("--open", action="store_true", help="open both calls in the browser instead, until Ctrl-C")
    how.add_argument(
        "--html",
        metavar="FILE",
        type=Path,
        help="write both calls with their sound as pages that open from disk instead: FILE, and FILE-2 beside it",
    )


def _run(options: argparse.Namespace) -> int:
    """Plays both conversations, reads the calls back and shows them."""
    with extras():
        from roark_otel.cli.demo import screen
        from roark_otel.cli.demo.stage import play, scenes
        from roark_otel.cli.demo.surroundings import own_surroundings
        from roark_otel.sandbox import Sandbox
    with own_surroundings() as spool, Sandbox() as sandbox:
        calls = [play(scene, sandbox.url, spool) for scene in scenes()]
        if options.json:
            _print_bodies(calls)
        elif options.html is not None:
            _write_pages(calls, sandbox.url, options.html)
        elif options.open:
            _open_pages(sandbox.page_url)
        else:
            screen.show(calls, sandbox.url)
    return 0


def _write_pages(calls: Sequence[SeenCall], roark_url: str, first: Path) -> None:
    from roark_otel.cli.demo.readback import LocalRoark

    with LocalRoark(roark_url) as roark:
        for number, call in enumerate(calls, 1):
            path = first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")
            write_html(path, roark.page(call.details["id"]))
            print(f"{printable(str(path))}: {call.title}")


def _open_pages(url: str) -> None:
    """Opens the pages, and serves them until Ctrl-C."""
    import time
    import webbrowser

    with suppress(KeyboardInterrupt):
        is_open = webbrowser.open(url)
        print(f"{'The calls are at' if is_open else 'Open this in a browser:'} {url}\nCtrl-C ends.", flush=True)
        while True:
            time.sleep(3_600)


def _print_bodies(calls: Sequence[SeenCall]) -> None:
    json.dump([call.body for call in calls], sys.stdout, indent=2)
    print()


DEMO = Command("demo", SUMMARIES["demo"], _add_arguments, _run)
