"""The doors to the page of a call: each command writes one file that has the whole call in it."""

from __future__ import annotations

import base64
import json
import re
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import set_span_in_context

from roark_otel import sandbox as sandboxes
from roark_otel.sandbox import Sandbox
from support.answering import Answer, AnsweringServer
from support.helpers import KEY, App, customer_said
from support.otlp_lines import Ended, lines
from support.paths import SPANS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Started

    Run = Callable[..., tuple[int, str, str]]

BODY: dict[str, Any] = {
    "externalId": "call-1",
    "startedAt": "2026-01-01T10:00:00.000Z",
    "interfaceType": "PHONE",
    "callDirection": "INBOUND",
    "recordingUrl": "https://recordings.example.com/1.wav",
    "transcript": [{"role": "CUSTOMER", "text": "</script><b>Hello?", "startOffsetMs": 0, "endOffsetMs": 1_000}],
}
SOUND = b"OggS and so on"


def document_in(path: Path) -> dict[str, Any]:
    """Returns the document in a page, which has no other element that could hold it."""
    html = path.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    (found,) = re.findall(r'<script type="application/json" id="document">(.*?)</script>', html, re.DOTALL)
    return json.loads(found)


def sound_in(document: dict[str, Any]) -> bytes:
    return base64.b64decode(document["recording"]["url"].partition(",")[2])


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    path = tmp_path / "call.json"
    path.write_text(json.dumps(BODY))
    return path


def test_a_file_becomes_a_page_and_a_page_can_be_read_again(command: Run, file: Path, tmp_path: Path) -> None:
    page = tmp_path / "call.html"

    status, out, err = command("calls", "show", str(file), "--html", str(page))

    assert (status, err) == (0, "")
    assert str(page) in out
    assert document_in(page)["body"] == BODY
    assert command("calls", "show", str(page))[1].endswith("customer: </script><b>Hello?\n")
    assert command("calls", "diff", str(file), str(page))[0] == 0


def test_a_page_of_a_local_roark_has_spans_the_receipt_and_real_sound(
    command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "call-1.opus").write_bytes(SOUND)
    with Sandbox(recordings=tmp_path) as sandbox:
        monkeypatch.setenv("ROARK_BASE_URL", sandbox.url)
        app = App(sandbox.url, recording_url=f"{sandbox.url}/recordings/call-1.wav")
        exporter = OTLPSpanExporter(f"{sandbox.url}/v1/traces", headers={"authorization": f"Bearer {KEY}"})
        app.provider.add_span_processor(SimpleSpanProcessor(exporter))
        app.conversation("call-1", "Hello?", **{"roark.conversation.root": True})
        assert app.processor.force_flush(60_000)

        status, _, err = command("calls", "show", "call-1", "--html", str(tmp_path / "a.html"), "--sound")
        assert (status, err) == (0, "")
        assert command("calls", "show", "call-1", "--html", str(tmp_path / "b.html"))[0] == 0
        exporter.shutdown()

    found = document_in(tmp_path / "a.html")
    assert [one["name"] for one in found["spans"]] == ["call"]
    assert found["receipt"]["status"] == 201
    assert sound_in(found) == SOUND
    assert document_in(tmp_path / "b.html")["recording"]["url"].startswith("/recordings/")


@pytest.mark.parametrize(("same", "key"), [(True, f"Bearer {KEY}"), (False, None)])
def test_the_key_goes_to_roark_alone(
    command: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, same: bool, key: str | None
) -> None:
    with AnsweringServer(Answer(200, SOUND)) as server:
        file.write_text(json.dumps({**BODY, "recordingUrl": f"{server.url}/1.ogg"}))
        monkeypatch.setenv("ROARK_API_KEY", KEY)
        monkeypatch.setenv("ROARK_BASE_URL", server.url if same else "http://127.0.0.1:9")

        status, _, err = command("calls", "show", str(file), "--html", str(tmp_path / "a.html"), "--sound")

        assert (status, err) == (0, "")
        assert [request.headers.get("authorization") for request in server.seen] == [key]
    assert sound_in(document_in(tmp_path / "a.html")) == SOUND


