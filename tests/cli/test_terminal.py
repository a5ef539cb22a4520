"""Nothing that comes from outside does anything to a terminal or a log: every output is searched for it."""

from __future__ import annotations

import http.client
import json
import logging
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from opentelemetry.sdk.trace import TracerProvider

from roark_otel._safety.printable import printable, printable_json
from roark_otel._setup import attach_recording
from support.answering import Answer, AnsweringServer
from support.helpers import ID, RECORDING, App, customer_said
from support.otlp_lines import Ended, line

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

    Run = Callable[..., tuple[int, str, str]]

HOSTILE = {
    "line feed": "call\nERROR roark_otel everything is lost",
    "carriage return": "call\rgone",
    "clear": "\x1b[2J\x1b[Hcall",
    "title": "\x1b]0;owned\x07call",
    "csi of one byte": "\x9b31mcall",
    "bidi": "call\u202egnorw\u2066",
    "zero width": "ca\u200bll\ufeff",
    "line separator": "call\u2028\u2029",
    "delete": "call\x7f\x08\x08",
    "tag": "call\U000e0041",
}
"""Ids as an app may be given them by whoever calls it."""


def clean(*outputs: str) -> str:
    """Checks that each line can be printed as it is."""
    for output in outputs:
        for one in output.split("\n"):
            assert one.isprintable(), ascii(one)
    return "".join(outputs)


def test_the_escapes() -> None:
    """Each is readable, plain text is left alone, and JSON stays JSON of the same value."""
    assert printable("call\n\x1b[2J\u202e\ud800\U000e0041") == r"call\n\x1b[2J\u202e\ud800\U000e0041"
    for plain in ("", "call-1", "ü 日本語 👍", r"C:\calls"):
        assert printable(plain) is plain
    value = {"a\u202e": ["\x7f\x9b", "\ud800", "\U000e0041", "日本"]}
    found = printable_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(found) == value
    assert "日本" in found
    clean(found)


