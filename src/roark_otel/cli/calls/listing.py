"""`roark-otel calls list` and `tail`."""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Final

from roark_otel._safety.printable import printable
from roark_otel.cli.calls.roark import Roark, connected
from roark_otel.cli.counted import counted
from roark_otel.cli.problems import INTERRUPTED, Problem
from roark_otel.cli.progress import progress
from roark_otel.pages.values import Json, offset, text

if TYPE_CHECKING:
    import argparse

_PAGE: Final = 100
"""The calls that are read at once. A list of more ends with their number."""

_SECONDS: Final = 1.0
"""How often `tail` asks."""

_LONGEST_SECONDS: Final = 30.0
"""How often `tail` asks a Roark that cannot be reached, in the end."""


def run_list(options: argparse.Namespace) -> int:
    """Lists the newest calls. Stopped among many, it lists those that it has read."""
    found: list[Json] = []
    is_stopped = False
    with connected() as roark, progress("calls", options.limit, "calls") as show:
        try:
            for one in islice(roark.calls(search=options.search), min(options.limit, sys.maxsize)):
                found.append(one)
                show(len(found))
        except KeyboardInterrupt:
            is_stopped = True
    _print(found, options)
    if is_stopped:
        raise Problem(f"stopped after {counted(len(found), 'call')}", INTERRUPTED)
    return 0


def _print(found: list[Json], options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(found, indent=2))
        return
    if not found:
        print("no calls")
        return
    print(_columns("STARTED", "LENGTH", "ENDED", "ID"))
    for one in found:
        print(_line(one))
    if len(found) > _PAGE:
        print(counted(len(found), "call"))


def run_tail(options: argparse.Namespace) -> int:
    """Prints each call that comes, until it is interrupted. Once it has begun it outlasts a Roark that is away.

    Raises:
        Problem: if Roark cannot be reached at first; or that it was stopped.
    """
    printed = 0
    with connected() as roark:
        try:
            known, seconds, said = _Known(roark), _SECONDS, ""
            while True:
                time.sleep(seconds)
                try:
                    found = known.new()
                except Problem as problem:
                    if str(problem) != said:
                        print(f"roark-otel: {problem}; trying again", file=sys.stderr, flush=True)
                    seconds, said = min(2 * seconds, _LONGEST_SECONDS), str(problem)
                    continue
                seconds, said = _SECONDS, ""
                for one in found:
                    print(json.dumps(one) if options.json else _line(one), flush=True)
                    printed += 1
        except KeyboardInterrupt:
            raise Problem(f"stopped after {counted(printed, 'call')}", INTERRUPTED) from None


class _Known:
    """The calls that Roark had before, of which the newest show where new ones end: it may have very many.

    Args:
        roark: The connection.
    """

    def __init__(self, roark: Roark) -> None:
        self._roark = roark
        newest = list(islice(roark.calls(), _PAGE))
        self._ids = {text(one, "id") for one in newest}
        self._since = text(newest[0], "createdAt") if newest else ""

    def new(self) -> list[Json]:
        """Returns the calls that are not known yet, the oldest first, and knows them from now on.

        Raises:
            Problem: if one of the answers is not what it should be; then none of them is known.
        """
        found: list[Json] = []
        for one in self._roark.calls():
            created = text(one, "createdAt")
            if text(one, "id") in self._ids or (created and created < self._since):  # known ones may be deleted
                break
            found.append(one)
        self._ids |= {text(one, "id") for one in found}
        return found[::-1]


def _line(one: Json) -> str:
    lasted = offset(one, "durationMs")
    length = "-" if lasted is None else f"{lasted / 1000:.1f}s"
    external_id = text(one, "externalId") or text(one, "id")
    return _columns(text(one, "startedAt") or "-", length, text(one, "endedStatus") or "-", external_id)


def _columns(started: str, length: str, ended: str, name: str) -> str:
    return printable(f"{started:24}  {length:>8}  {ended:28}  {name}")
