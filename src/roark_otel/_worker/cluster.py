"""The cluster of brokers: what it knows of topics, and what it is asked to do with them."""

# The engine and its client are an extra that is not installed where types are checked, and have few types.
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUntypedBaseClass=false, reportUnknownLambdaType=false, reportMissingTypeArgument=false

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS: Final = 20.0
_SAMPLED: Final = 200


class BrokersUnreachable(Exception):  # noqa: N818 - says what is the matter with the brokers
    """Raised where the brokers do not answer, or refuse. The message says which."""


class Cluster:
    """The cluster. Each of its methods raises `BrokersUnreachable` if the brokers do not answer, or refuse.

    Args:
        client: What each client needs to connect, by librdkafka's names.
    """

    def __init__(self, client: Mapping[str, str]) -> None:
        self._client = dict(client)
        self._admin = AdminClient({**client, "log_level": 0})

    def brokers(self) -> int:
        """Returns how many brokers there are."""
        return len(self._metadata().brokers)

    def copies(self, topic: str) -> dict[int, list[int]]:
        """Returns the brokers that have copies of a topic, by partition; empty if it does not exist."""
        # Asked for all, because to ask for one by its name may create it.
        found = self._metadata().topics.get(topic)
        if found is None or found.error is not None:
            return {}
        return {number: list(one.replicas) for number, one in found.partitions.items()}

    def settings(self, topic: str) -> dict[str, str]:
        """Returns the settings of a topic."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        found = _done(self._admin.describe_configs([resource]))
        return {name: str(entry.value) for name, entry in found[0].items()}

    def create(self, topic: str, partitions: int, copies: int, settings: Mapping[str, str]) -> None:
        """Creates a topic, and waits until it is known."""
        new = NewTopic(topic, num_partitions=partitions, replication_factor=copies, config=dict(settings))
        _done(self._admin.create_topics([new]))
        self._await(topic, partitions)

    def grow(self, topic: str, partitions: int) -> None:
        """Gives a topic this many partitions, and waits until they are known."""
        _done(self._admin.create_partitions([NewPartitions(topic, partitions)]))
        self._await(topic, partitions)

    def set(self, topic: str, settings: Mapping[str, str]) -> None:
        """Sets these settings of a topic, and leaves the others."""
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in settings.items()
        ]
        _done(
            self._admin.incremental_alter_configs(
                [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)]
            )
        )

    def sample_keys(self, topic: str, group: str) -> list[tuple[int, int, bytes | None]]:
        """Returns the partition, the number of partitions and the key of some late messages, read as this group."""
        sampled = list[tuple[int, int, "bytes | None"]]()
        settings = {"group.id": group, "enable.auto.commit": False, "log_level": 0}
        consumer = Consumer({**self._client, **settings})
        try:
            size = len(self.copies(topic))
            starts: list[TopicPartition] = []
            waiting = 0
            for partition in range(size):
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_SECONDS)
                first = max(low, high - _SAMPLED)
                waiting += high - first
                if high > first:
                    starts.append(TopicPartition(topic, partition, first))
            consumer.assign(starts)
            while waiting > 0 and (messages := consumer.consume(min(waiting, 500), timeout=5)):
                waiting -= len(messages)
                sampled += [
                    (one.partition() or 0, size, one.key()) for one in messages if one.error() is None and one.value()
                ]
        except KafkaException as fault:
            raise _unreachable(fault) from None
        finally:
            consumer.close()
        return sampled

    def _await(self, topic: str, partitions: int) -> None:
        """Waits until the brokers know a topic: they hear of it after one has answered."""
        deadline = time.monotonic() + _SECONDS
        while len(self.copies(topic)) < partitions:
            if time.monotonic() > deadline:
                raise BrokersUnreachable(f"Kafka: {topic} was created, and is not known yet: try again")
            time.sleep(0.1)

    def _metadata(self) -> Any:  # noqa: ANN401
        try:
            return self._admin.list_topics(timeout=_SECONDS)
        except KafkaException as fault:
            raise _unreachable(fault) from None


def _done(asked: Mapping[Any, Any]) -> list[Any]:
    try:
        return [future.result(_SECONDS) for future in asked.values()]
    except KafkaException as fault:
        raise _unreachable(fault) from None


def _unreachable(fault: KafkaException) -> BrokersUnreachable:
    error = fault.args[0]
    text = error.str() if isinstance(error, KafkaError) else str(error)
    return BrokersUnreachable(f"Kafka does not answer, or refuses ({text}): check --brokers and --kafka-config")
