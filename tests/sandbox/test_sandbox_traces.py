"""OTLP in both encodings, and the links between traces and calls."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx
    from opentelemetry.sdk.trace import ReadableSpan

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
NUMBERS = itertools.count(1)
LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Posted:
    """A call, and the id of a trace that no other test uses."""

    sandbox: Sandbox
    id: str
    external_id: str
    room_id: str
    trace_id: str

    def linked(self) -> tuple[str, ...]:
        return self.sandbox.call(self.external_id).trace_ids

    def span(self, **fields: Any) -> Json:
        external_id = {"key": "roark.external_id", "value": {"stringValue": self.external_id}}
        attributes = [{"key": "other", "value": {"intValue": "7"}}, external_id]
        return json_span(**{"traceId": self.trace_id, "attributes": attributes, **fields})


class Checked(SpanExporter):
    """Records the results of exports, which a span processor drops."""

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self.exporter = exporter
        self.results: list[SpanExportResult] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.results.append(self.exporter.export(spans))
        return self.results[-1]

    def shutdown(self) -> None:
        self.exporter.shutdown()


def traced(sandbox: Sandbox, attributes: Json, resource: Json | None = None, **options: Any) -> str:
    """Exports two spans of one trace with the real exporter; the second carries the attributes."""
    options.setdefault("compression", Compression.NoCompression)
    endpoint = sandbox.url + options.pop("path", "/v1/traces")
    exporter = Checked(OTLPSpanExporter(endpoint=endpoint, headers={"Authorization": "Bearer k"}, **options))
    provider = TracerProvider(resource=Resource.create(resource or {}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("parent"), tracer.start_as_current_span("child") as span:
        span.set_attributes(attributes)
    provider.shutdown()
    assert exporter.results == [SpanExportResult.SUCCESS, SpanExportResult.SUCCESS]
    return format(span.get_span_context().trace_id, "032x")


def json_span(**fields: Any) -> Json:
    return {
        "traceId": "f" * 32,
        "spanId": "0123456789ABCDEF",
        "parentSpanId": "",
        "name": "turn",
        "kind": 1,
        "startTimeUnixNano": "1767225600000000000",
        "endTimeUnixNano": 1767225601000000000,
        "notYetInvented": {"a": 1},
        **fields,
    }


def json_export(*spans: Json, resource: Json | None = None) -> Json:
    scope = {"scope": {"name": "test"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": resource or {}, "scopeSpans": [scope]}]}


@pytest.fixture(name="call")
def _call(shared: Sandbox, shared_raw: httpx.Client, call_body: Callable[..., Json]) -> Posted:
    """Posts a call for one test to the shared sandbox."""
    number = next(NUMBERS)
    body = call_body(externalId=f"ext-{number}", livekitRoomId=f"RM_{number}")
    call_id = shared_raw.post("/v1/call", json=body).json()["data"]["id"]
    return Posted(shared, str(call_id), f"ext-{number}", f"RM_{number}", format(number, "031x") + "F")


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/otel/v1/traces"])
@pytest.mark.parametrize("compression", list(Compression))
def test_the_real_exporter_links_a_trace(
    call: Posted, shared_raw: httpx.Client, path: str, compression: Compression
) -> None:
    trace_id = traced(call.sandbox, {"roark.external_id": call.external_id}, path=path, compression=compression)

    assert call.linked() == (trace_id,)
    assert shared_raw.get(f"/v1/call/{call.id}").json()["data"]["sandbox"]["traceIds"] == [trace_id]


@pytest.mark.parametrize("name", ["roark.external_id", "livekit.room.id"])
@pytest.mark.parametrize("on_resource", [True, False])
def test_a_span_or_its_resource_may_carry_the_id(call: Posted, name: str, on_resource: bool) -> None:
    attributes = {name: call.external_id if name == "roark.external_id" else call.room_id}

    trace_id = traced(call.sandbox, {}, attributes) if on_resource else traced(call.sandbox, attributes)

    assert call.linked() == (trace_id,)


@pytest.mark.parametrize(
    "attributes",
    [
        lambda _: {},
        lambda _: {"roark.external_id": "another"},
        lambda _: {"roark.external_id": 1},
        lambda own: {"roark.external_id": [own]},
        lambda own: {"other": own},
        lambda own: {"livekit.room.id": own},
    ],
    ids=["none", "another id", "a number", "a list", "another name", "the name of the other id"],
)
def test_other_traces_are_not_linked(call: Posted, attributes: Callable[[str], Json]) -> None:
    traced(call.sandbox, attributes(call.external_id))

    assert call.linked() == ()


def test_a_trace_may_arrive_before_its_call(
    call: Posted, shared_raw: httpx.Client, call_body: Callable[..., Json]
) -> None:
    first = traced(call.sandbox, {"roark.external_id": "late"})
    second = traced(call.sandbox, {"roark.external_id": "late"})

    shared_raw.post("/v1/call", json=call_body(externalId="late"))

    assert call.sandbox.call("late").trace_ids == (first, second)


def test_json_by_hand_links_a_trace(call: Posted, shared_raw: httpx.Client) -> None:
    answer = shared_raw.post("/v1/traces", json=json_export(call.span()), headers=JSON)

    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    assert call.linked() == (call.trace_id.lower(),)


def test_json_with_the_id_on_the_resource(call: Posted, shared_raw: httpx.Client) -> None:
    resource = {"attributes": [{"key": "livekit.room.id", "value": {"stringValue": call.room_id}}]}

    shared_raw.post("/v1/traces", json=json_export(call.span(attributes=None), resource=resource), headers=JSON)

    assert call.linked() == (call.trace_id.lower(),)


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_json_may_be_compressed(
    call: Posted, shared_raw: httpx.Client, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    body = compress(json.dumps(json_export(call.span())).encode())

    answer = shared_raw.post("/v1/traces", content=body, headers={**JSON, "Content-Encoding": encoding})

    assert answer.status_code == 200
    assert call.linked() == (call.trace_id.lower(),)


def test_a_gzip_body_may_have_several_members(call: Posted, shared_raw: httpx.Client) -> None:
    text = json.dumps(json_export(call.span())).encode()

    shared_raw.post(
        "/v1/traces",
        content=gzip.compress(text[:50]) + gzip.compress(text[50:]),
        headers={**JSON, "Content-Encoding": "gzip"},
    )

    assert call.linked() == (call.trace_id.lower(),)


def test_the_same_span_may_arrive_twice(call: Posted, shared_raw: httpx.Client) -> None:
    for _ in range(2):
        assert shared_raw.post("/v1/traces", json=json_export(call.span()), headers=JSON).json() == {}

    assert call.linked() == (call.trace_id.lower(),)


def test_json_fields_may_be_absent(call: Posted, shared_raw: httpx.Client) -> None:
    bare = {key: call.span()[key] for key in ("traceId", "spanId", "attributes")}

    assert shared_raw.post("/v1/traces", json=json_export(bare), headers=JSON).json() == {}
    assert call.linked() == (call.trace_id.lower(),)


@pytest.mark.parametrize("body", [b"{}", b'{"resourceSpans": []}', b'{"resourceSpans": null}'])
def test_an_empty_json_export_is_a_success(shared_raw: httpx.Client, body: bytes) -> None:
    answer = shared_raw.post("/v1/traces", content=body, headers=JSON)

    assert (answer.status_code, answer.json()) == (200, {})


def test_an_empty_protobuf_export_is_a_success(shared_raw: httpx.Client) -> None:
    answer = shared_raw.post("/v1/traces", content=b"", headers=PROTOBUF)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize(
    "wrong",
    [
        {"traceId": "abcd"},
        {"traceId": "0" * 32},
        {"traceId": None},
        {"spanId": "ab" * 9},
        {"spanId": "0" * 16},
        {"endTimeUnixNano": str(2**63)},
    ],
    ids=str,
)
def test_json_spans_that_otlp_forbids_are_rejected_and_the_others_kept(
    call: Posted, shared_raw: httpx.Client, wrong: Json
) -> None:
    export = json_export(call.span(**wrong), call.span(), call.span(**wrong))

    answer = shared_raw.post("/v1/traces", json=export, headers=JSON)

    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "2"
    assert answer.json()["partialSuccess"]["errorMessage"]
    assert call.linked() == (call.trace_id.lower(),)


def test_protobuf_spans_that_otlp_forbids_are_rejected(shared_raw: httpx.Client) -> None:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"short", span_id=b"12345678")

    answer = shared_raw.post("/v1/traces", content=request.SerializeToString(), headers=PROTOBUF)

    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 1)
    assert partial.error_message


@pytest.mark.parametrize(
    "export",
    [
        [],
        {"resourceSpans": {}},
        {"resourceSpans": [1]},
        {"resourceSpans": [{"resource": []}]},
        json_export(json_span(traceId="not hex" + "0" * 25)),
        json_export(json_span(spanId=7)),
        json_export(json_span(name=[])),
        json_export(json_span(startTimeUnixNano="soon")),
        json_export(json_span(startTimeUnixNano=-1)),
        json_export(json_span(startTimeUnixNano=True)),
        json_export(json_span(attributes=[{"key": "roark.external_id", "value": {"stringValue": 1}}])),
        json_export(json_span(attributes=[{"key": "roark.external_id", "value": "ext-1"}])),
        json_export(json_span(name="\ud800")),
    ],
    ids=lambda export: json.dumps(export)[:60],
)
def test_json_that_is_not_an_export_is_answered_with_a_json_status(shared_raw: httpx.Client, export: Any) -> None:
    answer = shared_raw.post("/v1/traces", content=json.dumps(export), headers=JSON)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert answer.json()["code"] == 3
    assert answer.json()["message"]


def test_protobuf_that_is_not_an_export_is_answered_with_a_protobuf_status(shared_raw: httpx.Client) -> None:
    answer = shared_raw.post("/v1/traces", content=b"\xff" * 300, headers=PROTOBUF)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/x-protobuf")
    status = Status.FromString(answer.content)
    assert (status.code, bool(status.message)) == (3, True)


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"{}", mtime=0)[:-9], "gzip", 400),
        (b"not deflate", "deflate", 400),
        (b"{}", "zstd", 415),
        (b"{}", "identity", 200),
    ],
)
def test_content_encodings(shared_raw: httpx.Client, body: bytes, encoding: str, status: int) -> None:
    answer = shared_raw.post("/v1/traces", content=body, headers={**JSON, "Content-Encoding": encoding})

    assert answer.status_code == status


def test_an_unknown_content_type_is_refused(shared_raw: httpx.Client) -> None:
    assert shared_raw.post("/v1/traces", content=b"", headers={"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_body_that_grows_past_the_limit_is_refused(
    shared_raw: httpx.Client, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    headers = {**PROTOBUF, "Content-Encoding": encoding}

    answer = shared_raw.post("/v1/traces", content=compress(bytes(LIMIT + 1)), headers=headers)

    assert answer.status_code == 413
    assert Status.FromString(answer.content).code == 8


def test_a_plain_body_over_the_limit_is_refused(shared_raw: httpx.Client) -> None:
    answer = shared_raw.post("/v1/traces", content=bytes(LIMIT + 1), headers=PROTOBUF)

    assert answer.status_code == 413
