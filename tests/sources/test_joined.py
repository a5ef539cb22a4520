"""Several requests that are read as one give what they give one by one, whatever is wrong with one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roark_otel import Settings
from roark_otel._model.rows import KIND, Kind
from roark_otel._sources.assembler import CallAssembler
from roark_otel._sources.otlp.limits import UnreadableRequest
from roark_otel._sources.otlp.protobuf import ProtobufRequest
from roark_otel._sources.otlp.request import MAX_JOINED_BYTES, joined
from roark_otel.dialects import DIALECTS
from support.otlp_requests import field, pair, request, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._model.rows import Row

RESOURCE = field(1, pair("service.name", field(1, "order-desk")))
ASSEMBLER = CallAssembler(Settings(), DIALECTS)


def a_request(number: int, *, resource: bytes = RESOURCE) -> bytes:
    """A request of one span, as each message of a topic is."""
    event = field(11, field(2, "roark.transcript") + field(3, pair("text", field(1, f"Turn {number}."))))
    return request(span(field(5, "turn"), event, span=bytes((number,) * 8)), scope=field(1, "app"), resource=resource)


JSON = b'{"resourceSpans": []}'
FIRST, SECOND, THIRD = map(a_request, (1, 2, 3))


def rows_of(requests: Sequence[bytes]) -> tuple[list[Row], int]:
    """The rows of spans that are read together, and how many requests were skipped."""
    skipped: list[UnreadableRequest] = []
    batches = ASSEMBLER.batches(requests, skipped.append)
    return _of_spans(row for batch in batches for row in batch), len(skipped)


def one_by_one(requests: Sequence[bytes]) -> tuple[list[Row], int]:
    """The same of requests that are read alone."""
    found: list[Row] = []
    skipped = 0
    for each in requests:
        try:
            found += _of_spans(ASSEMBLER.rows(each))
        except UnreadableRequest:
            skipped += 1
    return found, skipped


def _of_spans(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row[KIND] != Kind.RESOURCE]


def test_messages_of_protobuf_are_one() -> None:
    assert list(joined([FIRST, SECOND, THIRD])) == [[FIRST, SECOND, THIRD]]
    assert rows_of([FIRST, SECOND, THIRD]) == one_by_one([FIRST, SECOND, THIRD])


@pytest.mark.parametrize("other", [JSON, b"\n" + JSON, b"nothing", FIRST[:-1], b"\x12\x00"])
def test_what_is_no_message_of_theirs_is_alone(other: bytes) -> None:
    assert list(joined([FIRST, other, SECOND, THIRD])) == [[FIRST], [other], [SECOND, THIRD]]


def test_no_more_is_read_together_than_a_limit() -> None:
    large = a_request(4, resource=field(1, pair("service.name", field(1, "x" * (MAX_JOINED_BYTES // 2)))))

    assert [len(one) for one in joined([large, FIRST, large, SECOND])] == [2, 2]
    assert list(joined([large * 3, FIRST])) == [[large * 3], [FIRST]]


@pytest.mark.parametrize("cut", range(len(SECOND)))
def test_one_that_is_cut_spoils_no_other(cut: int) -> None:
    """At every byte: it takes nothing of the next one for its own."""
    requests = [FIRST, SECOND[:cut], THIRD]

    assert rows_of(requests) == one_by_one(requests)
    assert len(rows_of(requests)[0]) >= 2


@pytest.mark.parametrize("place", range(len(SECOND)))
def test_one_with_a_wrong_byte_spoils_no_other(place: int) -> None:
    damaged = SECOND[:place] + bytes((SECOND[place] ^ 0xFF,)) + SECOND[place + 1 :]
    requests = [FIRST, damaged, THIRD]

    assert rows_of(requests) == one_by_one(requests)


def test_a_resource_is_decoded_once() -> None:
    several = ProtobufRequest(b"".join([FIRST, SECOND, THIRD]))

    resources = [group.resource for group in several.groups()]

    assert resources[0] == {"service.name": "order-desk"}
    assert all(one is resources[0] for one in resources)
