"""Workers as processes, with a broker of their own topics."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from scale.support.kafka import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from scale.support.load import Message

DEADLINE: Final = 120.0
"""The longest that anything is waited for, on however slow a machine, in seconds."""

COMMAND: Final = (sys.executable, "-c", "from roark_otel_cli import main; raise SystemExit(main())", "worker")


def until(is_so: Callable[[], object], what: str | Callable[[], str], seconds: float = DEADLINE) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not _is_so(is_so):
        assert time.monotonic() < deadline, f"not in time: {what() if callable(what) else what}"
        time.sleep(0.2)


def _is_so(ask: Callable[[], object]) -> bool:
    """Returns whether it is; not yet, where a broker on a busy machine does not answer in time."""
    with suppress(KafkaException):
        return bool(ask())
    return False


class Worker:
    """A worker's process."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path, state: Path) -> None:
        self.port = free_port()
        self.log, self.state = log, state
        self.killed_at = 0.0
        full = [*command, "--state-dir", str(state), "--metrics-port", str(self.port)]
        with log.open("ab") as out:
            self.process = subprocess.Popen(full, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def metrics(self) -> dict[str, float]:
        """Returns the metrics by their names with labels."""
        with suppress(OSError):
            lines = [line for line in self.get("/metrics").splitlines() if not line.startswith("#")]
            return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
        return {}

    def is_ready(self) -> bool:
        with suppress(OSError):
            return "partitions" in self.get("/readyz")
        return False

    def kill(self) -> None:
        """Kills it with -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Stops it with SIGTERM. Returns its exit status."""
        self.process.terminate()
        return self.process.wait(60)


class Fleet:
    """Workers of one group, and the topics that are theirs.

    Args:
        address: Where the broker is.
        directory: Where their states and logs are.
        roark: Where Roark is.
        name: What the names of their topics and their group begin with.
        settings: Further variables of their environment.
        options: Further options of the command.
        source: The topic of the source, if it is not named after them.
    """

    def __init__(
        self,
        address: str,
        directory: Path,
        roark: str,
        name: str,
        settings: dict[str, str] | None = None,
        options: Sequence[str] = (),
        source: str = "",
    ) -> None:
        self.address, self.directory, self.name = address, directory, name
        self.source, self.spans = source or f"{name}_otlp", f"{name}_spans"
        self._command = [*COMMAND, "--brokers", address, "--topic", self.source, "--prefix", name, "--group", name]
        self._options = ["--settle", "3", "--session-timeout", "6", *options]
        self.environment = {
            **os.environ,
            "ROARK_API_KEY": "test-key",
            "ROARK_BASE_URL": roark,
            "ROARK_RECORDING_URL_TEMPLATE": "https://example.com/{external_id}.wav",
            "ROARK_IDLE_TIMEOUT_SECONDS": "20",
            "ROARK_QUIET_SECONDS": "4",
            "ROARK_SPOOL_DIR": str(directory / "spool"),
            **(settings or {}),
        }
        self.workers: list[Worker] = []
        self._number = 0

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command with these arguments, such as `--check`, until it ends."""
        command = [*self._command, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=self.environment, check=False)

    def create_topics(self, partitions: int = 4) -> None:
        made = self.run("--create-topics", "--partitions", str(partitions))
        assert made.returncode == 0, made.stdout + made.stderr

    def start(self, state: Path | None = None) -> Worker:
        """Starts one more worker, on this state or on none."""
        self._number += 1
        log, own = self.directory / f"worker-{self._number}.log", self.directory / f"state-{self._number}"
        worker = Worker([*self._command, *self._options], self.environment, log, state or own)
        self.workers.append(worker)
        return worker

    def with_all_started(self) -> Fleet:
        """Starts workers that have ended once more, on their states, as a supervisor does."""
        for worker in [one for one in self.workers if one.process.poll() is not None]:
            assert worker.process.returncode == 1, worker.log.read_text()[-2000:]
            self.workers.remove(worker)
            self.start(worker.state)
        return self

    def kill_one(self, worker: Worker, *, loses_disk: bool = False) -> Worker:
        """Kills a worker with -9, and starts another in its place."""
        worker.kill()
        self.workers.remove(worker)
        if loses_disk:
            shutil.rmtree(worker.state)
        return self.start(worker.state)

    def stop(self) -> None:
        for worker in self.workers:
            worker.kill()

    def metric(self, name: str) -> float:
        """Returns the sum of a metric over the workers that run."""
        return sum(worker.metrics().get(name, 0.0) for worker in self.workers)

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.directory.glob("worker-*.log")))

    def is_done(self) -> bool:
        """Returns whether all that was written to the source was read, and committed."""
        return self.behind(self.source) == 0

    def behind(self, topic: str) -> int:
        """Returns how many records of a topic are not committed, ticks and progress not counted: by their offsets."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": self.name, "log_level": 0})
        try:
            size = len(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
            committed = consumer.committed([TopicPartition(topic, number) for number in range(size)], timeout=20)
            ends = [consumer.get_watermark_offsets(one, timeout=20)[1] for one in committed]
            # A tick or two of each partition may always be on its way.
            return sum(max(0, end - max(one.offset, 0) - 8) for one, end in zip(committed, ends, strict=True))
        finally:
            consumer.close()

    def left_open(self) -> set[str]:
        """Returns what of the state is left that belongs to traces and conversations under way."""
        return {name for name in self.state_left() if name in {"c", "s", "t", "w"}}

    def state_left(self) -> Counter[str]:
        """Returns the keys that are left in the changelogs, counted by what they begin with."""
        found: Counter[str] = Counter()
        for of in (self.source, self.spans):
            for key, value in read_all(self.address, f"changelog__{self.name}--{of}--default"):
                _, _, name = key.rpartition(b"|")
                found[name.strip(b'"').partition(b"/")[0].decode()] += value is not None
        return +found


def read_all(address: str, topic: str) -> Iterable[tuple[bytes, bytes | None]]:
    """Returns the keys of a topic, each with its last value."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": f"read-{topic}", "log_level": 0})
    found: dict[bytes, bytes | None] = {}
    try:
        size = len(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
        for number in range(size):
            one = TopicPartition(topic, number)
            low, high = consumer.get_watermark_offsets(one, timeout=20)
            consumer.assign([TopicPartition(topic, number, low)])
            at = low
            while at < high:
                message = consumer.poll(DEADLINE)  # `consume` would wait for as many as it may return
                assert message is not None, f"no record at {at} of {topic}, which ends at {high}"
                assert message.error() is None
                at = (message.offset() or 0) + 1
                found[b"%d:" % number + (message.key() or b"")] = message.value()
    finally:
        consumer.close()
    return found.items()


def produce(address: str, topic: str, messages: Iterable[Message], start: float | None = None) -> None:
    """Writes messages; from `start` on, in seconds since the epoch, each at its time."""
    producer = Producer(
        {
            "bootstrap.servers": address,
            "linger.ms": 5,
            "partitioner": "murmur2_random",
            "acks": "all",
            "enable.idempotence": True,
            "log_level": 0,
        }
    )
    for message in messages:
        while start is not None and (left := start + message.at - time.time()) > 0:
            producer.poll(min(left, 0.05))
        while True:
            try:
                producer.produce(topic, key=message.key, value=message.value)
                break
            except BufferError:
                producer.poll(0.5)
    assert producer.flush(120) == 0
