"""Samples calls by their id, so that every machine sends the same ones."""

from __future__ import annotations

from hashlib import sha256


def is_in_sample(external_id: str, ratio: float) -> bool:
    """Returns whether a call is in the sample of this ratio, 0 to 1, by a hash of its id.

    A call that is in the sample of a ratio is also in that of every higher one.
    """
    return ratio >= 1 or int.from_bytes(sha256(external_id.encode()).digest()[:8], "big") < ratio * 2**64
