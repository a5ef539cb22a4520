"""What a gateway has around it when it starts and stops: streams, ports, addresses, and senders in the middle."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from support.gateways import SECONDS, RunningGateway, Spoken, run_gateway, texts, wait_for_calls
from support.helpers import wait_until
from support.otlp_requests import protobuf

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

pytest.importorskip("uvicorn", reason="the extra `gateway` is not installed")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_stop_asks_a_sender_in_the_middle_to_come_again(tmp_path: Path, sandbox: Sandbox) -> None:
    """500 would have a Collector drop what it was sending."""
    with RunningGateway(tmp_path, sandbox.url, "--stop-timeout", "2", "--no-grpc") as gateway:
        where = urlsplit(gateway.url)
        body = protobuf(Spoken().conversation("slow-1", "Hello"))
        head = f"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
        with socket.create_connection((where.hostname, where.port or 0), SECONDS) as sender:
            sender.sendall(f"{head}Content-Type: application/x-protobuf\r\n\r\n".encode() + body[:-1])
            assert httpx.get(f"{gateway.url}/readyz").status_code == 200
            assert gateway.process is not None
            gateway.process.send_signal(signal.SIGTERM)
            answer = sender.recv(1000)
        assert answer.startswith(b"HTTP/1.1 503 "), answer
        assert b"retry-after: 1\r\n" in answer
        assert gateway.process.wait(SECONDS) == 0
    assert "Traceback" not in gateway.log.read_text()


SIGNALLED = """
import signal, sys
from importlib import import_module
place, name = sys.argv.pop(1).rsplit(".", 1)
owner = import_module("roark_otel._gateway.gateway").Gateway if place == "Gateway" else import_module(place)
before = getattr(owner, name)
def signalled(*arguments):
    if name == "stop":
        signal.raise_signal(signal.SIGTERM)
    before(*arguments)
    signal.raise_signal(signal.SIGTERM)
setattr(owner, name, signalled)
sys.exit(import_module("roark_otel.cli").main(sys.argv[1:]))
"""
"""A gateway to which a signal comes at a place of its code."""


@pytest.mark.parametrize("place", ["Gateway.start", "roark_otel.cli.gateway.announce", "Gateway.stop"])
def test_a_stop_is_one_whenever_the_signal_comes(tmp_path: Path, place: str) -> None:
    """Before it serves, and while it stops: a slow machine may be anywhere when a supervisor changes its mind."""
    command = [sys.executable, "-c", SIGNALLED, place, "gateway", "--port", "0", "--no-grpc"]
    environment = {**os.environ, "ROARK_API_KEY": "test-key", "ROARK_SPOOL_DIR": str(tmp_path / "spool")}
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        if place == "Gateway.stop":
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    assert "the gateway has stopped" in errors


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("streams", ["1>&-", "0<&- 1>&- 2>&-", "1>/dev/full", "1>/dev/full 2>/dev/full", "| true"])
def test_it_serves_without_standard_streams(tmp_path: Path, sandbox: Sandbox, streams: str) -> None:
    port, store = _free_port(), tmp_path / "store"
    command = f"{sys.executable} -m roark_otel gateway --port {port} --no-grpc --store {store} --settle 1"
    environment = {
        **os.environ,
        "ROARK_API_KEY": "test-key",
        "ROARK_BASE_URL": sandbox.url,
        "ROARK_SPOOL_DIR": str(tmp_path / "spool"),
        "ROARK_RECORDING_URL_TEMPLATE": "https://example.com/{external_id}.wav",
    }
    script = f"sleep 0.2; echo $BASHPID >{tmp_path}/pid; exec {command} --retry-interval 1"
    shell = subprocess.Popen(  # noqa: S603 - our own command
        ["bash", "-c", f"({script}) {streams}; exit ${{PIPESTATUS[0]}}"],  # noqa: S607
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        assert shell.poll() is None, shell.communicate()
        try:
            return httpx.get(f"{url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_until(is_ready, SECONDS)
        body = protobuf(Spoken().conversation("call-1", "Hello"))
        headers = {"content-type": "application/x-protobuf"}
        assert httpx.post(f"{url}/v1/traces", content=body, headers=headers).status_code == 200
        assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello"]
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
        _, errors = shell.communicate(timeout=SECONDS)
    finally:
        if shell.poll() is None:
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert shell.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("harm", ["DELETE FROM clock", "UPDATE pieces SET shown = '{'", "UPDATE calls SET made = '{'"])
def test_a_store_with_rows_that_no_gateway_writes_is_named(tmp_path: Path, sandbox: Sandbox, harm: str) -> None:
    with RunningGateway(tmp_path, sandbox.url, "--no-grpc") as gateway:
        gateway.send(Spoken().conversation("over", "Hello"))
        wait_for_calls(sandbox, 1)
        gateway.send(Spoken().conversation("open", "Hello", root=False))
        assert gateway.stop() == 0
        with closing(sqlite3.connect(gateway.store / "spans.sqlite3")) as tables, tables:
            tables.execute(harm)
        done = run_gateway(gateway.store, "--port", "0", "--no-grpc")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"the store {gateway.store} cannot be used (it has rows that no gateway writes)" in done.stderr


@pytest.mark.parametrize("pieces", [1, 2, 50])
def test_a_client_that_offers_another_protocol_is_answered_in_its_own(
    tmp_path: Path, sandbox: Sandbox, pieces: int
) -> None:
    """As Java's offers HTTP/2 with its requests. The parser would skip their bodies, and the answer be 200."""
    offers = {
        "h2c": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "websocket": "Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n",
        "none": "",
    }
    with RunningGateway(tmp_path, sandbox.url, "--no-grpc") as gateway:
        where = urlsplit(gateway.url)
        with socket.create_connection((where.hostname, where.port or 0), SECONDS) as sender:
            for name, offer in offers.items():
                body = protobuf(Spoken().conversation(name, "Hello"))
                head = f"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n{offer}"
                sent = f"{head}Content-Type: application/x-protobuf\r\n\r\n".encode() + body
                size = len(sent) // pieces + 1
                for first in range(0, len(sent), size):
                    sender.sendall(sent[first : first + size])
                assert sender.recv(1000).startswith(b"HTTP/1.1 200 "), name
        assert set(wait_for_calls(sandbox, len(offers))) == {*offers}
        assert gateway.stop() == 0
    if importlib.util.find_spec("httptools") is not None:  # without it the offer is answered, and logged
        assert "WARNING" not in gateway.log.read_text()


