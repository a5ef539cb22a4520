"""Options and variables that a gateway cannot use as they stand: it says so in one line, or does without."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from roark_otel.cli import main
from roark_otel.sandbox import Sandbox
from support.gateways import SECONDS, RunningGateway, Spoken, run_gateway, wait_for_calls

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("uvicorn", reason="the extra `gateway` is not installed")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--max-body", "1" + 30 * "0"), ("--stop-timeout", "1e300"), ("--settle", "nan"), ("--body-timeout", "inf")],
)
def test_a_number_without_bounds_is_refused(tmp_path: Path, option: str, value: str) -> None:
    done = run_gateway(tmp_path, option, value)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"{option} must be more than 0, and at most" in done.stderr


@pytest.mark.parametrize("host", ["", "127.0.0.1:4318", "http://127.0.0.1"])
def test_a_host_with_more_than_its_name_is_refused(tmp_path: Path, host: str) -> None:
    done = run_gateway(tmp_path, "--host", host)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--port names the port" in done.stderr


def test_more_than_grpc_can_count_and_a_variable_of_the_server_keep_nobody_out(tmp_path: Path) -> None:
    environment = {"WEB_CONCURRENCY": "auto"}
    with (
        Sandbox() as roark,
        RunningGateway(tmp_path, roark.url, "--max-body", "4096", environment=environment) as gateway,
    ):
        gateway.send(Spoken().conversation("call-1", "Hello"))
        wait_for_calls(roark, 1)


@pytest.mark.skipif(not socket.has_ipv6, reason="the machine has no IPv6")
def test_an_address_may_be_written_as_in_urls(tmp_path: Path) -> None:
    done = run_gateway(tmp_path, "--host", "[2001:db8::1]")
    assert "2001:db8::1 is not this machine alone" in done.stderr


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the system has no sockets for both")
def test_all_addresses_are_those_of_both_kinds_for_http_as_for_grpc(tmp_path: Path) -> None:
    environment = {"ROARK_GATEWAY_TOKEN": "0123456789abcdef-token"}
    with RunningGateway(tmp_path, "http://127.0.0.1:9", "--host", "::", environment=environment) as gateway:
        port = int(gateway.url.rpartition(":")[2])
        for host in ("127.0.0.1", "[::1]"):
            assert httpx.get(f"http://{host}:{port}/healthz", timeout=SECONDS).status_code == 200


def test_a_disk_without_locks_is_not_another_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such locks")

    def refuse(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setenv("ROARK_API_KEY", "test-key")
    assert main(["gateway", "--port", "0", "--no-grpc", "--store", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"roark-otel: {tmp_path}: {os.strerror(errno.ENOLCK)}\n"
