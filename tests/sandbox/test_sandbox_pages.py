"""What the pages of the sandbox are drawn from: rows, documents, refused requests, and what is still under way."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from roark_otel.cli.demo.stage import play, scenes
from roark_otel.pages.outline import outline
from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Json = dict[str, Any]

HOSTILE = [
    "</title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "a/b/../c",
    "../../etc/passwd",
    "\u202egnp.exe",
    "line\nfeed\ttab\x1b[31m",
    "x" * 255,
    "%2e%2e%2f",
    "a?b#c&d=e",
    "\u0645\u0631\u062d\u0628\u0627",
]


def said(*texts: str) -> list[Json]:
    return [
        {
            "role": ("AGENT", "CUSTOMER")[index % 2],
            "text": text,
            "startOffsetMs": index * 1000,
            "endOffsetMs": index * 1000 + 800,
        }
        for index, text in enumerate(texts)
    ]


def export(*spans: Json, scope: str = "app") -> Json:
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": scope}, "spans": list(spans)}]}]}


def span(trace: str, number: int = 1, external_id: str | None = None, **fields: Any) -> Json:
    attributes = [] if external_id is None else [{"key": "roark.external_id", "value": {"stringValue": external_id}}]
    times = {"startTimeUnixNano": "1769851800000000000", "endTimeUnixNano": "1769851801500000000"}
    return {
        "traceId": trace * 32,
        "spanId": f"{number:016x}",
        "name": "turn",
        "attributes": attributes,
        **times,
        **fields,
    }


def post(raw: httpx.Client, body: Json) -> str:
    answer = raw.post("/v1/call", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def pages(raw: httpx.Client, path: str, **query: str) -> Any:
    answer = raw.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_listing_has_a_row_for_each_arrival_newest_first(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    first = post(raw, call_body(externalId="call-1", transcript=said("Hello.", "Hi.")))
    assert raw.post("/v1/call", json=call_body(externalId="call-1")).status_code == 409
    assert raw.post("/v1/call", json={"externalId": "call-2", "startedAt": 3}).status_code == 400
    second = post(raw, call_body(externalId="call-3"))

    listing = pages(raw, "/pages/calls")

    assert listing["seq"] == listing["total"] == 4
    assert listing["open"] == []
    assert listing["spans"] == {"arrived": 0, "withoutId": 0, "scopes": {}}
    seen = [(row["seq"], row["kind"], row["id"], row["externalId"], row["status"]) for row in listing["rows"]]
    assert seen == [
        (4, "call", second, "call-3", 201),
        (3, "refused", None, "call-2", 400),
        (2, "refused", None, "call-1", 409),
        (1, "call", first, "call-1", 201),
    ]
    assert listing["rows"][1]["fields"] == ["recordingUrl", "interfaceType", "callDirection", "startedAt"]
    assert listing["rows"][2]["fields"] == ["externalId"]
    assert listing["rows"][3]["said"] == [[0, 800, "a", 0], [1000, 1800, "c", 0]]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("LAMP", {"words"}),
        ("ref-9", {"ref-9"}),
        ("+15550199", {"number"}),
        ("book_COURIER", {"tool", "late"}),
        ("strasse", {"umlaut"}),
        ("gold", {"property"}),
        ("bike desk", {"agent"}),
        ("bad-one", {"bad-one"}),
        ("%", set()),
        ("nowhere", set()),
    ],
)
def test_search_finds_words_ids_numbers_tools_and_properties(
    raw: httpx.Client, call_body: Callable[..., Json], search: str, found: set[str]
) -> None:
    tool = {"name": "book_courier", "parameters": {}, "result": "", "startOffsetMs": 1}
    post(raw, call_body(externalId="words", transcript=said("A lamp, please.")))
    post(raw, call_body(externalId="ref-9"))
    post(raw, call_body(externalId="number", customer={"phoneNumberE164": "+15550199"}))
    post(raw, call_body(externalId="tool", toolInvocations=[tool]))
    post(raw, call_body(externalId="umlaut", transcript=said("In der Hauptstra\u00dfe 5.")))
    post(raw, call_body(externalId="property", properties={"plan": "gold"}))
    post(raw, call_body(externalId="agent", agent={"name": "Bike desk"}))
    late = post(raw, call_body(externalId="late"))
    assert raw.post(f"/v1/call/{late}/tool-invocations", json={"toolInvocations": [tool]}).is_success
    assert raw.post("/v1/call", json={"externalId": "bad-one"}).status_code == 400

    listing = pages(raw, "/pages/calls", search=search)

    assert {row["externalId"] for row in listing["rows"]} == found
    assert listing["total"] == len(found)


def test_the_document_of_a_call_has_all_that_is_known_of_it(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    tool = {"name": "find", "parameters": {"id": 1}, "result": {"ok": True}, "startOffsetMs": 5, "endOffsetMs": 9}
    body = call_body(externalId="call-1", transcript=said("Hello."), properties={"plan": "gold"})
    raw.post("/v1/traces", json=export(span("a", external_id="call-1"), span("a", 2, parentSpanId=f"{1:016x}")))
    call_id = post(raw, body)
    raw.post("/v1/traces", json=export(span("b", external_id="call-1")))
    raw.post(f"/v1/call/{call_id}/tool-invocations", json={"toolInvocations": [tool]})

    document = pages(raw, f"/pages/calls/{call_id}")

    assert document == pages(raw, "/pages/calls/call-1")
    assert document["body"] == {**body, "toolInvocations": [tool]}
    details = raw.get(f"/v1/call/{call_id}").json()["data"]
    assert details["sandbox"].pop("body") == body
    assert document["details"] == details
    assert details["sandbox"]["traceIds"] == ["a" * 32, "b" * 32]
    assert [(one["traceId"][0], one["spanId"]) for one in document["spans"]] == [
        ("a", f"{1:016x}"),
        ("a", f"{2:016x}"),
        ("b", f"{1:016x}"),
    ]
    assert document["spans"][1]["parentSpanId"] == f"{1:016x}"
    receipt = document["receipt"]
    assert (receipt["status"], receipt["issues"]) == (201, [])
    assert receipt["answer"]["data"]["id"] == call_id
    assert "content-type" in receipt["headers"]
    assert document["outline"] == outline({**body, "toolInvocations": [tool]})
    assert document["recording"] == {"url": "https://example.com/a.wav", "type": "audio/wav", "here": False}


def test_spans_have_times_of_the_call_and_all_that_was_traced(
    raw: httpx.Client, call_body: Callable[..., Json]
) -> None:
    call_id = post(raw, call_body(externalId="call-1", startedAt="2026-01-31T10:30:00.250+01:00"))
    attributes = [
        {"key": "roark.external_id", "value": {"stringValue": "call-1"}},
        {"key": "text", "value": {"stringValue": "\u202e<b>"}},
        {"key": "number", "value": {"intValue": "-7"}},
        {"key": "share", "value": {"doubleValue": 0.5}},
        {"key": "yes", "value": {"boolValue": True}},
        {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "a"}]}}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "2"}}]}}},
        {"key": "bytes", "value": {"bytesValue": "AAE="}},
        {"key": "nothing", "value": {}},
    ]
    event = {"name": "exception", "timeUnixNano": "1769851801000000000", "attributes": attributes[2:3]}
    status = {"code": 2, "message": "it broke"}
    one = span("a", attributes=attributes, kind=3, status=status, events=[event])
    assert raw.post("/v1/traces", json=export(one, scope="livekit-agents")).status_code == 200

    (kept,) = pages(raw, f"/pages/calls/{call_id}")["spans"]

    assert kept == {
        "traceId": "a" * 32,
        "spanId": f"{1:016x}",
        "parentSpanId": "",
        "name": "turn",
        "kind": "client",
        "scope": "livekit-agents",
        "startMs": -250.0,
        "endMs": 1250.0,
        "status": {"code": "error", "message": "it broke"},
        "attributes": {
            "roark.external_id": "call-1",
            "text": "\u202e<b>",
            "number": -7,
            "share": 0.5,
            "yes": True,
            "list": [1, "a"],
            "map": {"k": 2},
            "bytes": {"base64": "AAE="},
            "nothing": None,
        },
        "events": [{"name": "exception", "atMs": 750.0, "attributes": {"number": -7}}],
    }


def test_a_span_of_another_call_in_the_same_trace_is_left_out(
    raw: httpx.Client, call_body: Callable[..., Json]
) -> None:
    call_id = post(raw, call_body(externalId="call-1"))
    spans = [span("a", 1, "call-1"), span("a", 2, "call-2"), span("a", 3)]
    raw.post("/v1/traces", json=export(*spans))

    assert {one["spanId"] for one in pages(raw, f"/pages/calls/{call_id}")["spans"]} == {f"{1:016x}", f"{3:016x}"}


def test_a_call_of_very_many_traces_has_a_page(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    post(raw, call_body(externalId="call-1"))
    spans = [span("a", 1, "call-1", traceId=f"{number:032x}") for number in range(1, 1201)]
    assert raw.post("/v1/traces", json=export(*spans)).status_code == 200

    document = pages(raw, "/pages/calls/call-1")

    assert len(document["details"]["sandbox"]["traceIds"]) == 1200
    assert len(document["spans"]) == 500
    assert pages(raw, "/pages/calls")["rows"][0]["linked"] == 1200


def test_a_refused_request_is_kept_with_its_fields(raw: httpx.Client) -> None:
    body = {"externalId": "call-1", "transcript": [{"role": "ROBOT"}], "note": ["any", {"thing": None}]}
    headers = {
        "Authorization": "Bearer very-secret",
        "X-Api-Key": "very-secret",
        "Cookie": "very-secret",
        "X-Other": "shown",
    }
    answer = raw.post("/v1/call", json=body, headers=headers)

    whole = raw.get("/pages/refused/1").text
    document = json.loads(whole)

    assert document["body"] == body
    assert (document["details"], document["spans"], document["recording"]) == (None, [], None)
    receipt = document["receipt"]
    assert (receipt["status"], receipt["answer"]) == (400, answer.json())
    named = {issue["field"]: issue["message"] for issue in receipt["issues"]}
    assert named["startedAt"] == "is required"
    assert named["transcript[0].role"].startswith("must be one of")
    assert receipt["headers"]["x-other"] == "shown"
    assert "very-secret" not in whole


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[1]", 400),
        (b'"text"', 400),
        (b'{"externalId": NaN}', 400),
        (b'{"externalId": "\\ud800"}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 600 + b"1" + b"}" * 600, 400),
        (b'{"externalId": 7, "transcript": {"a": 1}, "agent": [1], "agents": "x", "properties": 3}', 400),
        (b'{"transcript": [null, 1, "a", []], "toolInvocations": [null], "customers": [[]]}', 400),
        (b'{"x": "' + b"y" * 11_000_000 + b'"}', 413),
    ],
    ids=lambda value: str(value)[:30],
)
def test_whatever_was_refused_has_a_row_and_a_page(raw: httpx.Client, content: bytes, status: int) -> None:
    assert raw.post("/v1/call", content=content).status_code == status

    (row,) = pages(raw, "/pages/calls")["rows"]
    assert (row["kind"], row["status"]) == ("refused", status)
    document = pages(raw, f"/pages/refused/{row['seq']}")
    assert document["receipt"]["status"] == status
    assert isinstance(document["body"], dict)


def test_refused_changes_of_a_call_are_kept_too(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    call_id = post(raw, call_body())
    raw.post(f"/v1/call/{call_id}/tool-invocations", json={"toolInvocations": [{}]})
    raw.patch(f"/v1/call/{call_id}/properties", json={})
    raw.post("/v1/call", headers={"Authorization": ""}, json={})
    raw.post("/v1/call", headers={"X-Sandbox-Fault": "503"}, json=call_body(externalId="later"))

    rows = pages(raw, "/pages/calls")["rows"]

    assert [row["status"] for row in rows] == [503, 401, 400, 400, 201]
    assert rows[0]["externalId"] == "later"


def test_only_the_last_200_refused_requests_are_kept(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    post(raw, call_body(externalId="first"))
    for number in range(205):
        raw.post("/v1/call", json={"externalId": f"bad-{number}"})

    listing = pages(raw, "/pages/calls")

    assert listing["total"] == 201
    assert [listing["rows"][index]["externalId"] for index in (0, 199, 200)] == ["bad-204", "bad-5", "first"]
    assert raw.get("/pages/refused/6").status_code == 404


def test_at_most_500_rows_are_listed_and_all_are_counted(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    for number in range(505):
        post(raw, call_body(externalId=f"call-{number}"))

    listing = pages(raw, "/pages/calls")

    assert (len(listing["rows"]), listing["total"], listing["seq"]) == (500, 505, 505)
    assert listing["rows"][0]["externalId"] == "call-504"


def test_a_conversation_is_under_way_until_its_call_arrives(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    raw.post("/v1/traces", json=export(span("a", 1, "call-1"), span("a", 2)))
    raw.post("/v1/traces", json=export(span("a", 3), scope="model"))

    (under_way,) = pages(raw, "/pages/calls")["open"]
    assert under_way.pop("sinceMs") >= 0
    assert under_way == {"externalId": "call-1", "traceId": "a" * 32, "spans": 3, "scopes": ["app", "model"]}

    post(raw, call_body(externalId="call-1"))
    listing = pages(raw, "/pages/calls")
    assert listing["open"] == []
    assert listing["rows"][0]["linked"] == 1


def test_a_conversation_whose_call_was_refused_is_over(raw: httpx.Client) -> None:
    raw.post("/v1/traces", json=export(span("a", 1, "call-1")))
    raw.post("/v1/call", json={"externalId": "call-1"})

    assert pages(raw, "/pages/calls")["open"] == []


def test_spans_without_an_id_are_counted_by_scope(raw: httpx.Client) -> None:
    raw.post("/v1/traces", json=export(span("a", 1), span("a", 2), scope="app"))
    raw.post("/v1/traces", json=export(span("b", 1), scope="model"))
    spans = pages(raw, "/pages/calls")["spans"]
    assert spans == {"arrived": 3, "withoutId": 3, "scopes": {"app": 2, "model": 1}}

    raw.post("/v1/traces", json=export(span("a", 1), span("a", 3, "call-1"), scope="app"))

    spans = pages(raw, "/pages/calls")["spans"]
    assert spans == {"arrived": 4, "withoutId": 1, "scopes": {"model": 1}}


@pytest.mark.parametrize("external_id", HOSTILE, ids=lambda value: ascii(value)[:30])
def test_a_hostile_id_is_only_ever_text(raw: httpx.Client, call_body: Callable[..., Json], external_id: str) -> None:
    call_id = post(raw, call_body(externalId=external_id))
    quoted = "".join(f"%{byte:02X}" for byte in external_id.encode())

    (row,) = pages(raw, "/pages/calls")["rows"]
    assert (row["id"], row["externalId"]) == (call_id, external_id)
    assert pages(raw, f"/pages/calls/{quoted}")["body"]["externalId"] == external_id
    for path in (f"/calls/{quoted}", f"/compare?a={quoted}&b={quoted}", f"/refused/{quoted}"):
        page = raw.get(path)
        assert page.headers["content-type"].startswith("text/html") or page.status_code == 404
        assert external_id not in page.text or len(external_id) > 200
    file = raw.get(f"/pages/calls/{quoted}/file")
    assert file.status_code == 200
    disposition = file.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="')
    assert disposition.isascii()
    assert disposition.isprintable()
    assert "/" not in disposition.replace("%2F", "").split("filename*")[0]
    assert "<script>alert" not in file.text


@pytest.mark.parametrize(
    "path",
    [
        "/pages/calls/nobody",
        "/pages/calls/nobody/file",
        "/pages/refused/1",
        "/pages/refused/x",
        "/pages/refused/-1",
        "/pages/refused/99999999999999999999999999",
        "/pages/refused/%D9%A1",
        "/static/nothing.js",
        "/static/../values.py",
        "/static/%2e%2e/values.py",
        "/static/",
        "/static/a%00b",
        "/pages",
        "/pages/other",
        "/calls",
        "/calls/nobody",
    ],
)
def test_what_is_not_there_is_404(shared_raw: httpx.Client, path: str) -> None:
    assert shared_raw.get(path).status_code == 404


def test_a_page_asks_only_whether_its_call_is_here(tmp_path: Path, call_body: Callable[..., Json]) -> None:
    """What was posted may be large: only what draws the page reads it."""
    paths = {"/calls/call-1": 200, "/refused/2": 200, "/calls/refused": 404, "/refused/1": 404}
    headers = {"Authorization": "Bearer k"}
    with Sandbox(store=tmp_path) as sandbox, httpx.Client(base_url=sandbox.url, headers=headers) as raw:
        post(raw, call_body(externalId="call-1"))
        assert raw.post("/v1/call", json={"externalId": "refused"}).status_code == 400
        with contextlib.closing(sqlite3.connect(tmp_path / "roark-sandbox.sqlite3")) as connection:
            connection.execute("UPDATE call SET body = '{'")
            connection.execute("UPDATE arrival SET body = '{'")
            connection.commit()

        assert {path: raw.get(path).status_code for path in paths} == paths


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/pages/calls", "/pages/events", "/static/page.css", "/calls/x"])
def test_pages_are_only_read(shared_raw: httpx.Client, method: str, path: str) -> None:
    assert shared_raw.request(method, path).status_code == 405


def test_all_projects_are_listed_and_each_call_is_found(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    for project in ("one", "two"):
        raw.headers["X-Roark-Project-Id"] = project
        post(raw, call_body(externalId="same"))

    rows = pages(raw, "/pages/calls")["rows"]

    assert [row["externalId"] for row in rows] == ["same", "same"]
    for row in rows:
        assert pages(raw, f"/pages/calls/{row['id']}")["details"]["id"] == row["id"]


def test_the_file_of_a_call_holds_its_sound_if_asked(raw: httpx.Client, call_body: Callable[..., Json]) -> None:
    url = f"{str(raw.base_url).rstrip('/')}/recordings/demo-plain-call.wav"
    post(raw, call_body(externalId="demo-plain-call", recordingUrl=url))

    without, with_sound = (raw.get(f"/pages/calls/demo-plain-call/file{query}") for query in ("", "?sound=1"))

    assert (without.status_code, with_sound.status_code) == (200, 200)
    assert 'filename="demo-plain-call.html"' in without.headers["content-disposition"]
    assert len(with_sound.content) - len(without.content) > 60_000


def test_the_pages_of_the_demo_have_spans_and_sound(sandbox: Sandbox, raw: httpx.Client, tmp_path: Path) -> None:
    for scene in scenes():
        play(scene, sandbox.url, tmp_path)

    plain, livekit = (pages(raw, f"/pages/calls/{name}") for name in ("demo-plain-call", "demo-livekit-call"))

    for document in (plain, livekit):
        recording = document["recording"]
        assert (recording["here"], recording["type"]) == (True, "audio/ogg")
        assert raw.get(recording["url"]).content.startswith(b"OggS")
        assert {one["kind"] for one in document["spans"]} == {"internal"}
    spans = {one["name"]: one for one in plain["spans"]}
    assert spans["execute_tool book_courier"]["status"]["code"] == "error"
    assert [event["name"] for event in spans["phone_call"]["events"]].count("roark.transcript") == 7
    assert spans["phone_call"]["attributes"]["roark.property.queue_position"] == 2
    session = next(one for one in livekit["spans"] if one["name"] == "agent_session")
    assert (session["scope"], len(session["events"])) == ("livekit-agents", 18)
    model = next(one for one in livekit["spans"] if one["name"] == "llm_node")
    assert 0 < model["attributes"]["lk.response.ttft"] < 1
    assert model["attributes"]["lk.function_tools"] == ["book_courier", "find_order"]
