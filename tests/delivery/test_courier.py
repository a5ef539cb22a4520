"""The courier, from real files over real sockets."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from pydantic import SecretStr

from roark_otel import RoarkSpanProcessor
from roark_otel._delivery import courier
from roark_otel._delivery.client import Client
from roark_otel._delivery.courier import Courier
from roark_otel._model.receipts import Delivered, Rejected, TryAgain
from roark_otel._model.stats import Stats, Tally
from roark_otel._spool.claims import Spooled
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage, call_name
from roark_otel._spool.spool import Spool
from support.answering import Answer, AnsweringServer, NoAnswer, Seen, created, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roark_otel.sandbox import Sandbox
    from roark_otel.types import FinishedCall

BODY: dict[str, Any] = {
    "recordingUrl": "https://example.com/a.wav",
    "startedAt": "2026-01-31T09:30:00.000Z",
    "interfaceType": "PHONE",
    "callDirection": "INBOUND",
}


class Office:
    """A spool and its courier."""

    def __init__(self, directory: Path, url: str, timeout: float = 5.0, **hooks: Any) -> None:
        self.spool = Spool(directory)
        self.tally = Tally()
        self.courier = Courier(
            self.spool, lambda: Client(url, SecretStr("secret-key"), None, timeout), self.tally, **hooks
        )

    def save(self, *external_ids: str, not_before: float = 0.0, root: int = 7, **fields: Any) -> None:
        """Puts calls into the spool."""
        for external_id in external_ids:
            header = Header(external_id, "a1", time.time(), not_before, turns=2, tools=1)
            body = json.dumps({**BODY, "externalId": external_id, **fields}).encode()
            self.spool.put(call_name(external_id, root), header, body, Stage.READY)

    def offer(self, *external_ids: str, root: int = 7, **fields: Any) -> None:
        """Puts calls into the spool and has them delivered."""
        for external_id in external_ids:
            self.save(external_id, root=root, **fields)
            self.courier.offer(call_name(external_id, root), 0.0)

    def flush(self, seconds: float = 5.0) -> bool:
        return self.courier.flush(time.monotonic() + seconds)

    @property
    def stats(self) -> Stats:
        return self.tally.snapshot()

    def files(self, pattern: str = "*") -> list[str]:
        return sorted(path.name for path in self.spool.directory.glob(pattern) if path.is_file())


@pytest.fixture(name="office")
def _office(tmp_path: Path) -> Iterator[Callable[..., Office]]:
    """Makes offices, and closes them in the end."""
    offices: list[Office] = []

    def make(url: str, directory: Path = tmp_path / "spool", timeout: float = 5.0, **hooks: Any) -> Office:
        offices.append(Office(directory, url, timeout, **hooks))
        return offices[-1]

    yield make
    for one in offices:
        shutil.rmtree(one.spool.directory or tmp_path, ignore_errors=True)
        one.courier.retire()
        eventually(lambda one=one: is_over(one.courier))


def is_over(one: Courier) -> bool:
    """Whether a courier has ended its thread, with nothing left to do."""
    one._errands.clear()
    one.retire()
    return one._worker._thread is None


def eventually(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert is_so()


def dead_url() -> str:
    """Where nobody listens: a port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def by_id(**replies: Any) -> Callable[[Seen], Any]:
    """A reply for each external id, and a created call for any other."""
    return lambda seen: replies.get(seen.external_id) or created(f"id of {seen.external_id}")


# What becomes of a call


def test_a_call_is_delivered_and_its_file_is_gone(
    sandbox: Sandbox, office: Callable[..., Office], said: pytest.LogCaptureFixture
) -> None:
    post = office(sandbox.url)
    post.offer("call-1", "call-2")

    assert post.flush()
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1", "call-2"]
    assert (post.files(), post.stats) == ([], Stats(delivered=2))
    first = said.records[0]
    assert (first.levelname, first.name) == ("INFO", "roark_otel")
    told = {name: getattr(first, name) for name in ("external_id", "call_id", "trace_id", "turns", "tools")}
    assert told == {
        "external_id": "call-1",
        "call_id": sandbox.call("call-1").id,
        "trace_id": "a1",
        "turns": 2,
        "tools": 1,
    }
    assert first.waited_s >= 0.0  # type: ignore[attr-defined]


