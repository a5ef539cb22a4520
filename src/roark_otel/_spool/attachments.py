"""Recordings that are attached from outside, in files: needs no key, only the spool's root.

Every directory of the root is searched for the external id, by its hash. The URL is first kept in `attached/`, and
removed from there once a call has it: a call that is being spooled at the same moment finds it there, or is found.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from roark_otel._model.formats import is_http_url
from roark_otel._spool import disk, rejected
from roark_otel._spool.body import with_recording
from roark_otel._spool.claims import Spooled
from roark_otel._spool.folder import write_file
from roark_otel._spool.id_hash import id_at, ids_of, unkeyed_hash
from roark_otel._spool.listing import directories
from roark_otel._spool.names import Stage
from roark_otel._spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Collection
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
        OSError: if a call cannot be given it, or none waits and the URL cannot be kept.
    """
    fault = _kept(root, external_id, url)
    given = sum(_attach_in(directory, external_id, url) for directory in directories(root))
    if given:
        drop(root, external_id)
        return given
    if fault is not None:
        raise fault
    # A courier that was looking just then has found the URL, and has given it.
    return 1 if kept_for(root, external_id) is None else 0


def _attach_in(directory: Path, external_id: str, url: str) -> int:
    spool = Spool(directory)
    given = sum(give(spool, name, url) for name in spool.names_of(external_id))

    is_its = spool.ids.finder(external_id)
    aside = rejected.names_of(
        directory, lambda name: is_its(name, partial(id_at, rejected.rejected_path(directory, name)))
    )
    return given + sum(rejected.revive(directory, name, url) for name in sorted(aside))


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


def kept_among(root: Path, external_ids: Collection[str]) -> list[str]:
    """Returns those of these ids for which a URL is kept, and removes what is too old."""
    found: dict[str, Path] = {}
    for key, status in disk.stat_files(root / _FOLDER, _key):
        path = _path(root, key)
        if time.time() - status.st_mtime > KEPT_SECONDS:
            with suppress(OSError):
                path.unlink()
        else:
            found[key] = path
    if not found:
        return []
    ids = ids_of(root)
    said = {_id_in(path) for key, path in found.items() if not ids.is_enough(key)}
    return [one for one in external_ids if ids.of(one) in found or unkeyed_hash(one) in found or one in said]


def kept_for(root: Path, external_id: str) -> str | None:
    """Returns the URL that is kept for an id; None if there is none, or it cannot be read."""
    for path in _paths(root, external_id):
        url = _read(path).get("url")
        if isinstance(url, str) and is_http_url(url):
            return url
    return None


def drop(root: Path, external_id: str) -> None:
    """Removes the URL that is kept for an id, if there is one."""
    for path in _paths(root, external_id):
        with suppress(OSError):
            path.unlink()


def _kept(root: Path, external_id: str, url: str) -> OSError | None:
    """Keeps a URL for a call that is yet to come. Returns why it cannot be: those that wait get it all the same."""
    ids = ids_of(root)
    content = {"url": url} if ids.is_shared else {"url": url, "external_id": external_id}
    try:
        disk.refuse_foreign(root / _FOLDER)
        disk.refuse_link(root / _FOLDER)
        write_file(_path(root, ids.of(external_id)), json.dumps(content).encode())
    except OSError as fault:
        return fault
    return None


def _paths(root: Path, external_id: str) -> list[Path]:
    """Returns where the URL of an id may be: under its hashes, or under another key, with the id in the file."""
    ids = ids_of(root)
    likely = [_path(root, key) for key in (ids.of(external_id), unkeyed_hash(external_id))]
    keys = [key for text in disk.names(root / _FOLDER) if (key := _key(text))]
    others = [path for key in keys if not ids.is_enough(key) and _id_in(path := _path(root, key)) == external_id]
    return [*likely, *others]


def _id_in(path: Path) -> str | None:
    found = _read(path).get("external_id")
    return found if isinstance(found, str) else None


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(disk.read_path(path) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _path(root: Path, key: str) -> Path:
    return root / _FOLDER / f"{key}{_END}"


def _key(text: str) -> str | None:
    return text.removesuffix(_END) if text.endswith(_END) else None
