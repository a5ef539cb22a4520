"""Where a replay stopped, so that the next one goes on from there: a small file next to the spool."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from roark_otel._spool import disk
from roark_otel._spool.folder import write_file

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._settings.settings import Settings

BOOKMARK_FORMAT: Final = 1
_HEAD_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place in a file, before which everything is done. `head` is the hash of the file's first `head_bytes` bytes."""

    offset: int
    head: str
    head_bytes: int
    format: int = BOOKMARK_FORMAT


class Bookmarks:
    """Keeps the bookmark of one file for one Roark and project.

    Args:
        settings: The settings; the bookmark is kept next to their spool.
        file: The file that is replayed.
    """

    def __init__(self, settings: Settings, file: Path) -> None:
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        whose = settings.project_id or sha256(key.encode()).hexdigest()
        name = sha256(f"{settings.address}\n{whose}\n{file.resolve()}".encode()).hexdigest()[:32]
        self._file = file
        self._path = settings.spool_dir / "replay" / f"{name}.json"

    def offset(self) -> int:
        """Returns where to go on; 0 without a bookmark, or if the file is a different one by now."""
        try:
            bookmark = Bookmark(**json.loads(disk.read_path(self._path) or b""))
        except (ValueError, TypeError, RecursionError):
            return 0
        numbers = bookmark.offset, bookmark.head_bytes
        if not all(isinstance(one, int) and one >= 0 for one in numbers) or bookmark.head_bytes > _HEAD_BYTES:  # pyright: ignore[reportUnnecessaryIsInstance]
            return 0
        is_same = bookmark.format == BOOKMARK_FORMAT and self._file.stat().st_size >= bookmark.offset
        return bookmark.offset if is_same and self._head(bookmark.head_bytes) == bookmark.head else 0

    def put(self, offset: int) -> None:
        """Notes that everything before this place is done."""
        size = min(_HEAD_BYTES, offset)
        write_file(self._path, json.dumps(asdict(Bookmark(offset, self._head(size), size))).encode())

    def _head(self, size: int) -> str:
        with self._file.open("rb") as file:
            return sha256(file.read(size)).hexdigest()