def test_a_server_that_is_busy_gets_the_call_later(office: Callable[..., Office]) -> None:
    with AnsweringServer(Answer(503)) as server:
        post = office(server.url)
        post.offer("call-1")

        assert post.flush()
    assert len(server.seen) == 2
    assert (post.files(), post.stats) == ([], Stats(delivered=1, retried=1))


def test_a_refused_key_keeps_the_calls_and_is_said_once(
    office: Callable[..., Office], said: pytest.LogCaptureFixture
) -> None:
    with AnsweringServer(then=Answer(401)) as server:
        post = office(server.url)
        post.offer("call-1", "call-2")

        assert not post.flush(2.0)
        assert not post.flush(2.0)
    assert len(post.files("*.jsonl")) == 2
    assert len(server.seen) <= 4
    loud = [record for record in said.records if record.levelname == "ERROR"]
    assert len(loud) == 1
    assert "401" in loud[0].getMessage()
    assert "ROARK_API_KEY" in loud[0].getMessage()
    assert "secret-key" not in said.text


def test_a_key_that_is_refused_does_not_make_a_flush_wait(office: Callable[..., Office]) -> None:
    with AnsweringServer(then=Answer(403)) as server:
        post = office(server.url)
        post.offer("call-1")
        deadline = time.monotonic() + 3_600.0

        assert not post.courier.flush(deadline)
        assert time.monotonic() < deadline - 3_000.0


@pytest.mark.parametrize("status", [401, 402, 403, 302, 404, 405])
def test_a_call_that_was_refused_is_delivered_when_all_is_well_again(
    status: int, office: Callable[..., Office]
) -> None:
    with AnsweringServer(Answer(status)) as server:
        post = office(server.url)
        post.offer("call-1")

        eventually(lambda: post.stats.refused >= 1)
        assert post.flush()
    assert post.stats == Stats(delivered=1, refused=1)


def test_a_wrong_body_is_set_aside_with_the_reason(
    office: Callable[..., Office], said: pytest.LogCaptureFixture
) -> None:
    with AnsweringServer(invalid("transcript[0].text")) as server:
        post = office(server.url)
        post.offer("call-1")

        assert post.flush()
    assert len(server.seen) == 1
    assert post.stats == Stats(rejected=1)
    name = call_name("call-1", 7)
    assert (post.files(), post.files("rejected/*")) == ([], [f"{name}.jsonl", f"{name}.reason.json"])
    assert reason(post, "call-1") == {"status": 400, "reason": "transcript[0].text"}
    (record,) = [record for record in said.records if record.levelname == "WARNING"]
    assert "call-1" in record.getMessage()
    assert "transcript[0].text" in record.getMessage()


def reason(post: Office, external_id: str, root: int = 7) -> Any:
    told = post.spool.directory / "rejected" / f"{call_name(external_id, root)}.reason.json"
    return json.loads(told.read_text(encoding="utf-8"))


def test_an_id_that_is_taken_is_told_and_not_overwritten(sandbox: Sandbox, office: Callable[..., Office]) -> None:
    """Nothing of ours has ever been sent under it, so the call that is there is another."""
    first = office(sandbox.url)
    first.offer("call-1")
    assert first.flush()

    first.offer("call-1", root=8)

    assert first.flush()
    assert first.stats == Stats(delivered=1, rejected=1)
    assert reason(first, "call-1", 8) == {"status": 409, "reason": "id_in_use"}
    assert len(sandbox.calls()) == 1


def test_a_call_whose_reply_was_lost_was_delivered_already(
    office: Callable[..., Office], said: pytest.LogCaptureFixture
) -> None:
    """The server creates the call and closes the connection; the second attempt is told that it exists."""
    with AnsweringServer(NoAnswer(), Answer(409)) as server:
        post = office(server.url)
        post.offer("call-1")

        assert post.flush()
    assert len(server.seen) == 2
    assert (post.files("**/*"), post.stats) == ([], Stats(already=1, retried=1))
    assert "was there already" in said.text


