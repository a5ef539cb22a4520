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
    """The URLs by their external ids.

    Args:
        root: The root of the spool, where `attach_recording` keeps them; None without a disk.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._in_memory: OrderedDict[str, str] = OrderedDict()

    def keep(self, external_id: str, url: str) -> None:
        """Keeps a URL in memory, because no disk does."""
        self._in_memory[external_id] = url
        if len(self._in_memory) > MAX_KEPT:
            self._in_memory.popitem(last=False)

    def on_disk(self, external_ids: Collection[str]) -> Collection[str]:
        """Returns those of these ids for which any process has kept a URL."""
        return () if self._root is None else attachments.kept_among(self._root, external_ids)

    def take(self, external_id: str) -> str | None:
        """Returns the URL for an id, if there is one. On disk it stays until it is dropped."""
        found = self._in_memory.pop(external_id, None)
        if found is not None or self._root is None:
            return found
        return attachments.kept_for(self._root, external_id)

    def drop(self, external_id: str) -> None:
        """Removes a URL that its call has now."""
        if self._root is not None:
            attachments.drop(self._root, external_id)
