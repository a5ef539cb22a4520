"""`roark-otel demo`: the first thing a new user runs."""

from __future__ import annotations

import ast
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from roark_analytics import Roark

from roark_otel._model.call import Call
from roark_otel.cli.demo import plain, recorded
from roark_otel.cli.demo.lane import Lane, marks_for
from roark_otel.cli.demo.readback import SeenCall
from roark_otel.cli.demo.screen import SNIPPET
from roark_otel.cli.demo.stage import play, scenes
from roark_otel.cli.demo.surroundings import own_surroundings
from roark_otel.cli.demo.timeline import Said, Stretch, Used, clock, rows
from roark_otel.cli.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from roark_otel.sandbox import Sandbox

    Run = Callable[..., tuple[int, str, str]]

HOSTILE = {
    "ROARK_OBSERVABILITY_ENABLED": "false",
    "ROARK_CAPTURE_CONTENT": "false",
    "ROARK_BASE_URL": "https://api.roark.ai",
    "OTEL_SDK_DISABLED": "true",
    "OTEL_TRACES_SAMPLER": "always_off",
    "OTEL_RESOURCE_ATTRIBUTES": "roark.external_id=another-call",
    "http_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


def test_the_demo_shows_both_calls(run: Run) -> None:
    status, out, err = run("demo")

    assert (status, err) == (0, "")
    assert "\x1b" not in out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert "demo-plain-call, PHONE INBOUND, CUSTOMER_ENDED_CALL" in out
    assert "demo-livekit-call, WEB INBOUND" in out
    assert "customer    caller, +15550100" in out
    assert "linked, 5 spans" in out
    assert "linked, 56 spans" in out
    lines = [" ".join(line.translate({ord(mark): None for mark in "━·╋"}).split()) for line in out.splitlines()]
    assert '0:06.951 tool find_order(order_id="A-17") 0.452s' in lines
    assert '→ {"status": "in transit", "arrives": "Thursday"}' in lines
    assert "✗ TimeoutError: no answer in 2 s" in lines
    assert "0:11.245 customer Thursday is too late. Can a courier bring it today?" in lines
    assert "barge-in: 0.815s over the agent" in lines
    assert "0:12.308 customer Thursday is too late, can a courier bring it today?" in lines
    assert "barge-in: 0.254s over the agent" in lines
    # In a pipe a line stays whole.
    assert "  Your bicycle lamp left our warehouse yesterday and should be with you on Thursday —\n" in out


@pytest.mark.parametrize("columns", [60, 100])
def test_text_wraps_to_the_width_of_the_terminal(command: Run, columns: int) -> None:
    _, out, _ = command("demo", COLUMNS=str(columns))

    calls, _, _ = out.partition("Your turn")  # code stays as it is
    assert max(len(line) for line in calls.splitlines()[:-1]) <= columns


def test_colour_is_printed_only_when_asked_for(command: Run) -> None:
    assert "\x1b[36m" in command("demo", FORCE_COLOR="1")[1]
    assert "\x1b[36m" not in command("demo", FORCE_COLOR="1", NO_COLOR="1")[1]


def test_an_ascii_terminal_gets_ascii_marks(run: Run) -> None:
    status, out, err = run("demo", PYTHONIOENCODING="ascii")

    assert (status, err) == (0, "")
    assert "===" in out
    assert out.count("?") == out.count("help you?") + out.count("it?") + out.count("today?") + out.count("back?")


def test_json_prints_the_calls_as_they_were_posted(run: Run) -> None:
    status, out, err = run("demo", "--json")

    assert (status, err) == (0, "")
    bodies = json.loads(out)
    calls = [Call.model_validate(body) for body in bodies]
    assert [call.external_id for call in calls] == ["demo-plain-call", "demo-livekit-call"]
    assert [json.loads(call.to_json()) for call in calls] == bodies


def test_the_environment_of_the_shell_does_not_change_the_demo(run: Run) -> None:
    status, out, err = run("demo", "--json", **HOSTILE)

    assert (status, err) == (0, "")
    assert [len(body["transcript"]) for body in json.loads(out)] == [7, 7]


def test_the_environment_is_restored_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)

    with own_surroundings() as spool:
        assert not HOSTILE.keys() & os.environ.keys()
        assert spool.is_dir()

    assert dict(os.environ) == before
    assert not spool.exists()


def test_the_official_client_reads_both_calls(sandbox: Sandbox, tmp_path: Path) -> None:
    seen = [play(scene, sandbox.url, tmp_path) for scene in scenes()]

    key = "any-key-at-all"
    with Roark(base_url=sandbox.url, bearer_token=key, max_retries=0, _strict_response_validation=True) as client:
        listed = {call.external_id: call.id for call in client.call.list().data}
        assert set(listed) == {"demo-plain-call", "demo-livekit-call"}
        for call in seen:
            own_id = listed[call.body["externalId"]]
            details = client.call.get_by_id(own_id).data
            assert details.recording_url == f"{sandbox.url}/recordings/{call.body['externalId']}.wav"
            entries = client.call.get_transcript(own_id).data.entries
            assert [entry.text for entry in entries] == [entry["text"] for entry in call.body["transcript"]]


