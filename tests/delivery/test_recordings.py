"""Recordings that come later: attached, found by a resolver, known after a delay, or never."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from pydantic import SecretStr

from roark_otel import RoarkSpanProcessor, attach_recording, attach_recording_async
from roark_otel._delivery import recordings, rounds, waits
from roark_otel._delivery import resolver as resolver_module
from roark_otel._delivery.client import Client
from roark_otel._delivery.courier import Courier
from roark_otel._delivery.errands import Errands
from roark_otel._delivery.recordings import RecordingPolicy, WaitingCalls
from roark_otel._engine import registry
from roark_otel._model.stats import Tally
from roark_otel._spool import attachments
from roark_otel._spool.file import Header
from roark_otel._spool.id_hash import KEY_FILE, ids_of
from roark_otel._spool.names import Stage
from roark_otel._spool.spool import Spool
from roark_otel.types import Attached, FinishedCall, Kept, NoRecording
from support.answering import AnsweringServer, created
from support.helpers import ID, SECOND, T0, App, customer_said, wait_until
from support.paths import TESTS
from support.spool_names import call_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

URL = "https://example.com/later.wav"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes at once happen what happens every few seconds."""
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(recordings, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(random, "random", lambda: 0.0)


@pytest.fixture(name="server")
def _server() -> Iterator[AnsweringServer]:
    with AnsweringServer() as server:
        yield server


def app(server: AnsweringServer | Sandbox, **arguments: Any) -> App:
    """An app without a recording."""
    return App(server.url, **{"recording_url": None, **arguments})


def talk(one: App, external_id: str, **attributes: Any) -> None:
    one.conversation(external_id, "Hello.", **{"roark.conversation.root": True, **attributes})
    one.processor.force_flush(10_000)


def sent(server: AnsweringServer) -> dict[str, str]:
    """The recordings of the calls that were sent, by external id."""
    return {(body := json.loads(seen.body))["externalId"]: body["recordingUrl"] for seen in server.seen}


def spool_files(tmp_path: Path, pattern: str) -> list[Path]:
    """The files of calls and of recordings."""
    found = (tmp_path / "spool").rglob(pattern)
    return [path for path in found if path.is_file() and path.parent.name != "keys" and path.name != KEY_FILE]


# Attached


def test_a_recording_is_attached_while_the_call_waits(server: AnsweringServer, tmp_path: Path) -> None:
    one = app(server)
    talk(one, "call-1")
    assert (server.seen, one.processor.stats().awaiting_recording) == ([], 1)

    assert attach_recording("call-1", URL) == Attached(1)

    wait_until(lambda: sent(server) == {"call-1": URL})
    wait_until(lambda: one.processor.stats().delivered == 1)
    assert one.processor.stats().awaiting_recording == 0
    assert spool_files(tmp_path, "*") == []


def test_a_recording_is_attached_before_the_call_comes(server: AnsweringServer, tmp_path: Path) -> None:
    assert attach_recording("call-1", URL) == Kept()
    one = app(server)

    talk(one, "call-1")

    wait_until(lambda: sent(server) == {"call-1": URL})
    wait_until(lambda: spool_files(tmp_path, "*") == [])


def test_a_recording_attached_after_the_call_was_sent_changes_nothing(server: AnsweringServer) -> None:
    one = app(server)
    talk(one, "call-1", **{"roark.recording_url": "https://example.com/first.wav"})

    assert attach_recording("call-1", URL) == Kept()

    talk(one, "call-2", **{"roark.recording_url": URL})
    assert [json.loads(seen.body)["externalId"] for seen in server.seen] == ["call-1", "call-2"]


def test_a_recording_is_attached_by_another_process_without_a_key(server: AnsweringServer, tmp_path: Path) -> None:
    one = app(server)
    talk(one, "call-1")
    wait_until(lambda: one.processor.stats().awaiting_recording == 1, 60.0)

    script = f"import roark_otel; print(roark_otel.attach_recording('call-1', '{URL}'))"
    environment = {**os.environ, "ROARK_SPOOL_DIR": str(tmp_path / "spool")}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300, check=True
    )

    # The app's courier may take the URL as soon as it is written, before the other process looks for calls.
    assert done.stdout in {"Attached(calls=1)\n", "Kept()\n"}
    wait_until(lambda: sent(server) == {"call-1": URL}, 30.0)


