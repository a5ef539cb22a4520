"""Runs in the worker's environment: what reads the same topic in turns, and what it costs. Prints JSON.

python benchmarks/child/working.py [--quick]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from scale.support import kafka
from scale.support.fleet import Fleet, produce, until
from scale.support.load import load
from scale.support.roark import FaultyRoark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from scale.support.load import Load

CONVERSATIONS = 300
PACED_SECONDS = 40.0
SETTLE_SECONDS, SESSION_SECONDS = 3.0, 6.0  # as a fleet has them

CONSUMER = """
import sys
from confluent_kafka import Consumer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
address, topic, marks = sys.argv[1], sys.argv[2], set(map(int, sys.argv[4:]))
consumer = Consumer({"bootstrap.servers": address, "group.id": f"bare-{topic}", "auto.offset.reset": "earliest"})
consumer.subscribe([topic])
read = 0
while True:
    for message in consumer.consume(500, timeout=1):
        ExportTraceServiceRequest.FromString(message.value())
        read += 1
        if read in marks:
            print(read, flush=True)
"""

ENGINE = """
import sys, tempfile
from quixstreams import Application
address, topic, marks = sys.argv[1], sys.argv[2], set(map(int, sys.argv[4:]))
app = Application(
    broker_address=address, consumer_group=f"engine-{topic}", auto_offset_reset="earliest", loglevel=None,
    state_dir=tempfile.mkdtemp(dir=sys.argv[3]), commit_interval=1.0,
    producer_extra_config={"compression.type": "zstd", "linger.ms": 10, "acks": "all"},
)
as_bytes = dict(key_deserializer="bytes", value_deserializer="bytes", key_serializer="bytes", value_serializer="bytes")
source, middle = app.topic(topic, **as_bytes), app.topic(f"{topic}-engine", **as_bytes)
read = 0
def first(value, state):
    state.set_bytes("seen", b"x")
    return value
def second(value, state):
    global read
    have = state.get("number", 0)
    state.set_bytes(f"span/{have}", value)
    state.set("number", have + 1)
    read += 1
    if read in marks:
        print(read, flush=True)
app.dataframe(source).apply(first, stateful=True).to_topic(middle)
app.dataframe(middle).update(second, stateful=True)
app.run()
"""


SCRIPTS = {"consumer": CONSUMER, "engine": ENGINE}


def main() -> None:
    """Measures, and prints what was found."""
    if (why := kafka.why_not()) is not None:
        print(json.dumps({"missing": why}))
        return
    rounds = 1 if "--quick" in sys.argv else 3
    found: dict[str, list[float]] = {
        name: [] for name in ("consumer", "engine", "worker", "memory", "latency", "after")
    }
    with tempfile.TemporaryDirectory() as folder, FaultyRoark() as roark:
        for broker in kafka.running(Path(folder) / "kafka"):
            for number in range(rounds):
                _backlog(broker.address, Path(folder), roark, f"b{number}", found)
                _paced(broker.address, Path(folder), roark, f"p{number}", found)
    print(json.dumps(found))


def _backlog(address: str, folder: Path, roark: FaultyRoark, name: str, found: dict[str, list[float]]) -> None:
    """Lets each read the same topic, which is written faster than a worker reads it."""
    fleet = _fleet(address, folder, roark, name)
    # The first ones are not counted, because all that is imported is imported with them.
    warm, several = (
        load(number, 60.0, seed=3, name=f"{name}-{number}", orphan_every=0) for number in (20, CONVERSATIONS)
    )
    number = len(several.steps)
    with ExitStack() as stack:
        marks = len(warm.steps), len(warm.steps) + number
        readers = {who: stack.enter_context(_Script(which, fleet, marks)) for who, which in SCRIPTS.items()}
        worker = fleet.start()
        produce(address, fleet.source, warm.messages(time.time_ns()))
        _wait_for(roark, warm)
        before = {who: reader.cpu_at_mark() for who, reader in readers.items()}
        before["worker"] = _cpu(worker.process.pid)
        produce(address, fleet.source, several.messages(time.time_ns()))
        _wait_for(roark, several)
        after = {who: reader.cpu_at_mark() for who, reader in readers.items()}
        after["worker"] = _cpu(worker.process.pid)
    for who, cpu in after.items():
        found[who].append(number / (cpu - before[who]))
    found["memory"].append(_peak_mb(worker.process.pid))
    fleet.stop()


def _paced(address: str, folder: Path, roark: FaultyRoark, name: str, found: dict[str, list[float]]) -> None:
    """Lets conversations end while a worker runs; then kills it, and takes the time to the next new call."""
    fleet = _fleet(address, folder, roark, name)
    worker = fleet.start()
    until(worker.is_ready, "a worker with partitions")
    start = time.time() + 1
    several = load(100, PACED_SECONDS, seed=4, name=name, orphan_every=0)
    produce(address, fleet.source, several.messages(int(start * 1e9)), start)
    _wait_for(roark, several)
    waits = sorted(
        roark.calls[one].at - start - each.ended_at - SETTLE_SECONDS
        for one, each in several.expected.items()
        if each.ended_at is not None
    )
    found["latency"].append(waits[len(waits) * 95 // 100])
    more = load(20, 0.1, seed=5, name=f"{name}-more", orphan_every=0)
    produce(address, fleet.source, more.messages(time.time_ns()))
    killed = time.time()
    fleet.kill_one(worker)
    _wait_for(roark, more)
    first = min(roark.calls[one].at for one in more.expected)
    found["after"].append(first - killed - max(SESSION_SECONDS, SETTLE_SECONDS))
    fleet.stop()


def _fleet(address: str, folder: Path, roark: FaultyRoark, name: str) -> Fleet:
    directory = folder / name
    directory.mkdir()
    fleet = Fleet(address, directory, roark.url, name)
    fleet.create_topics(4)
    return fleet


def _wait_for(roark: FaultyRoark, several: Load) -> None:
    until(lambda: several.expected.keys() <= roark.calls.keys(), "all calls", 300)


class _Script:
    """A script that reads a topic, and says when it has read as many as a mark says."""

    def __init__(self, script: str, fleet: Fleet, marks: Sequence[int]) -> None:
        command = [sys.executable, "-c", script, fleet.address, fleet.source, str(fleet.directory), *map(str, marks)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def cpu_at_mark(self) -> float:
        """Returns the seconds of CPU that it has used, once it has come to the next mark."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline()
        return _cpu(self._process.pid)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
