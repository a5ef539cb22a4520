"""Where secrets may be. Each test is a row of the fault table in docs/delivery.md, with the row's name."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from faults import leaky_app
from faults.leaky_app import KEY
from roark_otel import cli
from support.answering import Answer, AnsweringServer, NoAnswer, Seen, created
from support.helpers import App, wait_until
from support.processes import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORDS = (
    *("word-said", "word-given", "word-returned", "word-prompted", "word-described", "word-carried", "word-raised"),
    *("word-failed", "word-answered", "word-damaged"),
)
CREDENTIALS = (
    *(KEY, "sesame", base64.b64encode(KEY.encode()).decode()),
    base64.b64encode(b"user:proxy-sesame").decode().rstrip("="),
)


def echo(seen: Seen, *, path: str = "transcript[0].text") -> bytes:
    """An answer that quotes the request, its key too, in its message and in the path of a field."""
    quoted = f"word-answered {seen.body.decode(errors='replace')} {seen.headers.get('authorization')}"
    return json.dumps({"message": quoted, "error": {"details": [{"path": path, "message": quoted}]}}).encode()


def drips(seen: Seen) -> Iterator[bytes]:
    for piece in (echo(seen), b"word-answered", b""):
        time.sleep(1.2 * leaky_app.TIMEOUT)  # longer than the app waits for an answer
        yield piece


def compressed(seen: Seen) -> Answer:
    return Answer(400, gzip.compress(echo(seen))[:-9], {"content-encoding": "gzip"})


ANSWERS: list[Any] = [
    lambda seen: Answer(503, echo(seen)),
    lambda _: NoAnswer(),
    lambda seen: Answer(200, echo(seen)),
    lambda seen: Answer(400, echo(seen)),
    lambda seen: Answer(400, echo(seen, path="word-said one two")),
    lambda seen: Answer(422, echo(seen, path="toolInvocations[0].parameters.word-given")),
    lambda seen: Answer(413, b"<html>word-answered " + seen.body),
    lambda seen: Answer(409, echo(seen)),
    lambda seen: Answer(302, echo(seen), {"location": "https://example.com/"}),
    lambda seen: Answer(429, echo(seen), {"retry-after": "soon"}),
    lambda seen: Answer(401, echo(seen)),
    compressed,
    lambda seen: Answer(500, drips(seen)),
    lambda seen: Answer(402, echo(seen)),
]
"""One for each conversation, and then again for their further attempts, until the app goes on."""


class Roark:
    """Answers each call differently, and takes every third of the later ones, so that some are delivered."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def answer(self, seen: Seen) -> Answer | NoAnswer:
        self.seen.append(seen)
        if seen.path == "/v1/traces":
            return Answer(200 if len(self.seen) % 2 else 400, seen.body)
        number = len([one for one in self.seen if one.path != "/v1/traces"]) - 1
        if number < len(ANSWERS):
            found: Answer | NoAnswer = ANSWERS[number](seen)
            return found
        if seen.path.endswith("/tool-invocations"):
            return Answer(400, echo(seen))
        if seen.external_id == "late":
            return created()
        return created() if number % 3 else Answer(400, echo(seen))


def leave_damaged_files(spool: Path) -> None:
    """Leaves what other processes may have in a spool: damaged calls, reasons, records, recordings, owners."""
    directory = spool / "0123456789abcdef"
    (directory / "rejected").mkdir(parents=True)
    for stage in ("open", "waiting", "ready", "tried", "late"):
        (directory / f"{stage}0-1.{stage}.jsonl").write_bytes(b'{"external_id": "word-damaged"')
    (directory / "rejected" / "a-1.jsonl").write_bytes(b"word-damaged\n{")
    (directory / "rejected" / "a-1.reason.json").write_bytes(b"word-damaged")
    for folder, name in (("keys", "0123456789abcdef"), ("attached", "a.json")):
        (spool / folder).mkdir()
        (spool / folder / name).write_bytes(b'{"url": "word-damaged", "answer": ["word-damaged"]}')


