"""What anyone may send to a gateway's port: offers without end, and bodies of requests that are refused."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from support.gateways import SECONDS, RunningGateway

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("uvicorn", reason="the extra `gateway` is not installed")

TYPE = b"content-type: application/x-protobuf\r\n"
OFFER = b"GET /healthz HTTP/1.1\r\nHost: example.com\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"


@pytest.fixture(name="gateway", scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    with RunningGateway(folder, "http://127.0.0.1:9", "--max-body", "1") as gateway:
        yield gateway


def connected(gateway: RunningGateway) -> socket.socket:
    where = urlsplit(gateway.url)
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=SECONDS)


def until_closed(connection: socket.socket) -> bytes:
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


def test_a_request_for_a_proxy_is_refused_in_one_line(gateway: RunningGateway) -> None:
    with connected(gateway) as connection:
        connection.sendall(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        if find_spec("httptools"):
            assert until_closed(connection).startswith(b"HTTP/1.1 400 ")
        else:  # the other parser of uvicorn takes it for a path, and leaves the connection open
            assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")
    assert "Traceback" not in gateway.log.read_text()


def test_many_offers_in_one_read_are_all_answered(gateway: RunningGateway) -> None:
    number = 1_500
    with connected(gateway) as connection:
        connection.sendall(OFFER * number + b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert until_closed(connection).count(b"HTTP/1.1 200 OK") == number + 1
    assert "Traceback" not in gateway.log.read_text()


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize(
    ("path", "head", "status"),
    [
        (b"/v1/traces", TYPE, b"413"),
        (b"/v1/traces", b"content-type: text/plain\r\n", b"415"),
        (b"/v1/metrics", TYPE, b"404"),
    ],
)
def test_a_refusal_arrives_though_its_body_is_not_read(
    gateway: RunningGateway, version: bytes, path: bytes, head: bytes, status: bytes
) -> None:
    body = b"x" * 20_000_000
    length = b"content-length: %d\r\n" % len(body)
    with connected(gateway) as connection:
        connection.sendall(
            b"POST %s HTTP/%s\r\nHost: a\r\nConnection: close\r\n%s%s\r\n" % (path, version, head, length)
        )
        connection.sendall(body)
        assert until_closed(connection).startswith(b"HTTP/1.1 %s " % status)


def test_an_id_that_is_not_unicode_gets_no_recording(gateway: RunningGateway) -> None:
    url = f"{gateway.url}/v1/recordings/call-%ff"
    answer = httpx.put(url, json={"url": "https://example.com/call.wav"}, timeout=SECONDS)
    assert (answer.status_code, "UTF-8" in answer.text) == (400, True)


@pytest.mark.parametrize("url", ["https://example.com:99999/call.wav", "https://example.com:0/call.wav"])
def test_a_recording_at_a_port_that_there_is_not_is_refused(gateway: RunningGateway, url: str) -> None:
    answer = httpx.put(f"{gateway.url}/v1/recordings/call-1", json={"url": url}, timeout=SECONDS)
    assert answer.status_code == 400
