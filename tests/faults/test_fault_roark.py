"""Faults of Roark and the network. Each test is a row of the fault table in docs/delivery.md, with the row's name."""

from __future__ import annotations

import gzip
import json
import os
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from roark_otel._delivery import rounds
from roark_otel._delivery.answers import MAX_BACKOFF_SECONDS, REFUSED_RETRY_SECONDS
from roark_otel._delivery.attempt import Attempts
from roark_otel._delivery.client import Client
from roark_otel._delivery.errands import Errands, Sweep
from roark_otel._delivery.orphans import Orphans
from roark_otel._delivery.recordings import RecordingPolicy, WaitingCalls
from roark_otel._delivery.rounds import Rounds
from roark_otel._engine import registry
from roark_otel._model.stats import Tally
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage
from roark_otel._spool.spool import Spool
from support.answering import Answer, AnsweringServer, Seen, created, invalid
from support.helpers import App, wait_until
from support.hostile import HONEST, HostileServer, dripping
from support.spool_names import call_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARKED = {"roark.conversation.root": True}
URL = "https://example.com/recording.wav"
DEAD_URL = "http://127.0.0.1:9"


def talk(app: App, *external_ids: str) -> None:
    for external_id in external_ids:
        app.conversation(external_id, "Hello.", **MARKED)


def ids(server: AnsweringServer) -> list[str]:
    return sorted(seen.external_id for seen in server.seen if seen.body)


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "spool").rglob("*.json*"))


class Simulated:
    """The courier's rounds without its thread, on a clock that only moves where the thread would wait."""

    def __init__(self, directory: Path) -> None:
        self.now = 1_000_000.0
        self.set_back = 0.0
        self.directory = directory
        self.restart(DEAD_URL)

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000.0 + self.now - self.set_back

    def restart(self, url: str) -> None:
        """Replaces the process by a new one."""
        self.url = url
        self.tally, self.spool, errands = Tally(), Spool(self.directory), Errands()
        self._attempts = Attempts(
            self.spool, lambda: Client(self.url, SecretStr("k"), None, 5.0), self.tally, clock=self
        )
        waiting = WaitingCalls(self.spool, errands, self.tally, RecordingPolicy(), lambda _answer: None, self)
        orphans = Orphans(self.spool, self.tally, 60.0, self)
        self._rounds = Rounds(self.spool, errands, self._attempts, waiting, orphans, clock=self)

    def save(self, *external_ids: str) -> None:
        for external_id in external_ids:
            header = Header(external_id, "a1", self.time(), 0.0, 1, 0)
            body = json.dumps({"externalId": external_id}).encode()
            self.spool.put(call_name(external_id, 7), header, body, Stage.READY)

    def run(self, seconds: float) -> None:
        """Lets this much time pass."""
        end = self.now + seconds
        while self.now < end:
            self._rounds.round(Sweep.ROUTINE)
            self.now = min(end, self.now + max(0.001, self._rounds.pause()))

    def close(self) -> None:
        self._attempts.hang_up()


@pytest.fixture(name="simulated")
def _simulated(tmp_path: Path) -> Iterator[Simulated]:
    one = Simulated(tmp_path / "project")
    yield one
    one.close()


def outage(simulated: Simulated, seconds: float) -> None:
    calls = [f"call-{number}" for number in range(20)]
    simulated.save(*calls[:10])
    simulated.run(seconds / 2)
    attempts = simulated.tally.snapshot().retried
    assert 0 < attempts <= 20 + seconds / 2 / MAX_BACKOFF_SECONDS * 4  # at least half a minute between two
    simulated.close()
    simulated.restart(DEAD_URL)
    simulated.save(*calls[10:])
    simulated.run(seconds / 2)
    simulated.close()
    with AnsweringServer() as server:
        simulated.url = server.url
        simulated.run(2 * MAX_BACKOFF_SECONDS)

        assert ids(server) == sorted(calls)
    assert simulated.spool.items() == []
    simulated.close()


def test_roark_is_down(simulated: Simulated) -> None:
    """It is down for an hour of simulated time, with a restart in the middle."""
    outage(simulated, 3_600.0)


@pytest.mark.long
def test_roark_is_down_for_a_day(simulated: Simulated) -> None:
    """It is down for a simulated day."""
    outage(simulated, 86_400.0)


