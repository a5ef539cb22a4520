"""The actions that show the spool. Words, arguments and results are printed only with `--body`."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import assert_never

from roark_otel._safety.printable import printable
from roark_otel._settings.settings import Settings
from roark_otel._spool import records
from roark_otel._spool.id_hash import hashes_in
from roark_otel._spool.listing import InStage, Listed, directories, list_files, read_body
from roark_otel._spool.names import Stage
from roark_otel._spool.outlook import ATTACH, GOES_ON, described, of_cut_off, outlook
from roark_otel._spool.owner import has_living_owner
from roark_otel._spool.rejected import LIMITS, Aside
from roark_otel.cli.counted import counted
from roark_otel.cli.page import write_page
from roark_otel.cli.problems import FAILED, Problem
from roark_otel.cli.spool.keys import whose
from roark_otel.pages import document

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

STATES = {
    "OPEN": "has not ended",
    "WAITING": "waits for its recording",
    "READY": "to send",
    "TRIED": "tried",
    "LATE": "late tools to append",
}
"""How the stages are printed."""


def root_of(options: argparse.Namespace) -> Path:
    """Returns the root of the spool: the option, else the setting.

    Raises:
        Problem: if it does not exist.
    """
    root: Path = options.spool_dir or Settings.from_env().spool_dir
    if not root.is_dir():
        raise Problem(f"no spool at {root}: no call has finished there yet, or ROARK_SPOOL_DIR is wrong")
    return root


def everything(root: Path) -> list[Listed]:
    """Returns every file of every directory of a spool."""
    return [one for directory in directories(root) for one in list_files(directory)]


def matching(options: argparse.Namespace, wanted: str) -> list[Listed]:
    """Returns the files of a call, by its external id or its name.

    Raises:
        Problem: if there is none.
    """
    files = [one for one in everything(root_of(options)) if wanted in {one.external_id, one.name}]
    if not files:
        raise Problem(f"the spool has no call {printable(wanted)}")
    return files


def directory_of(one: Listed) -> Path:
    """Returns the directory of the spool that a file is in; a rejected one lies a folder deeper."""
    return one.path.parent.parent if isinstance(one.state, Aside) else one.path.parent


def run_list(options: argparse.Namespace) -> int:
    """Lists every call, or those of one external id with its hash."""
    root, settings = root_of(options), Settings.from_env()
    if options.id is not None:
        return _list_one(options, root, settings)
    if options.json:
        print(json.dumps([file_fields(one, settings) for one in everything(root)], indent=2))
        return 0
    for directory in directories(root):
        files, record = list_files(directory), records.read(directory)
        count = counted(len(files), "call") if files else "empty"
        print(printable(f"{directory}: {count}, {described(record)}"))
        for one in files:
            print(_line(one, settings))
        if any(isinstance(one.state, Aside) for one in files):
            print(f"  of those rejected, {LIMITS}; the oldest are deleted")
    return 0


def _line(one: Listed, settings: Settings) -> str:
    kind = f"{state(one):24} {_age(one.since):>6} {one.size:>9,} B"
    return f"  {kind}  {printable(one.external_id or one.name)}  {printable(_why(one, settings))}"


def _list_one(options: argparse.Namespace, root: Path, settings: Settings) -> int:
    """Lists the calls of one external id, of which there may be none, after the hashes to search logs for."""
    current, earlier = hashes_in(root, options.id)
    files = [one for one in everything(root) if one.external_id == options.id]
    if options.json:
        fields = [file_fields(one, settings) for one in files]
        print(json.dumps({"hash": current, "earlier_hash": earlier, "calls": fields}, indent=2))
        return 0
    known = f"{current} in logs and file names" if current else "in no log or file name yet: the spool has no key"
    print(printable(f"{options.id} is {known}; earlier versions had {earlier}"))
    for one in files:
        print(_line(one, settings))
    if not files:
        print("  no call of it is in the spool")
    return 0


def _why(one: Listed, settings: Settings) -> str:
    """Returns why a call has not been sent, and what happens next."""
    if isinstance(one.state, Aside):
        return one.state.reason
    if one.state.stage is Stage.WAITING:
        return f"no recording; {ATTACH}"
    if one.state.stage is Stage.OPEN and has_living_owner(one.path):
        return f"{GOES_ON.why}; {GOES_ON.cure}"
    directory = directory_of(one)
    will = outlook(directory, records.read(directory), whose(directory, settings), settings.address)
    if one.state.stage is Stage.OPEN:
        will = of_cut_off(one.since + settings.quiet_seconds - time.time(), will)
        return f"{will.why}; {will.cure}"
    rest = 0.0 if one.header is None else one.header.not_before - time.time()
    return f"{will.why}; {will.cure}{f', in {rest:.0f} s at the earliest' if rest > 0 else ''}"


def run_show(options: argparse.Namespace) -> int:
    """Shows the files of one call, with `--body` also their bodies. Returns 1 if one of these cannot be shown."""
    if options.html is not None:
        return _write_page(options)
    status = 0
    for one in matching(options, options.id):
        fields = file_fields(one, Settings.from_env())
        body = _body(one) if options.body else None
        if options.body and body is None:
            print(f"{printable(str(one.path))}: the body cannot be read as JSON, and is not shown", file=sys.stderr)
            status = FAILED
        if options.json:
            print(json.dumps(fields if body is None else {**fields, "body": json.loads(body)}, indent=2))
            continue
        for name, value in fields.items():
            if value is not None:
                print(f"{name:14} {printable(str(value))}")
        if body is not None:
            print(body)
    return status


def _write_page(options: argparse.Namespace) -> int:
    """Writes the page of a call: of the only file of the spool that holds one of this id."""
    found = [(one, body) for one in matching(options, options.id) if "startedAt" in (body := _call(one))]
    if len(found) != 1:
        names = ", ".join(one.name for one, _ in found)
        why = f"{len(found)} calls of it are there: name one of {names}" if found else "its body cannot be read"
        raise Problem(f"no page of {printable(options.id)}: {printable(why)}")
    ((one, body),) = found
    write_page(options.html, document(body, receipt=_receipt(one)))
    print(printable(f"{options.html}: {one.external_id or one.name}, {state(one)}"))
    return 0


def _receipt(one: Listed) -> dict[str, object] | None:
    """Returns what Roark answered to a call that it refused."""
    if not isinstance(one.state, Aside) or not one.state.status:
        return None
    answer = {"error": {"message": one.state.reason}}
    return {"status": one.state.status, "receivedAt": _time(one.since), "headers": {}, "answer": answer, "issues": []}


def _call(one: Listed) -> dict[str, Any]:
    try:
        found: object = json.loads(read_body(one.path) or b"")
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _body(one: Listed) -> str | None:
    """Returns the body of a file for a person to read; None if it cannot be read as JSON."""
    try:
        return json.dumps(json.loads(read_body(one.path) or b""), indent=2, ensure_ascii=True)
    except (ValueError, RecursionError):
        return None


def state(one: Listed) -> str:
    """Returns a file's state in words."""
    match one.state:
        case InStage(stage):
            return STATES[stage.name]
        case Aside(status, _):
            return f"rejected ({status})" if status else "rejected"
        case _:
            assert_never(one.state)


def file_fields(one: Listed, settings: Settings) -> dict[str, object]:
    """Returns what `--json` prints of a file; times are UTC."""
    header = {} if one.header is None else asdict(one.header)
    record = records.read(directory_of(one))
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
        "why": _why(one, settings),
        "service_name": header.get("service"),
        "address": record.address or None,
        "last_status": record.answer or None,
        "key": record.acceptance.value,
    }


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
