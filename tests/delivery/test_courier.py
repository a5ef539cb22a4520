"""The courier, with real files and real sockets."""

from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from pydantic import SecretStr

from roark_otel import RoarkSpanProcessor
from roark_otel._delivery import rounds
from roark_otel._delivery.client import Client
from roark_otel._delivery.courier import Courier
from roark_otel._model.receipts import Delivered, Rejected, TryAgain
from roark_otel._model.stats import Stats, Tally
from roark_otel._spool.claims import Spooled
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage
from roark_otel._spool.spool import Spool
from support.answering import Answer, AnsweringServer, NoAnswer, Seen, created, invalid
from support.spool_names import call_name

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

    def __init__(self, directory: Path, url: str, timeout: float = 5.0, **arguments: Any) -> None:
        self.directory = directory
        self.spool = Spool(directory)
        self.tally = Tally()
        make_client = arguments.pop("make_client", lambda: Client(url, SecretStr("secret-key"), None, timeout))
        self.courier = Courier(self.spool, make_client, self.tally, **arguments)

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
        return sorted(path.name for path in self.directory.glob(pattern) if path.is_file())


@pytest.fixture(name="office")
def _office(tmp_path: Path) -> Iterator[Callable[..., Office]]:
    """Makes offices, and closes them at the end."""
    offices: list[Office] = []
    before = couriers()

    def make(url: str, directory: Path = tmp_path / "spool", timeout: float = 5.0, **arguments: Any) -> Office:
        offices.append(Office(directory, url, timeout, **arguments))
        return offices[-1]

    yield make
    for one in offices:
        one.courier.discard()
    eventually(lambda: couriers() <= before)


def couriers() -> set[threading.Thread]:
    """The threads of all couriers in this process."""
    return {thread for thread in threading.enumerate() if thread.name == "roark-otel-courier"}


