"""Bodies within the limits cost no more memory and time than these allow, however they are made."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import zlib
from importlib import import_module
from typing import Any

import pytest

from roark_otel._gateway.bodies import Limits, NoBody, RequestBody, received_body
from roark_otel._gateway.door import Room
from roark_otel._gateway.framing import framed
from roark_otel._gateway.pieces import cut_by_trace
from roark_otel._gateway.readable import AT_ONCE, is_readable
from roark_otel._gateway.relevance import RequestRelevance
from roark_otel._gateway.unpacking_bodies import CHUNK, MOST_MEMBERS, DamagedBody, TooLargeBody, unpacked_body
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._sources.otlp.limits import UnreadableRequest
from roark_otel._sources.otlp.request import spans_of
from roark_otel.dialects import DIALECTS
from support.otlp_requests import TRACE, field, pair, request, span
from support.paths import TESTS

MIB = 1024 * 1024
VOCABULARY = Vocabulary(DIALECTS)
RELEVANCE = RequestRelevance(VOCABULARY)
ID = field(9, pair("roark.external_id", field(1, "call-1")))


def packed(encoding: str, content: bytes) -> bytes:
    if encoding == "zstd":
        name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
        pytest.importorskip(name, reason="the extra `gateway` is not installed")
        return bytes(import_module(name).compress(content))
    return gzip.compress(content) if encoding == "gzip" else zlib.compress(content)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_bodies_of_any_size_and_of_several_members(encoding: str) -> None:
    """A member may end where a step of reading does, and what is unpacked may be larger than a step, or empty."""
    noise = bytes(range(256)) * 8 + b"".join(number.to_bytes(3, "big") for number in range(200_000))
    for content in (b"", b"a", noise, bytes(3 * CHUNK), noise[: 2 * CHUNK]):
        several = packed(encoding, content) + packed(encoding, b"") + packed(encoding, content[::-1] + b"end")
        assert unpacked_body(several, encoding, 4 * MIB) == content + content[::-1] + b"end"
        for cut in range(1, 8):
            with pytest.raises(DamagedBody):
                unpacked_body(several[:-cut], encoding, 4 * MIB)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_body_is_unpacked_up_to_the_limit(encoding: str) -> None:
    body = packed(encoding, bytes(MIB))
    assert len(unpacked_body(body, encoding, MIB)) == MIB
    with pytest.raises(TooLargeBody):
        unpacked_body(body, encoding, MIB - 1)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_very_many_empty_members_are_refused(encoding: str) -> None:
    """They pass the limits of bytes. All that comes after one was copied for each, which took hours for 20 MiB."""
    empty = packed(encoding, b"")
    assert unpacked_body(empty * MOST_MEMBERS, encoding, MIB) == b""
    with pytest.raises(DamagedBody):
        unpacked_body(empty * (20 * MIB // len(empty)), encoding, MIB)


@pytest.mark.parametrize(("length", "status"), [("9" * 5_000, 413), ("1025", 413), ("1024", None), ("-1", None)])
def test_a_length_of_any_number_of_digits(length: str, status: int | None) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"a"}

    found = asyncio.run(received_body({b"content-length": length}, receive, Limits(1024, 1024, 60.0), Room()))
    assert (found.status if isinstance(found, NoBody) else None) == status
    assert isinstance(found, RequestBody) is (status is None)


GROWTH = """
import resource, sys
from gateway.test_bodies import dense, cut
body = dense(sys.argv[1], 6)
unit = 1 if sys.platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cut(body)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit // len(body))
"""


def dense(where: str, mebibytes: int) -> bytes:
    """Returns a request most of which is values of two or four bytes."""
    size = mebibytes * MIB
    match where:
        case "attributes of an event":
            return request(span(ID, field(11, b"\x1a\x00" * (size // 2))))
        case "attributes of a link":
            return request(span(ID, field(13, b"\x22\x00" * (size // 2))))
        case "attributes of a scope":
            return request(span(ID), scope=b"\x1a\x00" * (size // 2))
        case "entities of a resource":
            return request(span(ID), resource=b"\x1a\x00" * (size // 2))
        case "links":
            return request(span(ID, b"\x6a\x02\x08\x01" * (size // 4)))
        case _:
            raise AssertionError(where)


def cut(body: bytes) -> None:
    """Cuts a request, or finds that it is refused."""
    try:
        cut_by_trace(body, VOCABULARY, RELEVANCE, ())
    except UnreadableRequest:
        return


@pytest.mark.parametrize(
    "where",
    [
        "attributes of an event",
        "attributes of a link",
        "attributes of a scope",
        "entities of a resource",
        "links",
    ],
)
def test_values_of_two_bytes_do_not_fill_the_memory(where: str) -> None:
    """Protobuf's own parser takes 25 to 37 bytes for each byte of these, where it is given all of them at once."""
    found = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", GROWTH, where], cwd=TESTS, capture_output=True, text=True, check=False, timeout=300
    )
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) < 12


