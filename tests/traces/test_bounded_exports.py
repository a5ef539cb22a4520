"""What a server answers to exported spans is bounded like everything else that Roark answers."""

from __future__ import annotations

import contextlib
import gzip
import os
import ssl
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import requests
from opentelemetry.sdk.trace.export import SpanExportResult
from pydantic import SecretStr

from roark_otel._delivery.exchanges import MAX_ANSWER_BYTES
from roark_otel._settings.settings import Settings
from roark_otel._traces.exporter import new_exporter
from roark_otel._traces.session import session_for
from support.answering import Answer, AnsweringServer
from support.certificates import make_certificate, served_with
from support.hostile import HONEST, HostileServer, dripping

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITIES = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
]
"""The variables that may name whom exports trust."""

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("drop", [b"a: b\r\n", b"a"])
def test_an_export_to_a_server_that_drips_ends(drop: bytes) -> None:
    with HostileServer(lambda: dripping(OK, drop, b": b\r\n" + HONEST.partition(b"\r\n")[2])) as server:
        with session_for(server.url) as session, pytest.raises(requests.exceptions.ReadTimeout):
            session.post(server.url, data=b"spans", timeout=0.4)

        assert server.hung_up.wait(60.0)


def test_the_exporter_sends_with_it() -> None:
    with HostileServer(lambda: dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n", HONEST)) as server:
        settings = Settings(
            base_url=server.url, api_key=SecretStr("key"), http_timeout_seconds=1.0, exit_timeout_seconds=1.0
        )
        exporter = new_exporter(settings, SecretStr("key"))
        assert exporter is not None
        with contextlib.suppress(requests.exceptions.ReadTimeout):  # as the earlier exporters leave it
            assert exporter.export([]) is SpanExportResult.FAILURE
        exporter.shutdown()

        assert server.hung_up.wait(60.0)


def test_a_packed_answer_is_unpacked_no_further_than_its_bound() -> None:
    body = gzip.compress(gzip.compress(bytes(256 * 1024 * 1024)))
    head = OK + b"content-encoding: gzip, gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    with HostileServer(lambda: [head, body]) as server, session_for(server.url) as session:
        tracemalloc.start()
        try:
            answer = session.post(server.url, data=b"spans", timeout=60.0)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert (answer.status_code, answer.reason) == (200, "OK")
    assert peak < 8 * MAX_ANSWER_BYTES


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with (
        AnsweringServer() as elsewhere,
        AnsweringServer(Answer(status, headers={"location": elsewhere.url})) as server,
        session_for(server.url) as session,
    ):
        answer = session.post(server.url, data=b"spans", headers={"authorization": "Bearer key"}, timeout=60.0)

    assert (answer.status_code, elsewhere.seen) == (status, [])


def test_the_key_is_the_only_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's `.netrc` may have another one for every host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    with AnsweringServer() as server, session_for(server.url) as session:
        session.post(server.url, data=b"spans", headers={"authorization": "Bearer key"}, timeout=60.0)

    assert (server.seen[0].headers["authorization"], server.seen[0].body) == ("Bearer key", b"spans")


def test_a_connection_is_kept_and_no_child_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with AnsweringServer() as server, session_for(server.url) as session:
        for _ in range(2):
            session.post(server.url, data=b"spans", timeout=60.0)
        monkeypatch.setattr(os, "getpid", lambda: 1)
        session.post(server.url, data=b"spans", timeout=60.0)

    connections = [seen.connection for seen in server.seen]
    assert connections[0] == connections[1] != connections[2]


@pytest.mark.parametrize("name", [*AUTHORITIES, None])
def test_what_the_environment_trusts(name: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, made = make_certificate(tmp_path)
    for other in (*AUTHORITIES, "SSL_CERT_DIR"):
        monkeypatch.delenv(other, raising=False)
    if name is not None:
        monkeypatch.setenv(name, str(made))
    with AnsweringServer(tls=served_with(key, made)) as server:
        settings = Settings(base_url=server.url, api_key=SecretStr("key"), http_timeout_seconds=60.0)
        exporter = new_exporter(settings, SecretStr("key"))
        assert exporter is not None
        with contextlib.suppress(requests.exceptions.ConnectionError):
            exporter.export([])
        exporter.shutdown()

    assert len(server.seen) == (name is not None)


def test_a_certificate_of_the_client_is_shown(tmp_path: Path) -> None:
    """Where a server asks for one, as `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE` names it."""
    key, made = make_certificate(tmp_path)
    context = served_with(key, made)
    context.load_verify_locations(made)
    context.verify_mode = ssl.CERT_REQUIRED
    with AnsweringServer(tls=context) as server, session_for(server.url) as session:
        session.post(server.url, data=b"spans", verify=str(made), cert=(str(made), str(key)), timeout=60.0)

    assert [one.body for one in server.seen] == [b"spans"]


@pytest.mark.parametrize("what", [{"verify": "/nonexistent"}, {"cert": "/nonexistent"}])
def test_certificates_that_cannot_be_read_are_a_connection_error(what: dict[str, str]) -> None:
    with session_for("https://127.0.0.1:9") as session, pytest.raises(requests.exceptions.ConnectionError):
        session.post("https://127.0.0.1:9", data=b"spans", timeout=60.0, **what)  # type: ignore[arg-type]


def test_a_server_that_is_not_there_is_a_connection_error() -> None:
    with session_for("http://127.0.0.1:9") as session, pytest.raises(requests.exceptions.ConnectionError):
        session.post("http://127.0.0.1:9", data=b"spans", timeout=60.0)
