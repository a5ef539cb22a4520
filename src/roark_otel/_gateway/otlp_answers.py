"""The bodies of answers, as the OTLP specification has them: in the encoding of the request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from roark_otel._gateway.framing import field_of_length

if TYPE_CHECKING:
    from roark_otel._gateway.reception import Received

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

INVALID_ARGUMENT: Final = 3
NOT_FOUND: Final = 5
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
UNAVAILABLE: Final = 14
UNAUTHENTICATED: Final = 16
"""Codes of `google.rpc.Status`."""


def success(taken: Received, content_type: str) -> bytes:
    """Returns the `ExportTraceServiceResponse` to a request that was taken, with what of it could not be read."""
    if content_type == JSON:
        partial = {"partialSuccess": {"rejectedSpans": str(taken.rejected), "errorMessage": taken.why}}
        return json.dumps(partial if taken.rejected else {}).encode()
    if not taken.rejected:
        return b""
    return field_of_length(0x0A, b"\x08" + _varint(taken.rejected) + field_of_length(0x12, taken.why.encode()))


def failure(code: int, message: str, content_type: str) -> bytes:
    """Returns the `Status` that says why a request was not taken."""
    if content_type == JSON:
        return json.dumps({"code": code, "message": message}).encode()
    return b"\x08" + _varint(code) + field_of_length(0x12, message.encode())


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
