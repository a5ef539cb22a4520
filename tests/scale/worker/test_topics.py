"""`worker --check` says what of the topics loses spans, and `worker --create-topics` makes it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roark_otel._worker.partitions import key_of, partition_by_fnv1a, partition_by_murmur2

if TYPE_CHECKING:
    from collections.abc import Callable

    from scale.support.fleet import Fleet

NOWHERE = "http://127.0.0.1:9"


def set_topic(fleet: Fleet, topic: str, name: str, value: str) -> None:
    from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    admin = AdminClient({"bootstrap.servers": fleet.address})
    asked = admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])])
    for future in asked.values():
        future.result(20)


def grow(fleet: Fleet, topic: str, partitions: int) -> None:
    from confluent_kafka.admin import AdminClient, NewPartitions

    admin = AdminClient({"bootstrap.servers": fleet.address})
    for future in admin.create_partitions([NewPartitions(topic, partitions)]).values():
        future.result(20)


def wrong(fleet: Fleet) -> list[str]:
    made = fleet.run("--check")
    lines = [line for line in made.stdout.splitlines() if line.startswith("wrong: ")]
    assert made.returncode == (1 if lines else 0), made.stdout + made.stderr
    return lines


def test_without_topics_a_worker_says_what_to_do_and_ends(new_fleet: Callable[..., Fleet]) -> None:
    fleet = new_fleet(NOWHERE, partitions=0)
    assert any(f"{fleet.source} does not exist" in line for line in wrong(fleet))
    made = fleet.run("--metrics-port", "0")
    assert made.returncode == 1
    assert "--create-topics" in made.stderr
    fleet.create_topics(3)
    assert wrong(fleet) == []


@pytest.mark.parametrize(
    ("of", "name", "value"),
    [
        ("otlp", "message.timestamp.type", "CreateTime"),
        ("otlp", "retention.ms", "3600000"),
        ("otlp", "cleanup.policy", "compact"),
        ("spans", "max.message.bytes", "100000"),
        ("spans", "cleanup.policy", "compact"),
        ("rejected", "max.message.bytes", "100000"),
    ],
)
def test_a_setting_that_loses_spans_is_said_and_made_right(
    new_fleet: Callable[..., Fleet], of: str, name: str, value: str
) -> None:
    fleet = new_fleet(NOWHERE, partitions=2)
    topic = f"{fleet.name}_{of}"
    set_topic(fleet, topic, name, value)
    (line,) = wrong(fleet)
    assert f"{topic} has {name}={value}" in line
    fleet.create_topics()
    assert wrong(fleet) == []


def test_larger_messages_of_the_collector_need_larger_ones_in_all_topics(new_fleet: Callable[..., Fleet]) -> None:
    fleet = new_fleet(NOWHERE, partitions=2)
    larger = ("--exporter-max-bytes", "8000000")
    said = fleet.run("--check", *larger)
    assert said.stdout.count("max.message.bytes") == 5
    assert fleet.run("--create-topics", *larger).returncode == 0
    assert fleet.run("--check", *larger).returncode == 0
    assert wrong(fleet) == []


def test_a_changelog_has_as_many_partitions_as_its_topic(new_fleet: Callable[..., Fleet]) -> None:
    fleet = new_fleet(NOWHERE, partitions=2)
    grow(fleet, fleet.source, 4)
    (line,) = wrong(fleet)
    assert "has 2 partitions" in line
    fleet.create_topics()
    assert wrong(fleet) == []


def test_keys_of_several_hashers_and_no_keys_are_said(new_fleet: Callable[..., Fleet]) -> None:
    from confluent_kafka import Producer

    fleet = new_fleet(NOWHERE, partitions=6)
    keys = [b"%032x" % number for number in range(40)]
    for partitioner in ("murmur2_random", "fnv1a_random"):
        producer = Producer({"bootstrap.servers": fleet.address, "partitioner": partitioner})
        for key in keys:
            producer.produce(fleet.source, key=key, value=b"x")
        producer.flush(30)
        assert ("several hashers" in fleet.run("--check").stdout) is (partitioner == "fnv1a_random")
    producer = Producer({"bootstrap.servers": fleet.address})
    producer.produce(fleet.source, value=b"x")
    producer.flush(30)
    assert "without a key" in fleet.run("--check").stdout


@pytest.mark.parametrize("partitioner", ["murmur2", "fnv1a"])
def test_keys_are_where_librdkafka_puts_them(new_fleet: Callable[..., Fleet], partitioner: str) -> None:
    """Progress goes to a partition by a key that is chosen for it, so that the hash has to be that of the producer."""
    from confluent_kafka import Message, Producer

    fleet = new_fleet(NOWHERE, partitions=7)
    found: dict[bytes, int] = {}

    def note(_fault: object, message: Message) -> None:
        found[message.key() or b""] = message.partition() or 0

    keys = [bytes(range(1, length)) for length in range(2, 40)] + [key_of(number, 7) for number in range(7)]
    producer = Producer({"bootstrap.servers": fleet.address, "partitioner": partitioner})
    for key in keys:
        producer.produce(fleet.source, key=key, value=b"x", on_delivery=note)
    producer.flush(30)
    hashed = partition_by_murmur2 if partitioner == "murmur2" else partition_by_fnv1a
    assert found == {key: hashed(key, 7) for key in keys}


def test_brokers_that_do_not_answer_are_said(new_fleet: Callable[..., Fleet]) -> None:
    made = new_fleet(NOWHERE, partitions=0).run("--check", "--brokers", "127.0.0.1:9")
    assert made.returncode == 1
    assert made.stderr.startswith("roark-otel: Kafka does not answer, or refuses (")
    assert len(made.stderr.splitlines()) == 1
