"""A certificate of one's own: what answers with it, and what is said of files that cannot be used."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from support.certificates import make_certificate
from support.gateways import SECONDS, RunningGateway, Spoken, run_gateway
from support.helpers import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from roark_otel.sandbox import Sandbox

pytest.importorskip("uvicorn", reason="the extra `gateway` is not installed")


@pytest.mark.parametrize("name", ["wrong", "encrypted", "not a key"])
def test_a_key_that_the_servers_cannot_use_is_one_line(tmp_path: Path, name: str) -> None:
    key, certificate = make_certificate(tmp_path)
    openssl = shutil.which("openssl")
    assert openssl is not None
    other = tmp_path / "other.pem"
    arguments = {
        "wrong": ["genrsa", "-out", str(other), "2048"],
        "encrypted": ["pkey", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(other)],
    }
    if name in arguments:
        subprocess.run([openssl, *arguments[name]], check=True, capture_output=True)  # noqa: S603 - files of this test
    else:
        other.write_text("not a key")
    done = run_gateway(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(other))
    assert (done.returncode, done.stdout) == (2, "")
    assert str(other) in done.stderr
    assert done.stderr.count("\n") == 1


def test_tls_for_http_and_grpc(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the exporters of OpenTelemetry, which check the certificate."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)  # they win over the file that the exporter is given
    key, certificate = make_certificate(tmp_path)
    by_http = Spoken().conversation("call-http", "Hello")
    with RunningGateway(tmp_path, sandbox.url, "--tls-cert", str(certificate), "--tls-key", str(key)) as gateway:
        assert gateway.url.startswith("https://127.0.0.1:")
        exporter = OTLPSpanExporter(f"{gateway.url}/v1/traces", certificate_file=str(certificate))
        assert exporter.export(by_http) is SpanExportResult.SUCCESS
        exporter.shutdown()
        expected = {"call-http"}
        if gateway.has_grpc:
            expected.add("call-grpc")
            export_by_grpc(gateway.grpc, certificate, Spoken().conversation("call-grpc", "Hello"))
        wait_until(lambda: {call["externalId"] for call in sandbox.calls()} == expected, SECONDS)


def export_by_grpc(where: str, certificate: Path, spans: Sequence[ReadableSpan]) -> None:
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
    exporter = OTLPSpanExporter(f"https://{where}", credentials=credentials)
    assert exporter.export(spans) is SpanExportResult.SUCCESS
    exporter.shutdown()
