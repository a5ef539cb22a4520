"""`POST /v1/traces`: an OTLP/HTTP collector that answers in the encoding of the request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import Response

from roark_otel.sandbox import otlp_json, otlp_protobuf
from roark_otel.sandbox.compression import DamagedError, TooLongError, UnknownEncodingError, decompress

if TYPE_CHECKING:
    from starlette.requests import Request

    from roark_otel.sandbox.news import News
    from roark_otel.sandbox.spans import Span, Spans

MAX_BODY: int = 64 * 1024 * 1024

# google.rpc.Code
_INVALID_ARGUMENT = 3
_RESOURCE_EXHAUSTED = 8
_UNIMPLEMENTED = 12

_StatusWriter: TypeAlias = Callable[[int, str], bytes]


@dataclass(frozen=True, slots=True)
class _Encoding:
    """One of the two encodings of OTLP."""

    media_type: str
    decode: Callable[[bytes], list[Span]]
    accepted: Callable[[int, str], bytes]
    status: _StatusWriter

    def accept(self, rejected: int, message: str) -> Response:
        return Response(self.accepted(rejected, message), media_type=self.media_type)

    def refuse(self, http_status: int, code: int, message: str) -> Response:
        return Response(self.status(code, message), status_code=http_status, media_type=self.media_type)


def _json_accepted(rejected: int, message: str) -> bytes:
    # OTLP/JSON writes a 64-bit number as a string.
    partial = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": message}}
    return json.dumps(partial if rejected else {}).encode()


def _json_status(code: int, message: str) -> bytes:
    return json.dumps({"code": code, "message": message}).encode()


_JSON = _Encoding("application/json", otlp_json.decode_json, _json_accepted, _json_status)
_PROTOBUF = _Encoding(
    "application/x-protobuf", otlp_protobuf.decode_protobuf, otlp_protobuf.accepted, otlp_protobuf.status
)
_ENCODINGS = {encoding.media_type: encoding for encoding in (_JSON, _PROTOBUF)}


class Collector:
    """The endpoint of traces."""

    def __init__(self, spans: Spans, news: News) -> None:
        self._spans = spans
        self._news = news

    def export(self, request: Request, body: bytes) -> Response:
        """Stores the spans of one export request, and rejects those with an invalid id or time."""
        media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
        encoding = _ENCODINGS.get(media_type)
        if encoding is None:
            wrong = UnknownEncodingError(f"content type {media_type!r} is not supported")
            return self._refuse(_JSON, 415, _UNIMPLEMENTED, wrong)
        try:
            plain = decompress(body, request.headers.get("content-encoding", ""), MAX_BODY)
            spans = encoding.decode(plain)
        except UnknownEncodingError as error:
            return self._refuse(encoding, 415, _UNIMPLEMENTED, error)
        except TooLongError as error:
            return self._refuse(encoding, 413, _RESOURCE_EXHAUSTED, error)
        except (DamagedError, ValueError) as error:
            return self._refuse(encoding, 400, _INVALID_ARGUMENT, error)
        acceptable = [span for span in spans if span.is_acceptable()]
        self._spans.add(acceptable)
        rejected = len(spans) - len(acceptable)
        self._news.spans(Counter(span.trace_id for span in acceptable), rejected)
        return encoding.accept(rejected, f"spans with an invalid id or time: {rejected}")

    def _refuse(self, encoding: _Encoding, status: int, code: int, error: ValueError) -> Response:
        self._news.turned_away(status, "an export of spans")
        return encoding.refuse(status, code, str(error))
