"""The edges of OTLP/HTTP: what is taken, what is refused for good, and what is asked to come again."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from support.gateways import (
    JSON,
    PROTOBUF,
    RECORDING,
    SECONDS,
    RunningGateway,
    Spoken,
    run_gateway,
    texts,
    wait_for_calls,
)
from support.helpers import wait_until
from support.otlp_lines import line
from support.otlp_requests import field, pair, protobuf, request, span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

pytest.importorskip("uvicorn", reason="the extra `gateway` is not installed")

MIB = 1024 * 1024
TOKEN = "0123456789abcdef-token"  # noqa: S105 - of a test


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(name="gateway", scope="module")
def _gateway(folder: Path, roark: Sandbox) -> Iterator[RunningGateway]:
    limits = ("--max-body", "1", "--max-unpacked", "4", "--body-timeout", "3")
    with RunningGateway(folder, roark.url, *limits) as gateway:
        yield gateway


@pytest.fixture(name="roark", scope="module")
def _roark() -> Iterator[Sandbox]:
    from roark_otel.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


def call_of(roark: Sandbox, external_id: str) -> dict[str, Any]:
    """Waits for a call."""
    wait_until(lambda: any(call["externalId"] == external_id for call in roark.calls()), SECONDS)
    (found,) = [call for call in roark.calls() if call["externalId"] == external_id]
    return found


def packed(encoding: str, body: bytes) -> bytes:
    if encoding in {"gzip", "x-gzip"}:
        return gzip.compress(body)
    if encoding == "deflate":
        return zlib.compress(body)
    zstd = pytest.importorskip("backports.zstd", reason="the extra `gateway` is not installed")
    return bytes(zstd.compress(body))


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "deflate", "zstd"])
def test_packed_requests(gateway: RunningGateway, encoding: str) -> None:
    before = gateway.metric("spans_total", outcome="not_ours")
    body = protobuf(Spoken().plain(5))
    for sent in (packed(encoding.lower(), body), packed(encoding.lower(), body) + packed(encoding.lower(), body)):
        answer = gateway.post(sent, content_encoding=encoding)
        assert answer.status_code == 200, answer.text
    assert gateway.metric("spans_total", outcome="not_ours") == before + 15


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_what_is_damaged_once_packed_can_never_be_read(gateway: RunningGateway, encoding: str) -> None:
    whole = packed(encoding, protobuf(Spoken().plain(5)))
    changed = whole[:20] + b"\xff" * 9 + whole[29:]  # which zstd would only notice by a checksum that it does not have
    for body in (whole[: len(whole) // 2], b"not packed at all", *([changed] if encoding != "zstd" else [])):
        answer = gateway.post(body, content_encoding=encoding)
        assert answer.status_code == 400
        assert Status.FromString(answer.content).code == 3


def test_json_has_hex_ids_and_json_answers(gateway: RunningGateway, roark: Sandbox) -> None:
    spans = Spoken().conversation("json-1", "Hello")
    headers = {"content-type": "application/json; charset=utf-8"}
    answer = gateway.post(line(spans), **headers)
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (200, {}, "application/json")
    assert texts(call_of(roark, "json-1")) == ["Hello"]
    answer = gateway.post(b"{", **headers)
    assert (answer.status_code, answer.json()) == (400, {"code": 3, "message": "not JSON"})


@pytest.mark.parametrize("body", [b"", b"{}", b'{"resourceSpans":[]}'])
def test_an_empty_request_is_taken(gateway: RunningGateway, body: bytes) -> None:
    assert gateway.post(body, **(JSON if body else PROTOBUF)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff\xff\xff",
        b"<html></html>",
        b"\x0a\x7f",
        protobuf(Spoken().plain(3))[:-5],
        request(field(1, b"short") + field(2, bytes(range(8))) + field(9, pair("roark.external_id", field(1, "a")))),
    ],
    ids=["bytes", "a page", "too long", "cut", "no ids"],
)
def test_what_can_never_be_read_is_a_400(gateway: RunningGateway, body: bytes) -> None:
    answer = gateway.post(body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/x-protobuf")
    found = Status.FromString(answer.content)
    assert found.code == 3
    assert found.message


def test_one_damaged_span_costs_itself_alone(gateway: RunningGateway, roark: Sandbox) -> None:
    whole = protobuf(Spoken().conversation("partial-1", "Hello"))
    nameless = request(span(field(9, pair("roark.external_id", field(1, "x"))), trace=b"short"))
    answer = gateway.post(whole + nameless)
    assert answer.status_code == 200
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 1
    assert partial.error_message
    assert texts(call_of(roark, "partial-1")) == ["Hello"]

    found = json.loads(line(Spoken().conversation("partial-2", "Hello")))
    found["resourceSpans"][0]["scopeSpans"][0]["spans"].append({"traceId": "zz", "spanId": "1"})
    answer = gateway.post(json.dumps(found).encode(), **JSON)
    assert (answer.status_code, answer.json()["partialSuccess"]["rejectedSpans"]) == (200, "1")
    assert texts(call_of(roark, "partial-2")) == ["Hello"]


def test_texts_that_are_cut_within_a_character_are_read(gateway: RunningGateway, roark: Sandbox) -> None:
    cut = field(9, pair("roark.external_id", field(1, "cut-1"))) + field(
        9, pair("roark.property.city", field(1, b"Z\xc3"))
    )
    marked = field(9, pair("roark.conversation.root", field(2, 1)))
    assert gateway.post(request(span(cut, marked, field(5, "call"), trace=b"c" * 16))).status_code == 200
    assert call_of(roark, "cut-1")["properties"]["city"] == "Z\ufffd"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/traces", {}, 405),
        ("PUT", "/v1/traces", PROTOBUF, 405),
        ("POST", "/v1/traces", {"content-type": "text/plain"}, 415),
        ("POST", "/v1/traces", {**PROTOBUF, "content-encoding": "br"}, 415),
        ("POST", "/v1/metrics", PROTOBUF, 404),
        ("POST", "/v1/logs", JSON, 404),
        ("POST", "/", PROTOBUF, 404),
        ("POST", "/v1/recordings/call-1", JSON, 405),
        ("GET", "/healthz", {}, 200),
        ("HEAD", "/readyz", {}, 200),
        ("GET", "/metrics", {}, 200),
    ],
)
def test_statuses(gateway: RunningGateway, method: str, path: str, headers: dict[str, str], status: int) -> None:
    assert httpx.request(method, gateway.url + path, headers=headers, content=b"").status_code == status


def test_too_much_before_and_after_unpacking(gateway: RunningGateway) -> None:
    large = b"\x0a" * (MIB + 1)
    assert gateway.post(large).status_code == 413
    assert httpx.post(f"{gateway.url}/v1/traces", content=iter([large]), headers=PROTOBUF).status_code == 413  # chunked
    bomb = gzip.compress(bytes(64 * MIB))
    assert len(bomb) < MIB
    assert gateway.post(bomb, content_encoding="gzip").status_code == 413
    assert gateway.post(gzip.compress(bomb), content_encoding="gzip").status_code == 400  # packed twice


def test_dense_and_deep_requests_do_not_fill_the_memory(gateway: RunningGateway) -> None:
    events = b"\x5a\x00" * (MIB // 2 - 100)
    shown = field(9, pair("roark.external_id", field(1, "dense")))
    answer = gateway.post(gzip.compress(request(span(shown, events * 3))), content_encoding="gzip")
    assert answer.status_code == 400
    deep = field(1, "leaf")
    for _ in range(5_000):
        deep = field(5, field(1, deep))
    assert gateway.post(request(span(shown, field(9, pair("roark.deep", deep)), trace=b"d" * 16))).status_code in {
        200,
        400,
    }
    assert gateway.post(b'{"resourceSpans":' + b"[" * 100_000, **JSON).status_code == 400
    assert gateway.process is not None
    with open(f"/proc/{gateway.process.pid}/status") as status:  # noqa: PTH123 - of the kernel
        (peak,) = [int(row.split()[1]) for row in status if row.startswith("VmHWM")]
    assert peak < 600 * 1024


def _address(gateway: RunningGateway) -> tuple[str, int]:
    parts = urlsplit(gateway.url)
    return str(parts.hostname), int(parts.port or 0)


def test_slow_senders_hold_nobody_up(gateway: RunningGateway) -> None:
    address = _address(gateway)
    slow = [socket.create_connection(address, SECONDS) for _ in range(100)]
    head = (
        b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\nab"
    )
    for one in slow:
        one.sendall(head)
    assert gateway.post(protobuf(Spoken().plain(1))).status_code == 200
    for one in slow:
        assert one.recv(100).startswith(b"HTTP/1.1 408 ")
        one.close()
    assert gateway.post(protobuf(Spoken().plain(1))).status_code == 200


def test_senders_that_go_away_in_the_middle(gateway: RunningGateway) -> None:
    address = _address(gateway)
    for _ in range(20):
        with socket.create_connection(address, SECONDS) as one:
            one.sendall(
                b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9"
            )
    assert gateway.post(protobuf(Spoken().plain(1))).status_code == 200


def test_recordings(gateway: RunningGateway, roark: Sandbox) -> None:
    external_id = "+1 555 0100/Ä"
    where = f"{gateway.url}/v1/recordings/{quote(external_id, safe='')}"
    answer = httpx.put(where, json={"url": "https://example.com/their.wav"})
    assert (answer.status_code, answer.json()) == (200, {"calls": 0, "kept": True})
    for wrong in (b"", b"{", b"[]", b'{"url": 1}', b'{"url": "ftp://example.com"}', b'{"url": "example.com"}'):
        assert httpx.put(where, content=wrong).status_code == 400
    assert httpx.put(f"{gateway.url}/v1/recordings/", json={"url": "https://example.com/their.wav"}).status_code == 400
    # It is there before the call.
    gateway.send(Spoken().conversation(external_id, "Hello"))
    assert (
        call_of(roark, external_id)["recordingUrl"] == RECORDING
    )  # that of the template, which is known when the call is made


def test_a_recording_that_a_webhook_reports_is_in_the_call(tmp_path: Path, sandbox: Sandbox) -> None:
    """Before the conversation, and while its call waits for it; also of an id that looks as if it were encoded."""
    early = ("before", "50%41", "a%2Fb", "100%", "../x?y=1#z", "😀", "a+b", "nul\0")
    with RunningGateway(tmp_path, sandbox.url, environment={"ROARK_RECORDING_URL_TEMPLATE": ""}) as gateway:

        def report(external_id: str) -> None:
            where = f"{gateway.url}/v1/recordings/{quote(external_id, safe='')}"
            httpx.put(where, json={"url": f"https://example.com/{quote(external_id)}.wav"}).raise_for_status()

        for external_id in early:
            report(external_id)
        for external_id in (*early, "after"):
            gateway.send(Spoken().conversation(external_id, "Hello"))
        gateway.wait_for_metric(1, "calls_awaiting_recording")
        report("after")
        calls = wait_for_calls(sandbox, len(early) + 1)
    assert {name: call["recordingUrl"] for name, call in calls.items()} == {
        name: f"https://example.com/{quote(name)}.wav" for name in (*early, "after")
    }


def test_tokens_and_hosts(tmp_path: Path, roark: Sandbox) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"{TOKEN}\n\nanother-{TOKEN}\n")
    with RunningGateway(tmp_path, roark.url, "--token-file", str(file)) as gateway:
        body = protobuf(Spoken().plain(1))
        for header in (
            {},
            {"authorization": "Bearer"},
            {"authorization": f"Basic {TOKEN}"},
            {"authorization": "Bearer x"},
        ):
            answer = gateway.post(body, **header)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert httpx.put(f"{gateway.url}/v1/recordings/a", headers=header).status_code == 401
        for given in (f"Bearer {TOKEN}", f"bearer another-{TOKEN}"):
            assert gateway.post(body, authorization=given).status_code == 200


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--host", "0.0.0.0"), "ROARK_GATEWAY_TOKEN"),  # noqa: S104
        (("--host", "::"), "ROARK_GATEWAY_TOKEN"),
        (("--tls-cert", "a.pem"), "--tls-key"),
        (("--tls-cert", "missing.pem", "--tls-key", "missing.pem"), "--tls-cert missing.pem cannot be read"),
        (("--token-file", "missing"), "cannot be read"),
        (("--settle", "0"), "--settle"),
        (("--settle", "nan"), "--settle"),
        (("--port", "70000"), "--port"),
        (("--grpc-port", "70000"), "--grpc-port"),
        (("--grpc-port", "-1"), "--grpc-port"),
        (("--forward", "otel.example.com"), "--forward otel.example.com"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    done = run_gateway(tmp_path, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_store_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_gateway(tmp_path / "file", "--port", "0", "--no-grpc")
    assert done.returncode == 1
    assert done.stderr == f"roark-otel: {tmp_path / 'file'}: File exists\n"


def test_two_gateways_do_not_share_a_store(gateway: RunningGateway, roark: Sandbox) -> None:
    second = RunningGateway(gateway.folder, roark.url)
    with pytest.raises(AssertionError, match="another gateway uses"):
        second.start()


def test_many_senders_at_once(gateway: RunningGateway) -> None:
    before = gateway.metric("spans_total", outcome="not_ours")
    statuses: list[int] = []

    def send() -> None:
        with httpx.Client(headers=PROTOBUF, timeout=SECONDS) as client:
            for _ in range(20):
                body = protobuf(Spoken().plain(2))
                statuses.append(client.post(f"{gateway.url}/v1/traces", content=body).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 160
    assert gateway.metric("spans_total", outcome="not_ours") == before + 320
