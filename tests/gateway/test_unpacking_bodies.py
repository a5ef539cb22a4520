"""What is packed, in one member or several, and what is not what it says."""

from __future__ import annotations

import gzip
import random
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._gateway.unpacking_bodies import CHUNK, MOST_MEMBERS, DamagedBody, TooLargeBody, unpacked_body

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 8 * 1024 * 1024

zstd: Any = pytest.importorskip("backports.zstd", reason="the extra `gateway` is not installed")
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": lambda body: bytes(zstd.compress(body)),
}


@pytest.mark.parametrize("encoding", PACKERS)
def test_members_of_every_size_are_joined(encoding: str) -> None:
    pack, seeded = PACKERS[encoding], random.Random(1)  # noqa: S311 - no secrets
    parts = [seeded.randbytes(size) * times for size in (0, 1, 4096, CHUNK + 1) for times in (1, 3, 10)]
    body = b"".join(parts)
    assert unpacked_body(b"".join(map(pack, parts)), encoding, MOST) == body
    whole = pack(body)
    assert unpacked_body(whole, encoding, len(body)) == body
    with pytest.raises(TooLargeBody):
        unpacked_body(whole, encoding, len(body) - 1)
    for cut in (1, 4096, len(whole) // 2, len(whole) - 1):
        with pytest.raises(DamagedBody):
            unpacked_body(whole[:cut], encoding, MOST)


@pytest.mark.parametrize("encoding", PACKERS)
def test_as_many_members_as_may_be_are_taken(encoding: str) -> None:
    empty = PACKERS[encoding](b"")
    assert unpacked_body(empty * MOST_MEMBERS, encoding, MOST) == b""
    with pytest.raises(DamagedBody):
        unpacked_body(empty * (MOST_MEMBERS + 1), encoding, MOST)
