"""The spool as a person sees it. Words, arguments and results are shown only where `--body` asks for them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._settings.settings import Settings
from roark_otel._spool.admin import Aside, InStage, Listed, body, directories, listed
from roark_otel.cli.problems import FAILED, Problem

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

STATES = {"WAITING": "waits for its recording", "READY": "to send", "TRIED": "tried", "LATE": "late tools to append"}
"""What the stages are called here."""


def root_of(options: argparse.Namespace) -> Path:
    """The root of the spool: the option, else the setting."""
    root: Path = options.spool_dir or Settings.from_env().spool_dir
    if not root.is_dir():
        raise Problem(f"there is no spool at {root}: no call was ever finished there, or ROARK_SPOOL_DIR is another")
    return root


def everything(root: Path) -> list[Listed]:
    """Every file of every directory of a spool."""
    return [one for directory in directories(root) for one in listed(directory)]


def found(options: argparse.Namespace, wanted: str) -> list[Listed]:
    """The files of a call, by its external id or its name.

    Raises:
        Problem: if there is none.
    """
    matching = [one for one in everything(root_of(options)) if wanted in {one.external_id, one.name}]
    if not matching:
        raise Problem(f"the spool has no call {plain(wanted)}")
    return matching


def directory_of(one: Listed) -> Path:
    """The directory that a file belongs to; a rejected one is a folder deeper."""
    return one.path.parent.parent if isinstance(one.state, Aside) else one.path.parent


def show_all(options: argparse.Namespace) -> int:
    """Lists what is there."""
    root = root_of(options)
    if options.json:
        print(json.dumps([as_json(one) for one in everything(root)], indent=2))
        return 0
    for directory in directories(root):
        files = listed(directory)
        print(f"{directory}: {len(files)} calls" if files else f"{directory}: empty")
        for one in files:
            why = f"  {plain(one.state.reason)}" if isinstance(one.state, Aside) else ""
            print(f"  {state(one):24} {_age(one.since):>6} {one.size:>9,} B  {plain(one.external_id or one.name)}{why}")
    return 0


def show_one(options: argparse.Namespace) -> int:
    """Shows the files of one call, and their bodies if asked to."""
    for one in found(options, options.id):
        told = as_json(one)
        content = body(one.path) if options.body else None
        if options.json:
            print(json.dumps(told if content is None else {**told, "body": json.loads(content)}, indent=2))
            continue
        for name, value in told.items():
            if value is not None:
                print(f"{name:14} {plain(str(value))}")
        if content is not None:
            print(json.dumps(json.loads(content), indent=2, ensure_ascii=True))
        if options.body and content is None:
            return FAILED
    return 0


def state(one: Listed) -> str:
    """In what state a file is, in words."""
    match one.state:
        case InStage(stage):
            return STATES[stage.name]
        case Aside(status, _):
            return f"rejected ({status})" if status else "rejected"
        case _:
            assert_never(one.state)


def as_json(one: Listed) -> dict[str, object]:
    """What `--json` prints of a file; times are UTC."""
    header = {} if one.header is None else asdict(one.header)
    return {
        "name": one.name,
        "external_id": one.external_id,
        "state": "rejected" if isinstance(one.state, Aside) else one.state.stage.name.lower(),
        "status": one.state.status or None if isinstance(one.state, Aside) else None,
        "reason": one.state.reason if isinstance(one.state, Aside) else None,
        "since": _time(one.since),
        "finished_at": _time(header.get("finished_at")),
        "not_before": _time(header.get("not_before")),
        "trace_id": header.get("trace_id"),
        "call_id": header.get("call_id"),
        "turns": header.get("turns"),
        "tools": header.get("tools"),
        "bytes": one.size,
        "directory": str(directory_of(one)),
    }


def plain(text: str) -> str:
    """Text that does nothing to a terminal, whatever an app chose for an id."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def _time(seconds: object) -> str | None:
    if not isinstance(seconds, (int, float)) or not 0 < seconds < 4e9:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def _age(since: float) -> str:
    seconds = max(0.0, time.time() - since)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
