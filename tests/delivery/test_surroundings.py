"""The proxies and certificates of the environment: which way a request takes, or which variable allows none."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from roark_otel._delivery.client import Client
from roark_otel._delivery.exchanges import certificates
from roark_otel._delivery.http_stack import httpx
from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._delivery.surroundings import Direct, Proxied, route_to
from roark_otel._model.formats import without_user
from roark_otel._model.hosts import is_loopback
from roark_otel._model.receipts import Delivered
from support.answering import AnsweringServer, created
from support.certificates import make_certificate, served_with

if TYPE_CHECKING:
    from pathlib import Path

ROARK = "https://api.example.com"
PROXY = "http://proxy.example.com:3128"
LOOPBACK = [
    "http://127.0.0.1:1",
    "http://localhost:1",
    "http://[::1]:1",
    "http://127.9.9.9",
    "http://[::ffff:7f00:1]:1",
]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL"):
            monkeypatch.delenv(name)


# The way


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "Https_Proxy"])
@pytest.mark.parametrize("url", [PROXY, "proxy.example.com:3128", "http://user:hunter2@proxy.example.com:3128"])
def test_the_proxy_of_a_variable(name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, url)
    route = route_to(ROARK)

    assert isinstance(route, Proxied)
    assert (route.variable, route.shown) == (name, PROXY)
    assert "hunter2" not in repr(route)


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"ALL_PROXY": "http://a.example.com", "HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://a.example.com", "https_proxy": PROXY}, "https_proxy"),
        ({"HTTP_PROXY": "http://a.example.com", "ALL_PROXY": PROXY}, "ALL_PROXY"),
    ],
)
def test_of_several_variables_the_nearest_counts(
    environ: dict[str, str], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert route_to(ROARK) == Proxied(PROXY, variable)


@pytest.mark.parametrize("url", LOOPBACK)
@pytest.mark.parametrize("proxy", [PROXY, "socks://127.0.0.1:9/", "nonsense:proxy"])
def test_requests_to_this_machine_take_no_proxy(url: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key and words of a call over plain http would reach it in clear."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy)

    assert route_to(url) == Direct()
    Client(url, SecretStr("a-key"), None, 5.0).close()


def test_a_call_to_this_machine_arrives_there_and_not_at_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with AnsweringServer() as proxy, AnsweringServer(created("itself")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        client = Client(server.url, SecretStr("a-key"), None, 5.0)
        receipt = client.create_call(b"{}", tried=False)
        client.close()

    assert (receipt, proxy.seen, len(server.seen)) == (Delivered("itself"), [], 1)


@pytest.mark.parametrize(
    "no_proxy",
    [
        "*",
        "a.example.org, *",
        "example.com",
        ".example.com",
        "*.example.com",
        "api.example.com",
        "API.Example.Com",
        "api.example.com:443",
        "https://api.example.com",
        "all://example.com",
        "fe80::/10,example.com",
        "10.0.0.0/8 example.com",
        "[::1],10.0.0.0/99,api.*.com",
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_hosts_without_a_proxy(name: str, no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv(name, no_proxy)

    assert route_to(ROARK) == Direct()


@pytest.mark.parametrize(
    "no_proxy",
    [
        "",
        ",",
        "example.org",
        "pi.example.com",
        "api.example.com:8443",
        "http://api.example.com",
        "fe80::/10",
        "::1,[::1],[fd00::]/8",
        "10.0.0.0/8,10.0.0.0/99,[::1",
        "1.2.3",
        "\u00fc,%,[,]",
    ],
)
def test_hosts_with_a_proxy(no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)

    assert route_to(ROARK) == Proxied(PROXY, "HTTPS_PROXY")
    Client(ROARK, SecretStr("a-key"), None, 5.0).close()


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_direct"),
    [
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.0.0.0/255.0.0.0", True),
        ("https://10.1.2.3", "10.1.2.3:443", True),
        ("https://10.1.2.3:8443", "10.1.2.3:443", False),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://[fd00::7]", "fd00::/8", True),
        ("https://[fd00::7]", "[fd00::]/8", True),
        ("https://[fd00::7]", "fd00:0::7", True),
        ("https://[fd00::7]:8443", "[fd00::7]:8443", True),
        ("https://[fd00::7]", "fe80::/10", False),
        ("https://[::ffff:10.1.2.3]", "10.0.0.0/8", True),
    ],
)
def test_ranges_of_addresses(url: str, no_proxy: str, is_direct: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", PROXY)
    monkeypatch.setenv("no_proxy", no_proxy)

    assert isinstance(route_to(url), Direct) is is_direct


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize(
    "url",
    [
        "socks://user:hunter2@127.0.0.1:9/",
        "socks4://127.0.0.1:9/",
        "ftp://hunter2@proxy.example.com",
        "http://user:hunter2@proxy.example.com:port",
        "http://user:hunter2@proxy.example.com:99999",
        "http://user:hunter2@proxy.example.com:0",
        "http://user:hunter2@[::1",
        "http://user:hunter2@[nonsense]:1",
        "http://user:p@hunter2#x@proxy.example.com:3128",
        "http://user:p@hunter2?x@proxy.example.com:3128",
        "http://user:p@hunter2/x@proxy.example.com:3128",
        "http://",
        "http://hunter2 proxy.example.com",
        "socks5://user:hunter2@127.0.0.1:9",
        "socks5h://127.0.0.1:9",
    ],
)
def test_a_proxy_that_cannot_be_used_names_its_variable(name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SOCKS needs a package that is not installed here."""
    monkeypatch.setenv(name, url)

    with pytest.raises(Misconfigured) as caught:
        Client(ROARK, SecretStr("a-key"), None, 5.0)

    assert caught.value.variable == name
    assert str(caught.value).startswith(f"{name} ")
    assert "\n" not in str(caught.value)
    for shown in (str(caught.value), repr(caught.value), repr(caught.value.__context__) * _shows(caught.value)):
        assert "hunter2" not in shown


