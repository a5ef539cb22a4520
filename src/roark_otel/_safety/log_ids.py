"""How logs name a call: by its external id, or by a hash where ids are phone numbers (`ROARK_LOG_EXTERNAL_ID`)."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final

MAX_HASHES: Final = 1_024
"""The most ids of which the hash is remembered: to make one takes as long as to copy ten spans."""

_hashed: list[bool] = []
"""Not empty once a processor of this process wants hashes: an id that one must not show, no other shows."""


def hash_ids() -> None:
    """Makes the logs of this process show hashes from now on."""
    if not _hashed:
        _hashed.append(True)


def log_id(external_id: str | None) -> str | None:
    """Returns how a log names the call of this id: by the id, or by the hash that its file's name begins with."""
    return external_id if external_id is None or not _hashed else id_hash(external_id)


@lru_cache(MAX_HASHES)
def id_hash(external_id: str) -> str:
    """Returns 32 hexadecimal digits that stand for an external id in names of files: no id can name a path."""
    return sha256(external_id.encode()).hexdigest()[:32]
