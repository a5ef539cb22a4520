"""What arrives, as Server-Sent Events."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from roark_otel.sandbox import Sandbox
from support.helpers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Json = dict[str, Any]
DEADLINE = 60


class Events:
    """Reads the events of a stream, one after the other."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.lines = answer.iter_lines()
        self.last_id = ""

    def next(self) -> tuple[str, Any, str]:
        """Returns the next event: its name, its data, and the id that stands in it."""
        name, data, own_id = "", None, ""
        for line in self.lines:
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data = json.loads(value)
            elif field == "id":
                own_id = self.last_id = value
            elif not line and name:
                return name, data, own_id
        raise EOFError

    def until(self, name: str, matches: Callable[[Any], bool] = lambda _: True) -> tuple[Any, str]:
        while True:
            found, data, own_id = self.next()
            if found == name and matches(data):
                return data, own_id


@contextlib.contextmanager
def streaming(raw: httpx.Client, **headers: str) -> Iterator[Events]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with raw.stream("GET", "/pages/events", headers=named, timeout=DEADLINE) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Events(answer)


def span(trace: str, external_id: str | None, key: str = "roark.external_id") -> Json:
    attributes = [] if external_id is None else [{"key": key, "value": {"stringValue": external_id}}]
    one = {"traceId": trace * 32, "spanId": "1" * 16, "name": "turn", "attributes": attributes}
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "app"}, "spans": [one]}]}]}


