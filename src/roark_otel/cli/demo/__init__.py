"""`roark-otel demo`: follows two calls from span to screen, on this machine only."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from roark_otel.cli.command import Command
from roark_otel.cli.problems import extras

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from roark_otel.cli.demo.readback import SeenCall


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print the bodies as they were posted, as a JSON list, instead"
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
        else:
            screen.show(calls, sandbox.url)
    return 0


def _print_bodies(calls: Sequence[SeenCall]) -> None:
    json.dump([call.body for call in calls], sys.stdout, indent=2)
    print()


DEMO = Command("demo", "see two traced conversations become calls, against a local Roark", _add_arguments, _run)