def test_a_reply_that_was_lost_is_remembered_by_the_next_process(tmp_path: Path, office: Callable[..., Office]) -> None:
    with AnsweringServer(NoAnswer(), then=Answer(500)) as server:
        before = office(server.url)
        before.offer("call-1")
        eventually(lambda: before.stats.retried >= 1)
    with AnsweringServer(Answer(409)) as server:
        after = office(server.url, tmp_path / "spool")
        after.courier.start_with_backlog()

        eventually(lambda: after.stats.already == 1)
    assert after.files("**/*") == []


def test_a_proxy_s_page_is_no_delivery(office: Callable[..., Office]) -> None:
    with AnsweringServer(Answer(200, b"<html>Log in to this network</html>")) as server:
        post = office(server.url)
        post.offer("call-1")

        assert post.flush()
    assert post.stats == Stats(delivered=1, retried=1)


# Once more without a field


def test_a_call_is_sent_once_more_without_an_optional_field_that_roark_names(office: Callable[..., Office]) -> None:
    with AnsweringServer(invalid("customer.label")) as server:
        post = office(server.url)
        post.offer("call-1", customer={"phoneNumberE164": None, "label": "x"}, properties={"a": 1})

        assert post.flush()
    first, second = [json.loads(seen.body) for seen in server.seen]
    assert second == {
        **first,
        "customer": {"phoneNumberE164": None},
        "properties": {"a": 1, "roark_dropped_fields": "customer.label"},
    }
    assert (post.files("**/*"), post.stats) == ([], Stats(delivered=1))


@pytest.mark.parametrize("second", [invalid("agent"), invalid("recordingUrl"), invalid()])
def test_a_call_that_is_wrong_without_it_too_is_kept_whole(second: Answer, office: Callable[..., Office]) -> None:
    with AnsweringServer(invalid("customer"), second) as server:
        post = office(server.url)
        post.offer("call-1", customer={"phoneNumberE164": None})

        assert post.flush()
    assert len(server.seen) == 2
    assert reason(post, "call-1") == {"status": 400, "reason": "customer"}
    kept = (post.spool.directory / "rejected" / f"{call_name('call-1', 7)}.jsonl").read_bytes()
    assert kept.split(b"\n")[1] == server.seen[0].body


def test_an_outage_in_between_costs_nothing(office: Callable[..., Office]) -> None:
    with AnsweringServer(invalid("customer"), Answer(503), invalid("customer")) as server:
        post = office(server.url)
        post.offer("call-1", customer={"phoneNumberE164": None})

        assert post.flush()
    assert ["customer" in json.loads(seen.body) for seen in server.seen] == [True, False, True, False]
    assert post.stats == Stats(delivered=1, retried=1)


# Hooks


def test_the_app_is_told_what_became_of_each_attempt(office: Callable[..., Office]) -> None:
    told: list[tuple[str, Any, str]] = []

    def on_receipt(call: FinishedCall, receipt: Any) -> None:
        told.append((call.external_id, receipt, threading.current_thread().name))

    with AnsweringServer(Answer(503), created("id-1"), invalid("startedAt")) as server:
        post = office(server.url, on_receipt=on_receipt)
        post.offer("call-1")
        assert post.flush()
        post.offer("call-2")
        assert post.flush()

    thread = "roark-otel-courier"
    assert told == [
        ("call-1", TryAgain(None, "503", alone=True), thread),
        ("call-1", Delivered("id-1"), thread),
        ("call-2", Rejected(400, "startedAt"), thread),
    ]


@pytest.mark.faults
def test_a_hook_that_fails_costs_nothing(office: Callable[..., Office], said: pytest.LogCaptureFixture) -> None:
    def on_receipt(_call: FinishedCall, _receipt: Any) -> None:
        raise RuntimeError("secret words")

    with AnsweringServer() as server:
        post = office(server.url, on_receipt=on_receipt)
        post.offer("call-1", "call-2")
        assert post.flush()

    assert post.stats.delivered == 2
    assert "secret words" not in said.text


# Others


