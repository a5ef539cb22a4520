"""Where secrets may be. Each test is a row of the fault table in docs/delivery.md, with the row's name."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import RoarkSpanProcessor, attach_recording
from support.answering import Answer, AnsweringServer, NoAnswer, Seen, created, invalid
from support.helpers import App

if TYPE_CHECKING:
    from pathlib import Path

KEY = "key-f00d"
SECRETS = ("f00d", "transcript-word", "argument-word", "result-word", "prompt-word", "answer-word")
ANSWER = json.dumps({"message": "answer-word", "details": [{"path": "transcript[0].payload"}]}).encode()


@pytest.mark.faults
def test_something_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The key, words, arguments, results and answers' bodies are in no log of any library and in no exception."""
    caplog.set_level(1)
    for name in ("httpx", "httpcore", "asyncio", "opentelemetry"):
        caplog.set_level(1, name)
    replies: list[Any] = [
        Answer(503, ANSWER),
        NoAnswer(),
        Answer(200, ANSWER),
        Answer(400, ANSWER),
        Answer(401, ANSWER),
        Answer(409, ANSWER),
        invalid("startedAt"),
    ]

    def hook(*_arguments: Any) -> None:
        raise RuntimeError("transcript-word")

    def resolver(_call: Any) -> str:
        raise RuntimeError("transcript-word")

    with AnsweringServer(*replies) as server:
        app = App(server.url, api_key=KEY, recording_url=resolver, on_receipt=hook)
        for number in range(8):
            talk(app, f"call-{number}")
            app.processor.force_flush(1_500)
        (tmp_path / "spool" / "x.ready.jsonl").write_bytes(b"transcript-word")
        attach_recording("call-0", "https://example.com/a.wav")
        server.then = created()
        app.processor.force_flush(10_000)
    faults = [traceback.format_exception(fault) for fault in _mistakes()]

    assert len(caplog.records) > 20
    lines = [str(record.__dict__) + record.getMessage() for record in caplog.records] + [str(fault) for fault in faults]
    for secret in SECRETS:
        assert [line for line in lines if secret in line] == []


def talk(app: App, external_id: str) -> None:
    about: dict[str, Any] = {
        "roark.external_id": external_id,
        "roark.conversation.root": True,
        "roark.agent.prompt": "prompt-word",
        "roark.started_at": "transcript-word",
        "roark.recording_url": "https://example.com/a.wav",
    }
    with app.tracer.start_as_current_span("call", attributes=about) as span:
        span.add_event("roark.transcript", {"role": "agent", "text": "transcript-word", "payload": "argument-word"})
        span.add_event(
            "roark.tool_invocation",
            {"name": "find", "parameters": '{"a": "argument-word"}', "result": '{"r": "result-word"}'},
        )
        span.add_event(
            "roark.tool_invocation", {"name": "find", "parameters": "[argument-word", "result": "result-word"}
        )


def _mistakes() -> list[Exception]:
    """Returns the exceptions that bad arguments raise in an app."""
    found: list[Exception] = []
    blank: dict[str, Any] = {"api_key": f"{KEY} with blanks"}
    plain: dict[str, Any] = {"api_key": KEY, "base_url": "http://elsewhere.example.com"}
    for arguments in (blank, plain):
        try:
            RoarkSpanProcessor(**arguments)
        except ValueError as fault:
            found.append(fault)
    assert len(found) == 2
    return found


def test_the_files_are_searched_for_the_key(tmp_path: Path) -> None:
    """The key is in the header of the request, and in no file."""
    seen: list[Seen] = []

    def look(one: Seen) -> Answer:
        seen.append(one)
        return Answer(503)

    with AnsweringServer(then=look) as server:
        app = App(server.url, api_key=KEY)
        talk(app, "call-1")
        app.processor.force_flush(1_000)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert files
    assert [path for path in files if KEY.encode() in path.read_bytes() or KEY in str(path)] == []