def test_a_recording_attached_while_the_call_is_spooled_is_never_missed(server: AnsweringServer) -> None:
    """Either the attachment finds the call, or the call finds the attachment."""
    one = app(server, linger_seconds=0.02)
    ids = [f"call-{number}" for number in range(40)]
    gate = threading.Barrier(2)

    def attach() -> None:
        for external_id in ids:
            gate.wait()
            attach_recording(external_id, URL)

    thread = threading.Thread(target=attach)
    thread.start()
    for external_id in ids:
        gate.wait()
        one.conversation(external_id, "Hello.", **{"roark.conversation.root": True})
    thread.join()

    wait_until(lambda: sent(server) == dict.fromkeys(ids, URL), 30.0)


def test_an_attached_recording_replaces_the_template_s(server: AnsweringServer, tmp_path: Path) -> None:
    one = app(server, recording_url_template="https://example.com/{external_id}.wav", recording_delay_seconds=3_600)
    talk(one, "call-1")

    assert attach_recording("call-1", URL) == Attached(1)

    (ready,) = spool_files(tmp_path, "*.ready.jsonl")
    assert json.loads(ready.read_bytes().split(b"\n")[1])["recordingUrl"] == URL


def test_an_attached_recording_survives_a_further_root_of_the_call(server: AnsweringServer) -> None:
    """A resting call is finished again by code that does not know of the attachment."""
    one = app(server, linger_seconds=0.02)
    first = one.tracer.start_span("turn", attributes={"roark.external_id": "call-1"})
    first.add_event("roark.transcript", {"role": "agent", "text": "one"})
    first.end()
    wait_until(lambda: one.processor.stats().awaiting_recording == 1)
    # Kept if the courier holds the file at this moment: it then takes the URL from there.
    assert attach_recording("call-1", URL) in (Attached(1), Kept())

    second = one.tracer.start_span("turn", attributes={"roark.external_id": "call-1"})
    second.add_event("roark.transcript", {"role": "agent", "text": "two"})
    second.end()
    one.processor.force_flush(10_000)

    wait_until(lambda: sent(server) == {"call-1": URL})
    assert [entry["text"] for entry in json.loads(server.seen[0].body)["transcript"]] == ["one", "two"]


@pytest.mark.parametrize(("external_id", "url"), [("", URL), ("x" * 256, URL), ("a", "ftp://a"), ("a", "later.wav")])
def test_an_invalid_attachment_raises(external_id: str, url: str) -> None:
    with pytest.raises(ValueError, match=r"^roark_otel: (external_id|url): "):
        attach_recording(external_id, url)


def test_a_recording_is_attached_from_an_event_loop(server: AnsweringServer) -> None:
    one = app(server)
    talk(one, "call-1")

    assert asyncio.run(attach_recording_async("call-1", URL)) == Attached(1)

    wait_until(lambda: sent(server) == {"call-1": URL})


def test_a_kept_recording_expires(tmp_path: Path) -> None:
    attach_recording("call-1", URL)
    (kept,) = (tmp_path / "spool" / "attached").iterdir()
    assert attachments.kept_among(tmp_path / "spool", ["call-1", "call-2"]) == ["call-1"]
    os.utime(kept, (1_000, 1_000))

    assert attachments.kept_among(tmp_path / "spool", ["call-1", "call-2"]) == []
    assert not kept.exists()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"url": 7}', b'{"url": "file:///etc/passwd"}', b"\xff", b"[" * 90_000]
)
def test_a_damaged_kept_recording_is_ignored(content: bytes, tmp_path: Path) -> None:
    attach_recording("call-1", URL)
    (kept,) = (tmp_path / "spool" / "attached").iterdir()
    kept.write_bytes(content)

    assert attachments.kept_for(tmp_path / "spool", "call-1") is None


def test_in_memory_a_recording_is_attached_in_the_same_process(server: AnsweringServer, tmp_path: Path) -> None:
    one = app(server, spool="memory")
    talk(one, "call-1")
    assert one.processor.stats().awaiting_recording == 1

    assert attach_recording("call-1", URL) == Attached(1)
    assert attach_recording("call-2", URL) == Kept()
    talk(one, "call-2")

    wait_until(lambda: sent(server) == {"call-1": URL, "call-2": URL})
    assert not (tmp_path / "spool").exists()


