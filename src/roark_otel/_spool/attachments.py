"""Recordings that are attached from outside, in files: needs no key, only the spool's root.

Every directory of the root is searched by the hash of the external id. The URL is first kept in `attached/`, and
removed from there once a call has it: a call that is being spooled at the same moment finds it there, or is found.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from roark_otel._model.formats import is_http_url
from roark_otel._safety.log_ids import id_hash
from roark_otel._spool import disk, rejected
from roark_otel._spool.body import with_recording
from roark_otel._spool.claims import Spooled
from roark_otel._spool.folder import write_file
from roark_otel._spool.listing import directories
from roark_otel._spool.names import Stage, is_of
from roark_otel._spool.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

KEPT_SECONDS = 7 * 86_400.0
"""How long a URL is kept for a call that is yet to come."""

_FOLDER = "attached"
_END = ".json"


def attach_below(root: Path, external_id: str, url: str) -> int:
    """Gives a recording to all calls of an id that wait, and to those that were rejected for the lack of one.

    Returns:
        How many calls got it. If there were none, the URL is kept for one to come.

    Raises:
        OSError: if writing fails.
    """
    key = id_hash(external_id)
    _keep(root, key, url)
    given = sum(_attach_in(directory, key, url) for directory in directories(root))
    if given:
        drop(root, key)
    return given


def _attach_in(directory: Path, key: str, url: str) -> int:
    spool = Spool(directory)
    waiting = [name for name in spool.names_of(key) if is_of(name, key)]
    given = sum(give(spool, name, url) for name in waiting)
    aside = sorted(name for name in rejected.names_of(directory, key) if is_of(name, key))
    return given + sum(rejected.revive(directory, name, url) for name in aside)


def give(spool: Spool, name: str, url: str) -> bool:
    """Gives a call that waits its recording. Returns whether it was still there to be given one.

    Raises:
        OSError: if writing fails.
    """
    with spool.replaceable(name) as call:  # a courier that only looks at it holds it for a moment
        if not isinstance(call, Spooled):
            return False
        spool.rewrite(call, call.header, with_recording(call.body, url), Stage.READY)
    return True


def kept(root: Path) -> set[str]:
    """Returns the hashes of the ids for which a URL is kept, and removes those that are too old."""
    found: set[str] = set()
    for key, status in disk.stat_files(root / _FOLDER, _key):
        if time.time() - status.st_mtime > KEPT_SECONDS:
            drop(root, key)
        else:
            found.add(key)
    return found


def kept_for(root: Path, key: str) -> str | None:
    """Returns the URL that is kept for this hash of an id; None if there is none, or it cannot be read."""
    try:
        url = json.loads(disk.read_path(_path(root, key)) or b"{}")["url"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return url if isinstance(url, str) and is_http_url(url) else None


def drop(root: Path, key: str) -> None:
    """Removes the URL that is kept for this hash of an id, if there is one."""
    with suppress(OSError):
        _path(root, key).unlink()


def _keep(root: Path, key: str, url: str) -> None:
    disk.refuse_foreign(root / _FOLDER)
    disk.refuse_link(root / _FOLDER)
    write_file(_path(root, key), json.dumps({"url": url}).encode())


def _path(root: Path, key: str) -> Path:
    return root / _FOLDER / f"{key}{_END}"


def _key(text: str) -> str | None:
    return text.removesuffix(_END) if text.endswith(_END) else None
