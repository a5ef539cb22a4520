"""Which partition of a topic a key belongs to, by the hashes that producers use. Pure."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Final

_MASK: Final = 0xFFFFFFFF
_MIX: Final = 0x5BD1E995


def murmur2(key: bytes) -> int:
    """Returns the hash of Kafka's own producers, and of librdkafka's `murmur2` partitioners."""
    value = 0x9747B28C ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        part = int.from_bytes(key[at : at + 4], "little") * _MIX & _MASK
        part = (part ^ part >> 24) * _MIX & _MASK
        value = (value * _MIX & _MASK) ^ part
    if rest := key[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * _MIX & _MASK
    value = (value ^ value >> 13) * _MIX & _MASK
    return value ^ value >> 15


def fnv1a(key: bytes) -> int:
    """Returns the hash of Sarama, which the Collector's exporter uses unless its `hasher` is `murmur2`."""
    value = 0x811C9DC5
    for byte in key:
        value = (value ^ byte) * 0x01000193 & _MASK
    return value


def partition_by_murmur2(key: bytes, partitions: int) -> int:
    """Returns the partition of a key by `murmur2`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def partition_by_fnv1a(key: bytes, partitions: int) -> int:
    """Returns the partition of a key by Sarama's way with `fnv1a`: as a signed number, whose sign is then dropped."""
    value = fnv1a(key)
    signed = value - 2**32 if value & 2**31 else value
    return abs(signed) % partitions


@cache
def key_of(partition: int, partitions: int) -> bytes:
    """Returns a key that `murmur2` puts into this partition."""
    tried = (b"progress-%d" % number for number in count())
    return next(key for key in tried if partition_by_murmur2(key, partitions) == partition)