def commands(spool: Path, url: str, folder: Path) -> list[str]:
    """Runs every command that looks at what was left, in processes of their own. Returns all that they print."""
    (folder / "spans.json").write_bytes(b'{"resourceSpans": "word-damaged"}\nword-damaged\n[word-damaged]\n')
    environment = {**os.environ, "ROARK_SPOOL_DIR": str(spool), "ROARK_API_KEY": KEY, "ROARK_BASE_URL": url}
    bad = {
        "ROARK_API_KEY": f"{KEY} with blanks",
        "ROARK_BASE_URL": "http://user:url-sesame@elsewhere.example.com",
        "HTTPS_PROXY": leaky_app.PROXY,
        "ROARK_CAPTURE_CONTENT": "perhaps",
        "ROARK_SPOOL_MAX_BYTES": "many",
    }
    printed: list[str] = []
    for arguments, more in (
        (["doctor"], {}),
        (["doctor", "--json"], bad),
        (["doctor"], {"HTTP_PROXY": leaky_app.PROXY}),
        (["doctor"], {"ROARK_BASE_URL": "https://roark.example.com", "HTTPS_PROXY": leaky_app.PROXY}),
        (["spool", "list"], {}),
        (["spool", "list", "--json"], bad),
        (["spool", "show", "call-3"], {}),
        (["spool", "drain"], {"ROARK_HTTP_TIMEOUT_SECONDS": "1", "ROARK_EXIT_TIMEOUT_SECONDS": "1"}),
        (["replay", str(folder / "spans.json")], {}),
    ):
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", cli.__name__, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env={**environment, **more},
        )
        assert done.stdout or done.stderr, arguments
        printed.append(f"{arguments}: {done.stdout}{done.stderr}")
    return printed


@pytest.mark.parametrize("content", ["on", "off"])
def test_something_is_logged(tmp_path: Path, content: str) -> None:
    """The key, words, arguments, results and answers are in no log, stderr, metric, file name or command's output.

    With content off they are in no request, no exported trace and no file either.
    """
    spool, roark = tmp_path / "spool", Roark()
    leave_damaged_files(spool)
    with AnsweringServer(then=roark.answer) as server:
        ended = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, leaky_app.__file__, server.url, str(tmp_path), content],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env={**os.environ, "ROARK_SPOOL_DIR": str(spool)},
        )
        assert ended.returncode == 0, ended.stderr
        printed = commands(spool, server.url, tmp_path)
    log = (tmp_path / "log").read_text(encoding="utf-8")
    paths = [path for path in spool.rglob("*") if path.is_file()]
    said = {
        "log": log,
        "stderr": ended.stderr + ended.stdout,
        "metrics": (tmp_path / "metrics").read_text(encoding="utf-8"),
        "names": "\n".join(str(path.relative_to(spool)) for path in paths),
        "paths of requests": "\n".join(seen.path for seen in roark.seen),
        "commands": "\n".join(printed),
    }
    _has_been_everywhere(roark, said)
    _searched(said, (*CREDENTIALS, *WORDS))
    damaged = ("word-damaged",)
    files = {str(path): path.read_text(errors="replace") for path in paths}
    _searched(files, CREDENTIALS)
    if content == "off":
        _searched(files, [word for word in WORDS if word not in damaged])
        requests = {
            f"{seen.path} {number}": seen.body.decode(errors="replace") for number, seen in enumerate(roark.seen)
        }
        _searched(requests, WORDS)
    else:
        assert any("word-said" in text for text in files.values()), "with content on, words are where they belong"


def _has_been_everywhere(roark: Roark, said: dict[str, str]) -> None:
    """What is searched is there: nothing is absent only because nothing went wrong."""
    assert said["log"].count("\n") > 200
    assert len([seen for seen in roark.seen if seen.path == "/v1/traces"]) > 1
    assert any(seen.path.endswith("/tool-invocations") for seen in roark.seen)
    for text in (
        "httpcore",
        "set aside",
        "will not be sent",
        "answered 401",
        "ReadTimeout",
        "RuntimeError",
        "SystemExit",
        "ValueError",
    ):
        assert text in said["log"], text
    assert said["stderr"].count("Traceback") >= 5
    assert "roark_otel.exporter.attempt.failed" in said["metrics"]


def _searched(places: dict[str, str], secrets: Any) -> None:
    for place, text in places.items():
        for secret in secrets:
            lines = [line for line in text.splitlines() if secret in line]
            assert not lines, f"{secret} in {place}: {lines[0][:2_000]}"


def test_the_files_are_searched_for_the_key(tmp_path: Path) -> None:
    """The key is in the header of the request, and in no file."""
    seen: list[Seen] = []

    def look(one: Seen) -> Answer:
        seen.append(one)
        return Answer(503)

    with AnsweringServer(then=look) as server:
        app = App(server.url, api_key=KEY)
        leaky_app.talk(app.tracer, "call-1", **{"roark.recording_url": leaky_app.RECORDING})
        app.processor.force_flush(1_000)
        wait_until(lambda: bool(seen), 60)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert files
    assert [path for path in files if KEY.encode() in path.read_bytes() or KEY in str(path)] == []