@pytest.mark.parametrize("head", [b"a" * 8_000, b"X-A: a\r\n" * 1_000], ids=["one", "many"])
def test_headers_that_do_not_end_are_refused(tmp_path: Path, sandbox: Sandbox, head: bytes) -> None:
    """One without an end, or ever more of them: before its token is looked at, a sender has no room of its own."""
    with RunningGateway(tmp_path, sandbox.url, "--no-grpc") as gateway:
        where = urlsplit(gateway.url)
        with socket.create_connection((where.hostname, where.port or 0), SECONDS) as sender:
            sender.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: a\r\n" + (b"" if b":" in head else b"X-A: "))
            with suppress(ConnectionError):
                for _ in range(10_000):
                    sender.sendall(head)
                pytest.fail("the gateway takes headers without end")
        gateway.send(Spoken().conversation("call-1", "Hello"))
        assert set(wait_for_calls(sandbox, 1)) == {"call-1"}


def test_a_sender_that_does_not_wait_for_answers_is_read(tmp_path: Path, sandbox: Sandbox) -> None:
    """The head of its second request comes in two parts, the first of them with the end of a large body."""
    large, small = Spoken().conversation("large", "Hello " * 50_000), Spoken().conversation("small", "Hello")
    with RunningGateway(tmp_path, sandbox.url, "--no-grpc") as gateway:
        where = urlsplit(gateway.url)
        sent = b""
        for spans in (large, small):
            body = protobuf(spans)
            head = f"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
            sent += f"{head}Content-Type: application/x-protobuf\r\n\r\n".encode() + body
        cut = sent.rindex(b"Content-Type")
        with socket.create_connection((where.hostname, where.port or 0), SECONDS) as sender:
            sender.sendall(sent[:cut])
            answer = sender.recv(1000)
            sender.sendall(sent[cut:])
            while answer.count(b"HTTP/1.1 200 ") < 2:
                more = sender.recv(1000)
                assert more, answer
                answer += more
        assert set(wait_for_calls(sandbox, 2)) == {"large", "small"}


def test_a_port_of_grpc_that_is_taken_is_named(tmp_path: Path) -> None:
    pytest.importorskip("grpc", reason="the extra `grpc` is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_gateway(tmp_path, "--port", "0", "--grpc-port", str(port))
        assert (done.returncode, done.stdout) == (1, "")
        assert f"roark-otel: the gateway cannot listen on 127.0.0.1 port {port} for gRPC" in done.stderr
        done = run_gateway(tmp_path, "--port", str(port), "--no-grpc")
    assert done.stderr == f"roark-otel: the gateway cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_ipv6(tmp_path: Path, sandbox: Sandbox) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with RunningGateway(tmp_path, sandbox.url, "--host", "::1") as gateway:
        assert gateway.url.startswith("http://[::1]:")
        if gateway.has_grpc:
            assert f"gRPC at [::1]:{gateway.grpc.rpartition(':')[2]}" in gateway.announced
        gateway.send(Spoken().conversation("six", "Hello"))
        assert texts(wait_for_calls(sandbox, 1)["six"]) == ["Hello"]


def test_a_token_that_no_header_can_have_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("sölange-bis-sie-einer-liest\n", encoding="utf-8")
    done = run_gateway(tmp_path, "--port", "0", "--no-grpc", "--token-file", str(file))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "a token has ASCII characters alone" in done.stderr
