"""The file of the sandbox: of an older version, of a newer one, with many writers, and after a kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Json = dict[str, Any]
DEADLINE = 60
FILE = "roark-sandbox.sqlite3"
HEADERS = {"Authorization": "Bearer k"}

# As the first released version made it.
RELEASED = """
CREATE TABLE call (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, project_id TEXT NOT NULL, external_id TEXT,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL, started_at TEXT NOT NULL, ended_at TEXT, duration_ms INTEGER,
    status TEXT NOT NULL, search_text TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (project_id, external_id)
);
CREATE TABLE tool_invocation (
    seq INTEGER PRIMARY KEY, call_id TEXT NOT NULL REFERENCES call (id), body TEXT NOT NULL
);
CREATE INDEX tool_invocation_call ON tool_invocation (call_id);
CREATE TABLE property (
    call_id TEXT NOT NULL REFERENCES call (id), name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (call_id, name)
);
CREATE TABLE property_type (
    project_id TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, PRIMARY KEY (project_id, name)
);
CREATE TABLE span (
    seq INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_span_id TEXT NOT NULL,
    name TEXT NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, external_id TEXT, room_id TEXT,
    UNIQUE (trace_id, span_id)
);
CREATE INDEX span_external_id ON span (external_id);
CREATE INDEX span_room_id ON span (room_id);
"""
ADD_CALL = """
INSERT INTO call (id, project_id, external_id, created_at, updated_at, started_at, ended_at, duration_ms, status,
                  search_text, body) VALUES (?, 'sandbox-project', ?, ?, ?, ?, NULL, NULL, 'ENDED', ?, ?)
"""
ADD_SPAN = """
INSERT INTO span (trace_id, span_id, parent_span_id, name, start_ns, end_ns, external_id, room_id)
VALUES (?, ?, '', 'turn', 1769851800000000000, 1769851801000000000, ?, NULL)
"""

SERVE = "import sys; from roark_otel.sandbox import serve; serve(port=0, store=sys.argv[1])"
OPEN = """
import pathlib, sys
from roark_otel.sandbox.database import Database
Database(pathlib.Path(sys.argv[1])).close()
"""
POST = """
import sys, httpx
url, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
body = {"recordingUrl": "https://example.com/a.wav", "startedAt": "2026-01-31T09:30:00Z", "interfaceType": "WEB",
        "callDirection": "INBOUND"}
with httpx.Client(base_url=url, headers={"Authorization": "Bearer k"}, trust_env=False, timeout=60) as client:
    for index in range(number):
        print(client.post("/v1/call", json={**body, "externalId": f"{name}-{index}"}).status_code, flush=True)
