"""Spans that come after their conversation was closed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import set_span_in_context

from roark_otel import cli
from support.answering import Answer, AnsweringServer, Seen, created
from support.helpers import ID, MS, App, wait_until, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.trace import Span

    from roark_otel.sandbox import Sandbox

URL = "https://example.com/later.wav"
MARKED = {"roark.conversation.root": True}


@pytest.fixture(name="waiting")
def _waiting(sandbox: Sandbox) -> Iterator[App]:
    """An app whose calls wait for their recordings."""
    app = App(sandbox.url, recording_url=None)
    yield app
    app.close()


class Call:
    """A conversation whose root has ended, and a span of it that has not."""

    def __init__(self, app: App, external_id: str = "call-1", **attributes: Any) -> None:
        self._app = app
        with app.tracer.start_as_current_span("call", attributes={ID: external_id, **MARKED, **attributes}) as root:
            root.add_event("roark.transcript", {"role": "customer", "text": "Where is my order?"})
            self.late: Span = app.tracer.start_span("background")
        app.processor.force_flush(10_000)

    def end(self, **attributes: Any) -> None:
        """Ends the late span."""
        self.late.set_attributes(attributes)
        self.late.end()
        self._app.processor.force_flush(10_000)


def use_tool(span: Span, number: int = 0) -> None:
    fields = {"name": "ship", "parameters": f'{{"n": {number}}}', "result": "done"}
    span.add_event("roark.tool_invocation", fields, timestamp=time.time_ns() + number * MS)


# While the call waits


def test_late_words_and_tools_are_merged_into_a_call_that_waits(waiting: App, sandbox: Sandbox) -> None:
    call = Call(waiting)
    call.late.add_event("roark.transcript", {"role": "agent", "text": "It is on its way."})
    use_tool(call.late)

    call.end(**{"roark.recording_url": URL, "roark.ended_status": "customer_ended_call", "roark.property.a": 1})

    wait_until(lambda: len(sandbox.calls()) == 1)
    (body,) = sandbox.calls()
    assert words(body) == ["Where is my order?", "It is on its way."]
    assert [tool["name"] for tool in body["toolInvocations"]] == ["ship"]
    assert (body["recordingUrl"], body["endedStatus"]) == (URL, "CUSTOMER_ENDED_CALL")
    assert body["properties"]["a"] == 1
    stats = waiting.processor.stats()
    assert (stats.late_spans, stats.late_dropped, stats.duplicates, stats.finished) == (1, 0, 0, 1)


def test_a_guess_from_few_late_words_changes_nothing(waiting: App, sandbox: Sandbox, tmp_path: Path) -> None:
    """The late words alone look as if the customer had been silent."""
    call = Call(waiting)
    before = json.loads(_waiting_body(tmp_path))
    call.late.add_event("roark.transcript", {"role": "agent", "text": "It is on its way."})

    call.end()

    after = json.loads(_waiting_body(tmp_path))
    assert after.get("endedStatus") == before.get("endedStatus")
    assert {**after, "transcript": 0} == {**before, "transcript": 0}
    assert sandbox.calls() == []


def test_a_tool_use_that_comes_twice_is_merged_once(waiting: App, tmp_path: Path) -> None:
    call = Call(waiting)
    use_tool(call.late)
    call.end()
    before = _waiting_body(tmp_path)
    again = waiting.tracer.start_span("background", context=None)
    again.end()

    assert _waiting_body(tmp_path) == before


def _waiting_body(folder: Path) -> bytes:
    (path,) = (folder / "spool").rglob("*.waiting.jsonl")
    return path.read_bytes().split(b"\n")[1]


# After it was sent


def test_late_tools_of_a_call_that_was_sent_are_appended(sandbox: Sandbox) -> None:
    app = App(sandbox.url)
    call = Call(app)
    assert len(sandbox.calls()) == 1
    for number in range(3):
        use_tool(call.late, number)

    call.end()

    assert [tool["name"] for tool in sandbox.call("call-1").tool_invocations] == ["ship"] * 3
    stats = app.processor.stats()
    assert (stats.appended, stats.late_spans, stats.late_dropped, stats.spooled) == (3, 1, 0, 0)


def test_five_hundred_late_tools_go_into_one_request() -> None:
    with AnsweringServer(then=_appended) as server:
        app = App(server.url, provider=_many_events())
        call = Call(app)
        for number in range(501):
            use_tool(call.late, number)

        call.end()
        wait_until(lambda: len(server.seen) == 3)

    paths = [seen.path for seen in server.seen]
    counts = [len(json.loads(seen.body)["toolInvocations"]) for seen in server.seen[1:]]
    assert paths == ["/v1/call", *["/v1/call/id-7/tool-invocations"] * 2]
    assert sorted(counts) == [1, 500]


def _many_events() -> dict[str, Any]:
    from opentelemetry.sdk.trace import SpanLimits

    return {"span_limits": SpanLimits(max_events=1_000)}


def _appended(seen: Seen) -> Answer:
    if seen.path == "/v1/call":
        return created("id-7")
    added = len(json.loads(seen.body)["toolInvocations"])
    return Answer(200, json.dumps({"data": {"added": added, "skipped": 0, "callId": "id-7"}}).encode())


def test_late_words_of_a_call_that_was_sent_are_kept_aside_with_one_warning(
    sandbox: Sandbox, said: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    app = App(sandbox.url)
    for number in range(2):
        call = Call(app, f"call-{number}")
        call.late.add_event("roark.transcript", {"role": "agent", "text": "secret words"})
        call.end()

    assert app.processor.stats().late_dropped == 2
    warnings = [record.getMessage() for record in said.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "after a call was sent" in warnings[0]
    assert "secret words" not in said.text
    kept = [path.read_text().splitlines()[1] for path in (tmp_path / "spool").rglob("rejected/*.jsonl")]
    assert sorted(json.loads(body)["externalId"] for body in kept) == ["call-0", "call-1"]
    assert all(json.loads(body)["transcript"][0]["text"] == "secret words" for body in kept)
    assert cli.main(["spool", "retry", "--rejected", "--spool-dir", str(tmp_path / "spool")]) == 1


def test_a_late_span_that_says_nothing_new_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """As the job around a LiveKit session, which ends last: it only shows the framework again."""
    app = App(sandbox.url)
    livekit = app.provider.get_tracer("livekit-agents")
    job = livekit.start_span("job_entrypoint", attributes={ID: "call-1"})
    session = livekit.start_span("agent_session", set_span_in_context(job), attributes={ID: "call-1"})
    session.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
    session.end()
    assert app.processor.force_flush(60_000)

    job.end()
    assert app.processor.force_flush(60_000)

    assert len(sandbox.calls()) == 1
    assert app.processor.stats().late_dropped == 0
    assert list((tmp_path / "spool").rglob("rejected/*.jsonl")) == []


def test_late_tools_of_a_call_without_a_known_id_are_kept(tmp_path: Path) -> None:
    """Roark's answer was lost, and the 409 to the next attempt has no id."""
    with AnsweringServer(Answer(500), then=Answer(409)) as server:
        app = App(server.url)
        call = Call(app)
        wait_until(lambda: app.processor.stats().already == 1)
        use_tool(call.late)

        call.end()
        wait_until(lambda: app.processor.stats().late_dropped == 1)

    (reason,) = (tmp_path / "spool").rglob("rejected/*.reason.json")
    assert json.loads(reason.read_text()) == {"status": 0, "reason": "the call's id is not known"}