def test_roark_answers_503(simulated: Simulated) -> None:
    """Requests become rarer, and all calls arrive once Roark recovers."""
    with AnsweringServer(then=Answer(503)) as server:
        simulated.restart(server.url)
        simulated.save(*(f"call-{number}" for number in range(30)))
        simulated.run(3_600.0)
        attempts = len(server.seen)
        assert attempts < 30 * 60  # less than once a minute for each call
        server.seen.clear()
        server.then = created()

        simulated.run(4 * MAX_BACKOFF_SECONDS)

        assert len(ids(server)) == 30
        simulated.close()


def test_roark_answers_503_with_retry_after(simulated: Simulated) -> None:
    """No request is made for as long as Roark asks, no matter what waits."""
    with AnsweringServer(then=Answer(503, headers={"retry-after": "600"})) as server:
        simulated.restart(server.url)
        simulated.save(*(f"call-{number}" for number in range(30)))
        simulated.run(3_599.0)
        assert len(server.seen) == 6
        server.then = created()
        server.seen.clear()

        simulated.run(700.0)

        assert len(ids(server)) == 30
        simulated.close()


def test_roark_answers_too_slowly() -> None:
    """The attempt ends after the timeout and is repeated; a 409 then means that the first had arrived."""
    heard_enough = threading.Event()

    def slow(_seen: Seen) -> Answer:
        heard_enough.wait(300)
        return created()

    with AnsweringServer(slow, then=Answer(409)) as server:
        app = App(server.url, http_timeout_seconds=0.3)
        talk(app, "call-1")

        assert app.processor.force_flush(60_000)
        heard_enough.set()
    assert app.processor.stats().already == 1


def test_the_connection_breaks() -> None:
    """It breaks in the middle of an answer: Roark has the call, and the next attempt finds that out."""
    with AnsweringServer(Answer(201, b'{"data": {', {"content-length": "900"}), Answer(409)) as server:
        app = App(server.url)
        talk(app, "call-1")

        assert app.processor.force_flush(60_000)
    assert app.processor.stats().already == 1


@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff", b'{"data": ', b"[" * 100_000, b"<html>Log in to this network</html>"]
)
def test_a_proxy_answers(body: bytes, said: pytest.LogCaptureFixture) -> None:
    """A proxy's page, or garbage with status 200, is not a delivery."""
    with AnsweringServer(Answer(200, body)) as server:
        app = App(server.url)
        talk(app, "call-1")

        assert app.processor.force_flush(60_000)
    assert (app.processor.stats().delivered, app.processor.stats().retried) == (1, 1)
    assert "Log in" not in said.text


def test_roark_redirects(said: pytest.LogCaptureFixture) -> None:
    """Neither the key nor a word goes to another address; everything waits, which is logged once."""
    with AnsweringServer() as elsewhere, AnsweringServer() as server:
        server.then = Answer(307, headers={"location": f"{elsewhere.url}/v1/call"})
        app = App(server.url)
        talk(app, "call-1", "call-2")

        assert not app.processor.force_flush(10_000)
        assert (elsewhere.seen, app.processor.stats().spooled) == ([], 2)
        assert len([record for record in said.records if record.levelname == "ERROR"]) == 1
        server.then = created()
        assert app.processor.force_flush(60_000)
    assert app.processor.stats().delivered == 2


def test_an_answer_does_not_end(tmp_path: Path) -> None:
    """Only the beginning of 100 MB is read."""
    sent: list[int] = []

    def long_answer() -> Iterator[bytes]:
        for _ in range(1_600):
            yield b" " * 65_536
            sent.append(65_536)

    with AnsweringServer(Answer(200, long_answer())) as server:
        app = App(server.url)
        talk(app, "call-1")

        assert app.processor.force_flush(60_000)
    assert sum(sent) < 60 * 1024 * 1024
    assert (app.processor.stats().delivered, files(tmp_path)) == (1, [])