# Resolved


def test_a_resolver_finds_the_recording(server: AnsweringServer) -> None:
    asked: list[tuple[FinishedCall, str]] = []

    def resolver(call: FinishedCall) -> str:
        asked.append((call, threading.current_thread().name))
        return URL

    one = app(server, recording_url=resolver)
    talk(one, "call-1")

    wait_until(lambda: sent(server) == {"call-1": URL})
    ((call, thread),) = asked
    assert (call.external_id, call.turns, call.tools, thread) == ("call-1", 1, 0, "roark-otel-resolver")
    assert len(call.trace_id) == 32
    assert 0 <= time.time() - call.started_at.timestamp() < 60
    assert call.started_at <= call.finished_at


def test_a_resolver_may_be_a_coroutine_function(server: AnsweringServer) -> None:
    """It runs on the resolver's thread, and is asked again like another one."""
    answers = [None, URL]

    async def resolver(call: FinishedCall) -> str | None:
        await asyncio.sleep(0)
        assert (call.external_id, threading.current_thread().name) == ("call-1", "roark-otel-resolver")
        return answers.pop(0)

    talk(app(server, recording_url=resolver), "call-1")
    wait_until(lambda: sent(server) == {"call-1": URL}, 60.0)


def test_a_coroutine_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, server: AnsweringServer) -> None:
    monkeypatch.setattr(resolver_module, "DEADLINE_SECONDS", 0.01)
    ended = threading.Event()

    async def resolver(_: FinishedCall) -> str | None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return None

    talk(app(server, recording_url=resolver), "call-1")
    assert ended.wait(60)


@pytest.mark.faults
def test_a_resolver_that_fails_or_does_not_know_yet_is_asked_again(
    server: AnsweringServer, said: pytest.LogCaptureFixture
) -> None:
    answers: list[Any] = [None, OSError("secret words"), "not a url", URL]

    def resolver(_call: FinishedCall) -> str | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    one = app(server, recording_url=resolver)
    talk(one, "call-1")

    wait_until(lambda: sent(server) == {"call-1": URL})
    assert answers == []
    assert "secret words" not in said.text


def test_a_call_that_waits_for_a_resolver_is_not_due(server: AnsweringServer) -> None:
    one = app(server, recording_url=lambda _call: None)
    one.conversation("call-1", "Hello.", **{"roark.conversation.root": True})

    assert one.processor.force_flush(60_000)
    assert one.processor.stats().awaiting_recording == 1


def test_a_hanging_resolver_is_abandoned_and_delays_no_other_call(
    server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_module, "DEADLINE_SECONDS", 0.2)
    end = threading.Event()

    def resolver(call: FinishedCall) -> str:
        if call.external_id == "stuck":
            end.wait(60)
        return URL

    one = app(server, recording_url=resolver)
    talk(one, "stuck")
    talk(one, "known", **{"roark.recording_url": "https://example.com/known.wav"})
    talk(one, "found")

    wait_until(lambda: sent(server) == {"known": "https://example.com/known.wav", "found": URL}, 30.0)
    assert one.processor.stats().abandoned_resolvers >= 1
    end.set()
    wait_until(lambda: "stuck" in sent(server), 30.0)


def test_hanging_resolvers_are_bounded(monkeypatch: pytest.MonkeyPatch, server: AnsweringServer) -> None:
    monkeypatch.setattr(resolver_module, "DEADLINE_SECONDS", 0.01)
    monkeypatch.setattr(resolver_module, "MAX_ABANDONED", 2)
    end, asked = threading.Event(), []

    def resolver(call: FinishedCall) -> None:
        asked.append(call.external_id)
        end.wait(60)

    one = app(server, recording_url=resolver)
    for number in range(6):
        one.conversation(f"call-{number}", "Hello.", **{"roark.conversation.root": True})
    one.processor.force_flush(10_000)

    wait_until(lambda: one.processor.stats().abandoned_resolvers == 2, 30.0)
    assert len(asked) == 2
    end.set()
    wait_until(lambda: len(set(asked)) == 6, 30.0)


