"""OTLP's JSON, in every spelling that is in use."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from roark_otel._model.rows import STATUS_DESCRIPTION, SpanEvent
from roark_otel._sources.otlp.json_request import JsonRequest
from roark_otel.types import UnreadableRequest

TRACE, SPAN, PARENT = "5B8EFFF798038103D269B633813FC60C", "EEE19B7EC3C1B174", "eee19b7ec3c1b173"


def request(**span: Any) -> dict[str, Any]:
    """Returns the example of the OTLP specification, with these fields instead of its own."""
    document = {
        "traceId": TRACE,
        "spanId": SPAN,
        "parentSpanId": PARENT,
        "name": "I'm a server span",
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "kind": 2,
        "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
        **span,
    }
    scope = {"name": "my.library", "version": "1.0.0"}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": [document]}]}]}


def one(**span: Any) -> Any:
    (found,) = JsonRequest(request(**span)).spans()
    return found


def test_the_example_of_the_specification() -> None:
    record, has_remote_parent = one(
        events=[{"timeUnixNano": "1544712660500000000", "name": "an event", "attributes": []}],
        status={"code": 2, "message": "an error"},
        droppedEventsCount=3,
    )

    assert (record.trace_id, record.span_id, record.parent_id) == (int(TRACE, 16), int(SPAN, 16), int(PARENT, 16))
    assert (record.start_ns, record.end_ns) == (1544712660000000000, 1544712661000000000)
    assert (record.scope, record.name) == ("my.library", "I'm a server span")
    assert record.attributes == {"my.span.attr": "some value", STATUS_DESCRIPTION: "an error"}
    assert record.resource == {"service.name": "my.service"}
    assert record.events == (SpanEvent("an event", 1544712660500000000, {}),)
    assert (record.error, record.dropped_events, has_remote_parent) == (True, 3, True)


def test_ids_as_protobuf_would_write_them() -> None:
    record, _ = one(
        traceId=base64.b64encode(bytes.fromhex(TRACE)).decode(),
        spanId=base64.b64encode(bytes.fromhex(SPAN)).decode(),
        parentSpanId="",
    )

    assert (record.trace_id, record.span_id, record.parent_id) == (int(TRACE, 16), int(SPAN, 16), None)


def test_names_in_snake_case_and_enums_by_name() -> None:
    document = {"trace_id": TRACE, "span_id": SPAN, "name": "x", "start_time_unix_nano": 5, "end_time_unix_nano": 6}
    document |= {"status": {"code": "STATUS_CODE_ERROR"}, "kind": "SPAN_KIND_CONSUMER"}
    (found,) = JsonRequest({"resource_spans": [{"scope_spans": [{"spans": [document]}]}]}).spans()

    assert (found.record.start_ns, found.record.end_ns, found.record.error) == (5, 6, True)
    assert found.has_remote_parent


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"stringValue": ""}, ""),
        ({"boolValue": False}, False),
        ({"intValue": "9007199254740993"}, 9007199254740993),
        ({"intValue": 7}, 7),
        ({"intValue": 7.0}, 7),
        ({"intValue": "-9223372036854775808"}, -(2**63)),
        ({"int_value": "7"}, 7),
        ({"heldBack": 1, "stringValue": "a"}, "a"),
        ({"doubleValue": 0.5}, 0.5),
        ({"doubleValue": "-Infinity"}, -math.inf),
        ({"bytesValue": "AAE="}, b"\x00\x01"),
        ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}]}}, [1, "a"]),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": [{}]}}}]}}, {"a": [None]}),
        ({}, None),
        (None, None),
    ],
)
def test_every_kind_of_value(value: Any, read: object) -> None:
    record, _ = one(attributes=[{"key": "a", "value": value}])

    assert record.attributes == {"a": read}


@pytest.mark.parametrize(
    ("flags", "kind", "remote"), [(0x300, 1, True), (0x100, 2, False), (0, 2, True), (0, 1, False), ("768", None, True)]
)
def test_a_parent_in_another_process(flags: Any, kind: Any, remote: bool) -> None:
    assert one(flags=flags, kind=kind).has_remote_parent is remote


@pytest.mark.parametrize("strange", [[], {}, "unheard of", 99, None])
def test_an_enum_of_any_other_value_is_ignored(strange: object) -> None:
    record, has_remote_parent = one(kind=strange, status={"code": strange})

    assert (record.error, has_remote_parent) == (False, False)


@pytest.mark.parametrize(
    ("span", "why"),
    [
        ({"traceId": ""}, "a span has no id"),
        ({"spanId": "0" * 16}, "a span has no id"),
        ({"traceId": "12"}, "traceId is neither hex nor base64|not 16 bytes"),
        ({"traceId": TRACE.replace("5", "x")}, "traceId is not hex"),
        ({"traceId": TRACE[:-1] + " "}, "traceId is not hex"),
        ({"traceId": "-" + TRACE[1:]}, "traceId is not hex"),
        ({"parentSpanId": TRACE}, "parentSpanId|not 8 bytes"),
        ({"spanId": 12}, "spanId is not text"),
        ({"attributes": {"a": 1}}, "attributes is not a list"),
        ({"attributes": ["a"]}, "attributes is not an object"),
        ({"startTimeUnixNano": "soon"}, "startTimeUnixNano is not an integer"),
        ({"attributes": [{"key": "a", "value": {"intValue": "1.5"}}]}, "an intValue is not an integer"),
        ({"startTimeUnixNano": 0.5}, "not an integer"),
        ({"startTimeUnixNano": "9" * 5_000}, "not an integer"),
        ({"startTimeUnixNano": True}, "not an integer"),
        ({"attributes": [{"key": "a", "value": {"doubleValue": []}}]}, "not a number"),
        ({"attributes": [{"key": "a", "value": {"doubleValue": 10**400}}]}, "out of range"),
        ({"attributes": [{"key": "a", "value": {"boolValue": "false"}}]}, "not true or false"),
        ({"attributes": [{"key": "a", "value": {"stringValue": {}}}]}, "not text"),
        ({"attributes": [{"key": "a", "value": {"bytesValue": "*"}}]}, "a bytesValue is not base64"),
        ({"events": "none"}, "events is not a list"),
    ],
)
def test_what_is_not_a_span_is_one_error(span: dict[str, Any], why: str) -> None:
    with pytest.raises(UnreadableRequest, match=why):
        one(**span)


def test_requests_of_other_signals_hold_no_spans() -> None:
    assert list(JsonRequest({"resourceLogs": [{}]}).spans()) == []