"""


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)  # noqa: S603 - our own code


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    line = next(line for line in process.stderr if "Uvicorn running on" in line)
    return line.split("Uvicorn running on ")[1].split()[0]


def read_on(process: subprocess.Popen[str]) -> None:
    """Reads what a process logs, which waits where the pipe is full."""
    assert process.stderr is not None
    threading.Thread(target=process.stderr.read, daemon=True).start()


@pytest.fixture(name="old")
def _old(tmp_path: Path, call_body: Callable[..., Json]) -> Path:
    """Makes the file of a released version with two calls and three spans."""
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executescript(RELEASED)
    for number, words in ((1, "A lamp, please."), (2, "A bell, please.")):
        entry = {"role": "CUSTOMER", "text": words, "startOffsetMs": 0, "endOffsetMs": 900}
        body = call_body(externalId=f"call-{number}", transcript=[entry])
        at = f"2026-01-0{number}T00:00:00.000Z"
        connection.execute(ADD_CALL, (f"id-{number}", f"call-{number}", at, at, at, words.casefold(), json.dumps(body)))
    for trace, span, external_id in (("a", "1", "call-1"), ("a", "2", None), ("b", "1", None)):
        connection.execute(ADD_SPAN, (trace * 32, span * 16, external_id))
    connection.commit()
    connection.close()
    return tmp_path


def test_a_file_of_an_older_version_is_read_and_written_on(old: Path, call_body: Callable[..., Json]) -> None:
    for _ in range(2):  # the second time it is not old any more
        with Sandbox(store=old) as sandbox, httpx.Client(base_url=sandbox.url, headers=HEADERS, trust_env=False) as raw:
            listing = raw.get("/pages/calls").json()
            rows = {row["seq"]: row for row in listing["rows"]}
            assert [rows[number]["externalId"] for number in (1, 2)] == ["call-1", "call-2"]
            assert (rows[1]["receivedAt"], rows[1]["linked"], rows[2]["linked"]) == ("2026-01-01T00:00:00.000Z", 1, 0)
            assert listing["spans"] == {"arrived": 3, "withoutId": 1, "scopes": {"": 1}}
            assert [row["seq"] for row in raw.get("/pages/calls?search=LAMP").json()["rows"]] == [1]
            document = raw.get("/pages/calls/id-1").json()
            assert len(document["spans"]) == 2
            assert document["spans"][0]["attributes"] == {}
            assert sandbox.call("call-1").trace_ids == ("a" * 32,)
            raw.post("/v1/call", json=call_body(externalId="new"))
            assert raw.get("/pages/calls/new").status_code == 200
            raw.post("/v1/call", json={})

    assert rows[3]["externalId"] == "new"
    assert [row["seq"] for row in listing["rows"]] == [4, 3, 2, 1]


def test_an_older_version_may_write_to_the_file_meanwhile(old: Path, call_body: Callable[..., Json]) -> None:
    with Sandbox(store=old) as sandbox, httpx.Client(base_url=sandbox.url, headers=HEADERS, trust_env=False) as raw:
        connection = sqlite3.connect(old / FILE)
        at, body = (
            "2026-02-01T00:00:00.000Z",
            json.dumps(call_body(externalId="old", customer={"phoneNumberE164": "+15550177"})),
        )
        connection.execute(ADD_CALL, ("id-old", "old", at, at, at, "", body))
        connection.execute(ADD_SPAN, ("c" * 32, "3" * 16, "old"))
        connection.commit()
        connection.close()

        row = raw.get("/pages/calls").json()["rows"][0]
        assert (row["externalId"], row["linked"]) == ("old", 1)
        assert raw.get("/pages/calls/old").json()["receipt"]["headers"] == {}

    with Sandbox(store=old) as sandbox, httpx.Client(base_url=sandbox.url, trust_env=False) as raw:
        assert raw.get("/pages/calls?search=0177").json()["rows"] == [row]


def test_a_file_of_a_newer_version_is_left_alone(old: Path) -> None:
    connection = sqlite3.connect(old / FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (old / FILE).read_bytes()

    with pytest.raises(sqlite3.DatabaseError, match="newer version"):
        Sandbox(store=old).__enter__()

    assert (old / FILE).read_bytes() == before


def test_many_processes_may_open_a_file_at_once(old: Path) -> None:
    processes = [child(OPEN, str(old)) for _ in range(6)]

    assert [process.communicate(timeout=DEADLINE)[1] for process in processes] == [""] * 6
    with Sandbox(store=old) as sandbox:
        assert len(sandbox.calls()) == 2


def test_many_writers_at_once_lose_no_call(tmp_path: Path) -> None:
    """Of four processes, at two sandboxes that share a file."""
    with Sandbox(store=tmp_path) as one, Sandbox(store=tmp_path) as other:
        writers = [child(POST, (one, other)[number % 2].url, f"writer-{number}", "25") for number in range(4)]
        outputs = [writer.communicate(timeout=2 * DEADLINE)[0].split() for writer in writers]
        assert outputs == [["201"] * 25] * 4

        listing = httpx.get(f"{other.url}/pages/calls", trust_env=False).json()
        assert sorted(row["seq"] for row in listing["rows"]) == list(range(1, 101))
        assert len({row["externalId"] for row in listing["rows"]}) == 100


def test_one_of_many_writers_of_the_same_id_is_taken(sandbox: Sandbox) -> None:
    writers = [child(POST, sandbox.url, "same", "10") for _ in range(4)]
    statuses = [status for writer in writers for status in writer.communicate(timeout=2 * DEADLINE)[0].split()]

    assert (statuses.count("201"), statuses.count("409")) == (10, 30)
    assert len(sandbox.calls()) == 10


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_kill_loses_no_call_that_was_answered(tmp_path: Path) -> None:
    for run in range(2):
        with child(SERVE, str(tmp_path)) as server:
            url = url_of(server)
            read_on(server)
            with child(POST, url, f"run-{run}", "1000") as writer:
                assert writer.stdout is not None
                answered = [writer.stdout.readline().strip() for _ in range(20 + 15 * run)]
                os.kill(server.pid, signal.SIGKILL)
                answered += writer.communicate(timeout=DEADLINE)[0].split()
            server.wait(DEADLINE)

        with Sandbox(store=tmp_path) as sandbox:
            listing = httpx.get(f"{sandbox.url}/pages/calls", trust_env=False).json()
        kept = {row["externalId"] for row in listing["rows"]}
        assert {f"run-{run}-{index}" for index, status in enumerate(answered) if status == "201"} <= kept
        assert len(answered) >= 20
