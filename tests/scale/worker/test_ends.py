"""What a worker does where a broker, Roark or the worker itself ends or hangs."""

from __future__ import annotations

import threading
import time
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING

import pytest

from roark_otel._worker.ending import ONE_STOP_SECONDS
from scale.support.kafka import Kafka
from scale.support.load import load
from scale.support.roark import FaultyRoark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from signal import Signals

    from scale.support.fleet import Fleet
    from scale.support.load import Expected

NUMBER, SECONDS = 12, 8.0


def started(fleet: Fleet, *, orphans: bool = False) -> tuple[dict[str, Expected], threading.Thread]:
    """Starts to write a load. Returns what has to become of it, and the thread that writes."""
    from scale.support.fleet import produce

    start = time.time() + 1
    every = NUMBER if orphans else 0
    found = load(NUMBER, SECONDS, seed=3, name=fleet.name, orphan_every=every)
    messages = found.messages(int(start * 1e9))
    thread = threading.Thread(target=produce, args=(fleet.address, fleet.source, messages, start))
    thread.start()
    return found.expected, thread


def assert_complete(roark: FaultyRoark, expected: dict[str, Expected]) -> None:
    from scale.support.fleet import until

    until(lambda: len(roark.calls) >= len(expected), lambda: f"{len(expected)} calls: {len(roark.calls)}")
    assert {name: (call.said, call.tools) for name, call in roark.calls.items()} == {
        name: (one.said, one.tools) for name, one in expected.items()
    }
    assert set(roark.created.values()) == {1}


def ready(fleet: Fleet, workers: int = 1) -> None:
    from scale.support.fleet import until

    for _ in range(workers):
        fleet.start()
    until(lambda: all(worker.is_ready() for worker in fleet.workers), "workers with partitions")


def test_a_broker_that_is_killed_costs_no_call(tmp_path: Path) -> None:
    from scale.support.fleet import Fleet, until
    from scale.worker.conftest import why_not

    if (why := why_not()) is not None:
        pytest.skip(why)
    broker, fleet = Kafka(tmp_path / "kafka"), None
    with FaultyRoark() as roark:
        try:
            broker.start()
            fleet = Fleet(broker.address, tmp_path, roark.url, "killed")
            fleet.create_topics(4)
            ready(fleet, 2)
            expected, writing = started(fleet)
            time.sleep(SECONDS / 2)
            broker.kill()
            time.sleep(2)
            broker.start()
            writing.join(120)
            until(lambda: fleet.with_all_started() and len(roark.calls) >= len(expected), "all calls")
            assert_complete(roark, expected)
        finally:
            if fleet is not None:
                fleet.stop()
            broker.stop()


def kill_before_a_commit(broker: Kafka, fleet: Fleet) -> None:
    """Kills the broker where the workers have not committed all that they have read: else they end well without it."""
    from scale.support.fleet import until

    def has_read() -> bool:
        return fleet.metric("roark_otel_worker_records_uncommitted") > 0

    def killed() -> bool:
        until(lambda: fleet.with_all_started() and has_read(), "a worker that reads")
        broker.kill()
        time.sleep(1)  # what it has answered arrives
        if has_read():
            return True
        broker.start()
        return False

    until(killed, "a broker that is killed between two commits")


@pytest.mark.parametrize("signals", [[SIGTERM], [SIGINT], [SIGINT, SIGINT]])
def test_a_worker_that_is_stopped_while_the_broker_is_away_ends_and_costs_no_call(
    tmp_path: Path, signals: list[Signals]
) -> None:
    from scale.support.fleet import DEADLINE, Fleet, produce
    from scale.worker.conftest import why_not

    if (why := why_not()) is not None:
        pytest.skip(why)
    broker, fleet = Kafka(tmp_path / "kafka"), None
    with FaultyRoark() as roark:
        try:
            broker.start()
            wait = "5" if len(signals) == 1 else "3600"
            fleet = Fleet(broker.address, tmp_path, roark.url, "away", options=("--stop-timeout", wait))
            fleet.create_topics(4)
            ready(fleet)
            # All is written before: an outage is longer than the settle time, so that what comes after it may be late.
            written = load(NUMBER, SECONDS, seed=3, name=fleet.name, orphan_every=0)
            produce(fleet.address, fleet.source, written.messages(time.time_ns()))
            kill_before_a_commit(broker, fleet)
            stopped = fleet.workers.pop()
            for number in signals:
                stopped.process.send_signal(number)
                if len(signals) > 1:
                    time.sleep(2 * ONE_STOP_SECONDS)
            assert stopped.process.wait(DEADLINE) == 1
            (line,) = [line for line in stopped.log.read_text().splitlines() if " are not committed" in line]
            assert "Nothing is lost" in line
            broker.start()
            fleet.start(stopped.state)
            assert_complete(roark, written.expected)
        finally:
            if fleet is not None:
                fleet.stop()
            broker.stop()