@pytest.fixture(name="lines")
def _lines(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What the package has logged, with the fields of each record."""

    def lines() -> str:
        records = [record for record in caplog.records if record.name == "roark_otel"]
        assert records
        fields = [str(value) for record in records for name, value in vars(record).items() if "id" in name]
        return clean(*(record.getMessage() for record in records), *fields)

    caplog.set_level(logging.DEBUG, "roark_otel")
    return lines


def leave(url: str, spool_dir: Path, **arguments: Any) -> App:
    """An app with a conversation of each such id, and of one that is no id."""
    app = App(url, spool_dir=spool_dir, recording_url=None, **arguments)
    for external_id in HOSTILE.values():
        app.conversation(external_id, "Hello?")
        app.conversation(f"{external_id} ready", "Hello?", **{"roark.recording_url": RECORDING})
    app.conversation("\ud800\x1b[2J", "Hello?")
    with app.tracer.start_as_current_span("\x1b[2Jcall\n", attributes={ID: "\n" * 300, "roark.skip": "\x1b"}) as span:
        customer_said(span, "Hello?")
    return app


def test_logs_and_commands(
    command: Run, tmp_path: Path, lines: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that wait, are rejected for a hostile reason, are attached to, sent again, forgotten, delivered, listed."""
    reason = {"error": {"message": "".join(HOSTILE.values()), "details": [{"path": "\x1b[2J"}]}}
    spool_dir = tmp_path / "spool"
    with AnsweringServer(then=Answer(422, json.dumps(reason).encode(), {"x-request-id": "a\x9bb"})) as roark:
        own = {"ROARK_API_KEY": "test-key", "ROARK_BASE_URL": roark.url, "ROARK_SPOOL_DIR": str(spool_dir)}
        app = leave(roark.url, spool_dir)
        app.close()
        printed = ""
        for name, value in own.items():
            monkeypatch.setenv(name, value)
        for external_id in HOSTILE.values():
            assert attach_recording.attach_to(spool_dir, "nobody\x1b", RECORDING) is not None
            for arguments in (
                ["show", external_id],
                ["show", external_id, "--json"],
                ["show", external_id, "--body"],
                ["show", f"{external_id} ready", "--body", "--json"],
                ["show", f"{external_id} unknown"],
                ["attach", external_id, RECORDING],
                ["attach", external_id, "https://example.com/\x1b[2J"],
                ["retry", f"{external_id} ready"],
                ["forget", f"{external_id} unknown"],
                [external_id],
            ):
                printed += clean(*command("spool", *arguments, **own)[1:])
        for arguments in (
            ["spool", "list"],
            ["spool", "list", "--json"],
            ["spool", "drain", "--timeout", "5"],
            ["spool", "drain", "--timeout", "5", "--json"],
            ["spool", "list"],
            ["spool", "retry", "--all"],
            ["spool", "purge", "--all"],
            ["spool", "adopt", "\x1b[2J"],
            ["doctor"],
            ["doctor", "--json"],
            ["\x1b[2J"],
        ):
            printed += clean(*command(*arguments, **own)[1:])
    assert r"\x1b[2J\x1b[Hcall" in printed
    assert r"call\nERROR" in printed
    lines()


def test_replay(command: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """A file of anybody's: its ids, its words and its faulty lines."""
    seen, file = Ended(), tmp_path / "spans.jsonl"
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(seen)
    tracer = provider.get_tracer("app\x1b[2J")
    for external_id in HOSTILE.values():
        about: dict[str, Any] = {ID: external_id, "roark.conversation.root": True, "roark.ended_status": "\x1b[2J"}
        with tracer.start_as_current_span("call\x1b[2J", attributes=about) as span:
            customer_said(span, f"Words {external_id}")
    file.write_bytes(line(seen.spans) + b"\x1b[2J\x9b\n" + '{"\u202e": 1}\n'.encode())
    own = {"ROARK_API_KEY": "k", "ROARK_BASE_URL": sandbox.url, "ROARK_SPOOL_DIR": str(tmp_path / "spool")}
    printed = clean(*command("replay", str(file), "--dry-run", **own)[1:])
    printed += clean(*command("replay", str(file), **own)[1:])
    assert r"\x1b[2J" in printed


def test_the_sandbox(start: Callable[..., subprocess.Popen[str]]) -> None:
    """Requests with such paths, headers and ids, on the terminal of the local Roark."""
    process = start("sandbox", "--port", "0", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    assert process.stderr is not None
    while "ROARK_BASE_URL" not in (banner := process.stdout.readline()):
        assert banner
    while "running on" not in (said := process.stderr.readline()):
        assert said
    connection = http.client.HTTPConnection(urlsplit(banner.strip().rpartition("=")[2]).netloc, timeout=300)
    for external_id in HOSTILE.values():
        for method, path in (("GET", f"/v1/call/{quote(external_id)}"), ("POST", f"/v1/{quote(external_id)}")):
            body = json.dumps({"externalId": external_id})
            connection.request(method, path, body, {"authorization": "Bearer k\x9b", "user-agent": "a\x9b[2J"})
            connection.getresponse().read()
    connection.close()
    process.terminate()
    out, err = process.communicate(timeout=300)
    clean(out, err)


def test_a_process_without_logging(run: Run, tmp_path: Path) -> None:
    """What Python writes to stderr where an app has configured no logging."""
    code = f"""
import sys; sys.path.insert(0, {str(sys.path[0])!r})
import roark_otel
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider()
provider.add_span_processor(roark_otel.RoarkSpanProcessor())
for external_id in {list(HOSTILE.values())!r}:
    with roark_otel.conversation(external_id, tracer_provider=provider) as call:
        call.customer_said("Hello?")
        call.update(recording_url=external_id)
    for url in ("https://example.com/a.wav", "not a url \\x1b"):
        try:
            roark_otel.attach_recording(external_id, url)
        except ValueError as fault:
            print(fault)
provider.shutdown()
"""
    own = {"ROARK_API_KEY": "k", "ROARK_BASE_URL": "http://127.0.0.1:9", "ROARK_SPOOL_DIR": str(tmp_path / "spool")}
    status, out, err = run(code=code, **own)
    assert "roark" in clean(out, err)
    assert status == 0