@pytest.mark.parametrize("bad", [invalid("text"), Answer(500), NoAnswer(), Answer(503), Answer(409)])
def test_one_bad_call_does_not_hold_up_the_others(bad: Answer | NoAnswer, office: Callable[..., Office]) -> None:
    good = [f"good{number}" for number in range(5)]
    with AnsweringServer(then=by_id(bad=bad)) as server:
        post = office(server.url)
        post.offer("bad", *good)
        post.flush(1.0)

        eventually(lambda: post.stats.delivered == len(good), 10.0)
    # A retry of the bad one may have been under way when the server left.
    assert {seen.external_id for seen in server.seen if seen.body} == {"bad", *good}


def test_what_earlier_processes_left_is_delivered_without_being_asked_for(office: Callable[..., Office]) -> None:
    with AnsweringServer() as server:
        post = office(server.url)
        post.save("call-1", "call-2")
        post.courier.start_with_backlog()

        eventually(lambda: post.stats.delivered == 2)
    assert sorted(seen.external_id for seen in server.seen) == ["call-1", "call-2"]


def test_a_spool_without_backlog_starts_no_thread(office: Callable[..., Office]) -> None:
    post = office(dead_url())
    before = threading.active_count()
    post.courier.start_with_backlog()

    assert threading.active_count() == before


def test_a_flush_waits_for_the_calls_of_this_process_only(office: Callable[..., Office]) -> None:
    """A backlog of a day must not hold up a process that ends."""
    with AnsweringServer(then=by_id(theirs=Answer(500))) as server:
        post = office(server.url)
        post.save("theirs")
        post.courier.start_with_backlog()
        post.offer("ours")

        assert post.flush()
        assert post.stats.delivered == 1
    assert [name for name in post.files() if call_name("theirs", 7) in name] != []


def test_a_file_that_is_gone_or_damaged_is_not_waited_for(office: Callable[..., Office]) -> None:
    with AnsweringServer() as server:
        post = office(server.url)
        post.save("damaged")
        damaged = post.spool.directory / f"{call_name('damaged', 7)}.ready.jsonl"
        damaged.write_bytes(b"\x00")
        post.courier.offer(call_name("damaged", 7), 0.0)
        post.courier.offer(call_name("gone", 7), 0.0)

        assert post.flush()
    assert (server.seen, post.files()) == ([], [])
    assert reason(post, "damaged") == {"status": 0, "reason": "damaged"}


def test_a_second_processor_does_not_make_a_flush_forget_the_calls_of_the_first(tmp_path: Path) -> None:
    """Both share one courier, and the second one looks for a backlog."""
    with AnsweringServer() as server:
        server.then = Answer(503)
        arguments: Any = {
            "api_key": "k",
            "base_url": server.url,
            "recording_url": "https://example.com/a.wav",
            "spool_dir": tmp_path / "spool",
        }
        first = RoarkSpanProcessor(**arguments)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(first)
        with provider.get_tracer("app").start_as_current_span("call") as span:
            span.set_attributes({"roark.external_id": "call-1", "roark.conversation.root": True})
        assert not first.force_flush(300)

        RoarkSpanProcessor(**arguments)

        assert not first.force_flush(300)
        server.then = created()
        assert first.force_flush(5_000)