def _shows(fault: BaseException) -> bool:
    return not fault.__suppress_context__


# Certificates


@pytest.fixture(name="certificate", scope="module")
def _certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_a_certificate_of_the_environment_is_trusted(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, made = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    with AnsweringServer(created("trusted"), tls=served_with(key, made)) as server:
        client = Client(server.url, SecretStr("a-key"), None, 5.0)
        receipt = client.create_call(b"{}", tried=False)
        client.close()

    assert receipt == Delivered("trusted")


@pytest.mark.parametrize("kind", ["missing", "directory", "empty", "text", "pipe", "device", "a link to nothing"])
def test_a_certificate_file_that_cannot_be_used(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cacert.pem"
    match kind:
        case "missing":
            pass
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "a link to nothing":
            path.symlink_to(tmp_path / "nothing")
        case _:
            path.write_text("hunter2\n" * (kind == "text"), encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(Misconfigured, match=r"^SSL_CERT_FILE ") as caught:
        Client(ROARK, SecretStr("a-key"), None, 5.0)

    assert "hunter2" not in str(caught.value)
    Client("http://127.0.0.1:1", SecretStr("a-key"), None, 5.0).close()


@pytest.mark.parametrize("folder", ["/nonexistent", "/nonexistent:/neither", "/dev/null"])
def test_a_certificate_directory_that_is_none(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", folder)

    with pytest.raises(Misconfigured, match=r"^SSL_CERT_DIR "):
        certificates()


def test_a_certificate_directory_of_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join(["/nonexistent", str(tmp_path)]))

    assert certificates().verify_mode is ssl.CERT_REQUIRED


def test_the_file_of_tls_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has OpenSSL write to it wherever a context is made."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys"))
    with pytest.raises(Misconfigured, match=r"^SSLKEYLOGFILE "):
        certificates()
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "pipe"))
    with pytest.raises(Misconfigured, match=r"^SSLKEYLOGFILE "):
        certificates()
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert certificates().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.skipif(hasattr(httpx._config, "SSLConfig"), reason="httpx before 0.28 asks certifi when it is imported")
@pytest.mark.skipif(httpx.__name__ == "httpx2", reason="httpx2 trusts what the system does")
def test_certificates_of_certifi_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an app that was packed into one file."""
    monkeypatch.setattr("certifi.where", lambda: str(tmp_path / "missing.pem"))

    with pytest.raises(Misconfigured, match=r"^SSL_CERT_FILE is not set"):
        certificates()


# What they share


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "::ffff:7f01:1"])
def test_hosts_that_are_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "localhost.example.com", "127.1"])  # noqa: S104
def test_hosts_that_are_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:hunter2@h/p", "https://\u2026@h/p"),
        ("https://user:hun@ter2@h", "https://\u2026@h"),
        ("https://user:hun/ter2@h", "https://\u2026@h"),
        ("user:hunter2@h", "\u2026@h"),
        ("https:/user:hunter2@h", "\u2026@h"),
        ("https://h/p", "https://h/p"),
    ],
)
def test_a_url_without_its_user(url: str, expected: str) -> None:
    assert without_user(url) == expected