def test_an_answer_comes_a_byte_at_a_time() -> None:
    """The courier gives it up after the time for a request, and the next attempt delivers the call."""
    slow = iter([lambda: dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n", HONEST)])
    with HostileServer(lambda: next(slow, lambda: [HONEST])()) as server:
        app = App(server.url, http_timeout_seconds=1.0)
        talk(app, "call-1")

        assert app.processor.force_flush(60_000)
        assert server.hung_up.wait(60.0)
    stats = app.processor.stats()
    assert (stats.delivered, stats.retried, server.requests) == (1, 1, 2)


def test_an_answer_is_packed(tmp_path: Path) -> None:
    """What would be a gigabyte is unpacked to a megabyte, and is not a delivery."""
    body = gzip.compress(gzip.compress(bytes(128 * 1024 * 1024)))
    bomb = Answer(200, body, {"content-encoding": "gzip, gzip"})
    with AnsweringServer(bomb) as server:
        app = App(server.url)
        tracemalloc.start()
        try:
            talk(app, "call-1")
            assert app.processor.force_flush(60_000)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 32 * 1024 * 1024
    assert (app.processor.stats().delivered, files(tmp_path)) == (1, [])


def test_the_key_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture) -> None:
    """Everything waits; once the file has the right key, everything arrives without a restart."""
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)
    file = tmp_path / "key"
    file.write_text("wrong-key\n")

    def checked(seen: Seen) -> Answer:
        return created(seen.external_id) if seen.headers["authorization"] == "Bearer right-key" else Answer(401)

    with AnsweringServer(then=checked) as server:
        app = App(server.url, api_key="wrong-key", api_key_file=file)
        talk(app, *(f"call-{number}" for number in range(5)))
        assert not app.processor.force_flush(10_000)
        refused = len(server.seen)
        assert refused <= 2
        assert app.processor.stats().spooled == 5

        file.write_text("right-key\n")

        wait_until(lambda: app.processor.stats().delivered == 5, 60.0)
    assert [record.levelname for record in said.records if record.levelno > 30] == ["ERROR"]
    assert "wrong-key" not in said.text


def test_the_credits_are_used_up(simulated: Simulated) -> None:
    """Every call waits, is retried every five minutes, and arrives."""
    with AnsweringServer(then=Answer(402)) as server:
        simulated.restart(server.url)
        simulated.save(*(f"call-{number}" for number in range(30)))
        simulated.run(3_599.0)
        assert len(server.seen) == 3_600 / REFUSED_RETRY_SECONDS
        server.then = created()
        server.seen.clear()

        simulated.run(REFUSED_RETRY_SECONDS + 1)

        assert len(ids(server)) == 30
        simulated.close()


def test_roark_rejects_a_field() -> None:
    """The call is sent once more without the field, if the field is optional."""
    with AnsweringServer(invalid("transcript[0].languageCode")) as server:
        app = App(server.url)
        with app.tracer.start_as_current_span("call", attributes={"roark.external_id": "call-1", **MARKED}) as span:
            span.add_event("roark.transcript", {"role": "agent", "text": "Hello.", "language_code": "xx"})

        assert app.processor.force_flush(60_000)
    first, second = [json.loads(seen.body) for seen in server.seen]
    assert "languageCode" in first["transcript"][0]
    assert "languageCode" not in second["transcript"][0]
    assert second["properties"]["roark_dropped_fields"] == "transcript[0].languageCode"