def eventually(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert is_so()


def dead_url() -> str:
    """A URL at which no server listens: its port was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def by_id(**replies: Any) -> Callable[[Seen], Any]:
    """Replies to these external ids as given, and to any other that its call was created."""
    return lambda seen: replies.get(seen.external_id) or created(f"id of {seen.external_id}")


# Outcomes


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
    fields = {name: getattr(first, name) for name in ("external_id", "call_id", "trace_id", "turns", "tools")}
    assert fields == {
        "external_id": "call-1",
        "call_id": sandbox.call("call-1").id,
        "trace_id": "a1",
        "turns": 2,
        "tools": 1,
    }
    assert first.waited_s >= 0.0  # type: ignore[attr-defined]


def test_a_busy_server_gets_the_call_later(office: Callable[..., Office]) -> None:
    with AnsweringServer(Answer(503)) as server:
        post = office(server.url)
        post.offer("call-1")

        assert post.flush()
    assert len(server.seen) == 2
    assert (post.files(), post.stats) == ([], Stats(delivered=1, retried=1))


def test_a_refused_key_keeps_the_calls_and_is_logged_once(
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


def test_a_flush_does_not_wait_for_a_refused_key(office: Callable[..., Office]) -> None:
    with AnsweringServer(then=Answer(403)) as server:
        post = office(server.url)
        post.offer("call-1")
        deadline = time.monotonic() + 3_600.0

        assert not post.courier.flush(deadline)
        assert time.monotonic() < deadline - 3_000.0


@pytest.mark.parametrize("status", [401, 402, 403, 302, 404, 405])
def test_a_refused_call_is_delivered_once_roark_accepts_it(status: int, office: Callable[..., Office]) -> None:
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
    path = post.directory / "rejected" / f"{call_name(external_id, root)}.reason.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_call_whose_id_is_taken_is_set_aside(sandbox: Sandbox, office: Callable[..., Office]) -> None:
    """The file was never sent, so the call that Roark has under this id is another."""
    first = office(sandbox.url)
    first.offer("call-1")
    assert first.flush()

    first.offer("call-1", root=8)

    assert first.flush()
    assert first.stats == Stats(delivered=1, rejected=1)
    assert reason(first, "call-1", 8) == {"status": 409, "reason": "id_in_use"}
    assert len(sandbox.calls()) == 1


def test_a_conflict_after_a_lost_reply_means_delivered(
    office: Callable[..., Office], said: pytest.LogCaptureFixture
) -> None:
    """The server creates the call and closes the connection; to the second attempt it answers that the call exists."""
    with AnsweringServer(NoAnswer(), Answer(409)) as server:
        post = office(server.url)
        post.offer("call-1")

        assert post.flush()
    assert len(server.seen) == 2
    assert (post.files("**/*"), post.stats) == ([], Stats(already=1, retried=1))
    assert "was already there" in said.text


def test_the_next_process_knows_of_a_lost_reply(tmp_path: Path, office: Callable[..., Office]) -> None:
    with AnsweringServer(NoAnswer(), then=Answer(500)) as server:
        before = office(server.url)
        before.offer("call-1")
        eventually(lambda: before.stats.retried >= 1)
    with AnsweringServer(Answer(409)) as server:
        after = office(server.url, tmp_path / "spool")
        after.courier.start_with_backlog()

        eventually(lambda: after.stats.already == 1)
    assert after.files("**/*") == []


def test_a_proxy_page_is_not_a_delivery(office: Callable[..., Office]) -> None:
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
def test_a_call_that_is_wrong_without_the_field_too_is_kept_whole(
    second: Answer, office: Callable[..., Office]
) -> None:
    with AnsweringServer(invalid("customer"), second) as server:
        post = office(server.url)
        post.offer("call-1", customer={"phoneNumberE164": None})

        assert post.flush()
    assert len(server.seen) == 2
    assert reason(post, "call-1") == {"status": 400, "reason": "customer"}
    kept = (post.directory / "rejected" / f"{call_name('call-1', 7)}.jsonl").read_bytes()
    assert kept.split(b"\n")[1] == server.seen[0].body


def test_an_outage_between_the_two_requests_costs_nothing(office: Callable[..., Office]) -> None:
    with AnsweringServer(invalid("customer"), Answer(503), invalid("customer")) as server:
        post = office(server.url)
        post.offer("call-1", customer={"phoneNumberE164": None})

        assert post.flush()
    assert ["customer" in json.loads(seen.body) for seen in server.seen] == [True, False, True, False]
    assert post.stats == Stats(delivered=1, retried=1)


# Hooks


def test_the_hook_gets_the_receipt_of_each_attempt(office: Callable[..., Office]) -> None:
    seen: list[tuple[str, Any, str]] = []

    def on_receipt(call: FinishedCall, receipt: Any) -> None:
        seen.append((call.external_id, receipt, threading.current_thread().name))

    with AnsweringServer(Answer(503), created("id-1"), invalid("startedAt")) as server:
        post = office(server.url, on_receipt=on_receipt)
        post.offer("call-1")
        assert post.flush()
        post.offer("call-2")
        assert post.flush()

    thread = "roark-otel-on-receipt"
    assert seen == [
        ("call-1", TryAgain(None, "503", alone=True), thread),
        ("call-1", Delivered("id-1"), thread),
        ("call-2", Rejected(400, "startedAt"), thread),
    ]


@pytest.mark.faults
def test_a_failing_hook_costs_nothing(office: Callable[..., Office], said: pytest.LogCaptureFixture) -> None:
    def on_receipt(_call: FinishedCall, _receipt: Any) -> None:
        raise RuntimeError("secret words")

    with AnsweringServer() as server:
        post = office(server.url, on_receipt=on_receipt)
        post.offer("call-1", "call-2")
        assert post.flush()

    assert post.stats.delivered == 2
    assert "secret words" not in said.text


# Other calls and other processes


@pytest.mark.parametrize("bad", [invalid("text"), Answer(500), NoAnswer(), Answer(503), Answer(409)])
def test_one_bad_call_does_not_hold_up_the_others(bad: Answer | NoAnswer, office: Callable[..., Office]) -> None:
    good = [f"good{number}" for number in range(5)]
    with AnsweringServer(then=by_id(bad=bad)) as server:
        post = office(server.url)
        post.offer("bad", *good)
        post.flush(1.0)

        eventually(lambda: post.stats.delivered == len(good), 10.0)
    # A retry of the bad one may have been under way when the server stopped.
    assert {seen.external_id for seen in server.seen if seen.body} == {"bad", *good}


def test_a_backlog_of_earlier_processes_is_delivered_unasked(office: Callable[..., Office]) -> None:
    with AnsweringServer() as server:
        post = office(server.url)
        post.save("call-1", "call-2")
        post.courier.start_with_backlog()

        eventually(lambda: post.stats.delivered == 2)
    assert sorted(seen.external_id for seen in server.seen) == ["call-1", "call-2"]


def test_a_spool_without_backlog_leaves_no_thread(office: Callable[..., Office]) -> None:
    """The one that looks ends, and no courier has started: a master process forks without threads of ours."""
    post = office(dead_url())
    before, has_looked = couriers(), threading.Event()
    post.courier.start_with_backlog(has_looked.set)

    assert has_looked.wait(60)
    eventually(lambda: not [one for one in threading.enumerate() if one.name == "roark-otel-spool"])
    assert couriers() == before


def test_a_flush_waits_for_the_calls_of_this_process_only(office: Callable[..., Office]) -> None:
    """A backlog of a day must not delay a process that ends."""
    with AnsweringServer(then=by_id(theirs=Answer(500))) as server:
        post = office(server.url)
        post.save("theirs")
        post.courier.start_with_backlog()
        post.offer("ours")

        assert post.flush()
        assert post.stats.delivered == 1
    assert [name for name in post.files() if call_name("theirs", 7) in name] != []


def test_a_flush_does_not_wait_for_a_missing_or_damaged_file(office: Callable[..., Office]) -> None:
    with AnsweringServer() as server:
        post = office(server.url)
        post.save("damaged")
        damaged = post.directory / f"{call_name('damaged', 7)}.ready.jsonl"
        damaged.write_bytes(b"\x00")
        post.courier.offer(call_name("damaged", 7), 0.0)
        post.courier.offer(call_name("gone", 7), 0.0)

        assert post.flush()
    assert (server.seen, post.files()) == ([], [])
    assert reason(post, "damaged") == {"status": 0, "reason": "damaged"}


def test_a_flush_still_waits_for_the_calls_of_a_first_processor(tmp_path: Path) -> None:
    """A second processor shares the first one's courier, and looks for a backlog."""
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
        assert first.force_flush(60_000)


def test_a_call_that_another_process_holds_is_tried_again(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That process may die with it: then another one delivers it."""
    monkeypatch.setattr(rounds, "HELD_SECONDS", 0.05)
    with AnsweringServer() as server:
        post = office(server.url)
        post.save("call-1")
        other = Spool(post.directory)
        with other.claim(call_name("call-1", 7)) as held:
            assert isinstance(held, Spooled)
            post.courier.start_with_backlog()
            eventually(lambda: len(post.courier._errands) == 1)
            assert server.seen == []

        eventually(lambda: post.stats.delivered == 1)


def test_calls_that_other_processes_leave_later_are_found(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The courier looks into the directory every few seconds."""
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(rounds, "IDLE_LOOK_SECONDS", 0.05)
    with AnsweringServer() as server:
        post = office(server.url)
        post.offer("ours")
        assert post.flush()
        office(server.url).save("theirs")

        eventually(lambda: post.stats.delivered == 2)


def test_a_call_that_is_too_old_is_tried_and_then_set_aside(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)
    with AnsweringServer(then=by_id(old=Answer(500), young=Answer(500))) as server:
        post = office(server.url, max_age_seconds=3_600.0)
        post.save("old", "young", "lucky")
        for external_id in ("old", "lucky"):
            path = post.directory / f"{call_name(external_id, 7)}.ready.jsonl"
            os.utime(path, (time.time() - 7_200, time.time() - 7_200))
        post.courier.start_with_backlog()

        eventually(lambda: post.stats.rejected == 1 and post.stats.delivered == 1)
    assert reason(post, "old") == {"status": 0, "reason": "too_old"}
    assert call_name("young", 7) in post.files()[0]


def test_a_failing_server_is_not_sent_a_whole_backlog(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five consecutive failures of different calls the server is assumed to be down: the rest waits."""
    monkeypatch.setattr(random, "random", lambda: 1.0)
    with AnsweringServer(then=Answer(500)) as server:
        post = office(server.url)
        post.save(*(f"call-{number}" for number in range(50)))
        post.courier.start_with_backlog()

        eventually(lambda: len(server.seen) >= 10, 30.0)
        fifth, sixth = server.seen[4].at, server.seen[5].at
    assert sixth - fifth >= 2.0 * 0.999
    assert len({seen.external_id for seen in server.seen[:10]}) == 10


def test_a_drain_delivers_the_calls_of_every_process(office: Callable[..., Office]) -> None:
    with AnsweringServer(Answer(500)) as server:
        post = office(server.url)
        post.save("one", "two", "three")

        assert post.courier.drain(time.monotonic() + 10.0)
    assert (post.stats.delivered, post.files()) == (3, [])


def test_a_drain_that_ran_out_of_time_before_its_first_pass_has_delivered_nothing(
    office: Callable[..., Office],
) -> None:
    """It has not looked into the directory, so it does not know that nothing is left."""
    post = office(dead_url())
    post.save("one")

    assert not post.courier.drain(time.monotonic() - 1.0)
    assert len(post.files("*.jsonl")) == 1


# Time


def test_a_flush_against_a_dead_server_ends_in_time(office: Callable[..., Office]) -> None:
    post = office(dead_url())
    post.offer("call-1", "call-2")

    assert not post.flush(0.5)  # a flush that ignored its deadline would never return
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


def test_a_resting_call_is_neither_sent_nor_due(office: Callable[..., Office]) -> None:
    """Another root of its id may still join it."""
    with AnsweringServer() as server:
        post = office(server.url)
        post.save("call-1", not_before=time.time() + 3_600)
        post.courier.offer(call_name("call-1", 7), 3_600.0)

        assert post.flush()
        assert server.seen == []


def test_a_call_rests_for_other_processes_too(office: Callable[..., Office]) -> None:
    with AnsweringServer() as server:
        post = office(server.url)
        began = time.monotonic()
        post.save("call-1", not_before=time.time() + 0.4)
        post.courier.start_with_backlog()

        eventually(lambda: post.stats.delivered == 1)
    assert server.seen[0].at - began >= 0.35


def test_a_server_is_left_alone_for_as_long_as_it_asks(office: Callable[..., Office]) -> None:
    """All calls wait: the server is busy, whichever call it is sent."""
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


def test_a_flush_waits_for_as_long_as_a_server_asks_if_there_is_time(office: Callable[..., Office]) -> None:
    with AnsweringServer(Answer(503, headers={"retry-after-ms": "400"})) as server:
        post = office(server.url)
        post.offer("call-1")

        assert post.flush(5.0)
    assert server.seen[1].at - server.seen[0].at >= 0.38


# Faults of this package


class BrokenError(Exception):
    """A fault that the code does not foresee."""


@pytest.mark.faults
def test_an_attempt_that_raises_is_not_repeated_without_a_pause(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the longest jitter a call waits two seconds after a fault, so no pass before that makes an attempt."""
    monkeypatch.setattr(random, "random", lambda: 1.0)
    made: list[float] = []

    def make_client() -> Client:
        made.append(time.monotonic())
        raise BrokenError

    post = office(dead_url(), make_client=make_client)
    began = time.monotonic()
    post.offer("call-1")
    eventually(lambda: len(made) == 2)

    assert made[1] >= began + 2.0
    assert len(post.files("*.jsonl")) == 1


@pytest.mark.faults
@pytest.mark.parametrize("answer", [invalid("text"), created(), Answer(409)])
def test_without_a_disk_no_call_is_sent_twice(answer: Answer, tmp_path: Path, office: Callable[..., Office]) -> None:
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


def test_a_retired_courier_ends_its_thread_and_its_connection(office: Callable[..., Office]) -> None:
    before = couriers()
    with AnsweringServer() as server:
        post = office(server.url)
        post.offer("call-1")
        assert post.flush()
        assert (server.open_connections, len(couriers() - before)) == (1, 1)
        post.courier.retire()

        eventually(lambda: server.open_connections == 0)
        eventually(lambda: couriers() <= before)
        post.offer("call-2")
        assert post.flush()
    assert post.stats.delivered == 2


def test_a_discarded_courier_ends_whatever_is_left(office: Callable[..., Office]) -> None:
    """It stops delivering, a flush has nothing to wait for, and the files stay."""
    before = couriers()
    with AnsweringServer(then=Answer(503)) as server:
        post = office(server.url)
        post.offer("call-1", "call-2")
        assert not post.flush(0.0)
        post.courier.discard()

        eventually(lambda: couriers() <= before)
        assert post.flush()
    assert (post.stats.delivered, len(post.files("*.jsonl"))) == (0, 2)


def test_no_log_line_quotes_a_call_or_an_answer(office: Callable[..., Office], said: pytest.LogCaptureFixture) -> None:
    """Logs are kept in places where calls must not be."""
    words = json.dumps({"message": "secret words", "path": "text"}).encode()
    with AnsweringServer(Answer(503, words), Answer(400, words), then=Answer(401, words)) as server:
        post = office(server.url)
        post.offer("call-1", "call-2")
        post.flush(1.0)

    assert said.records
    for hidden in ("secret words", "secret-key", "example.com/a.wav"):
        assert hidden not in said.text


def test_a_flush_is_not_done_while_a_call_is_between_queue_and_errands(
    sandbox: Sandbox, office: Callable[..., Office]
) -> None:
    """A call that was taken from the queue is not yet an errand: a flush that looks just then must not return True."""
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


def test_a_courier_that_waits_for_messages_only_takes_the_next_one() -> None:
    """With a spool in memory it has no other reason to wake."""
    with AnsweringServer() as server:
        spool, tally = Spool(None), Tally()
        courier = Courier(spool, lambda: Client(server.url, SecretStr("k"), None, 60.0), tally)
        for external_id in ("call-1", "call-2"):
            name, header = call_name(external_id, 1), Header(external_id, "a1", time.time(), 0.0, turns=1, tools=0)
            spool.put(name, header, json.dumps({**BODY, "externalId": external_id}).encode(), Stage.READY)
            courier.offer(name, 0.0)
            eventually(lambda: not spool.items() and courier._rounds.pause() == float("inf"))
        assert tally.snapshot().delivered == 2
        courier.discard()

    assert not courier.worker._thread
