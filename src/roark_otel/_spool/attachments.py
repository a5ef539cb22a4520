"""Recordings that are attached from outside, in files: needs no key, only the spool's root.

Every directory of the root is searched by the hash of the external id. The URL is first kept in `attached/`, and taken
from there once a call has it: so a call that is being spooled at the same moment finds it, or is found.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from roark_otel._model.formats import is_http_url
from roark_otel._spool import admin, disk
from roark_otel._spool.body import recording_of, with_recording
from roark_otel._spool.file import Readable, Stage, from_bytes, id_hash, to_bytes
from roark_otel._spool.spool import Spool, Spooled

if TYPE_CHECKING:
    from pathlib import Path

KEPT_SECONDS = 7 * 86_400.0
"""How long a URL is kept for a call that is yet to come."""

FOLDER = "attached"


def attach(root: Path, external_id: str, url: str) -> int:
    """Gives a recording to all calls of an id that wait, also in `rejected/` for the lack of one.

    Returns:
        How many calls that were. If there were none, the URL is kept for one to come.

    Raises:
        OSError: if the disk takes nothing.
    """
    key = id_hash(external_id)
    _keep(root, key, url)
    given = 0
    for directory in admin.directories(root):
        spool = Spool(directory)
        for entry in spool.entries((Stage.WAITING, Stage.READY)):
            if entry.name.startswith(key):
                given += give(spool, entry.name, url)
        given += sum(_revive(directory, path, url) for path in _rejected(directory, key))
    if given:
        drop(root, key)
    return given


def give(spool: Spool, name: str, url: str) -> bool:
    """Gives a call that waits its recording. Returns whether it could be given.

    Raises:
        OSError: if the disk does not take it.
    """
    with spool.claim(name, (Stage.WAITING, Stage.READY)) as call:
        if not isinstance(call, Spooled):
            return False
        spool.rewrite(call, call.header, with_recording(call.body, url), Stage.READY)
    return True


def kept(root: Path) -> set[str]:
    """The hashes of the ids for which a URL is kept. What is too old is removed."""
    found: set[str] = set()
    with suppress(OSError), os.scandir(root / FOLDER) as entries:
        for entry in entries:
            if not entry.name.endswith(".json") or not entry.is_file(follow_symlinks=False):
                continue
            key = entry.name.removesuffix(".json")
            with suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > KEPT_SECONDS:
                    drop(root, key)
                else:
                    found.add(key)
    return found


def kept_for(root: Path, key: str) -> str | None:
    """The URL that is kept for this hash of an id."""
    try:
        file = disk.open_file(_path(root, key))
        if file is None:
            return None
        try:
            told = json.loads(disk.read(file))
        finally:
            os.close(file)
        url = told["url"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return url if isinstance(url, str) and is_http_url(url) else None


def drop(root: Path, key: str) -> None:
    """Keeps a URL no longer."""
    with suppress(OSError):
        _path(root, key).unlink()


def _keep(root: Path, key: str, url: str) -> None:
    disk.refuse_link(root / FOLDER)
    disk.write(_path(root, key), json.dumps({"url": url}).encode())


def _path(root: Path, key: str) -> Path:
    return root / FOLDER / f"{key}.json"


def _rejected(directory: Path, key: str) -> list[Path]:
    aside = directory / admin.REJECTED
    return [] if aside.is_symlink() else sorted(aside.glob(f"{key}-*.jsonl"))


def _revive(directory: Path, path: Path, url: str) -> bool:
    """Has a rejected call sent after all, if a recording was all that it lacked or that was wrong with it."""
    file = disk.open_file(path)
    if file is None:
        return False
    try:
        if not disk.lock(file) or not disk.is_at(path, file):
            return False
        content = from_bytes(disk.read(file))
        told = path.with_name(path.name.removesuffix(".jsonl") + ".reason.json")
        if not isinstance(content, Readable) or not _lacks_recording(content.body, told):
            return False
        name = path.name.removesuffix(".jsonl")
        body = with_recording(content.body, url)
        disk.write(directory / f"{name}{Stage.READY.value}", to_bytes(content.header, body))
        path.unlink()
        told.unlink(missing_ok=True)
        return True
    finally:
        os.close(file)


def _lacks_recording(body: bytes, reason: Path) -> bool:
    return recording_of(body) is None or "recordingUrl" in admin.reason_in(reason).reason
