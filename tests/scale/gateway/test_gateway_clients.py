"""Real exporters of OpenTelemetry send to a gateway: Python's by HTTP and gRPC, Node's by HTTP as JSON and protobuf."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from support.gateways import SECONDS, RunningGateway, Spoken, texts, wait_for_calls
from support.node_exporters import node_modules
from support.otlp_requests import protobuf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

grpc = pytest.importorskip("grpc", reason="the extra `grpc` is not installed")

TOKEN = "0123456789abcdef-token"  # noqa: S105 - of a test
METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(name="gateway")
def _gateway(tmp_path: Path, sandbox: Sandbox) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path, sandbox.url, environment={"ROARK_GATEWAY_TOKEN": TOKEN}) as gateway:
        yield gateway


def speak(exporter: SpanExporter, external_id: str) -> None:
    """Holds a conversation whose spans an exporter of Python sends."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
    tracer = provider.get_tracer("app")
    shown: dict[str, Any] = {"roark.external_id": external_id, "roark.conversation.root": True}
    with tracer.start_as_current_span("call", attributes=shown):
        for text in ("Hello", "Good day"):
            with tracer.start_as_current_span("turn") as turn:
                turn.add_event("roark.transcript", {"role": "customer", "text": text})
    assert provider.force_flush()
    provider.shutdown()


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_python_by_http(gateway: RunningGateway, sandbox: Sandbox, compression: Compression) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    speak(HttpExporter(f"{gateway.url}/v1/traces", headers=headers, compression=compression), "call-1")
    assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello", "Good day"]


@pytest.mark.parametrize("compression", ["NoCompression", "Gzip", "Deflate"])
def test_python_by_grpc(gateway: RunningGateway, sandbox: Sandbox, compression: str) -> None:
    exporters = pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    exporter = exporters.OTLPSpanExporter(
        gateway.grpc,
        insecure=True,
        headers=(("authorization", f"Bearer {TOKEN}"),),
        compression=getattr(grpc.Compression, compression),
    )
    speak(exporter, "call-1")
    assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello", "Good day"]


def export(gateway: RunningGateway, body: bytes, token: str = TOKEN, **options: Any) -> bytes:
    """Sends bytes by gRPC."""
    with grpc.insecure_channel(gateway.grpc) as channel:
        call = channel.unary_unary(METHOD)
        return bytes(call(body, metadata=(("authorization", f"Bearer {token}"),), timeout=SECONDS, **options))


def test_the_edges_of_grpc(gateway: RunningGateway) -> None:
    body = protobuf(Spoken().plain(2))
    assert export(gateway, body) == b""
    for sent, token, code in (
        (body, "wrong", grpc.StatusCode.UNAUTHENTICATED),
        (b"\xff\xff\xff", TOKEN, grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x0a" * (21 * 1024 * 1024), TOKEN, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            export(gateway, sent, token)
        assert refused.value.code() is code
    with pytest.raises(grpc.RpcError) as refused:
        export(gateway, bytes(300 * 1024 * 1024), compression=grpc.Compression.Gzip)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert export(gateway, body) == b""
    assert gateway.metric("spans_total", outcome="not_ours") == 4


@pytest.mark.parametrize("package", ["http", "proto"])
def test_node_by_http(gateway: RunningGateway, sandbox: Sandbox, package: str) -> None:
    modules = node_modules()
    script = os.path.join(os.path.dirname(__file__), "speaking.cjs")  # noqa: PTH118, PTH120
    node = shutil.which("node")
    assert node is not None
    subprocess.run(
        [node, script, package, f"{gateway.url}/v1/traces", TOKEN],
        check=True,
        timeout=SECONDS,
        env={**os.environ, "NODE_PATH": str(modules)},
    )
    assert texts(wait_for_calls(sandbox, 1)["node-1"]) == ["Hello", "Good day"]


def test_one_conversation_of_two_languages(gateway: RunningGateway, sandbox: Sandbox) -> None:
    """A Python process has the conversation, a Node process the tool: the trace goes on there."""
    modules = node_modules()
    node = shutil.which("node")
    assert node is not None
    provider = TracerProvider()
    exporter = HttpExporter(f"{gateway.url}/v1/traces", headers={"authorization": f"Bearer {TOKEN}"})
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
    shown: dict[str, Any] = {"roark.external_id": "call-1", "roark.conversation.root": True}
    with provider.get_tracer("app").start_as_current_span("call", attributes=shown) as call:
        call.add_event("roark.transcript", {"role": "customer", "text": "Where is my order?"})
        context = call.get_span_context()
        parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-01"
        script = os.path.join(os.path.dirname(__file__), "tool.cjs")  # noqa: PTH118, PTH120
        subprocess.run(
            [node, script, f"{gateway.url}/v1/traces", TOKEN, parent],
            check=True,
            timeout=SECONDS,
            env={**os.environ, "NODE_PATH": str(modules)},
        )
    provider.shutdown()
    found = wait_for_calls(sandbox, 1)["call-1"]
    assert texts(found) == ["Where is my order?"]
    assert [(one["name"], json.dumps(one["parameters"])) for one in found["toolInvocations"]] == [
        ("lookup_order", '{"id": 17}')
    ]