def test_a_call_a_refused_request_and_spans_are_events(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    with streaming(raw) as events:
        assert events.until("open")[0] == []
        assert events.until("spans")[0] == {"arrived": 0, "withoutId": 0, "scopes": {}}

        raw.post("/v1/traces", json=span("a", "call-1"))
        assert [one["externalId"] for one in events.until("open", bool)[0]] == ["call-1"]
        raw.post("/v1/traces", json=span("b", None))
        assert events.until("spans", lambda data: data["withoutId"])[0]["scopes"] == {"app": 1}
        raw.post("/v1/call", json=call_body(externalId="call-1"))
        row, row_id = events.until("row")
        assert (row["externalId"], row["seq"], row_id, row["linked"]) == ("call-1", 1, "1", 1)
        assert events.until("open")[0] == []
        raw.post("/v1/call", json={"externalId": "call-2"})
        row, row_id = events.until("row")
        assert (row["kind"], row["externalId"], row["seq"], row_id) == ("refused", "call-2", 2, "2")


def test_an_event_is_a_row_of_the_listing(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    with streaming(raw) as events:
        raw.post("/v1/call", json=call_body(externalId="line\nfeed\r\u2028\u202e"))
        row, _ = events.until("row")

    assert raw.get("/pages/calls").json()["rows"] == [row]


@pytest.mark.parametrize(("after", "expected"), [("0", [1, 2, 3]), ("1", [2, 3]), ("2", [3]), ("x", [1, 2, 3])])
def test_a_stream_resumes_after_the_last_event(
    raw: httpx.Client, call_body: Callable[..., Json], after: str, expected: list[int]
) -> None:
    for number in range(3):
        raw.post("/v1/call", json=call_body(externalId=f"call-{number}"))

    with streaming(raw, Last_Event_ID=after) as events:
        assert [events.until("row")[0]["seq"] for _ in expected] == expected
        raw.post("/v1/call", json=call_body(externalId="call-3"))
        assert events.until("row")[0]["seq"] == 4


def test_a_new_stream_begins_now_and_says_where(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    raw.post("/v1/call", json=call_body(externalId="before"))

    with streaming(raw) as events:
        events.until("spans")
        assert events.last_id == "1"
        raw.post("/v1/call", json=call_body(externalId="after"))
        assert events.until("row")[0]["externalId"] == "after"


def test_a_number_of_an_earlier_run_starts_over(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    """Of a sandbox that had its calls in memory: a page that is still open would wait for its old numbers."""
    raw.post("/v1/call", json=call_body(externalId="first"))

    with streaming(raw, Last_Event_ID="57") as events:
        assert events.until("row")[0]["seq"] == 1


def test_a_row_that_changes_is_sent_again_without_an_id(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    call_id = raw.post("/v1/call", json=call_body(externalId="call-1")).json()["data"]["id"]
    tool = {"name": "find", "parameters": {}, "result": {"error": "gone"}, "startOffsetMs": 1, "endOffsetMs": 2}
    with streaming(raw) as events:
        events.until("spans")
        raw.post("/v1/traces", json=span("a", "call-1"))
        row, row_id = events.until("row", lambda data: data["linked"] == 1)
        assert (row["seq"], row_id) == (1, "")

        raw.post(f"/v1/call/{call_id}/tool-invocations", json={"toolInvocations": [tool]})
        row, _ = events.until("row", lambda data: data["toolsFailed"] == 1)
        assert (row["tools"], row["linked"]) == ([[1, 2, 1]], 1)


@pytest.mark.parametrize("room", ["RM_1", "Straße \u0130 %", '"]\\'])
def test_a_trace_that_a_room_alone_links_is_news(raw: httpx.Client, call_body: Callable[..., Json], room: str) -> None:
    raw.post("/v1/call", json=call_body(externalId="call-1", livekitRoomId=room))
    raw.post("/v1/call", json=call_body(externalId="call-2", livekitRoomId="RM_2"))
    with streaming(raw) as events:
        events.until("spans")
        raw.post("/v1/traces", json=span("a", room, "livekit.room.id"))
        row, row_id = events.until("row", lambda data: data["linked"] == 1)
        assert (row["externalId"], row_id) == ("call-1", "")


def test_head_answers_for_a_stream_and_ends(raw: httpx.Client) -> None:
    answer = raw.head("/pages/events", timeout=DEADLINE)

    assert (answer.status_code, answer.content) == (200, b"")


def test_what_another_process_writes_arrives_too(tmp_path: Path, call_body: Callable[..., Json]) -> None:
    headers = {"Authorization": "Bearer k"}
    with contextlib.ExitStack() as stack:
        one, other = stack.enter_context(Sandbox(store=tmp_path)), stack.enter_context(Sandbox(store=tmp_path))
        with httpx.Client(base_url=one.url, headers=headers, trust_env=False) as raw, streaming(raw) as events:
            events.until("spans")
            answer = httpx.post(
                f"{other.url}/v1/call", json=call_body(externalId="x"), headers=headers, trust_env=False
            )
            assert answer.status_code == 201
            assert events.until("row")[0]["externalId"] == "x"


def test_many_clients_each_get_every_row(sandbox: Sandbox, raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    seen: list[list[int]] = []
    ready = threading.Barrier(6)

    def follow() -> None:
        with httpx.Client(base_url=sandbox.url, trust_env=False) as client, streaming(client) as events:
            events.until("spans")
            ready.wait(DEADLINE)
            rows: list[int] = []
            while len(rows) < 20:
                row, row_id = events.until("row")
                rows += [row["seq"]] if row_id else []
            seen.append(rows)

    threads = [threading.Thread(target=follow) for _ in range(5)]
    for thread in threads:
        thread.start()
    ready.wait(DEADLINE)
    for number in range(20):
        raw.post("/v1/call", json=call_body(externalId=f"call-{number}"))
    for thread in threads:
        thread.join(DEADLINE)

    assert seen == [list(range(1, 21))] * 5


def test_a_client_that_goes_away_leaves_nothing(sandbox: Sandbox, raw: httpx.Client) -> None:
    news = sandbox._now_running().news
    for _ in range(3):
        with streaming(raw) as events:
            events.until("spans")
            assert news.listeners == 1
        wait_until(lambda: news.listeners == 0, DEADLINE)

    # One that has gone in the middle of an answer, without a word.
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET /pages/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        wait_until(lambda: news.listeners == 1, DEADLINE)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_until(lambda: news.listeners == 0, DEADLINE)


def test_stopping_the_sandbox_ends_streams() -> None:
    sandbox = Sandbox()
    sandbox.__enter__()
    stopper = threading.Thread(target=sandbox.__exit__, args=(None, None, None))
    with httpx.Client(base_url=sandbox.url, trust_env=False) as client, streaming(client) as events:
        events.until("spans")
        stopper.start()
        with pytest.raises(EOFError):
            events.until("nothing")
        stopper.join(DEADLINE)
        assert not stopper.is_alive()


@pytest.mark.long
def test_a_client_that_does_not_read_cannot_keep_the_sandbox(call_body: Callable[..., Json]) -> None:
    sandbox = Sandbox()
    sandbox.__enter__()
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"GET /pages/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        words = [{"role": "AGENT", "text": "", "startOffsetMs": 10 * n, "endOffsetMs": 10 * n} for n in range(400)]
        with httpx.Client(base_url=sandbox.url, headers={"Authorization": "Bearer k"}, trust_env=False) as raw:
            for number in range(200):
                raw.post("/v1/call", json=call_body(externalId=f"call-{number}", transcript=words))
        sandbox.__exit__(None, None, None)
    assert "roark-sandbox" not in {thread.name for thread in threading.enumerate()}
