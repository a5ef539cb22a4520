"""The directory in which finished calls wait."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from typing import TYPE_CHECKING, Final

from roark_otel._engine.parts import spool_directory
from roark_otel._spool import disk, records
from roark_otel._spool.listing import cut_off, measure
from roark_otel._spool.outlook import ATTACH, Whose, outlook
from roark_otel._spool.rejected import FOLDER
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong
from roark_otel.cli.spool.keys import rests

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._settings.settings import Settings

_LITTLE_BYTES: Final = 64 * 1024**2


def check_spool(settings: Settings) -> list[Finding]:
    """Checks whether the spool can be written, which users may read it, and what waits in it."""
    if settings.spool == "memory":
        cure = "unset ROARK_SPOOL to keep calls on disk until they are delivered"
        return [Warned("spool", "in memory: waiting calls are lost with the process", cure)]
    directory = settings.spool_dir
    key = settings.api_key
    usable = _usable(directory, None if key is None else spool_directory(settings, key))
    if any(isinstance(one, Wrong) for one in usable):
        return usable
    return [*usable, *_mode(directory), *_space(directory), *backlog(directory, settings)]


def backlog(root: Path, settings: Settings | None = None) -> list[Finding]:
    """Counts the calls that wait in a spool, with what becomes of them, and those that Roark rejected."""
    own = None if settings is None or settings.api_key is None else spool_directory(settings, settings.api_key)
    waiting = rejected = 0
    found: list[Finding] = []
    for directory in sorted(path for path in root.glob("*") if path.is_dir() and not path.is_symlink()):
        counts = measure(directory)
        waiting, rejected = waiting + counts.awaiting_recording, rejected + counts.rejected
        whose = Whose.OPEN if own is None else Whose.OWN if directory == own else Whose.OTHER
        will = outlook(directory, records.read(directory), whose, settings.address if settings else "")
        if cut := cut_off(directory):
            cure = rests(cut, 60.0 if settings is None else settings.quiet_seconds, will).cure
            found.append(Warned("backlog", f"cut off, because their process ended before they did: {len(cut)}", cure))
        if counts.sendable:
            why = "" if will.why == "to send" else f": {will.why}"
            found.append(Warned("backlog", f"waiting to be sent: {counts.sendable}{why}", will.cure))
    if rejected:
        cure = f"read the reasons next to them, below {FOLDER}/ in {root}, or with `roark-otel spool list`"
        found.insert(0, Warned("backlog", f"rejected by Roark, and kept: {rejected}", cure))
    if waiting:
        found.insert(0, Warned("backlog", f"waiting for a recording: {waiting}", ATTACH))
    return found or [Fine("backlog", "nothing waits")]


def _usable(directory: Path, own: Path | None) -> list[Finding]:
    """Writes a file where the spool is, or where it would be made, and in the directory of this key if there is one."""
    for one in (directory, *([own] if own else ())):
        try:
            disk.refuse_foreign(one)
            place = next((found for found in (one, *one.parents) if found.exists()), one)
            with tempfile.TemporaryFile(dir=place) as file:
                file.write(b"x")
        except OSError as fault:
            seen = f"{one} cannot be used ({fault.strerror}): calls are in memory only, and lost with the process"
            return [Wrong("spool", seen, "set ROARK_SPOOL_DIR to a directory of this user that outlives the pod")]
    return [Fine("spool", f"{directory} can be {'written' if directory.exists() else 'made'}")]


def _mode(directory: Path) -> list[Finding]:
    if os.name != "posix" or not directory.is_dir():
        return []
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & stat.S_IRWXO:
        return [Warned("spool", f"open to every user of this machine (mode {mode:04o})", f"chmod o= {directory}")]
    return [Fine("spool", f"mode {mode:04o}")]


def _space(directory: Path) -> list[Finding]:
    place = next((one for one in (directory, *directory.parents) if one.is_dir()), None)
    free = shutil.disk_usage(place).free if place else _LITTLE_BYTES
    if free < _LITTLE_BYTES:
        return [Warned("spool", f"only {free // 1024**2} MiB are free there", "free disk space, or move the spool")]
    return []
