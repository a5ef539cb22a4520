"""Faults of what a person has set on a machine. Each test is a row of the fault table in docs/delivery.md."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roark_otel import RoarkSpanProcessor, stats
from roark_otel._engine import registry
from support.answering import AnsweringServer
from support.helpers import KEY, App, wait_until

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

MARKED = {"roark.conversation.root": True}


def files(spool: Path) -> list[str]:
    """Returns the stages of the calls that wait in a spool."""
    return sorted(path.name.split(".")[1] for path in spool.glob("*/*.jsonl"))


def test_the_address_cannot_be_used(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ROARK_BASE_URL", "htps://user:hunter2@api.example.com")
    monkeypatch.setenv("ROARK_EXPORT_TRACES", "true")
    with AnsweringServer() as default:
        monkeypatch.setattr("roark_otel._settings.fields.DEFAULT_BASE_URL", default.url)
        app = App("", base_url=None)
        app.conversation("call-1", "Hello.", **MARKED)
        app.conversation("call-2", "Hello.", **MARKED)
        assert not app.processor.force_flush(60_000)
        app.close()
        assert default.seen == []

    assert files(tmp_path / "spool") == ["ready", "ready"]
    (error,) = [one.getMessage() for one in said.records if one.levelno >= logging.WARNING]
    assert error.startswith("ROARK_BASE_URL: must be an absolute https URL")
    assert "hunter2" not in said.text + str(app.processor.stats())
    registry.engines().clear()
    monkeypatch.setenv("ROARK_BASE_URL", sandbox.url)
    monkeypatch.delenv("ROARK_EXPORT_TRACES")

    RoarkSpanProcessor(api_key="test-key")

    wait_until(lambda: stats().delivered == 2, 60)
    assert sorted(call["externalId"] for call in sandbox.calls()) == ["call-1", "call-2"]
    assert files(tmp_path / "spool") == []


def test_the_environment_allows_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    app = App("https://127.0.0.1:9")
    for number in range(3):
        app.conversation(f"call-{number}", "Hello.", **MARKED)
        assert not app.processor.force_flush(60_000)

    assert files(tmp_path / "spool") == ["ready"] * 3
    (error,) = [one for one in said.records if one.levelno >= logging.WARNING]
    assert error.levelno == logging.ERROR
    assert error.getMessage().startswith("no connection to Roark: SSL_CERT_FILE names something that cannot be read")
    assert app.processor._engine is not None
    assert set(app.processor._engine.failures("retried")) == {"SSL_CERT_FILE"}

    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("ALL_PROXY", f"socks://user:hunter2@{os.getpid()}")  # this machine takes no proxy
    app.processor.force_flush(1)
    wait_until(lambda: "tried" in files(tmp_path / "spool"), 60)
    assert "hunter2" not in said.text
    app.close()


FIRST_CALL_WITHOUT_FILES = """
import os, resource, sys
from pathlib import Path
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor

processor = RoarkSpanProcessor(recording_url="https://recordings.example.com/1.wav")
provider = TracerProvider()
provider.add_span_processor(processor)
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), most))
marked = {"roark.external_id": "call-1", "roark.conversation.root": True}
with provider.get_tracer("app").start_as_current_span("call", attributes=marked) as root:
    root.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
done = [processor.force_flush(1_000)]
if sys.argv[1] == "recovers":
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    done.append(processor.force_flush(60_000))
print(*done, processor.stats().delivered, flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts its open files in /proc")
@pytest.mark.parametrize(("then", "printed"), [("recovers", "False True 1"), ("exits", "False 0")])
def test_no_file_can_be_opened_when_the_first_conversation_ends(sandbox: Sandbox, then: str, printed: str) -> None:
    """What reads conversations cannot even be imported: it is tried again, and what is left at the exit is named."""
    environment = {**os.environ, "ROARK_API_KEY": KEY, "ROARK_BASE_URL": sandbox.url}
    command = [sys.executable, "-c", FIRST_CALL_WITHOUT_FILES, then]

    done = subprocess.run(  # noqa: S603 - this interpreter, our own code
        command, env=environment, capture_output=True, text=True, timeout=120, check=True
    )

    assert done.stdout.strip() == printed
    assert ("the process ends and" in done.stderr) == (then == "exits")