def test_a_worker_that_is_stopped_ends_well_and_the_next_goes_on(new_fleet: Callable[..., Fleet]) -> None:
    with FaultyRoark() as roark:
        fleet = new_fleet(roark.url)
        ready(fleet)
        expected, writing = started(fleet)
        time.sleep(SECONDS / 2)
        stopped = fleet.workers.pop()
        assert stopped.stop() == 0
        fleet.start(stopped.state)
        writing.join(120)
        assert_complete(roark, expected)


def test_roark_that_hangs_does_not_hold_up_the_reading(new_fleet: Callable[..., Fleet]) -> None:
    from scale.support.fleet import until

    with FaultyRoark() as roark:
        fleet = new_fleet(roark.url, settings={"ROARK_HTTP_TIMEOUT_SECONDS": "4"})
        ready(fleet)
        let_go = threading.Event()
        roark.hangs = lambda: let_go.wait(4)
        expected, writing = started(fleet)
        writing.join(120)
        until(lambda: fleet.metric("roark_otel_worker_conversations_away") > 0, "a request that hangs")
        until(lambda: fleet.behind(fleet.source) == 0, "all read while Roark hangs")
        assert fleet.workers[0].process.poll() is None
        roark.hangs = None
        let_go.set()
        assert_complete(roark, expected)


def test_messages_that_nobody_can_read_are_kept_and_stop_nothing(new_fleet: Callable[..., Fleet]) -> None:
    from confluent_kafka import Producer

    from scale.support.fleet import read_all, until

    damaged = [b"\x0a", b"{", b"[]", b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"{" * 200_000]
    with FaultyRoark() as roark:
        fleet = new_fleet(roark.url)
        ready(fleet)
        producer = Producer({"bootstrap.servers": fleet.address})
        for value in damaged:
            producer.produce(fleet.source, key=b"%032x" % 5, value=value)
            producer.produce(fleet.spans, key=b"x", value=value)
        producer.produce(fleet.source, value=None, key=b"deleted")
        producer.flush(30)
        expected, writing = started(fleet)
        writing.join(120)
        assert_complete(roark, expected)
        # Protobuf without any name that is looked for is not read at all, and is let go as a trace without an id.
        seen = [value for value in damaged if value[0] != 0x0A]
        until(
            lambda: fleet.metric('roark_otel_worker_events_total{event="unreadable_requests"}') == len(seen), "counted"
        )
        kept = {value for _, value in read_all(fleet.address, f"{fleet.name}_rejected")}
        assert kept
        assert kept <= set(seen)


def test_a_recording_is_announced_in_its_topic(new_fleet: Callable[..., Fleet]) -> None:
    from confluent_kafka import Producer

    from scale.support.fleet import until

    with FaultyRoark() as roark:
        fleet = new_fleet(roark.url, settings={"ROARK_RECORDING_URL_TEMPLATE": ""})
        ready(fleet)
        expected, writing = started(fleet)
        writing.join(120)
        until(
            lambda: fleet.metric("roark_otel_worker_conversations_open") == len(expected),
            "all wait for their recordings",
        )
        assert not roark.calls
        producer = Producer({"bootstrap.servers": fleet.address})
        for name in expected:
            producer.produce(f"{fleet.name}_recordings", key=name, value=f"https://example.com/{name}.mp3")
        producer.produce(f"{fleet.name}_recordings", key="nobody", value="no URL")
        producer.flush(30)
        assert_complete(roark, expected)
        assert {call.body["recordingUrl"] for call in roark.calls.values()} == {
            f"https://example.com/{name}.mp3" for name in expected
        }


def test_partitions_that_are_added_lose_nothing(new_fleet: Callable[..., Fleet]) -> None:
    """Spans of a trace may come to another partition then, so that a call may be incomplete, and late spans dropped."""
    from scale.support.fleet import until
    from scale.worker.test_topics import grow

    with FaultyRoark() as roark:
        fleet = new_fleet(roark.url, partitions=2)
        ready(fleet)
        expected, writing = started(fleet)
        time.sleep(SECONDS / 2)
        stopped = fleet.workers.pop()
        stopped.stop()
        grow(fleet, fleet.source, 4)
        fleet.create_topics()
        fleet.start(stopped.state)
        writing.join(120)
        until(lambda: len(roark.calls) >= len(expected), lambda: f"{len(expected)} calls: {len(roark.calls)}")
        assert set(roark.calls) == set(expected)