@pytest.mark.parametrize(
    ("recording", "why"),
    [
        (None, "the call has no recording: leave --sound out"),
        ("file:///etc/passwd", "which is not an http URL: leave --sound out"),
        ("http://127.0.0.1:9/a.wav", "the recording cannot be read: 127.0.0.1:9 cannot be reached"),
    ],
)
def test_sound_that_cannot_be_had_is_one_line(
    command: Run, file: Path, tmp_path: Path, recording: str | None, why: str
) -> None:
    file.write_text(json.dumps({**BODY, "recordingUrl": recording}))

    status, out, err = command("calls", "show", str(file), "--html", str(tmp_path / "a.html"), "--sound")

    assert (status, out, err.count("\n")) == (1, "", 1)
    assert why in err
    assert not (tmp_path / "a.html").exists()


@pytest.mark.parametrize("answer", [Answer(404, b""), Answer(302, b"", {"location": "http://127.0.0.1:9"})])
def test_a_recording_that_is_refused_is_one_line(command: Run, file: Path, tmp_path: Path, answer: Answer) -> None:
    with AnsweringServer(answer) as server:
        file.write_text(json.dumps({**BODY, "recordingUrl": f"{server.url}/1.ogg"}))
        status, _, err = command("calls", "show", str(file), "--html", str(tmp_path / "a.html"), "--sound")

    assert (status, err.count("\n")) == (1, 1)
    assert "the recording cannot be read" in err


def test_sound_without_a_page_and_a_page_that_cannot_be_written(command: Run, file: Path, tmp_path: Path) -> None:
    assert command("calls", "show", str(file), "--sound")[0] == 2

    status, out, err = command("calls", "show", str(file), "--html", str(tmp_path / "none" / "a.html"))

    assert (status, out) == (1, "")
    assert "a.html cannot be written (No such file or directory)" in err