def test_a_call_is_linked_to_its_trace(sandbox: Sandbox, tmp_path: Path) -> None:
    for scene in scenes():
        seen = play(scene, sandbox.url, tmp_path)

        assert list(seen.traces) == [seen.body["properties"]["trace_id"]]
        assert sandbox.call(scene.external_id).trace_ids == tuple(seen.traces)


def test_a_call_that_does_not_arrive_is_a_problem(sandbox: Sandbox, tmp_path: Path) -> None:
    silent = replace(scenes()[0], hold=lambda _provider: None)

    with pytest.raises(Problem, match=r"^the call demo-plain-call did not arrive \(flushed: True, ") as raised:
        play(silent, sandbox.url, tmp_path)

    assert raised.value.status == 1


def test_replaying_a_recording_makes_the_recorded_spans() -> None:
    recording = recorded.load()
    exporter = InMemorySpanExporter()
    provider = TracerProvider(id_generator=recorded.RecordedIds(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    recording.replay(provider)

    ended = sorted(recording.spans, key=lambda span: span["on_end_seq"])
    finished = exporter.get_finished_spans()
    assert [span.name for span in finished] == [span["name"] for span in ended]
    assert [f"{span.context.span_id:016x}" for span in finished if span.context] == [span["span_id"] for span in ended]
    assert [(span.start_time, span.end_time) for span in finished] == [
        (span["start_ns"], span["end_ns"]) for span in ended
    ]
    assert {span.context.trace_id for span in finished if span.context} == {recording.trace_id}
    assert finished[-1].parent is None


def test_replaying_a_recording_needs_its_id_generator() -> None:
    with pytest.raises(TypeError):
        recorded.load().replay(TracerProvider(shutdown_on_exit=False))


def test_the_recording_names_no_machine() -> None:
    assert set(recorded.load().resource) == {"service.name", "roark.external_id"}


def test_the_plain_conversation_has_just_ended() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    plain.hold(provider)

    root = exporter.get_finished_spans()[-1]
    assert root.parent is None
    assert root.start_time is not None
    assert root.end_time is not None
    assert root.end_time - root.start_time == 25_600_000_000


def test_the_snippet_is_python() -> None:
    assert len([line for line in SNIPPET.splitlines() if line]) <= 5
    ast.parse(SNIPPET)


def test_rows_are_in_order_and_show_who_talks_over_whom() -> None:
    body = {
        **CALL,
        "transcript": [entry("AGENT", 0, 3000), entry("CUSTOMER", 2000, 2500), entry("CUSTOMER", 3000, 4000)],
        "toolInvocations": [{"name": "t", "parameters": {"n": "x", "m": 1}, "result": "text", "startOffsetMs": 1000}],
    }

    assert rows(seen(body)) == [
        Said(Stretch(0, 3000), "agent", "words", None, is_cut=False),
        Used(Stretch(1000, 1000), 't(n="x", m=1)', "text", is_error=False),
        Said(Stretch(2000, 2500), "customer", "words", Stretch(2000, 2500), is_cut=False),
        Said(Stretch(3000, 4000), "customer", "words", None, is_cut=False),
    ]


def test_a_call_in_which_nothing_happened_has_no_rows() -> None:
    assert rows(seen(CALL)) == []


def test_times_are_formatted_as_a_player_does() -> None:
    assert [clock(0), clock(61_005), clock(3_600_000)] == ["0:00.000", "1:01.005", "60:00.000"]


def test_a_lane_draws_the_shortest_stretch_at_its_end() -> None:
    lane = Lane(1000, 10, marks_for("utf-8"))

    assert lane.drawn(Stretch(1000, 1000), None, "red").plain == "·········━"
    assert lane.drawn(Stretch(0, 500), Stretch(200, 400), "red").plain == "━━╋╋━·····"


CALL: dict[str, Any] = {
    "recordingUrl": "https://example.com/a.wav",
    "startedAt": "2026-01-31T09:30:00.000Z",
    "interfaceType": "PHONE",
    "callDirection": "INBOUND",
    "externalId": "call-1",
}


def entry(role: str, start_ms: int, end_ms: int) -> dict[str, Any]:
    return {"role": role, "text": "words", "startOffsetMs": start_ms, "endOffsetMs": end_ms}


def seen(body: dict[str, Any]) -> SeenCall:
    return SeenCall("a call", {}, body.get("transcript", []), body, {})
