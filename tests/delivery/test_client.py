"""The client, over real sockets."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import TracerProvider
from pydantic import SecretStr

from roark_otel._delivery.client import Client
from roark_otel._delivery.exchanges import MAX_ANSWER_BYTES
from roark_otel._model.receipts import Delivered, Refused, Rejected, TryAgain
from support.answering import Answer, AnsweringServer, NoAnswer, Seen, created

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

BODY = json.dumps(
    {
        "externalId": "call-17",
        "recordingUrl": "https://example.com/a.wav",
        "startedAt": "2026-01-31T09:30:00.000Z",
        "interfaceType": "PHONE",
        "callDirection": "INBOUND",
    }
).encode()


@pytest.fixture(name="connect")
def _connect() -> Iterator[Callable[..., Client]]:
    """Makes clients, and closes them at the end."""
    clients: list[Client] = []

    def connect(url: str, key: str = "secret-key", project_id: str | None = None, timeout: float = 5.0) -> Client:
        clients.append(Client(url, SecretStr(key), project_id, timeout))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def test_a_call_is_created_once_and_then_known(sandbox: Sandbox, connect: Callable[..., Client]) -> None:
    client = connect(sandbox.url)

    receipt = client.create_call(BODY, tried=False)

    assert Delivered(sandbox.call("call-17").id) == receipt
    assert Rejected(409, "id_in_use") == client.create_call(BODY, tried=False)
    assert Delivered(None, already=True) == client.create_call(BODY, tried=True)
    assert [json.loads(BODY)] == sandbox.calls()


def test_a_rejection_names_the_field(sandbox: Sandbox, connect: Callable[..., Client]) -> None:
    body = json.dumps({**json.loads(BODY), "interfaceType": "FAX"}).encode()

    assert Rejected(400, "interfaceType") == connect(sandbox.url).create_call(body, tried=False)


def test_the_key_travels_as_a_bearer_token_and_the_body_unchanged(connect: Callable[..., Client]) -> None:
    with AnsweringServer() as server:
        connect(server.url).create_call(BODY, tried=False)

    (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/v1/call", BODY)
    assert seen.headers["authorization"] == "Bearer secret-key"
    assert seen.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("project_id", "header"), [(None, None), ("", None), ("project-1", "project-1")])
def test_the_project_is_sent_only_if_one_is_set(
    project_id: str | None, header: str | None, connect: Callable[..., Client]
) -> None:
    """Roark answers 400 to an empty one."""
    with AnsweringServer() as server:
        connect(server.url, project_id=project_id).create_call(BODY, tried=False)

    assert header == server.seen[0].headers.get("x-roark-project-id")


def test_a_base_url_may_have_a_path(connect: Callable[..., Client]) -> None:
    with AnsweringServer() as server:
        connect(f"{server.url}/eu").create_call(BODY, tried=False)

    assert server.seen[0].path == "/eu/v1/call"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int, connect: Callable[..., Client]) -> None:
    """It would take the key, or a call, to another address."""
    with AnsweringServer() as elsewhere:
        moved = Answer(status, headers={"location": f"{elsewhere.url}/v1/call"})
        with AnsweringServer(moved) as server:
            receipt = connect(server.url).create_call(BODY, tried=False)

    assert Refused(status) == receipt
    assert (len(server.seen), elsewhere.seen) == (1, [])


def test_no_trace_and_no_baggage_of_the_app_goes_to_roark(connect: Callable[..., Client]) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("app")
    token = otel_context.attach(baggage.set_baggage("customer", "secret"))
    try:
        with AnsweringServer() as server, tracer.start_as_current_span("call"):
            connect(server.url).create_call(BODY, tried=False)
    finally:
        otel_context.detach(token)

    sent = {"traceparent", "tracestate", "baggage", "b3"} & set(server.seen[0].headers)
    assert set() == sent


def test_a_request_leaves_the_app_s_context_unchanged(connect: Callable[..., Client]) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("app")
    with AnsweringServer() as server, tracer.start_as_current_span("call") as span:
        connect(server.url).create_call(BODY, tried=False)

        assert span is trace.get_current_span()


def test_one_connection_serves_many_calls(connect: Callable[..., Client]) -> None:
    with AnsweringServer() as server:
        client = connect(server.url)
        client.create_call(BODY, tried=False)
        client.create_call(BODY, tried=False)

    assert len(server.seen) == 2
    assert len({seen.connection for seen in server.seen}) == 1


def test_a_refused_connection_means_try_again(connect: Callable[..., Client]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused
        client = connect(f"http://127.0.0.1:{taken.getsockname()[1]}")

        assert TryAgain(None, "ConnectError") == client.create_call(BODY, tried=False)


def test_a_lost_reply_means_try_again_and_then_delivered(connect: Callable[..., Client]) -> None:
    with AnsweringServer(NoAnswer(), Answer(409)) as server:
        client = connect(server.url)

        assert TryAgain(None, "RemoteProtocolError", alone=True) == client.create_call(BODY, tried=False)
        assert Delivered(None, already=True) == client.create_call(BODY, tried=True)


def test_a_silent_server_is_given_up_after_the_timeout(connect: Callable[..., Client]) -> None:
    heard_enough = threading.Event()

    def wait(_seen: Seen) -> Answer:
        heard_enough.wait(300)
        return created()

    with AnsweringServer(wait) as server:
        before = time.monotonic()

        assert TryAgain(None, "ReadTimeout") == connect(server.url, timeout=0.2).create_call(BODY, tried=False)
        assert time.monotonic() - before < 200.0
        heard_enough.set()


def test_a_dripping_answer_is_given_up_after_the_timeout(connect: Callable[..., Client]) -> None:
    """The timeout is for the request, not for each byte: one slow answer must not delay all other calls."""

    def dripping() -> Iterator[bytes]:
        while True:  # until the client hangs up
            time.sleep(0.05)
            yield b" "

    with AnsweringServer(Answer(200, dripping())) as server:
        assert TryAgain(None, "ReadTimeout") == connect(server.url, timeout=0.3).create_call(BODY, tried=False)


def endless(sent: list[int]) -> Iterator[bytes]:
    """Hundreds of megabytes, for as long as the client reads."""
    piece = b" " * 65_536
    while sum(sent) < 512 * 1024 * 1024:
        yield piece
        sent.append(len(piece))


def test_only_the_beginning_of_an_endless_answer_is_read(connect: Callable[..., Client]) -> None:
    sent: list[int] = []
    with AnsweringServer(Answer(200, endless(sent)), created("call-2")) as server:
        client = connect(server.url)
        receipt = client.create_call(BODY, tried=False)

        assert TryAgain(None, "200 without a call id", alone=True) == receipt
        assert sum(sent) < 20 * MAX_ANSWER_BYTES
        assert Delivered("call-2") == client.create_call(BODY, tried=True)


def test_an_answer_may_be_compressed_and_a_broken_one_means_try_again(connect: Callable[..., Client]) -> None:
    answer: Any = created("call-9").body
    packed = {"content-encoding": "gzip"}
    with AnsweringServer(Answer(201, gzip.compress(answer), packed), Answer(201, b"not gzip", packed)) as server:
        client = connect(server.url)

        assert Delivered("call-9") == client.create_call(BODY, tried=False)
        assert TryAgain(None, "DecodingError", alone=True) == client.create_call(BODY, tried=False)


@pytest.mark.parametrize(
    ("headers", "after"),
    [({"Retry-After": "7"}, 7.0), ({"retry-after-ms": "250"}, 0.25), ({"RETRY-AFTER": "soon"}, None), ({}, None)],
)
def test_a_server_may_say_when_to_retry(
    headers: dict[str, str], after: float | None, connect: Callable[..., Client]
) -> None:
    with AnsweringServer(Answer(503, headers=headers)) as server:
        assert TryAgain(after, "503", alone=after is None) == connect(server.url).create_call(BODY, tried=False)


def test_the_key_is_in_no_representation_of_the_client(connect: Callable[..., Client]) -> None:
    client = connect("http://127.0.0.1:9")

    assert "secret-key" not in repr(client)
    assert "secret-key" not in repr(vars(client))


def test_a_server_without_a_trusted_certificate_gets_nothing(tmp_path: Path, connect: Callable[..., Client]) -> None:
    """The key and the words of a call go to Roark only."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-days", "2", "-nodes", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(  # noqa: S603 - files of this test
        [openssl, "req", "-x509", "-newkey", "rsa:2048", *subject], capture_output=True, check=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with AnsweringServer(tls=context) as server:
        receipt = connect(server.url).create_call(BODY, tried=False)

    assert (receipt, server.seen) == (TryAgain(None, "ConnectError"), [])


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, connect: Callable[..., Client]) -> None:
    with AnsweringServer(created("by proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

        receipt = connect("http://roark.example.com").create_call(BODY, tried=False)

    assert receipt == Delivered("by proxy")
    assert proxy.seen[0].path == "http://roark.example.com/v1/call"


def test_a_host_for_which_no_proxy_is_used_is_asked_itself(
    monkeypatch: pytest.MonkeyPatch, connect: Callable[..., Client]
) -> None:
    with AnsweringServer(created("by proxy")) as proxy, AnsweringServer(created("itself")) as server:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")

        assert Delivered("itself") == connect(server.url).create_call(BODY, tried=False)
        assert Delivered("by proxy") == connect("http://roark.example.com").create_call(BODY, tried=False)


def test_no_redirect_of_a_proxy_is_followed(monkeypatch: pytest.MonkeyPatch, connect: Callable[..., Client]) -> None:
    with AnsweringServer() as elsewhere, AnsweringServer(Answer(307, headers={"location": elsewhere.url})) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

        assert Refused(307) == connect("http://roark.example.com").create_call(BODY, tried=False)
    assert elsewhere.seen == []
