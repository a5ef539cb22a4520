"""Recordings that were attached before their call came: in the spool's root, or in memory where no disk keeps them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from roark_otel._spool import attachments

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

MAX_KEPT = 1_000
"""The most recordings that are kept in memory for calls to come."""


class KeptUrls:
    """The URLs by the hashes of their external ids.

    Args:
        root: The root of the spool, where `attach_recording` keeps them; None without a disk.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._in_memory: OrderedDict[str, str] = OrderedDict()

    def keep(self, id_hash: str, url: str) -> None:
        """Keeps a URL in memory, because no disk does."""
        self._in_memory[id_hash] = url
        if len(self._in_memory) > MAX_KEPT:
            self._in_memory.popitem(last=False)

    def on_disk(self) -> Collection[str]:
        """Returns the hashes for which any process has kept a URL."""
        return () if self._root is None else attachments.kept(self._root)

    def take(self, id_hash: str) -> str | None:
        """Returns the URL for a hash, if there is one. On disk it stays until it is dropped."""
        found = self._in_memory.pop(id_hash, None)
        if found is not None or self._root is None:
            return found
        return attachments.kept_for(self._root, id_hash)

    def drop(self, id_hash: str) -> None:
        """Removes a URL that its call has now."""
        if self._root is not None:
            attachments.drop(self._root, id_hash)
