"""What a request shows at a glance is what all of it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel._model.rows import (
    KIND,
    ORIGIN,
    Kind,
    Origin,
    Strength,
    attributes_of,
)
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open.rows_in import RowsIn
from roark_otel._sources.otlp.decode import decode
from roark_otel._sources.otlp.peek import Peeked, ShownSpan, peek
from roark_otel.dialects import DIALECTS
from roark_otel.types import UnreadableRequest
from sources.test_same_calls import DUMPS, ids
from support.conversations import QUICK
from support.otlp_lines import ended, line
from support.otlp_requests import SPAN as SPAN_ID
from support.otlp_requests import TRACE as TRACE_ID
from support.otlp_requests import field, fixed64, pair, protobuf, request, shown_by_rows, span, varint
from support.replaying import load

if TYPE_CHECKING:
    from collections.abc import Sequence

VOCABULARY = Vocabulary(DIALECTS, ["session.id"])
ROWS_IN = RowsIn(VOCABULARY)
ID = field(9, pair("roark.external_id", field(1, "call-1")))
MARK = field(9, pair("roark.conversation.root", field(2, 1)))
ROOT = field(5, "agent_session")
LIVEKIT = field(1, "livekit-agents")
KEY = (int.from_bytes(TRACE_ID, "big"), int.from_bytes(SPAN_ID, "big"), None)


@pytest.mark.parametrize("dump", DUMPS)
def test_a_glance_at_recorded_spans(dump: str) -> None:
    spans = ended([one for one in load(dump) if one.get("on_end_seq") is not None], ids(dump))
    for content in (protobuf(spans), line(spans)):
        found = peek(content, VOCABULARY)

        assert found == shown_by_rows(content, VOCABULARY, ROWS_IN)
        assert found.shown or found.resource_ids
        assert sum(found.traces.values()) == len(spans)


@pytest.mark.parametrize(
    ("fields", "scope", "shown"),
    [
        ([], b"", None),
        ([ID], b"", ("call-1", None)),
        ([field(5, "x"), MARK, ID], b"", ("call-1", Strength.MARKED)),
        ([ROOT], LIVEKIT, (None, Strength.DIALECT)),
        ([ROOT, ID], LIVEKIT, ("call-1", Strength.DIALECT)),
        ([ROOT], field(1, "another"), None),
        ([field(9, pair("session.id", field(1, "s")))], b"", ("s", None)),
        ([field(9, pair("session.id", field(1, "s"))), ID], b"", ("call-1", None)),
        ([ID, field(9, pair("roark.external_id", field(1, "later")))], b"", ("later", None)),
        ([field(9, field(2, field(1, "call-1")) + field(1, "roark.external_id"))], b"", ("call-1", None)),
        ([field(9, pair("note", field(1, "roark.external_id")))], b"", None),
        ([field(9, pair("roark.external_id", field(3, 7)))], b"", None),
        ([field(9, pair("roark.external_id", field(1, " ")))], b"", None),
        ([field(9, pair("roark.conversation.root", field(1, "true")))], b"", None),
    ],
)
def test_what_a_span_shows(fields: list[bytes], scope: bytes, shown: tuple[Any, ...] | None) -> None:
    other = span(span=b"\x09" * 8)
    found = peek(request(other, span(*fields), other, scope=scope), VOCABULARY)

    assert found.shown == ([] if shown is None else [ShownSpan(*KEY, *shown)])
    assert found.traces == {KEY[0]: 3}


def test_the_id_of_a_resource_is_apart() -> None:
    resource = field(1, pair("roark.external_id", field(1, "call-1")))

    assert peek(request(span(), resource=resource), VOCABULARY) == Peeked({KEY[0]: 1}, [], {KEY[0]: "call-1"})


def test_an_id_is_found_wherever_its_span_has_it() -> None:
    """The id of the trace may come last, and a name be written with a longer length than it needs."""
    last = ID + field(2, SPAN_ID) + field(1, TRACE_ID)
    key = b"roark.external_id"
    overlong = field(9, b"\x0a" + bytes([len(key) | 0x80, 0]) + key + field(2, field(1, "call-1")))
    for one in (last, span(overlong)):
        assert peek(request(one), VOCABULARY).shown == [ShownSpan(*KEY, "call-1", None)]
    assert peek(request(field(2, SPAN_ID) + field(1, TRACE_ID)), VOCABULARY).traces == {KEY[0]: 1}


@pytest.mark.parametrize(
    "content",
    [request(span(trace=b"")), request(span(trace=bytes(16))), request(span(ID, span=b"")), b"\x0a\x7f", b"{", b"[]"],
)
def test_a_request_that_cannot_be_read_is_one_error(content: bytes) -> None:
    with pytest.raises(UnreadableRequest):
        peek(content, VOCABULARY)


def test_what_is_not_looked_for_is_not_decoded() -> None:
    """Events and other attributes may hold anything."""
    broken = field(9, pair("a", b"\xff\xff")) + field(11, b"\xff")

    assert peek(request(span(broken), span(broken, ID)), VOCABULARY).shown == [ShownSpan(*KEY, "call-1", None)]
    with pytest.raises(UnreadableRequest):
        decode(request(span(broken)), VOCABULARY, ROWS_IN)


_SPANS = st.builds(
    lambda parts, number: span(*parts, span=bytes([number]) * 8),
    st.lists(
        st.sampled_from(
            [ID, MARK, ROOT, fixed64(7, 5), field(5, "conversation"), field(4, b"\x01" * 8), varint(8) + b"\x01"]
        ),
        max_size=5,
    ),
    st.integers(1, 9),
)


@QUICK
@given(st.lists(_SPANS, max_size=6), st.sampled_from([b"", LIVEKIT, field(1, "pipecat")]))
def test_a_glance_agrees_with_all_of_it(spans: Sequence[bytes], scope: bytes) -> None:
    content = request(*spans, scope=scope)

    assert peek(content, VOCABULARY) == shown_by_rows(content, VOCABULARY, ROWS_IN)


def test_rows_are_those_of_capture() -> None:
    """Ids come from spans, what no dialect reads is left out, and lists are what the SDK's are."""
    several = field(5, field(1, field(1, "a")))
    content = request(
        span(
            ID,
            field(9, pair("roark.tags", several)),
            field(9, pair("other", several)),
            fixed64(7, 10**18),
            fixed64(8, 10**18 + 5),
        )
    )
    resource, row = decode(content, VOCABULARY, ROWS_IN)

    assert resource[KIND] == Kind.RESOURCE
    assert (row[KIND], row[ORIGIN]) == (Kind.ENDED, Origin.SPAN)
    assert attributes_of(row)["roark.external_id"] == "call-1"


@pytest.mark.parametrize("start", [0, 5, 2**63, 2**64 - 1, 10**18 + 7, 10**15 + 7, 10**9 + 1])
def test_times_that_cannot_be_are_those_of_the_request(start: int) -> None:
    """The clock is not read: whenever a request is decoded, its rows are the same."""
    content = request(span(fixed64(7, 10**18), fixed64(8, 10**18 + 9)), span(fixed64(7, start), span=b"\x09" * 8))
    rows = decode(content, VOCABULARY, ROWS_IN)

    assert rows == decode(content, VOCABULARY, RowsIn(VOCABULARY))
    assert all(10**18 <= time <= 2 * 10**18 for row in rows[1:] for time in row[6:8])
