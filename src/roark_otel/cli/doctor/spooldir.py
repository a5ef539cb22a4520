"""The directory in which finished calls wait."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from typing import TYPE_CHECKING, Final

from roark_otel._engine.parts import spool_directory
from roark_otel._spool import disk
from roark_otel._spool.names import Stage, parse_file_name, parse_rejected_name
from roark_otel._spool.rejected import FOLDER
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong

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
    return [*usable, *_mode(directory), *_space(directory), *backlog(directory)]


def backlog(directory: Path) -> list[Finding]:
    """Counts the calls that wait in a directory, and those that Roark rejected."""
    stages = [parsed[1] for path in directory.rglob("*") if (parsed := parse_file_name(path.name))]
    kept = [path for path in directory.rglob(f"{FOLDER}/*") if parse_rejected_name(path.name)]
    waiting = stages.count(Stage.WAITING)
    ready = stages.count(Stage.READY) + stages.count(Stage.TRIED)
    found: list[Finding] = []
    if waiting:
        cure = "set ROARK_RECORDING_URL_TEMPLATE, or attach a recording to each"
        found.append(Warned("backlog", f"{waiting} wait for a recording", cure))
    if kept:
        cure = f"read the reasons next to them in {kept[0].parent}"
        found.append(Warned("backlog", f"{len(kept)} were rejected by Roark and are kept", cure))
    if ready:
        cure = "the next process that uses this spool delivers them"
        found.append(Warned("backlog", f"{ready} wait to be sent", cure))
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