def test_a_recording_on_the_spans_needs_no_resolver(server: AnsweringServer) -> None:
    def resolver(_call: FinishedCall) -> str:
        raise AssertionError

    one = app(server, recording_url=resolver)
    talk(one, "call-1", **{"roark.recording_url": URL})

    assert sent(server) == {"call-1": URL}


# Never


def never(_call: FinishedCall) -> str:
    raise NoRecording


@pytest.mark.parametrize("how", [{"recording_url": never}, {"recording_wait_seconds": 0.2}])
def test_a_call_without_a_recording_is_sent_with_the_fallback(how: dict[str, Any], server: AnsweringServer) -> None:
    one = app(server, recording_fallback_url="https://example.com/silence.wav", **how)
    talk(one, "call-1")

    wait_until(lambda: len(server.seen) == 1)
    body = json.loads(server.seen[0].body)
    assert body["recordingUrl"] == "https://example.com/silence.wav"
    assert body["properties"]["roark_recording"] == "fallback"
    assert body["transcript"][0]["text"] == "Hello."


@pytest.mark.parametrize("how", [{"recording_url": never}, {"recording_wait_seconds": 0.2}])
def test_a_call_without_a_recording_and_a_fallback_is_set_aside_and_an_attachment_revives_it(
    how: dict[str, Any], server: AnsweringServer, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    one = app(server, **how)
    talk(one, "call-1")
    wait_until(lambda: one.processor.stats().rejected == 1)
    (reason,) = spool_files(tmp_path, "*.reason.json")
    assert json.loads(reason.read_text()) == {"status": 0, "reason": "no_recording"}
    assert (reason.parent.name, one.processor.stats().awaiting_recording) == ("rejected", 0)
    wait_until(lambda: any("call-1 has no recording" in message for message in said.messages))

    assert attach_recording("call-1", URL) == Attached(1)

    wait_until(lambda: sent(server) == {"call-1": URL})
    wait_until(lambda: spool_files(tmp_path, "*") == [])


def test_a_call_rejected_for_another_reason_is_not_revived(tmp_path: Path) -> None:
    with AnsweringServer(then=lambda _seen: created()) as server:
        from support.answering import invalid

        server.then = invalid("startedAt")
        one = app(server)
        talk(one, "call-1", **{"roark.recording_url": "https://example.com/wrong.wav"})

        assert attach_recording("call-1", URL) == Kept()
    assert len(spool_files(tmp_path, f"rejected/{ids_of(tmp_path / 'spool').of('call-1')}*.jsonl")) == 1


# Delayed


def test_a_template_s_recording_is_used_only_after_a_delay(server: AnsweringServer) -> None:
    one = app(server, recording_url_template="https://example.com/{external_id}.wav", recording_delay_seconds=1.0)
    ended = time.time()
    one.conversation("call-1", "Hello.", **{"roark.conversation.root": True})

    assert one.processor.force_flush(60_000)
    wait_until(lambda: len(server.seen) == 1)
    assert time.time() - ended >= 0.99
    assert one.processor.stats().awaiting_recording == 0


def test_a_recording_on_the_spans_needs_no_delay(server: AnsweringServer) -> None:
    one = app(server, recording_url_template="https://example.com/x.wav", recording_delay_seconds=3_600.0)
    talk(one, "call-1", **{"roark.recording_url": URL})

    assert sent(server) == {"call-1": URL}


def test_a_template_may_name_a_livekit_room(server: AnsweringServer) -> None:
    one = app(server, recording_url_template="https://example.com/{livekit_room_name}.ogg")
    livekit = one.provider.get_tracer("livekit-agents")
    with livekit.start_as_current_span("agent_session", attributes={"lk.room_name": "order desk/7"}) as session:
        session.set_attribute("roark.external_id", "call-1")
        session.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
    one.processor.force_flush(10_000)

    assert sent(server) == {"call-1": "https://example.com/order%20desk%2F7.ogg"}


# Other processes


def test_a_waiting_call_of_an_earlier_process_is_taken_over(
    server: AnsweringServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from support.helpers import App
one = App({server.url!r}, recording_url=None)
one.conversation("call-1", "Hello.", **{{"roark.conversation.root": True}})
assert one.processor.force_flush(60_000)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    subprocess.run([sys.executable, "-c", script], env=environment, timeout=300, check=True)  # noqa: S603
    assert len(spool_files(tmp_path, "*.waiting.jsonl")) == 1
    monkeypatch.setattr(waits, "TAKE_OVER_SECONDS", 0.0)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(
        RoarkSpanProcessor(api_key="test-key", base_url=server.url, recording_url=lambda _call: URL)
    )

    wait_until(lambda: sent(server) == {"call-1": URL}, 30.0)


def test_a_waiting_call_of_a_running_process_is_left_to_it(server: AnsweringServer, tmp_path: Path) -> None:
    """Its own resolver may know what this one does not. A courier of its own stands for another process's."""
    one = app(server)
    talk(one, "waits")
    (waiting,) = spool_files(tmp_path, "*.waiting.jsonl")
    asked: list[str] = []

    def resolver(call: FinishedCall) -> str:
        asked.append(call.external_id)
        return URL

    spool, tally = Spool(waiting.parent), Tally()
    spool.put(call_name("sent", 7), Header("sent", "a1", time.time(), 0.0, 1, 0), b'{"externalId":"sent"}', Stage.READY)
    other = Courier(
        spool,
        lambda: Client(server.url, SecretStr("test-key"), None, 5.0),
        tally,
        RecordingPolicy(root=tmp_path / "spool", resolver=resolver),
    )

    # Each round looks into the directory, then asks the resolver, then sends: once a call is sent, both were looked at.
    assert other.drain(time.monotonic() + 60.0)
    assert (asked, [seen.external_id for seen in server.seen]) == ([], ["sent"])
    assert waiting.exists()
    other.discard()


# What is set later


LATER = "https://recordings.example.com/{service_name}/{started_at:%Y}/{external_id}.wav"


@pytest.mark.parametrize(
    ("later", "url"),
    [
        ({"recording_url_template": LATER}, "https://recordings.example.com/desk/2026/call%2F1.wav"),
        ({"recording_url": "https://example.com/all.wav"}, "https://example.com/all.wav"),
        ({"recording_url": lambda call: f"https://example.com/{call.turns}.wav"}, "https://example.com/1.wav"),
    ],
    ids=["template", "argument", "resolver"],
)
def test_a_source_that_is_set_later_serves_calls_that_wait(
    later: dict[str, Any], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL at once, if the process that spooled them has no resolver; a resolver once that process is gone."""
    if callable(later.get("recording_url")):
        monkeypatch.setattr(waits, "TAKE_OVER_SECONDS", 0.0)
    with AnsweringServer() as server:
        before = App(server.url, recording_url=None, resource={"service.name": "desk"})
        attributes: Any = {ID: "call/1", "roark.conversation.root": True}
        root = before.tracer.start_span("call", start_time=T0, attributes=attributes)
        customer_said(root, "Hello.", T0)
        root.end(T0 + SECOND)
        assert before.processor.force_flush(60_000)
        assert before.processor.stats().awaiting_recording == 1
        engine = before.processor._engine
        assert engine is not None
        engine.parts.courier.discard()
        registry._engines.clear()

        App(server.url, **{"recording_url": None, **later})
        wait_until(lambda: bool(server.seen), 60)
    assert json.loads(server.seen[0].body)["recordingUrl"] == url


def test_a_source_that_is_set_later_leaves_calls_of_a_live_resolver_alone(tmp_path: Path) -> None:
    """The process that spooled the call asks its own resolver, as long as it touches the file."""
    header = Header("call-1", "a1", time.time(), 0.0, 1, 0, has_resolver=True)
    body = b'{"externalId":"call-1","startedAt":"2026-01-31T09:30:00.000Z"}'
    spool = Spool(tmp_path / "spool" / ("a" * 16))
    spool.put(call_name("call-1", 7), header, body, Stage.WAITING)
    policy = RecordingPolicy(url_for=lambda _header, _body: "https://example.com/a.wav")
    errands = Errands()
    waiting = WaitingCalls(spool, errands, Tally(), policy, lambda _: None)
    name = call_name("call-1", 7)
    waiting.take_in([(name, time.time())], [])
    waiting.round()
    assert (len(waiting), len(errands)) == (1, 0)

    waiting.take_in([(name, time.time() - 3_600)], [])
    free = WaitingCalls(spool, errands, Tally(), policy, lambda _: None)
    free.take_in([(name, time.time() - 3_600)], [])
    free.round()
    assert (len(free), len(errands)) == (0, 1)
