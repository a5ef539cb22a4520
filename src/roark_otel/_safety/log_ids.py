"""How logs name a call: by its id, or by a keyed hash where ids are phone numbers (`ROARK_LOG_EXTERNAL_ID`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_hashed: list[Callable[[str], str]] = []
"""What hashes ids, once a processor of this process wants hashes: an id that one must not show, no other shows."""


def hash_ids(hashed: Callable[[str], str]) -> None:
    """Makes the logs of this process show hashes from now on, of its first processor that wants them.

    Args:
        hashed: Returns the hash of an id, with which the names of its files begin, too.
    """
    if not _hashed:
        _hashed.append(hashed)


def log_id(external_id: str | None) -> str | None:
    """Returns how a log names the call of this id: by the id, or by the hash that its file's name begins with."""
    return external_id if external_id is None or not _hashed else _hashed[0](external_id)
