"""OTLP as protobuf, read as the official parser reads it, however it was written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel._model.rows import STATUS_DESCRIPTION, SpanEvent
from roark_otel._sources.otlp.request import spans_of
from roark_otel.types import UnreadableRequest
from support.conversations import QUICK
from support.otlp_lines import ended, line
from support.otlp_requests import by_protobuf, field, fixed32, fixed64, pair, protobuf, request, span, varint
from support.replaying import FRAMEWORKS, load

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

TEXT = field(1, "text")
ANY_VALUES: dict[str, tuple[bytes, object]] = {
    "nothing": (b"", None),
    "text": (TEXT, "text"),
    "no text": (field(1, ""), ""),
    "long text": (field(1, "x" * 300), "x" * 300),
    "true": (field(2, 1), True),
    "false": (field(2, 0), False),
    "integer": (field(3, 2**40), 2**40),
    "negative": (field(3, -7), -7),
    "double": (field(4, 0.5), 0.5),
    "infinite": (field(4, -math.inf), -math.inf),
    "list": (field(5, field(1, TEXT) + field(1, field(3, 1)) + field(1, b"")), ["text", 1, None]),
    "no list": (field(5, b""), []),
    "mapping": (field(6, field(1, pair("a", field(5, field(1, b""))))), {"a": [None]}),
    "bytes": (field(7, b"\x00\xff"), b"\x00\xff"),
    "last one": (TEXT + field(3, 5), 5),
    "list in pieces": (field(5, field(1, TEXT)) + field(5, field(1, TEXT)), ["text", "text"]),
    "list begun again": (field(5, field(1, TEXT)) + TEXT + field(5, field(1, TEXT)), ["text"]),
    "mapping in pieces": (
        field(6, field(1, pair("a", TEXT))) + field(6, field(1, pair("b", TEXT))),
        {"a": "text", "b": "text"},
    ),
    "unknown": (field(99, "x") + field(98, 7) + TEXT, "text"),
    "of another type": (TEXT + fixed64(3, 9), "text"),
}


def one(*fields: bytes, **more: Any) -> Any:
    (found,) = spans_of(request(span(*fields), **more))
    return found


@pytest.mark.parametrize("name", ANY_VALUES)
def test_every_kind_of_value(name: str) -> None:
    encoded, value = ANY_VALUES[name]
    content = request(span(field(9, pair("a", encoded))))

    assert one(field(9, pair("a", encoded))).record.attributes == {"a": value}
    assert spans_of(content) == by_protobuf(content)


def test_every_field_of_a_span() -> None:
    exception = pair("exception.type", field(1, "ValueError"))
    event = fixed64(1, 5) + field(2, "exception") + field(3, exception) + field(4, 3)
    link = field(1, b"\x01" * 16) + field(2, b"\x01" * 8) + field(3, "a=b") + field(4, exception) + field(5, 1)
    content = request(
        span(
            field(3, "rojo=00f067aa0ba902b7"),
            field(4, b"\x07" * 8),
            field(5, "turn"),
            field(6, 3),
            fixed64(7, 10),
            fixed64(8, 20),
            field(9, pair("a", TEXT)),
            field(10, 4),
            field(11, event),
            field(12, 6),
            field(13, link),
            field(14, 2),
            field(15, field(2, "failed") + field(3, 2)),
            fixed32(16, 0x301),
        ),
        scope=field(1, "my.library") + field(2, "1.0") + field(3, pair("b", TEXT)) + field(4, 1),
        resource=field(1, pair("service.name", TEXT)) + field(2, 1),
    )
    (found,) = spans_of(content)

    assert [found] == by_protobuf(content)
    assert found.record.attributes == {"a": "text", STATUS_DESCRIPTION: "failed"}
    assert found.record.events == (SpanEvent("exception", 5, {"exception.type": "ValueError"}),)
    assert (found.record.scope, found.record.resource) == ("my.library", {"service.name": "text"})
    assert (found.record.error, found.record.dropped_events, found.has_remote_parent) == (True, 6, True)


@pytest.mark.parametrize(
    ("flags", "kind", "remote"), [(0x300, 1, True), (0x100, 2, False), (0, 2, True), (0, 1, False)]
)
def test_a_parent_in_another_process(flags: int, kind: int, remote: bool) -> None:
    assert one(field(6, kind), fixed32(16, flags)).has_remote_parent is remote


def test_what_is_shared_may_come_last_and_in_pieces() -> None:
    spans = field(2, span())
    scope = field(2, spans + field(1, field(1, "early")) + field(1, field(1, "late")))
    resource = field(1, field(1, pair("a", TEXT))), field(1, field(1, pair("b", TEXT)))
    content = field(1, scope + resource[0] + field(3, "https://example.com/schema") + resource[1])
    (found,) = spans_of(content)

    assert [found] == by_protobuf(content)
    assert (found.record.scope, found.record.resource) == ("late", {"a": "text", "b": "text"})


def test_a_value_in_pieces_is_one() -> None:
    first, second = field(5, field(1, TEXT)), field(5, field(1, field(3, 7)))
    content = request(span(field(9, field(2, first) + field(1, "a") + field(2, second))))

    assert spans_of(content) == by_protobuf(content)
    assert spans_of(content)[0].record.attributes == {"a": ["text", 7]}


def test_fields_of_another_wire_type_and_groups_are_skipped() -> None:
    group = varint(40 << 3 | 3) + field(1, "x") + varint(41 << 3 | 3) + varint(41 << 3 | 4) + varint(40 << 3 | 4)
    content = request(span(group, fixed64(5, 7), field(7, 9), field(15, 2), fixed32(9, 1), field(5, "turn")))

    assert spans_of(content) == by_protobuf(content)
    assert spans_of(content)[0].record.name == "turn"


def test_text_that_is_not_utf_8_costs_only_its_own_characters() -> None:
    record = one(field(5, b"na\xffme"), field(9, field(1, b"k\xff") + field(2, field(1, b"v\xe2\x82")))).record

    assert (record.name, record.attributes) == ("na\ufffdme", {"k\ufffd": "v\ufffd"})


@pytest.mark.parametrize("content", [b"", field(1, b""), field(1, field(2, b"")), field(7, "another message")])
def test_a_request_may_be_empty(content: bytes) -> None:
    assert spans_of(content) == by_protobuf(content) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (request(span(trace=b"")), "no id"),
        (request(span(span=bytes(8))), "no id"),
        (request(span(trace=b"\x01" * 15)), "not 16 bytes"),
        (request(span(field(4, b"\x01"))), "not 8 bytes"),
        (field(1, b"\x12\x7f"), "longer than what it is in"),
        (b"\x0a\x80", "ends within a field"),
        (b"\x0a" + b"\x80" * 10 + b"\x01", "longer than 64 bits"),
        (b"\x02\x00", "no number"),
        (b"\x0f", "unknown type"),
        (b"\x0c", "unknown type"),
        (b"\x0b\x14", "another end"),
        (b"\x0b" * 1_000, "no end"),
        (b"\x0b", "no end|ends within"),
        (b"\x09\x00", "longer than what it is in"),
        (b"PK\x03\x04", "protobuf|longer"),
    ],
)
def test_what_is_not_a_request_is_one_error(content: bytes, why: str) -> None:
    with pytest.raises(UnreadableRequest, match=why):
        spans_of(content)


@pytest.mark.parametrize("dump", FRAMEWORKS)
def test_recorded_spans_are_read_as_the_official_parser_and_as_json(dump: str) -> None:
    spans = ended([one for one in load(dump) if one.get("on_end_seq") is not None])
    content = protobuf(spans)
    found = spans_of(content)

    assert found == by_protobuf(content)
    assert [one.record for one in found] == [one.record for one in spans_of(line(spans))]


def test_every_beginning_of_a_request_is_read_or_refused() -> None:
    content = protobuf(ended(load("pipecat/async_tool")[:3]))
    for size in range(len(content)):
        try:
            spans_of(content[:size])
        except UnreadableRequest:
            continue
        assert size == 0


# Any message, with its fields in any order

_VALUES: SearchStrategy[bytes] = st.recursive(
    st.sampled_from([encoded for encoded, _ in ANY_VALUES.values()])
    | st.integers(-(2**63), 2**63).map(lambda n: field(3, n)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: field(5, b"".join(field(1, one) for one in found))),
        st.lists(inner, max_size=3).map(
            lambda found: field(6, b"".join(field(1, pair(str(at), one)) for at, one in enumerate(found)))
        ),
    ),
    max_leaves=6,
)
_PAIRS = st.builds(
    lambda key, value, swapped: field(2, value) + field(1, key) if swapped else pair(key, value),
    st.sampled_from(["a", "b", "", "k" * 200]),
    _VALUES,
    st.booleans(),
)


@st.composite
def _messages(draw: DrawFn, *parts: SearchStrategy[bytes], at_most: int = 4) -> bytes:
    found = draw(st.lists(st.one_of(*parts, st.just(field(77, 5))), max_size=at_most))
    return b"".join(draw(st.permutations(found)))


_EVENTS = _messages(
    st.integers(0, 2**64 - 1).map(lambda time: fixed64(1, time)),
    st.text(max_size=4).map(lambda name: field(2, name)),
    _PAIRS.map(lambda one: field(3, one)),
)
_SPANS = _messages(
    st.text(max_size=4).map(lambda name: field(5, name)),
    st.integers(0, 2**64 - 1).map(lambda time: fixed64(7, time)),
    st.integers(0, 2**64 - 1).map(lambda time: fixed64(8, time)),
    st.integers(0, 2**40).map(lambda number: field(12, number)),
    st.integers(0, 6).map(lambda kind: field(6, kind)),
    st.integers(0, 2**32 - 1).map(lambda flags: fixed32(16, flags)),
    st.integers(0, 3).map(lambda code: field(15, field(3, code))),
    _PAIRS.map(lambda one: field(9, one)),
    _EVENTS.map(lambda one: field(11, one)),
    at_most=12,
).map(lambda rest: span(rest))


@QUICK
@given(st.lists(_SPANS, max_size=4), _messages(_PAIRS.map(lambda one: field(1, one))))
def test_any_message_is_read_as_the_official_parser_reads_it(spans: list[bytes], resource: bytes) -> None:
    content = request(*spans, resource=resource)

    assert repr(spans_of(content)) == repr(by_protobuf(content))  # also where NaN is not itself
