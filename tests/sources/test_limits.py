"""No request crashes, takes much memory, or raises anything but the one error."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel import Settings, assemble_call
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._sources.otlp import json_request, limits, request
from roark_otel._sources.otlp.limits import CUT, MAX_DEPTH
from roark_otel._sources.otlp.peek import peek
from roark_otel._sources.otlp.request import spans_of
from roark_otel.dialects import DIALECTS
from roark_otel.types import UnreadableRequest
from support.conversations import QUICK
from support.otlp_lines import ended, line
from support.otlp_requests import field, pair, protobuf, span
from support.otlp_requests import request as request_of
from support.replaying import load

if TYPE_CHECKING:
    from collections.abc import Callable

VOCABULARY = Vocabulary(DIALECTS)
SETTINGS = Settings()
FEW = 1_000
IDS = {"traceId": "1" * 32, "spanId": "2" * 16}


@pytest.fixture(name="few")
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (limits, json_request):
        monkeypatch.setattr(module, "MAX_REQUEST_VALUES", FEW)


def bombs(many: int) -> dict[str, bytes]:
    """Requests whose smallest parts are many."""
    empty, value = b"", field(1, "")
    documents: dict[str, Any] = {
        "attributes": {**IDS, "attributes": [{}] * many},
        "events": {**IDS, "events": [{}] * many},
        "list": {**IDS, "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{}] * many}}}]},
        "mapping": {**IDS, "attributes": [{"key": "a", "value": {"kvlistValue": {"values": [{}] * many}}}]},
        "links": {**IDS, "links": [{}] * 5 * many},
    }
    return {
        "spans": request_of(*[span()] * many),
        "empty spans": request_of(*[empty] * many),
        "attributes": request_of(span(*[field(9, empty)] * many)),
        "different attributes": request_of(span(*[field(9, pair(str(at), value)) for at in range(many)])),
        "events": request_of(span(*[field(11, empty)] * many)),
        "list": request_of(span(field(9, pair("a", field(5, field(1, empty) * many))))),
        "mapping": request_of(span(field(9, pair("a", field(6, field(1, empty) * many))))),
        "attributes of a resource": request_of(span(), resource=field(1, empty) * many),
        "scopes": field(1, field(2, empty) * many),
        "JSON of spans": json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [IDS] * many}]}]}).encode(),
        **{
            f"JSON of {name}": json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}).encode()
            for name, one in documents.items()
        },
    }


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", bombs(1))
def test_very_many_values_are_refused(name: str) -> None:
    spans_of(bombs(FEW - 10)[name] if name not in {"empty spans", "JSON of links"} else b"")
    with pytest.raises(UnreadableRequest, match=r"1,000 spans|no id"):
        spans_of(bombs(FEW + 10)[name])


@pytest.mark.parametrize("name", bombs(1))
def test_a_bomb_takes_no_more_memory_than_its_values(name: str) -> None:
    """Each value takes a few hundred bytes at most, so a million of them take a few hundred megabytes."""
    many = 20_000
    content = bombs(many)[name]
    tracemalloc.start()
    try:
        spans_of(content)
    except UnreadableRequest:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 600 * 5 * many + 10 * len(content)


def test_a_large_request_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "MAX_REQUEST_BYTES", 2**20)
    spans_of(request_of(span(field(5, "x" * 2**19))))
    for content in (bytes(2**20 + 1), b"{" * (2**20 + 1)):
        for read in (spans_of, lambda one: peek(one, VOCABULARY)):
            with pytest.raises(UnreadableRequest, match="larger than 1 MiB"):
                read(content)


def nested(depth: int, number: int) -> bytes:
    value = field(1, "deep")
    for _ in range(depth):
        value = field(number, field(1, pair("a", value) if number == 6 else value))
    return request_of(span(field(9, pair("a", value))))


def nested_json(depth: int) -> bytes:
    value = '{"stringValue": "deep"}'
    for _ in range(depth):
        value = f'{{"arrayValue": {{"values": [{value}]}}}}'
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [{**IDS, "attributes": [{"key": "a", "value": 0}]}]}]}]}
    return json.dumps(document).replace('"value": 0', f'"value": {value}').encode()


@pytest.mark.parametrize("make", [lambda deep: nested(deep, 5), lambda deep: nested(deep, 6), nested_json])
@pytest.mark.parametrize(("depth", "found"), [(MAX_DEPTH, "deep"), (MAX_DEPTH + 1, CUT), (MAX_DEPTH + 40, CUT)])
def test_a_deep_value_is_cut(make: Callable[[int], bytes], depth: int, found: str) -> None:
    value: Any = spans_of(make(depth))[0].record.attributes["a"]
    levels = 0
    while not isinstance(value, str):
        (value,) = value.values() if isinstance(value, dict) else value
        levels += 1

    assert (levels, value) == (MAX_DEPTH, found)


@pytest.mark.parametrize(
    "content",
    [
        nested(20_000, 5),
        nested_json(20_000),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\x0b" * 100_000,
        b"\x0a\x80\x80\x80\x80\x08",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        "{}".encode("utf-16"),
        b"\xef\xbb\xbf{",
        b'{"resourceSpans": 1e999}',
    ],
)
def test_what_is_hostile_is_read_or_refused(content: bytes) -> None:
    for read in (spans_of, lambda one: peek(one, VOCABULARY), lambda one: assemble_call("x", [one], SETTINGS)):
        try:
            read(content)
        except UnreadableRequest as fault:
            assert len(str(fault)) < 100  # noqa: PT017 - it quotes nothing


_RECORDED = [encode(ended(load("pipecat/async_tool")[:4])) for encode in (protobuf, line)]


@QUICK
@given(st.sampled_from(_RECORDED), st.data())
def test_a_damaged_request_is_read_or_refused(content: bytes, data: st.DataObject) -> None:
    """Bytes changed, cut out, repeated."""
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        match data.draw(st.integers(0, 2)):
            case 0:
                damaged[at : at + 1] = data.draw(st.binary(max_size=3))
            case 1:
                del damaged[at : at + data.draw(st.integers(1, 40))]
            case _:
                damaged[at:at] = damaged[at : at + 30] * data.draw(st.integers(1, 20))
    for read in (spans_of, lambda one: peek(one, VOCABULARY), lambda one: assemble_call("async2", [one], SETTINGS)):
        try:
            read(bytes(damaged))
        except UnreadableRequest:
            continue