def test_roark_rejects_a_call(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    """It is kept whole, with the reason; the other calls go on."""
    with AnsweringServer(then=lambda seen: invalid("startedAt") if seen.external_id == "bad" else created()) as server:
        app = App(server.url)
        talk(app, "bad", "good")

        assert app.processor.force_flush(60_000)
    stats = app.processor.stats()
    assert (stats.delivered, stats.rejected, len(files(tmp_path))) == (1, 1, 2)
    assert [message for message in said.messages if "external_id=bad will not be sent (400: startedAt)" in message]


def test_a_call_in_memory_is_rejected(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    """It has nowhere to be kept, and no line says that it is kept, whatever the reason."""
    with AnsweringServer(then=lambda _seen: invalid("startedAt")) as server:
        app = App(server.url, spool="memory", recording_url=None, recording_wait_seconds=0.2)
        app.conversation("bad", "Hello.", **MARKED, **{"roark.recording_url": URL})
        app.conversation("unheard", "Hello.", **MARKED)
        assert app.processor.force_flush(60_000)
        wait_until(lambda: app.processor.stats().rejected == 2, 60.0)
    ends = {line.split("external_id=")[1].split()[0]: line for line in said.messages if " lost: " in line}
    assert "will not be sent (400: startedAt); it is lost: it was in memory" in ends["bad"]
    assert "has no recording and is lost: it was in memory" in ends["unheard"]
    assert "rejected" not in ends["bad"] + ends["unheard"]
    assert "attach_recording" not in ends["unheard"]
    assert files(tmp_path) == []


def test_an_id_is_used_twice(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    """The first call of the id is sent; the second one is kept with the reason, whether the first waits or was sent."""
    with AnsweringServer() as server:
        app = App(server.url, recording_url=None)
        for external_id, url in (("waits", None), ("sent", URL)):
            for words in ("the first", "the second"):
                about: dict[str, Any] = {} if url is None else {"roark.recording_url": url}
                app.conversation(external_id, words, **MARKED, **about)
                assert app.processor.force_flush(60_000)

        assert ids(server) == ["sent"]
    stats = app.processor.stats()
    assert (stats.duplicates, stats.awaiting_recording, stats.delivered) == (2, 1, 1)
    reasons = [json.loads(path.read_text()) for path in (tmp_path / "spool").rglob("rejected/*.reason.json")]
    assert reasons == [{"status": 0, "reason": "duplicate_id"}] * 2
    assert "a further conversation of an id" in said.text


def test_another_client_used_the_id(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    """Roark answers 409 to a call that was never tried: it is kept, is not delivered, and the log says what to do."""
    with AnsweringServer(then=Answer(409)) as server:
        app = App(server.url)
        talk(app, "call-1")
        assert app.processor.force_flush(60_000)
    (reason,) = (tmp_path / "spool").rglob("rejected/*.reason.json")
    assert json.loads(reason.read_text()) == {"status": 409, "reason": "id_in_use"}
    (line,) = [message for message in said.messages if "(409: id_in_use)" in message]
    assert "give each call an id of its own, such as one of uuid.uuid4()" in line
    assert line.endswith("let one processor, gateway or worker alone make it")


def test_the_clock_jumps(simulated: Simulated) -> None:
    """A call that rests for a minute waits a minute, whatever the wall clock does meanwhile."""
    with AnsweringServer() as server:
        simulated.restart(server.url)
        header = Header("call-1", "a1", simulated.time(), simulated.time() + 60.0, 1, 0)
        simulated.spool.put(call_name("call-1", 7), header, b'{"externalId":"call-1"}', Stage.READY)
        simulated.run(1.0)
        simulated.set_back = 86_400.0
        simulated.run(50.0)
        assert server.seen == []

        simulated.run(30.0)

        assert ids(server) == ["call-1"]
        before = simulated.time() + simulated.set_back  # the header was written before the clock was set back
        header = Header("call-2", "a1", before, before + 60.0, 1, 0)
        simulated.spool.put(call_name("call-2", 7), header, b'{"externalId":"call-2"}', Stage.READY)
        simulated.run(130.0)
        assert ids(server) == ["call-1", "call-2"]
        simulated.close()


@pytest.mark.parametrize("is_restarted", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("days", [9, -9], ids=["forward", "back"])
def test_the_clock_jumps_by_days_in_an_outage(simulated: Simulated, days: int, is_restarted: bool) -> None:
    """No call becomes too old by that, in this process or the next."""
    simulated.save("call-1", "call-2")
    simulated.run(600.0)
    if is_restarted:
        simulated.close()
    simulated.set_back = -86_400.0 * days
    if is_restarted:
        simulated.restart(DEAD_URL)
    simulated.save("call-3")
    simulated.run(600.0)
    assert len(list(simulated.directory.glob("*.jsonl"))) == 3
    with AnsweringServer() as server:
        simulated.url = server.url
        simulated.close()
        simulated.run(2 * MAX_BACKOFF_SECONDS)

        assert ids(server) == ["call-1", "call-2", "call-3"]
    assert simulated.tally.snapshot().rejected == 0


def test_a_call_is_too_old(simulated: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days that both clocks have seen pass do count, also from the time when no process ran."""
    simulated.save("call-1")
    for path in simulated.directory.glob("*.jsonl"):
        os.utime(path, (simulated.time(), simulated.time()))
    simulated.run(600.0)
    simulated.close()
    simulated.now += 8 * 86_400.0
    simulated.restart(DEAD_URL)
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 1.0)
    simulated.run(600.0)

    (reason,) = simulated.directory.glob("rejected/*.reason.json")
    assert json.loads(reason.read_text(encoding="utf-8"))["reason"] == "too_old"


def test_the_key_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of the wrong key are sent with the right one; tests/delivery/test_keys.py has what this depends on."""
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)

    def accept(seen: Seen) -> Answer:
        return created() if seen.headers["authorization"] == "Bearer right" else Answer(401)

    with AnsweringServer(then=accept) as server:
        wrong = App(server.url, api_key="wrong")
        talk(wrong, "call-1")
        assert not wrong.processor.force_flush(60_000)
        right = App(server.url, api_key="right")
        talk(right, "call-2")
        assert right.processor.force_flush(60_000)

        wait_until(lambda: right.processor.stats().delivered == 2, 60)
    assert sorted({one.external_id for one in server.seen if one.headers["authorization"] == "Bearer right"}) == [
        "call-1",
        "call-2",
    ]


def test_one_of_two_keys_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both services have delivered, so the calls of each stay with its key."""
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)
    accepted = {"Bearer one", "Bearer two"}

    def accept(seen: Seen) -> Answer:
        return created() if seen.headers["authorization"] in accepted else Answer(401)

    with AnsweringServer(then=accept) as server:
        one, two = App(server.url, api_key="one"), App(server.url, api_key="two")
        for number, app in enumerate((one, two)):
            talk(app, f"call-{number}")
            assert app.processor.force_flush(60_000)
        accepted.remove("Bearer one")
        talk(one, "one-2")
        assert not one.processor.force_flush(60_000)
        for number in range(5):
            talk(two, f"two-{number}")
            assert two.processor.force_flush(60_000)
        assert (one.processor.stats().spooled, two.processor.stats().delivered) == (1, 6)
    assert {seen.headers["authorization"] for seen in server.seen if seen.external_id == "one-2"} == {"Bearer one"}


def test_a_source_of_recordings_is_set_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of the next process serves the calls that the one before has left without a recording."""
    with AnsweringServer() as server:
        before = App(server.url, recording_url=None)
        talk(before, "call-1")
        assert before.processor.force_flush(60_000)
        engine = before.processor._engine
        assert engine is not None
        engine.parts.courier.discard()
        monkeypatch.setattr(registry, "_engines", {})
        App(server.url, recording_url=None, recording_url_template="https://example.com/{external_id}.wav")

        wait_until(lambda: bool(server.seen), 60)
    assert json.loads(server.seen[0].body)["recordingUrl"] == "https://example.com/call-1.wav"


def test_the_recording_arrives_later() -> None:
    """The call waits, is counted, and is sent when the recording is attached."""
    from roark_otel import attach_recording

    with AnsweringServer() as server:
        app = App(server.url, recording_url=None)
        talk(app, "call-1")
        assert app.processor.force_flush(60_000)
        assert app.processor.stats().awaiting_recording == 1
        attach_recording("call-1", URL)

        wait_until(lambda: ids(server) == ["call-1"], 60.0)


def test_the_recording_never_arrives(tmp_path: Path) -> None:
    """After the wait, a call without a fallback is kept, and an attached recording revives it."""
    from roark_otel import attach_recording

    with AnsweringServer() as server:
        app = App(server.url, recording_url=None, recording_wait_seconds=0.1)
        talk(app, "call-1")
        app.processor.force_flush(60_000)
        wait_until(lambda: app.processor.stats().rejected == 1, 60.0)
        assert json.loads(next((tmp_path / "spool").rglob("*.reason.json")).read_text())["reason"] == "no_recording"
        attach_recording("call-1", URL)

        wait_until(lambda: ids(server) == ["call-1"], 60.0)


def test_the_recording_resolver_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt is abandoned, and delays no other call."""
    from roark_otel._delivery import resolver

    monkeypatch.setattr(resolver, "DEADLINE_SECONDS", 0.1)
    end = threading.Event()
    with AnsweringServer() as server:
        app = App(server.url, recording_url=lambda call: URL if call.external_id != "stuck" or end.wait(60) else None)
        talk(app, "stuck", "good")
        app.processor.force_flush(60_000)

        wait_until(lambda: ids(server) == ["good"], 60.0)
        wait_until(lambda: app.processor.stats().abandoned_resolvers >= 1, 60.0)
        end.set()
        wait_until(lambda: ids(server) == ["good", "stuck"], 60.0)


def test_a_span_ends_after_the_call_was_sent(said: pytest.LogCaptureFixture) -> None:
    """Its tool uses are appended; the rest is counted and logged."""

    def reply(seen: Seen) -> Answer:
        return created("id-7") if seen.path == "/v1/call" else Answer(200, b'{"data": {"callId": "id-7"}}')

    with AnsweringServer(then=reply) as server:
        app = App(server.url)
        with app.tracer.start_as_current_span("call", attributes={"roark.external_id": "call-1", **MARKED}):
            late = app.tracer.start_span("background")
        app.processor.force_flush(60_000)
        late.add_event("roark.tool_invocation", {"name": "ship"})
        late.add_event("roark.transcript", {"role": "agent", "text": "Bye."})
        late.end()

        assert app.processor.force_flush(60_000)
        assert [seen.path for seen in server.seen] == ["/v1/call", "/v1/call/id-7/tool-invocations"]
    assert (app.processor.stats().appended, app.processor.stats().late_dropped) == (1, 1)
    assert "after a call was sent" in said.text