def test_a_call_that_somebody_else_has_is_looked_at_again(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That process may die with it: then whoever is left delivers it."""
    monkeypatch.setattr(courier, "HELD_SECONDS", 0.05)
    with AnsweringServer() as server:
        post = office(server.url)
        post.save("call-1")
        other = Spool(post.spool.directory)
        with other.claim(call_name("call-1", 7)) as held:
            assert isinstance(held, Spooled)
            post.courier.start_with_backlog()
            eventually(lambda: post.courier._errands != {})
            assert server.seen == []

        eventually(lambda: post.stats.delivered == 1)


def test_what_others_leave_later_is_found(office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every few seconds the courier looks into the directory."""
    monkeypatch.setattr(courier, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(courier, "IDLE_LOOK_SECONDS", 0.05)
    with AnsweringServer() as server:
        post = office(server.url)
        post.offer("ours")
        assert post.flush()
        office(server.url).save("theirs")

        eventually(lambda: post.stats.delivered == 2)


def test_a_call_that_is_too_old_is_tried_and_then_set_aside(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "LOOK_SECONDS", 0.05)
    with AnsweringServer(then=by_id(old=Answer(500), young=Answer(500))) as server:
        post = office(server.url, max_age_seconds=3_600.0)
        post.save("old", "young", "lucky")
        for external_id in ("old", "lucky"):
            path = post.spool.directory / f"{call_name(external_id, 7)}.ready.jsonl"
            os.utime(path, (time.time() - 7_200, time.time() - 7_200))
        post.courier.start_with_backlog()

        eventually(lambda: post.stats.rejected == 1 and post.stats.delivered == 1)
    assert reason(post, "old") == {"status": 0, "reason": "too_old"}
    assert call_name("young", 7) in post.files()[0]


def test_a_server_that_takes_nothing_is_not_asked_for_every_call_of_a_backlog(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five different calls in a row that fail are the server's trouble: the rest waits."""
    monkeypatch.setattr(courier.random, "random", lambda: 1.0)
    with AnsweringServer(then=Answer(500)) as server:
        post = office(server.url)
        post.save(*(f"call-{number}" for number in range(50)))
        post.courier.start_with_backlog()

        eventually(lambda: len(server.seen) >= 10, 30.0)
        fifth, sixth = server.seen[4].at, server.seen[5].at
    assert sixth - fifth >= 2.0 * 0.999
    assert len({seen.external_id for seen in server.seen[:10]}) == 10


def test_a_drain_delivers_everybody_s_calls(office: Callable[..., Office]) -> None:
    with AnsweringServer(Answer(500)) as server:
        post = office(server.url)
        post.save("one", "two", "three")

        assert post.courier.flush(time.monotonic() + 10.0, everybodys=True)
    assert (post.stats.delivered, post.files()) == (3, [])


# Time


def test_a_flush_against_a_dead_server_ends_in_time(office: Callable[..., Office]) -> None:
    post = office(dead_url())
    post.offer("call-1", "call-2")

    assert not post.flush(0.5)  # a flush that minded no time would never return
    assert len(post.files("*.jsonl")) == 2


def test_a_flush_against_a_silent_server_ends_in_time(office: Callable[..., Office]) -> None:
    heard_enough = threading.Event()

    def silent(_seen: Seen) -> NoAnswer:
        heard_enough.wait(300)
        return NoAnswer()

    with AnsweringServer(then=silent) as server:
        post = office(server.url, timeout=600.0)
        post.offer("call-1")
        before = time.monotonic()

        assert not post.flush(0.4)
        assert time.monotonic() - before < 200.0
        heard_enough.set()


def test_a_flush_of_nothing_is_done_at_once(office: Callable[..., Office]) -> None:
    assert office(dead_url()).flush(0.0)


def test_a_call_that_rests_is_not_sent_and_not_due(office: Callable[..., Office]) -> None:
    """A further root of its id may still join it."""
    with AnsweringServer() as server:
        post = office(server.url)
        post.save("call-1", not_before=time.time() + 3_600)
        post.courier.offer(call_name("call-1", 7), 3_600.0)

        assert post.flush()
        assert server.seen == []


def test_a_rest_holds_for_another_process_too(office: Callable[..., Office]) -> None:
    with AnsweringServer() as server:
        post = office(server.url)
        began = time.monotonic()
        post.save("call-1", not_before=time.time() + 0.4)
        post.courier.start_with_backlog()

        eventually(lambda: post.stats.delivered == 1)
    assert server.seen[0].at - began >= 0.35


def test_a_server_is_left_alone_as_long_as_it_asks_for(office: Callable[..., Office]) -> None:
    """All calls wait: it is the server that has no room and not the one call."""
    with AnsweringServer(Answer(429, headers={"retry-after-ms": "400"})) as server:
        post = office(server.url)
        post.offer("call-1", "call-2")

        eventually(lambda: post.stats.delivered == 2)
    first, *later = [seen.at for seen in server.seen]
    assert min(later) - first >= 0.38


def test_a_flush_does_not_press_a_server_that_asked_for_time(office: Callable[..., Office]) -> None:
    with AnsweringServer(then=Answer(429, headers={"retry-after": "60"})) as server:
        post = office(server.url)
        post.offer("call-1")

        assert not post.flush(1.2)
    assert len(server.seen) == 1


def test_a_flush_waits_as_long_as_a_server_asks_for_if_there_is_time(office: Callable[..., Office]) -> None:
    with AnsweringServer(Answer(503, headers={"retry-after-ms": "400"})) as server:
        post = office(server.url)
        post.offer("call-1")

        assert post.flush(5.0)
    assert server.seen[1].at - server.seen[0].at >= 0.38


# Faults of ours


class BrokenError(Exception):
    """A fault that nobody has thought of."""


@pytest.mark.faults
def test_a_fault_is_not_tried_again_and_again_without_a_pause(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the longest jitter a fault waits two seconds, so what is swept before that makes no attempt."""
    monkeypatch.setattr(courier.random, "random", lambda: 1.0)
    made: list[float] = []
    again_at: list[float] = []

    def make_client() -> Client:
        made.append(time.monotonic())
        again_at.append(post.courier._errands[call_name("call-1", 7)].retry_at)
        raise BrokenError

    post = office(dead_url())
    post.courier._delivering._make_client = make_client
    began = time.monotonic()
    post.offer("call-1")
    eventually(lambda: len(again_at) == 2)

    assert again_at[0] >= began + 2.0
    assert made[1] >= again_at[0]
    assert len(post.files("*.jsonl")) == 1


@pytest.mark.faults
@pytest.mark.parametrize("answer", [invalid("text"), created(), Answer(409)])
def test_without_a_disk_no_call_is_sent_again_and_again(
    answer: Answer, tmp_path: Path, office: Callable[..., Office]
) -> None:
    (tmp_path / "file").write_text("")
    with AnsweringServer(then=answer) as server:
        post = office(server.url, tmp_path / "file" / "project")
        post.offer("call-1")

        assert post.flush(2.0)
        time.sleep(0.2)
    assert len(server.seen) == 1
    assert post.spool.names([Stage.READY, Stage.TRIED]) == []


def test_without_a_disk_a_lost_reply_is_remembered(tmp_path: Path, office: Callable[..., Office]) -> None:
    (tmp_path / "file").write_text("")
    with AnsweringServer(NoAnswer(), Answer(409)) as server:
        post = office(server.url, tmp_path / "file" / "project")
        post.offer("call-1")

        assert post.flush()
    assert post.stats == Stats(already=1, retried=1)


# The end


def test_a_courier_that_nobody_needs_ends_its_thread_and_its_connection(office: Callable[..., Office]) -> None:
    with AnsweringServer() as server:
        post = office(server.url)
        post.offer("call-1")
        assert post.flush()
        post.courier.retire()

        eventually(lambda: not server._connections)
        eventually(lambda: post.courier._worker._thread is None)
        post.offer("call-2")
        assert post.flush()
    assert post.stats.delivered == 2


def test_no_log_line_has_words_of_a_call_or_of_an_answer(
    office: Callable[..., Office], said: pytest.LogCaptureFixture
) -> None:
    """Logs go where calls must not."""
    words = json.dumps({"message": "secret words", "path": "text"}).encode()
    with AnsweringServer(Answer(503, words), Answer(400, words), then=Answer(401, words)) as server:
        post = office(server.url)
        post.offer("call-1", "call-2")
        post.flush(1.0)

    assert said.records
    for hidden in ("secret words", "secret-key", "example.com/a.wav"):
        assert hidden not in said.text


def test_a_flush_is_not_done_while_a_call_is_on_its_way(sandbox: Sandbox, office: Callable[..., Office]) -> None:
    """Between the queue and the errands a call is in neither, and a flush that looks just then must not be content."""
    post = office(sandbox.url)
    courier, take, is_taken, may_go_on = post.courier, post.courier._take, threading.Event(), threading.Event()

    def slowly(message: Any) -> None:
        is_taken.set()
        assert may_go_on.wait(30)
        take(message)

    courier._take = slowly  # type: ignore[method-assign]
    post.offer("call-1")
    assert is_taken.wait(30)

    assert courier.flush(time.monotonic()) is False
    may_go_on.set()
    assert post.flush()
    assert len(sandbox.calls()) == 1
