"""A request in either encoding, which shows by how it begins."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._sources.otlp.json_request import JsonRequest, load_request
from roark_otel._sources.otlp.limits import MAX_REQUEST_BYTES, UnreadableRequest
from roark_otel._sources.otlp.protobuf import ProtobufRequest
from roark_otel._sources.otlp.wire import fields

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from roark_otel._sources.recorded import RecordedSpan

OpenRequest: TypeAlias = "ProtobufRequest | JsonRequest"

MAX_JOINED_BYTES: Final = 1024 * 1024
"""The size up to which requests are read together."""

_JSON: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*\{")
_LINE_END: Final = 0x0A
"""The first byte of JSON after an empty line, and the first tag of every protobuf request."""


@contextmanager
def reading() -> Generator[None, None, None]:
    """Turns what damaged requests raise inside into `UnreadableRequest`."""
    try:
        yield
    except IndexError:
        raise UnreadableRequest("not protobuf: it ends within a field") from None
    except RecursionError:
        raise UnreadableRequest("its values are too deep") from None


def open_request(request: bytes) -> OpenRequest:
    """Returns what decodes a request.

    Raises:
        UnreadableRequest: if it is too large, or is JSON and not an object.
    """
    if len(request) > MAX_REQUEST_BYTES:
        raise UnreadableRequest(f"larger than {MAX_REQUEST_BYTES // 2**20} MiB")
    return JsonRequest(load_request(request)) if is_json(request) else ProtobufRequest(request)


def is_json(request: bytes) -> bool:
    """Returns whether a request is JSON. No protobuf request begins with a brace."""
    if _JSON.match(request) is None:
        return False
    return request[0] != _LINE_END or not _is_message(request)


def joined(requests: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yields requests together that are one request when they are put one behind the other, as protobuf's messages are.

    What is JSON, or no message, is alone.
    """
    together: list[bytes] = []
    size = 0
    for request in requests:
        can_be = len(request) <= MAX_JOINED_BYTES and not is_json(request) and _is_message(request)
        if together and not (can_be and size + len(request) <= MAX_JOINED_BYTES):
            yield together
            together, size = [], 0
        if can_be:
            together.append(request)
            size += len(request)
        else:
            yield [request]
    if together:
        yield together


def spans_of(request: bytes) -> list[RecordedSpan]:
    """Returns the spans of a request.

    Raises:
        UnreadableRequest: if it cannot be read.
    """
    with reading():
        return list(open_request(request).spans())


def spans_of_json(request: bytes) -> list[RecordedSpan]:
    """Returns the spans of a request that can only be JSON.

    Raises:
        UnreadableRequest: if it cannot be read.
    """
    with reading():
        return list(JsonRequest(load_request(request)).spans())


def _is_message(request: bytes) -> bool:
    """Returns whether these bytes are fields of protobuf up to the last one."""
    try:
        return all(tag == _LINE_END for tag, _, _ in fields(request, 0, len(request)))
    except (UnreadableRequest, IndexError):
        return False
