"""The topics: what is wrong with them, and what makes them right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from roark_otel._worker.cluster import Cluster
from roark_otel._worker.partitions import partition_by_fnv1a, partition_by_murmur2
from roark_otel._worker.records import MAX_RECORD_HEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from roark_otel._worker.options import WorkerOptions

DAY_MS: Final = 86_400_000
EXPORTER_BYTES: Final = 1_000_000
"""The Collector's `max_message_bytes`, unless it is set."""

BROKER_BYTES: Final = 1_048_588
_COPIES: Final = 3


@dataclass(frozen=True, slots=True)
class TopicFinding:
    """Something about the topics. `loses`: whether spans or calls can be lost, or mixed up, for it."""

    text: str
    loses: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as it has to be. `settings`: by Kafka's names; `like`: the topic that has as many partitions."""

    name: str
    settings: Mapping[str, str]
    like: str | None = None


class Broker:
    """The topics of a worker in the cluster.

    Args:
        options: How the worker is set up.
        exporter_bytes: The largest message that the Collector sends, its `max_message_bytes`.
    """

    def __init__(self, options: WorkerOptions, exporter_bytes: int = EXPORTER_BYTES) -> None:
        self._options = options
        self._names = options.topics
        self._exporter_bytes = exporter_bytes
        self._cluster = Cluster(options.client())

    def partitions(self, topic: str) -> int:
        """Returns how many partitions a topic has; 0 if it does not exist.

        Raises:
            BrokersUnreachable: if the brokers do not answer.
        """
        return len(self._cluster.copies(topic))

    def wanted(self) -> list[Wanted]:
        """Returns all topics as they have to be, those that exist beforehand with the size that they have."""
        source = self._names.source
        size = max(self._exporter_bytes, self._size_of(source), BROKER_BYTES)
        larger = size + MAX_RECORD_HEAD
        kept = {"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)}
        changelog = {"cleanup.policy": "compact", "max.message.bytes": str(larger)}
        return [
            Wanted(
                source,
                {**kept, "message.timestamp.type": "LogAppendTime", "max.message.bytes": str(size)},
            ),
            Wanted(self._names.spans, {**kept, "max.message.bytes": str(larger)}, like=source),
            Wanted(self._names.recordings, kept, like=source),
            Wanted(self._names.rejected, {**kept, "max.message.bytes": str(larger)}, like=source),
            *(Wanted(self._changelog(of), changelog, like=of) for of in (source, self._names.spans)),
        ]

    def create(self, partitions: int, copies: int | None = None) -> list[str]:
        """Creates the topics that are missing, and sets what is wrong with the others.

        A topic that exists keeps its partitions, and whatever it has that loses nothing.

        Args:
            partitions: How many partitions a new source gets. A changelog gets as many as its topic has.
            copies: How many brokers have a copy of a new topic. Default: 3, or as many as there are.

        Returns:
            What was done, a line each.

        Raises:
            BrokersUnreachable: if the brokers do not answer, or refuse.
        """
        done: list[str] = []
        with_copies = copies or min(_COPIES, self._cluster.brokers())
        for topic in self.wanted():
            has = self.partitions(topic.name)
            needs = (self.partitions(topic.like) if topic.like is not None else 0) or partitions
            if not has:
                safe = {"min.insync.replicas": str(with_copies - 1)} if with_copies >= _COPIES else {}
                self._cluster.create(topic.name, needs, with_copies, {**topic.settings, **safe})
                done.append(f"created {topic.name} with {needs} partitions")
                continue
            if _is_changelog(topic) and has < needs:
                self._cluster.grow(topic.name, needs)
                done.append(f"{topic.name} has {needs} partitions now, as many as {topic.like}")
            wrong = {name for name, *_ in self._wrong(topic)}
            if wrong:
                self._cluster.set(topic.name, {name: topic.settings[name] for name in wrong})
                done += [f"set {name}={topic.settings[name]} of {topic.name}" for name in sorted(wrong)]
        return done

    def check(self) -> list[TopicFinding]:
        """Returns what is wrong with the topics.

        Raises:
            BrokersUnreachable: if the brokers do not answer.
        """
        return list(self._findings())

    def _findings(self) -> Iterator[TopicFinding]:
        for topic in self.wanted():
            known = self._cluster.copies(topic.name)
            if not known:
                # The engine would create a changelog by itself, with the broker's limit of a message.
                yield TopicFinding(f"{topic.name} does not exist")
                continue
            for _, is_now, why, loses in self._wrong(topic):
                yield TopicFinding(f"{topic.name} has {is_now}: {why}", loses)
            if _is_changelog(topic) and topic.like and len(known) != (size := self.partitions(topic.like)):
                yield TopicFinding(f"{topic.name} has {len(known)} partitions, {topic.like} has {size}")
            copies = min(len(replicas) for replicas in known.values())
            if copies < _COPIES:
                yield TopicFinding(
                    f"{topic.name} is on {copies} broker(s): a broker's disk takes it along", loses=False
                )
        if self.partitions(source := self._names.source):
            yield from _of_keys(source, self._cluster.sample_keys(source, f"{self._options.group}-check"))

    def _wrong(self, topic: Wanted) -> Iterator[tuple[str, str, str, bool]]:
        """Yields the settings of a topic that are wrong: the name, how it is now, why, and whether that loses."""
        found = self._cluster.settings(topic.name)
        for name, wanted in topic.settings.items():
            is_now = found.get(name, "")
            if name == "max.message.bytes" and int(is_now) < int(wanted):
                yield name, f"{name}={is_now}", f"larger messages are lost; it has to be {wanted}", True
            elif name == "retention.ms" and 0 <= int(is_now) < DAY_MS:
                yield name, f"{name}={is_now}", "what is not read in that time is lost; a week is usual", True
            elif name in ("cleanup.policy", "message.timestamp.type") and is_now != wanted:
                why = "compaction would delete spans" if wanted == "delete" else "the state would expire"
                if name == "message.timestamp.type":
                    why = "the clocks of producers would close conversations"
                yield name, f"{name}={is_now}", f"{why}; it has to be {wanted}", True
        if (limit := found.get("retention.bytes", "-1")) != "-1":
            yield "", f"retention.bytes={limit}", "a backlog that is larger is lost", False

    def _size_of(self, topic: str) -> int:
        return int(self._cluster.settings(topic)["max.message.bytes"]) if self.partitions(topic) else 0

    def _changelog(self, topic: str) -> str:
        """Returns the name that the engine gives the changelog of a topic's stage."""
        return f"changelog__{self._options.group}--{topic}--default"


def _is_changelog(topic: Wanted) -> bool:
    return topic.settings["cleanup.policy"] == "compact"


def _of_keys(topic: str, sampled: Iterable[tuple[int, int, bytes | None]]) -> Iterator[TopicFinding]:
    """Yields what the keys of messages show: a trace has to be in one partition, whoever writes it."""
    found: Counter[str] = Counter()
    for partition, size, key in sampled:
        if key is None:
            found["none"] += 1
            continue
        hashers = {"murmur2": partition_by_murmur2(key, size), "fnv1a": partition_by_fnv1a(key, size)}
        fitting = [name for name, of in hashers.items() if of == partition]
        found[fitting[0] if len(fitting) == 1 else "either" if fitting else "another"] += 1
    if found["none"]:
        yield TopicFinding(
            f"{topic} has messages without a key: set partition_traces_by_id of the Collector's exporter, or spans of "
            "a trace come to different workers",
            loses=False,
        )
    if sum(found[name] > 0 for name in ("murmur2", "fnv1a", "another")) > 1:
        yield TopicFinding(
            f"{topic} has keys of several hashers, so that a trace may be in two partitions: give all producers one, "
            "in the Collector by record_partitioner's hasher; after partitions were added, older keys look so too",
            loses=False,
        )