def test_a_large_request_is_parsed_in_parts() -> None:
    """Spans that cannot be read are found in any part; a span that is larger than a part is read by our own reader."""
    large = field(9, pair("note", field(1, "x" * (AT_ONCE // 3))))
    spans = [span(ID, large, trace=number.to_bytes(16, "big")) for number in range(1, 9)]
    whole = request(*spans)
    assert is_readable(whole, framed(whole))
    for at in (0, 3, 8):
        body = request(*spans[:at], span(ID, field(11, b"\x0a\xff")), *spans[at:])
        assert not is_readable(body, framed(body))
        found = cut_by_trace(body, VOCABULARY, RELEVANCE, ())
        assert (found.spans, found.rejected) == (9, 1)
        assert [piece.trace[-1] for piece in found.pieces] == list(range(1, 9))
    alone = request(*spans, span(ID, field(9, pair("note", field(1, "x" * AT_ONCE)))))
    assert not is_readable(alone, framed(alone))
    found = cut_by_trace(alone, VOCABULARY, RELEVANCE, ())
    assert (found.spans, found.rejected, len(found.pieces)) == (9, 0, 9)


def test_a_damaged_span_costs_itself_and_no_copies_of_its_resource() -> None:
    """Each span was read with its resource: 1 MiB of it and 4,000 spans took 4 GiB."""
    resource = field(1, pair("note", field(1, "x" * MIB)))
    spans = [span(ID, span=number.to_bytes(8, "big")) for number in range(1, 4_001)]
    body = request(*spans, span(ID, trace=b"short"), resource=resource)
    found = cut_by_trace(body, VOCABULARY, RELEVANCE, ())
    assert (found.spans, found.rejected) == (4_001, 1)
    ((trace, number, shown, resource_id, piece),) = found.pieces
    assert (trace, number, shown, resource_id) == (TRACE, 4_000, (("call-1", None),), None)
    assert len(piece) < len(body)
    assert len(spans_of(piece)) == 4_000


def test_a_damaged_resource_costs_its_spans() -> None:
    good = request(span(ID, trace=b"g" * 16))
    found = cut_by_trace(good + request(span(ID), span(ID), resource=b"\x0a\xff"), VOCABULARY, RELEVANCE, ())
    assert (found.spans, found.rejected, [piece.trace for piece in found.pieces]) == (3, 2, [b"g" * 16])
    assert found.why == "a field is longer than what it is in"


def of_json(resource: str, *traces: int) -> bytes:
    shows = [{"key": "roark.external_id", "value": {"stringValue": "call-1"}}]
    spans = [{"traceId": f"{trace:032x}", "spanId": f"{trace:016x}", "attributes": shows} for trace in traces]
    note = [{"key": "note", "value": {"stringValue": resource}}]
    found = {"resourceSpans": [{"resource": {"attributes": note}, "scopeSpans": [{"spans": spans}]}]}
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("encoding", ["protobuf", "JSON"])
def test_a_large_resource_before_very_many_traces_is_refused(encoding: str) -> None:
    """Each piece has the resource of its spans, so that 2 MiB would become 4 GiB."""
    traces = range(1, 2_001)
    if encoding == "JSON":
        body = of_json("x" * 2 * MIB, *traces)
    else:
        spans = [span(ID, trace=trace.to_bytes(16, "big")) for trace in traces]
        body = request(*spans, resource=field(1, pair("note", field(1, "x" * 2 * MIB))))
    with pytest.raises(UnreadableRequest, match="too large for its traces: more than 256 MiB"):
        cut_by_trace(body, VOCABULARY, RELEVANCE, ())


def test_json_of_other_letters_does_not_grow() -> None:
    """As escapes they had twice their bytes, so that half of the limit was refused."""
    body = of_json("\u8a71" * MIB, 1)
    (piece,) = cut_by_trace(body, VOCABULARY, RELEVANCE, ()).pieces
    assert len(piece.body) <= len(body)
    assert [one.record for one in spans_of(piece.body)] == [one.record for one in spans_of(body)]


def test_json_with_half_a_pair_is_kept() -> None:
    body = of_json("x", 1).replace(b'"x"', b'"\\ud800"')
    (piece,) = cut_by_trace(body, VOCABULARY, RELEVANCE, ()).pieces
    assert [one.record for one in spans_of(piece.body)] == [one.record for one in spans_of(body)]
