"""A broker of Kafka for tests: one node, from its jars, which are fetched once and kept outside the tree."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE: Final = Path(__file__).parent.parent / "kafka"
FETCH_SECONDS: Final = 300
READY_SECONDS: Final = 120

_JVM: Final = ("-Xms384m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")

_ONE_NODE: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "2",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "0",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "16777216",
    # After a kill -9 the controller refuses the next life of a broker until the session of the last one has ended.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
}


@functools.cache
def why_not() -> str | None:
    """Returns what this machine lacks for a broker; None if it lacks nothing."""
    missing = [name for name in ("java", "mvn") if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} not installed"
    try:
        jars()
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as fault:
        return f"Maven cannot fetch the broker: {type(fault).__name__}"
    return None


@functools.cache
def jars() -> Path:
    """Returns the directory of the jars, which Maven fetches if they are not there yet."""
    pom = HERE / "pom.xml"
    stamp = hashlib.sha256(pom.read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roark-otel"
    found = cache / f"kafka-{stamp}"
    if found.is_dir():
        return found
    cache.mkdir(parents=True, exist_ok=True)
    fetched = cache / f"kafka-{stamp}.{os.getpid()}"
    command = ["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={fetched}"]
    subprocess.run([*command, "-DincludeScope=runtime"], check=True, timeout=FETCH_SECONDS, stdin=subprocess.DEVNULL)
    try:
        fetched.rename(found)
    except OSError:  # another process was faster
        shutil.rmtree(fetched)
    return found


def free_port() -> int:
    """Returns a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Kafka:
    """A broker on loopback.

    Args:
        directory: Where its data are.
        settings: Further settings of the broker.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._port, controller = free_port(), free_port()
        self.address = f"127.0.0.1:{self._port}"
        listeners = f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}"
        known = {
            **_ONE_NODE,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": str(directory / "log"),
            **(settings or {}),
        }
        self._config = directory / "server.properties"
        self._config.write_text("".join(f"{name}={value}\n" for name, value in known.items()))
        self._java = ["java", *_JVM, f"-Dlog4j2.configurationFile=file:{HERE}/log4j2.properties", "-cp", f"{jars()}/*"]
        self._log = directory / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, on the data that it has, and waits until it is ready."""
        if not (self.directory / "log" / "meta.properties").exists():
            tool = [*self._java, "kafka.tools.StorageTool"]
            name = subprocess.run([*tool, "random-uuid"], check=True, capture_output=True, text=True, timeout=60)
            id_of = name.stdout.split()[-1]
            subprocess.run(
                [*tool, "format", "-t", id_of, "-c", str(self._config)], check=True, capture_output=True, timeout=60
            )
        with self._log.open("wb") as log:
            command = [*self._java, "kafka.Kafka", str(self._config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_SECONDS
        while b"Kafka Server started" not in self._log.read_bytes():
            assert self.process.poll() is None, self._log.read_text()[-3000:]
            assert time.monotonic() < deadline, "the broker is not ready in time"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kills it with -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Stops it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None


def running(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[Kafka]:
    """Yields a broker that runs, and stops it."""
    broker = Kafka(directory, settings)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
