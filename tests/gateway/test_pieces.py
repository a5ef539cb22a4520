"""A request is cut by trace: nothing of a conversation is lost or changed, and the rest is left out."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from roark_otel._gateway.framing import framed, glimpse, requests_by_trace, spans_in
from roark_otel._gateway.pieces import cut_by_trace
from roark_otel._gateway.relevance import RequestRelevance
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._sources.otlp.limits import UnreadableRequest
from roark_otel._sources.otlp.peek import peek
from roark_otel._sources.otlp.request import reading, spans_of
from roark_otel.dialects import DIALECTS
from support.gateways import Spoken
from support.otlp_lines import ended, line
from support.otlp_requests import field, fixed64, pair, protobuf, request, span
from support.replaying import FRAMEWORKS, load

VOCABULARY = Vocabulary(DIALECTS, ("call.id",))
RELEVANCE = RequestRelevance(VOCABULARY)
ID = field(9, pair("roark.external_id", field(1, "call-1")))


def traces_of(body: bytes) -> set[bytes]:
    return {piece.trace for piece in cut_by_trace(body, VOCABULARY, RELEVANCE, ()).pieces}


@pytest.mark.parametrize("dump", FRAMEWORKS)
def test_every_recorded_span_is_kept_as_it_came(dump: str) -> None:
    """And what the pieces show is what `peek` finds."""
    exported = ended([one for one in load(dump) if one.get("on_end_seq") is not None])
    random.Random(5).shuffle(exported)  # noqa: S311
    body = protobuf([*Spoken().plain(5), *exported])
    peeked = peek(body, VOCABULARY)
    shown = {(one.trace_id, one.external_id, one.strength) for one in peeked.shown}
    for encoded in (body, line([*Spoken().plain(5), *exported])):
        found = cut_by_trace(encoded, VOCABULARY, RELEVANCE, ())
        assert found.spans == len(exported) + 5
        known = {one.context.trace_id for one in exported if one.context}
        kept = {int.from_bytes(piece.trace, "big"): spans_of(piece.body) for piece in found.pieces}
        assert set(kept) <= known
        assert {(int.from_bytes(one.trace, "big"), *each) for one in found.pieces for each in one.shown} == shown
        whole = [each for each in spans_of(encoded) if each.record.trace_id in kept]
        assert sorted(whole, key=str) == sorted((each for several in kept.values() for each in several), key=str)


def test_the_places_of_spans_are_those_of_the_official_parser() -> None:
    body = b"".join(protobuf(Spoken(scope).plain(3)) for scope in ("a", "b")) * 2
    traces = {one.trace for _, _, one in spans_in(framed(body))}
    assert glimpse(body).spans == 12
    assert glimpse(body).traces == traces
    for trace, (part, number) in requests_by_trace(body, framed(body), traces).items():
        parsed = ExportTraceServiceRequest.FromString(part)
        spans = [one for each in parsed.resource_spans for scope in each.scope_spans for one in scope.spans]
        assert ({one.trace_id for one in spans}, len(spans)) == ({trace}, number)


@pytest.mark.parametrize(
    "fields",
    [
        ID,
        field(9, pair("call.id", field(1, "call-1"))),
        field(9, pair("roark.external_id", field(1, "x" * 200))),
        field(9, pair("gen_ai.system", field(1, "openai"))),
        field(11, fixed64(1, 1) + field(2, "roark.tool_invocation")),
        field(9, pair("roark.property." + "x" * 200, field(1, "a"))),
    ],
)
def test_what_makes_a_span_count(fields: bytes) -> None:
    ours, other = b"o" * 16, b"x" * 16
    body = request(span(fields, trace=ours), span(field(5, "GET"), trace=other))
    assert traces_of(body) == {ours}
    assert RELEVANCE.is_in(body)


def test_a_scope_and_a_resource_make_their_spans_count() -> None:
    assert traces_of(request(span(trace=b"o" * 16), scope=field(1, "livekit-agents"))) == {b"o" * 16}
    found = cut_by_trace(
        request(span(trace=b"o" * 16), resource=field(1, pair("roark.external_id", field(1, "r")))),
        VOCABULARY,
        RELEVANCE,
        (),
    )
    assert [(piece.trace, piece.resource_id) for piece in found.pieces] == [(b"o" * 16, "r")]


def test_an_id_within_an_event_is_no_id_of_the_span() -> None:
    event = field(11, field(2, "log") + field(3, pair("roark.external_id", field(1, "not-its"))))
    (piece,) = cut_by_trace(request(span(event)), VOCABULARY, RELEVANCE, ()).pieces
    assert piece.shown == ()


def test_fields_in_another_order_and_unknown_ones() -> None:
    """The trace id last; a field of a later version of OTLP on the scope, of each type."""
    backwards = ID + field(2, b"s" * 8) + field(1, b"t" * 16)
    unknown = field(90, 1) + fixed64(91, 1) + field(92, "later")
    body = field(1, field(2, unknown + field(2, backwards) + unknown))
    (piece,) = cut_by_trace(body, VOCABULARY, RELEVANCE, ()).pieces
    assert (piece.trace, piece.shown) == (b"t" * 16, (("call-1", None),))


def test_a_known_trace_is_kept_whole() -> None:
    body = request(span(trace=b"k" * 16), span(trace=b"u" * 16))
    assert [piece.trace for piece in cut_by_trace(body, VOCABULARY, RELEVANCE, {b"k" * 16}).pieces] == [b"k" * 16]


def test_json_of_any_spelling() -> None:
    found = json.loads(line(Spoken().conversation("call-1", "Hello")))
    found["resource_spans"] = found.pop("resourceSpans")
    (piece,) = cut_by_trace(json.dumps(found).encode(), VOCABULARY, RELEVANCE, ()).pieces
    assert [external_id for external_id, _ in piece.shown] == ["call-1"]


BODY = protobuf(Spoken().conversation("call-1", "Hello", "Good day"))
TEXT = line(Spoken().conversation("call-1", "Hello"))


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.tuples(st.integers(0, len(BODY)), st.binary(max_size=4)).map(lambda one: BODY[: one[0]] + one[1]),
        st.tuples(st.integers(0, len(BODY) - 1), st.integers(0, 255)).map(
            lambda one: BODY[: one[0]] + bytes([one[1]]) + BODY[one[0] + 1 :]
        ),
        st.tuples(st.integers(0, len(TEXT) - 1), st.binary(max_size=2)).map(
            lambda one: TEXT[: one[0]] + one[1] + TEXT[one[0] + 1 :]
        ),
    )
)
def test_whatever_comes_is_read_or_unreadable(body: bytes) -> None:
    """And what is kept can be read again, but for a span that its sender has damaged."""
    try:
        found = cut_by_trace(body, VOCABULARY, RELEVANCE, ())
    except UnreadableRequest:
        return
    assert found.rejected <= found.spans
    assert sum(piece.spans for piece in found.pieces) <= found.spans - found.rejected
    for piece in found.pieces:
        with reading():
            try:
                spans_of(piece.body)
            except UnreadableRequest as fault:
                assert str(fault)  # noqa: PT017 - an id of a wrong length, which is left out when the call is made


def test_a_key_that_is_named_twice_is_seen_at_a_glance_too() -> None:
    """Also where an app names ours among its own."""
    relevance = RequestRelevance(Vocabulary(DIALECTS, ("call.id", "roark.external_id", "call.id")))
    body = request(span(ID, trace=b"t" * 16), span(field(9, pair("call.id", field(1, "call-2"))), trace=b"u" * 16))
    shown = relevance.shown.at(body, framed(body))
    assert shown == {b"t" * 16: {("call-1", None): None}, b"u" * 16: {("call-2", None): None}}