def test_late_tools_wait_on_disk_while_roark_is_down(tmp_path: Path) -> None:
    """And go to the call that another process of the same spool finds in the header."""
    with AnsweringServer(then=_appended) as server:
        app = App(server.url)
        call = Call(app)
        server.then = Answer(503)
        use_tool(call.late)
        call.late.end()
        assert not app.processor.force_flush(300)
        (late,) = (tmp_path / "spool").rglob("*.late.jsonl")
        assert json.loads(late.read_bytes().split(b"\n")[0])["call_id"] == "id-7"
        server.then = _appended

        assert app.processor.force_flush(10_000)
    assert server.seen[-1].path == "/v1/call/id-7/tool-invocations"
    assert [tool["name"] for tool in json.loads(server.seen[-1].body)["toolInvocations"]] == ["ship"]
    assert (app.processor.stats().appended, app.processor.stats().spooled) == (1, 0)


def test_what_comes_late_for_a_conversation_that_is_not_sent_stays_unsent(sandbox: Sandbox, tmp_path: Path) -> None:
    app = App(sandbox.url)
    skipped: dict[str, Any] = {"roark.skip": True}
    call = Call(app, **skipped)
    use_tool(call.late)
    call.end()

    assert sandbox.calls() == []
    assert list((tmp_path / "spool").rglob("*.jsonl")) == []


# A further root


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_further_root_of_an_id_is_a_call_of_its_own_and_set_aside(
    is_sent: bool, sandbox: Sandbox, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    """It is not overwritten and not dropped silently, while the first one waits and after it was sent."""
    app = App(sandbox.url, recording_url=URL if is_sent else None)
    app.conversation("call-1", "the first", **MARKED)
    assert app.processor.force_flush(10_000)
    app.conversation("call-1", "the second", **MARKED)
    assert app.processor.force_flush(10_000)

    (reason,) = (tmp_path / "spool").rglob("rejected/*.reason.json")
    assert json.loads(reason.read_text()) == {"status": 0, "reason": "duplicate_id"}
    kept = reason.with_name(reason.name.replace(".reason.json", ".jsonl")).read_bytes()
    assert words(json.loads(kept.split(b"\n")[1])) == ["the second"]
    assert [words(call) for call in sandbox.calls()] == ([["the first"]] if is_sent else [])
    stats = app.processor.stats()
    assert (stats.duplicates, stats.finished, stats.awaiting_recording) == (1, 1, 0 if is_sent else 1)
    assert [message for message in said.messages if "a further conversation" in message]


# Halves of a tool use


def test_a_result_that_comes_late_is_that_of_its_call(waiting: App, tmp_path: Path) -> None:
    call = Call(waiting)
    call.late.add_event("roark.tool_result", {"id": "b:0", "result": "booked"})
    early = waiting.tracer.start_span("tool", context=set_span_in_context(call.late))
    early.add_event("roark.tool_call", {"name": "book", "id": "b:0", "parameters": '{"n": 1}'})
    early.end()
    waiting.processor.force_flush(10_000)
    assert [use["result"] for use in _tools(tmp_path)] == [""]

    call.end()

    assert [(use["name"], use["parameters"], use["result"]) for use in _tools(tmp_path)] == [
        ("book", {"n": 1}, "booked")
    ]


def test_a_result_without_its_call_is_not_appended_to_a_call_that_was_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    app = App(sandbox.url)
    call = Call(app)
    call.late.add_event("roark.tool_result", {"id": "b:0", "result": "booked"})
    use_tool(call.late)

    call.end()

    assert [tool["name"] for tool in sandbox.call("call-1").tool_invocations] == ["ship"]
    assert (app.processor.stats().appended, app.processor.stats().late_dropped) == (1, 1)
    (kept,) = (path.read_text().splitlines()[1] for path in (tmp_path / "spool").rglob("rejected/*.jsonl"))
    assert [use["result"] for use in json.loads(kept)["toolInvocations"]] == ["booked"]


def _tools(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_waiting_body(folder)).get("toolInvocations", [])
    return found
