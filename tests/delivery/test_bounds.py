"""Every exchange with a server has one deadline and one number of bytes, whatever the server does."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from roark_otel._delivery.bounds import MAX_HEAD_BYTES, Allowance, BoundedBackend, bound
from roark_otel._delivery.client import Client, Probed, Unreachable
from roark_otel._delivery.exchanges import MAX_ANSWER_BYTES, Exchanges, Posting
from roark_otel._delivery.http_stack import httpcore, httpx
from roark_otel._delivery.unpacking import UnpackingError, unpacked
from roark_otel._model.receipts import Delivered, TryAgain
from support.answering import AnsweringServer, created
from support.hostile import HONEST, HostileServer, dripping, flooding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BUFFERS = 16 * 1024 * 1024
"""More bytes than the system buffers of a connection on this machine."""

OK = b"HTTP/1.1 201 Created\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
BODY = b'{"externalId": "call-17"}'


def client_of(url: str, timeout: float = 60.0) -> Client:
    return Client(url, SecretStr("secret-key"), None, timeout)


def in_time(work: Callable[[], object]) -> object:
    """Returns what work returns; fails if it does not within a minute."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    thread.join(60.0)
    assert found, "an exchange without end"
    return found[0]


SLOW: dict[str, Callable[[], Iterable[bytes]]] = {
    "the status line drips": lambda: dripping(b"", b"H", HONEST),
    "the headers drip": lambda: dripping(OK, b"a", b"bc: d\r\n" + HONEST.partition(b"\r\n")[2]),
    "whole headers drip": lambda: dripping(OK, b"a: b\r\n", HONEST.partition(b"\r\n")[2]),
    "102 again and again": lambda: dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n", HONEST),
    "100 again and again": lambda: dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", HONEST),
    "103 again and again": lambda: dripping(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", HONEST),
    "the body drips": lambda: dripping(OK + b"content-length: 100000\r\n\r\n", b" "),
    "chunks drip": lambda: dripping(CHUNKED, b"1\r\n \r\n", b"1a\r\n" + HONEST[-26:] + b"\r\n0\r\n\r\n"),
    "the size of a chunk drips": lambda: dripping(CHUNKED, b"0", b"1a\r\n" + HONEST[-26:] + b"\r\n0\r\n\r\n"),
    "trailers drip": lambda: dripping(CHUNKED + b"1a\r\n" + HONEST[-26:] + b"\r\n0\r\n", b"a: b\r\n", b"\r\n"),
}


@pytest.mark.parametrize("how", SLOW)
def test_a_slow_answer_is_given_up_when_its_time_is_over(how: str) -> None:
    """The timeout of httpx is for each read: each of these would take a minute, and longer if the server wished."""
    with HostileServer(SLOW[how]) as server:
        client = client_of(server.url, timeout=0.4)

        assert in_time(lambda: client.create_call(BODY, tried=False)) == TryAgain(None, "ReadTimeout")
        client.close()
        assert server.hung_up.wait(60.0)


@pytest.mark.parametrize("how", ["the headers drip", "102 again and again", "the body drips"])
def test_every_kind_of_request_has_the_deadline(how: str) -> None:
    with HostileServer(SLOW[how]) as server:
        client = client_of(server.url, timeout=0.4)

        assert in_time(lambda: client.append_tools("call-1", b"{}")) == TryAgain(None, "ReadTimeout")
        assert in_time(client.probe) == Unreachable("ReadTimeout")
        client.close()
        assert str(in_time(lambda: fault_of_posting(server.url, 0.4))) == "ReadTimeout"


def fault_of_posting(url: str, seconds: float) -> OSError:
    posting = Posting(url)
    try:
        with pytest.raises(OSError, match=r"Timeout|Error") as fault:
            posting.post(url, {}, BODY, seconds)
    finally:
        posting.close()
    return fault.value


def test_a_deadline_from_outside_is_kept_as_well() -> None:
    """The exit of a process is sooner than the timeout."""
    with HostileServer(SLOW["whole headers drip"]) as server:
        client = client_of(server.url)
        client.end_at(time.monotonic() + 0.4)

        assert in_time(lambda: client.create_call(BODY, tried=False)) == TryAgain(None, "ReadTimeout")
        client.close()


def test_a_server_that_does_not_read_is_given_up() -> None:
    """Of a large call it takes a little at a time."""
    with HostileServer(lambda: dripping(b"", b""), reads=False) as server:
        client = client_of(server.url, timeout=0.4)

        receipt = in_time(lambda: client.create_call(b" " * 64 * 1024 * 1024, tried=False))

        assert receipt == TryAgain(None, "WriteTimeout")
        client.close()


def test_a_proxy_is_held_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with HostileServer(SLOW["102 again and again"]) as proxy:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for scheme in ("http", "https"):  # the second one asks for a tunnel first
            client = client_of(f"{scheme}://roark.example.com", timeout=0.4)
            receipt = in_time(lambda client=client: client.create_call(BODY, tried=False))  # type: ignore[misc]

            assert receipt == TryAgain(None, "ReadTimeout")
            client.close()
    assert proxy.hung_up.is_set()


def test_a_connection_that_was_kept_has_a_new_deadline_for_each_request() -> None:
    with AnsweringServer(created("call-1"), created("call-2")) as server:
        client = client_of(server.url, timeout=2.0)
        for number in (1, 2):
            assert client.create_call(BODY, tried=False) == Delivered(f"call-{number}")
            time.sleep(1.2)
        assert client.create_call(BODY, tried=False) == Delivered("call-1")
        client.close()
    assert len({seen.connection for seen in server.seen}) == 1


# Bytes

LARGE: dict[str, tuple[Callable[[], Iterable[bytes]], TryAgain]] = {
    "102 without end": (
        lambda: flooding(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100, HONEST),
        TryAgain(None, "ReadError", alone=True),
    ),
    "one header without end": (
        lambda: flooding(OK + b"a: ", b"b" * 4_096, b"\r\n" + HONEST.partition(b"\r\n")[2]),
        TryAgain(None, "RemoteProtocolError", alone=True),
    ),
    "headers without end": (
        lambda: flooding(OK, b"a: b\r\n" * 500, HONEST.partition(b"\r\n")[2]),
        TryAgain(None, "RemoteProtocolError", alone=True),
    ),
    "chunks of one byte without end": (
        lambda: flooding(CHUNKED, b"1\r\n \r\n" * 500, b"1a\r\n" + HONEST[-26:] + b"\r\n0\r\n\r\n"),
        TryAgain(None, "ReadError", alone=True),
    ),
    "chunks with long extensions": (
        lambda: flooding(CHUNKED, b"1;" + b"a" * 4_096 + b"\r\n \r\n", b"1a\r\n" + HONEST[-26:] + b"\r\n0\r\n\r\n"),
        TryAgain(None, "ReadError", alone=True),
    ),
    "a body without end": (
        lambda: flooding(OK + b"\r\n", b" " * 65_536, HONEST[-26:]),
        TryAgain(None, "201 without a call id", alone=True),
    ),
}


@pytest.mark.parametrize("how", LARGE)
def test_a_large_answer_is_read_no_further_than_its_bound(how: str) -> None:
    script, expected = LARGE[how]
    with HostileServer(script) as server:
        client = client_of(server.url)

        receipt = in_time(lambda: client.create_call(BODY, tried=False))
        client.close()

        assert receipt == expected
        assert server.hung_up.wait(60.0)
        assert server.sent < MAX_ANSWER_BYTES + BUFFERS


def test_bytes_are_counted_as_they_are_read() -> None:
    """Exactly: without what the system buffers."""
    read: list[int] = []

    class Counting(Allowance):
        def took(self, number: int) -> None:
            read.append(number)
            super().took(number)

    with HostileServer(lambda: flooding(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100, HONEST)) as server:
        allowance, transport = Counting(), httpx.HTTPTransport()
        bound(transport, allowance)
        allowance.begin(time.monotonic() + 60.0)
        with pytest.raises(httpx.ReadError), httpx.Client(transport=transport) as client:
            client.post(server.url)

    assert sum(read) == MAX_HEAD_BYTES


def packed(size: int, wbits: int = 31) -> bytes:
    """Returns this many zeros, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    piece = bytes(1024 * 1024)
    return b"".join([*(packer.compress(piece) for _ in range(size // len(piece))), packer.flush()])


@pytest.fixture(scope="module", name="bomb")
def _bomb() -> bytes:
    """256 MB in a quarter of one."""
    return packed(256 * 1024 * 1024)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "deflate", "gzip, gzip", "identity, gzip, deflate"])
def test_a_packed_answer_is_unpacked_no_further_than_its_bound(encoding: str, bomb: bytes) -> None:
    body = bomb
    if encoding == "deflate":
        body = packed(256 * 1024 * 1024, 15)
    elif encoding == "gzip, gzip":
        body = gzip.compress(bomb)
    elif encoding.endswith("gzip, deflate"):
        body = zlib.compress(bomb)
    head = OK + b"content-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (encoding.encode(), len(body))
    with HostileServer(lambda: [head, body]) as server:
        client = client_of(server.url)
        tracemalloc.start()
        try:
            receipt = client.create_call(BODY, tried=False)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            client.close()

    assert receipt == TryAgain(None, "201 without a call id", alone=True)
    assert peak < 8 * MAX_ANSWER_BYTES


def test_no_encoding_is_asked_for_that_cannot_be_bounded() -> None:
    """By itself httpx asks for every one that is installed."""
    with AnsweringServer() as server:
        client = client_of(server.url)
        client.create_call(BODY, tried=False)
        client.append_tools("call-1", b"{}")
        client.probe()
        client.close()
        posting = Posting(server.url)
        posting.post(server.url, {"Accept-Encoding": "br"}, BODY, 60.0)
        posting.close()

    assert [seen.headers["accept-encoding"] for seen in server.seen] == ["gzip, deflate"] * 4


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "utf-8", "", "br, gzip"])
def test_an_encoding_that_was_not_asked_for_is_passed_over(encoding: str) -> None:
    body = gzip.compress(b"{}") if encoding.endswith("gzip") else b"{}"

    assert unpacked(body, encoding, 10) == b"{}"


def test_an_honest_packed_answer_is_understood() -> None:
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)

    assert unpacked(gzip.compress(zlib.compress(b"abc")), "deflate, gzip", 100) == b"abc"
    assert unpacked(raw.compress(b"abc") + raw.flush(), "deflate", 10) == b"abc"
    assert unpacked(gzip.compress(b"abc" * 9)[:-8], "gzip", 4) == b"abca"


@pytest.mark.parametrize(("body", "encoding"), [(b"not gzip", "gzip"), (b"\xff\xff", "deflate"), (b"", "gzip," * 4)])
def test_a_damaged_or_overpacked_answer_is_an_error(body: bytes, encoding: str) -> None:
    with pytest.raises(UnpackingError):
        unpacked(body, encoding, 10)


# Connecting


def test_the_look_up_of_a_host_has_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up itself goes on; the next request waits for the same one."""
    may_end, look_ups = threading.Event(), list[str]()
    real = socket.getaddrinfo

    def hanging(host: Any, *arguments: Any, **named: Any) -> Any:
        if host == "roark.example.com":
            look_ups.append(host)
            may_end.wait(60.0)
            host = "127.0.0.1"
        return real(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    with AnsweringServer() as server:
        client = client_of(server.url.replace("127.0.0.1", "roark.example.com"), timeout=0.3)

        for _ in range(3):
            assert in_time(lambda: client.create_call(BODY, tried=False)) == TryAgain(None, "ConnectTimeout")
        assert look_ups == ["roark.example.com"]

        may_end.set()
        client.end_at(float("inf"))
        receipts: Iterator[object] = (client.create_call(BODY, tried=False) for _ in range(200))
        assert Delivered("call-1") in receipts
        client.close()


def test_an_unknown_host_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: Any, **_named: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    client = client_of("http://roark.example.com")

    assert client.create_call(BODY, tried=False) == TryAgain(None, "ConnectError")
    assert client.probe() == Unreachable("ConnectError")
    client.close()


def test_an_address_that_does_not_answer_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where IPv6 leads nowhere."""
    tried: list[tuple[str, float]] = []
    real, look_up = httpcore.SyncBackend().connect_tcp, socket.getaddrinfo

    class Nowhere(httpcore.SyncBackend):
        def connect_tcp(self, host: str, port: int, timeout: float | None = None, *rest: Any, **named: Any) -> Any:
            assert timeout is not None
            tried.append((host, timeout))
            if host == "127.0.0.2":
                raise httpcore.ConnectTimeout
            return real(host, port, timeout, *rest, **named)

    def two(host: str, port: int, *arguments: Any, **named: Any) -> Any:
        if host != "roark.example.com":
            return look_up(host, port, *arguments, **named)
        kind = socket.AF_INET, socket.SOCK_STREAM, 6, ""
        return [(*kind, (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(httpcore, "SyncBackend", Nowhere)
    monkeypatch.setattr(socket, "getaddrinfo", two)
    with AnsweringServer() as server:
        client = client_of(server.url.replace("127.0.0.1", "roark.example.com"), timeout=40.0)

        assert client.create_call(BODY, tried=False) == Delivered("call-1")
        client.close()

    assert [host for host, _ in tried] == ["127.0.0.2", "127.0.0.1"]
    assert tried[0][1] <= 20.0


def test_tls_that_drips_is_given_up() -> None:
    """The server answers the first letters of a handshake, and says nothing that anyone could understand."""
    with HostileServer(lambda: dripping(b"\x16\x03\x03\x40\x00", b"\x02"), reads=False) as server:
        client = client_of(server.url.replace("http:", "https:"), timeout=0.4)

        receipt = in_time(lambda: client.create_call(BODY, tried=False))

        assert receipt == TryAgain(None, "ConnectTimeout")
        client.close()


@pytest.mark.parametrize("url", ["http://roark.example.com", "https://roark.example.com", "http://127.0.0.1:9"])
@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:9", "https://127.0.0.1:9", "http://user:word@[::1]:9"])
def test_every_connection_of_every_transport_is_bounded(
    url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes private names of httpx: this fails where a new version has others."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    if proxy is not None:
        monkeypatch.setenv("ALL_PROXY", proxy)
    transport = Exchanges(url, 1.0).transport

    assert isinstance(transport._pool._network_backend, BoundedBackend)  # type: ignore[attr-defined]
    transport.close()


def test_a_transport_without_a_backend_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    bound(httpx.MockTransport(lambda _: httpx.Response(200)), Allowance())

    assert "no backend that can be bounded" in caplog.text


def test_a_probe_within_its_bounds_is_answered() -> None:
    answer = b'{"data": []}'
    with HostileServer(lambda: [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer), answer]) as server:
        client = client_of(server.url)

        assert client.probe() == Probed(200, is_roark=True)
        client.close()
