"""The records of the topic between the stages. Pure.

Each begins with a letter for its kind. Another one, as of a newer version, is an `UnknownRecord` and changes nothing.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct, error
from typing import Final, NamedTuple, TypeAlias


class RootEnded(IntEnum):
    """What spans say about the end of their conversation."""

    NOTHING = 0
    PERHAPS = 1
    """A span that shows the id has ended, or a framework's root that may be another conversation's."""
    SURELY = 2
    """A marked or a framework's root of this id has ended."""


class SpanNews(NamedTuple):
    """Requests with spans of a conversation, and their time in the log of its source, in ms since the epoch.

    `content` is that of `frames`.
    """

    external_id: str
    ended: RootEnded
    at_ms: int
    content: bytes


class RecordingNews(NamedTuple):
    """Where the recording of a conversation is."""

    external_id: str
    at_ms: int
    url: str


class Progress(NamedTuple):
    """All that stood in a partition of the source up to this time has been sent on."""

    partition: int
    partitions: int
    at_ms: int


class UnknownRecord(NamedTuple):
    """A record that this version cannot read."""


StageRecord: TypeAlias = "SpanNews | RecordingNews | Progress | UnknownRecord"

MAX_RECORD_HEAD: Final = 2048
"""The most bytes that a record has beside the request in it, its key among them: an id has 255 characters."""

_SPANS, _RECORDING, _PROGRESS = b"S", b"R", b"P"
_HEAD: Final = Struct(">cBQH")
_PROGRESS_OF: Final = Struct(">cIIQ")


def write_record(record: SpanNews | RecordingNews | Progress) -> bytes:
    """Returns a record as it is written."""
    match record:
        case SpanNews(external_id, ended, at_ms, content):
            name = external_id.encode()
            return _HEAD.pack(_SPANS, ended, at_ms, len(name)) + name + content
        case RecordingNews(external_id, at_ms, url):
            name = external_id.encode()
            return _HEAD.pack(_RECORDING, 0, at_ms, len(name)) + name + url.encode()
        case Progress(partition, partitions, at_ms):
            return _PROGRESS_OF.pack(_PROGRESS, partition, partitions, at_ms)


def read_record(written: bytes) -> StageRecord:
    """Reads a record."""
    try:
        if written[:1] == _PROGRESS:
            return Progress(*_PROGRESS_OF.unpack(written)[1:])
        kind, ended, at_ms, length = _HEAD.unpack_from(written)
        end = _HEAD.size + length
        external_id, rest = written[_HEAD.size : end].decode(), written[end:]
        if kind == _SPANS:
            return SpanNews(external_id, RootEnded(ended), at_ms, rest)
        return RecordingNews(external_id, at_ms, rest.decode()) if kind == _RECORDING else UnknownRecord()
    except (error, ValueError):
        return UnknownRecord()