def test_what_the_real_roark_does_not_give_back_is_said_beside_its_page(
    command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {"id": "c1", "externalId": "call-1", "startedAt": "2026-01-01T10:00:00.000Z", "callDirection": "INBOUND"}
    pages = [
        {"data": [listed], "pagination": {"nextCursor": None}},
        {"data": listed},
        {"data": {"entries": BODY["transcript"], "participants": []}},
    ]
    with AnsweringServer(*(Answer(200, json.dumps(one).encode()) for one in pages)) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        monkeypatch.setenv("ROARK_API_KEY", KEY)
        status, out, _ = command("calls", "show", "call-1", "--html", str(tmp_path / "a.html"))

    assert status == 0
    assert "tools: not available" in out
    found = document_in(tmp_path / "a.html")
    assert (found["body"]["callDirection"], found["details"]) == ("INBOUND", listed)
    assert found["body"]["transcript"] == BODY["transcript"]


def test_what_waits_in_the_spool_and_what_was_refused_have_pages(command: Run, tmp_path: Path) -> None:
    refusal = json.dumps({"error": {"message": "externalId: too short"}}).encode()
    with AnsweringServer(Answer(422, refusal)) as server:
        app = App(server.url, spool_dir=tmp_path / "spool")
        app.conversation("call-1", "Hello 1?", **{"roark.conversation.root": True})
        assert app.processor.force_flush(60_000)
    app.conversation("call-2", "Hello 2?", **{"roark.conversation.root": True})  # Roark is gone
    app.close()

    where = ("--spool-dir", str(tmp_path / "spool"))
    for number in (1, 2):
        page = str(tmp_path / f"{number}.html")
        status, out, err = command("spool", "show", f"call-{number}", *where, "--html", page)
        assert (status, err) == (0, "")
        assert f"call-{number}" in out

    refused, waits = document_in(tmp_path / "1.html"), document_in(tmp_path / "2.html")
    assert (refused["receipt"]["status"], waits["receipt"]) == (422, None)
    assert [one["body"]["transcript"][0]["text"] for one in (refused, waits)] == ["Hello 1?", "Hello 2?"]
    assert command("spool", "show", "call-9", *where, "--html", str(tmp_path / "9.html"))[0] == 1


def test_a_dry_run_writes_a_page_of_each_call_with_its_spans(
    command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROARK_RECORDING_URL_TEMPLATE", "https://recordings.example.com/{external_id}.wav")
    seen = Ended()
    app = App("http://127.0.0.1:9", spool="memory")
    app.provider.add_span_processor(seen)
    ids = ["call-1", "../call 1", "..\\CALL-1", "\u202eevil\x1b[2J", "\u00e9\u00e8"]
    for external_id in ids:
        about: dict[str, Any] = {"roark.external_id": external_id, "roark.conversation.root": True}
        with app.tracer.start_as_current_span("call", attributes=about) as root:
            customer_said(root, "Hello?")
            app.tracer.start_span("llm", set_span_in_context(root)).end()
    app.close()
    (tmp_path / "spans.jsonl").write_bytes(lines(seen.spans))

    folder = tmp_path / "pages" / "of calls"
    status, out, err = command("replay", "--dry-run", "--html", str(folder), str(tmp_path / "spans.jsonl"))

    assert status == 0
    assert f"5 pages in {folder}" in err
    assert len(out.splitlines()) == 5
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["CALL-1-3.html", "call-1-2.html", "call-1.html", "call.html", "evil-2J.html"]
    documents = [document_in(folder / name) for name in names]
    assert {one["body"]["externalId"] for one in documents} == set(ids)
    assert {tuple(sorted(span["name"] for span in one["spans"])) for one in documents} == {("call", "llm")}
    assert all(0 <= span["startMs"] <= span["endMs"] for one in documents for span in one["spans"])


def test_a_call_that_lacks_only_its_recording_has_a_page_too(command: Run, tmp_path: Path) -> None:
    recorded = SPANS / "livekit" / "1.3.3-three_turns.json"

    status, out, err = command("replay", "--dry-run", "--html", str(tmp_path / "pages"), str(recorded))

    assert (status, json.loads(out)["recordingUrl"]) == (1, None)
    assert "0 to be created, 1 without a recording URL (set ROARK_RECORDING_URL_TEMPLATE)\n" in err
    assert "1 page in " in err
    (page,) = (tmp_path / "pages").iterdir()
    found = document_in(page)
    assert found["spans"]
    assert found["body"]["transcript"]
    assert "recordingUrl" not in found["body"]


def test_pages_of_a_replay_are_for_dry_runs(command: Run, tmp_path: Path) -> None:
    status, _, err = command("replay", "--html", str(tmp_path), str(tmp_path / "none.jsonl"))

    assert status == 2
    assert "add --dry-run" in err


def test_the_demo_writes_two_pages_with_their_sound(command: Run, tmp_path: Path) -> None:
    status, out, err = command("demo", "--html", str(tmp_path / "demo.html"))

    assert (status, err) == (0, "")
    assert [Path(line.partition(": ")[0]).name for line in out.splitlines()] == ["demo.html", "demo-2.html"]
    shipped = Path(sandboxes.__file__).parent / "sound"
    for name, external_id in (("demo.html", "demo-plain-call"), ("demo-2.html", "demo-livekit-call")):
        found = document_in(tmp_path / name)
        assert found["body"]["externalId"] == external_id
        assert sound_in(found) == (shipped / f"{external_id}.opus").read_bytes()
        assert found["spans"]


def test_the_demo_opens_the_pages_and_serves_them_until_ctrl_c(start: Callable[..., Started], tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        f"open({str(tmp_path / 'seen')!r}, 'wb').write(urllib.request.urlopen(sys.argv[1] + 'pages/calls').read())\n"
    )
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)

    process = start("demo", "--open", BROWSER=f"{browser} %s")
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 0
    assert first.startswith("The calls are at http://127.0.0.1:")
    rows = json.loads((tmp_path / "seen").read_bytes())["rows"]
    assert [one["externalId"] for one in rows] == ["demo-livekit-call", "demo-plain-call"]
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_without_a_browser_the_demo_says_where_the_pages_are(start: Callable[..., Started], tmp_path: Path) -> None:
    process = start("demo", "--open", BROWSER="", PATH=str(tmp_path), DISPLAY="", WAYLAND_DISPLAY="")
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)

    assert first.startswith("Open this in a browser: http://127.0.0.1:")
    assert process.wait(60) == 0
