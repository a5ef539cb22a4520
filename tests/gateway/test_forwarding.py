"""What came goes on to a further OTLP endpoint, with the headers that it wants."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from roark_otel.sandbox import Sandbox
from support.answering import Answer, AnsweringServer
from support.gateways import SECONDS, RunningGateway, Spoken, run_gateway, wait_for_calls

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("uvicorn", reason="the extra `gateway` is not installed")

KEY = "test-key"
"""What a gateway of the tests creates calls with."""


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{KEY}"},
        {"OTEL_EXPORTER_OTLP_HEADERS": f" x-team = a=b , authorization=Bearer {KEY},"},
        {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": f"authorization=Bearer%20{KEY}", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"},
    ],
)
def test_spans_go_on_with_the_headers_of_exporters(tmp_path: Path, environment: dict[str, str]) -> None:
    with Sandbox(api_key=KEY) as roark:
        with RunningGateway(tmp_path, roark.url, "--forward", roark.url, environment=environment) as gateway:
            gateway.send(Spoken().conversation("call-1", "Hello"))
            wait_for_calls(roark, 1)
            gateway.stop()  # what waits to go on is sent before
        assert len(roark.call("call-1").trace_ids) == 1


def test_a_refusal_is_logged_and_costs_no_call(tmp_path: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20wrong-key"}
    with Sandbox(api_key=KEY) as roark:
        with RunningGateway(tmp_path, roark.url, "--forward", roark.url, environment=environment) as gateway:
            gateway.send(Spoken().conversation("call-1", "Hello"))
            wait_for_calls(roark, 1)
            gateway.stop()
        assert roark.call("call-1").trace_ids == ()
    assert "(401)" in gateway.log.read_text()
    assert "wrong-key" not in gateway.log.read_text()


@pytest.mark.parametrize("written", ["Bearer secret", "=secret", "a b=secret", "a=secret%0d%0ab: c", "a=secret\u00e9"])
def test_headers_that_cannot_be_sent_are_refused_at_the_start(tmp_path: Path, written: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "roark_otel", "gateway", "--store", str(tmp_path), "--forward", "http://127.0.0.1:9"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, "ROARK_API_KEY": KEY, "OTEL_EXPORTER_OTLP_HEADERS": written},
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "OTEL_EXPORTER_OTLP_HEADERS must be name=value" in done.stderr
    assert "secret" not in done.stderr


def test_what_a_stop_leaves_behind_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Sandbox(api_key=KEY) as roark:
        target = f"http://127.0.0.1:{silent.getsockname()[1]}"
        options = ("--forward", target, "--stop-timeout", "2")
        with RunningGateway(tmp_path, roark.url, *options) as gateway:
            for number in range(3):
                gateway.send(Spoken().conversation(f"call-{number}", "Hello"))
            assert gateway.stop() == 0
    assert "3 requests were not sent on to the further endpoint" in gateway.log.read_text()


@pytest.mark.parametrize(
    ("name", "value", "target"),
    [
        ("HTTP_PROXY", "unknown://user:secret@proxy.example.com:1", "http://collector.example.com:4318"),
        ("HTTPS_PROXY", "http://user:se#cret@proxy.example.com:1", "https://collector.example.com"),
        ("SSL_CERT_FILE", "/none/secret.pem", "https://127.0.0.1:9"),
    ],
)
def test_an_environment_from_which_nothing_can_be_sent_on_is_said_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, target: str
) -> None:
    monkeypatch.setenv(name, value)
    done = run_gateway(tmp_path, "--port", "0", "--grpc-port", "0", "--forward", target)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"--forward: {name} " in done.stderr
    assert "secret" not in done.stderr


def test_what_goes_to_this_machine_takes_no_proxy_and_needs_no_certificates(tmp_path: Path) -> None:
    environment = {"HTTP_PROXY": "http://127.0.0.1:9", "SSL_CERT_FILE": "/none/ca.pem"}
    with AnsweringServer(then=Answer(200)) as elsewhere, Sandbox(api_key=KEY) as roark:
        with RunningGateway(tmp_path, roark.url, "--forward", elsewhere.url, environment=environment) as gateway:
            gateway.send(Spoken().conversation("call-1", "Hello"))
            assert gateway.stop() == 0
        assert [one.path for one in elsewhere.seen] == ["/v1/traces"]
        assert "further endpoint" not in gateway.log.read_text()


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({}, f"Basic {b64encode(b'user@example.com:se:cret').decode()}"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20token"}, "Bearer token"),
    ],
)
def test_an_address_may_name_a_user(tmp_path: Path, environment: dict[str, str], shown: str) -> None:
    with AnsweringServer(then=Answer(200)) as elsewhere, Sandbox(api_key=KEY) as roark:
        target = elsewhere.url.replace("//", "//user%40example.com:se%3Acret@")
        with RunningGateway(tmp_path, roark.url, "--forward", target, environment=environment) as gateway:
            gateway.send(Spoken().conversation("call-1", "Hello"))
            assert gateway.stop() == 0
        assert [one.headers["authorization"] for one in elsewhere.seen] == [shown]
        assert "cret" not in gateway.log.read_text()


@pytest.mark.parametrize("target", ["http://127.0.0.1:4318", "http://user:secret@localhost:4318/", "http://[::1]:4317"])
def test_a_gateway_does_not_send_to_itself(tmp_path: Path, target: str) -> None:
    done = run_gateway(tmp_path, "--forward", target)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "is this gateway" in done.stderr
    assert "secret" not in done.stderr
