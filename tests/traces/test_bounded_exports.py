"""What a server answers to exported spans is bounded like everything else that Roark answers."""

from __future__ import annotations

import contextlib
import gzip
import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import requests
from opentelemetry.sdk.trace.export import SpanExportResult
from pydantic import SecretStr

from roark_otel._delivery.client import MAX_ANSWER_BYTES
from roark_otel._settings.settings import Settings
from roark_otel._traces.exporter import new_exporter
from roark_otel._traces.session import bounded_session
from support.answering import Answer, AnsweringServer
from support.hostile import HONEST, HostileServer, dripping

if TYPE_CHECKING:
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("drop", [b"a: b\r\n", b"a"])
def test_an_export_to_a_server_that_drips_ends(drop: bytes) -> None:
    with HostileServer(lambda: dripping(OK, drop, b": b\r\n" + HONEST.partition(b"\r\n")[2])) as server:
        with bounded_session() as session, pytest.raises(requests.exceptions.ReadTimeout):
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
    with HostileServer(lambda: [head, body]) as server, bounded_session() as session:
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
        bounded_session() as session,
    ):
        answer = session.post(server.url, data=b"spans", headers={"authorization": "Bearer key"}, timeout=60.0)

    assert (answer.status_code, elsewhere.seen) == (status, [])


def test_the_key_is_the_only_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's `.netrc` may have another one for every host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    with AnsweringServer() as server, bounded_session() as session:
        session.post(server.url, data=b"spans", headers={"authorization": "Bearer key"}, timeout=60.0)

    assert (server.seen[0].headers["authorization"], server.seen[0].body) == ("Bearer key", b"spans")


def test_a_connection_is_kept_and_no_child_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with AnsweringServer() as server, bounded_session() as session:
        for _ in range(2):
            session.post(server.url, data=b"spans", timeout=60.0)
        monkeypatch.setattr(os, "getpid", lambda: 1)
        session.post(server.url, data=b"spans", timeout=60.0)

    connections = [seen.connection for seen in server.seen]
    assert connections[0] == connections[1] != connections[2]


def test_a_server_that_is_not_there_is_a_connection_error() -> None:
    with bounded_session() as session, pytest.raises(requests.exceptions.ConnectionError):
        session.post("http://127.0.0.1:9", data=b"spans", timeout=60.0)
