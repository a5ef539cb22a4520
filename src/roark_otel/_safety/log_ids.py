"""How logs name a call: by its external id, or by a hash where ids are phone numbers (`ROARK_LOG_EXTERNAL_ID`)."""

from __future__ import annotations

from hashlib import sha256

_hashed: list[bool] = []
"""Not empty once anybody in this process wants hashes: what one processor must not show, no other one shows."""


def hash_ids() -> None:
    """From now on logs of this process show hashes."""
    if not _hashed:
        _hashed.append(True)


def log_id(external_id: str | None) -> str | None:
    """What a log calls the call of this id. The hash is what its file in the spool is named by."""
    if external_id is None or not _hashed:
        return external_id
    return sha256(external_id.encode()).hexdigest()[:32]
