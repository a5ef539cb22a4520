"""A broker for all tests of a run, and what they need of it."""

from __future__ import annotations

import importlib.util
import sys
from itertools import count
from typing import TYPE_CHECKING

import pytest

from scale.support import kafka

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scale.support.fleet import Fleet
    from scale.support.kafka import Kafka

_NAMES = count(1)


def why_not() -> str | None:
    """Returns why these tests cannot be run here."""
    if sys.version_info < (3, 11):
        return "Quix Streams needs Python 3.11"
    if importlib.util.find_spec("quixstreams") is None:
        return "the extra `kafka` is not installed"
    return kafka.why_not()


@pytest.fixture(scope="session", name="broker")
def _broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    if (why := why_not()) is not None:
        pytest.skip(why)
    yield from kafka.running(tmp_path_factory.mktemp("kafka"))


@pytest.fixture(name="new_fleet")
def _new_fleet(broker: Kafka, tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    """Returns a function that makes a fleet with topics of its own."""
    from scale.support.fleet import Fleet

    made: list[Fleet] = []

    def make(roark: str, *, partitions: int = 4, **given: object) -> Fleet:
        name = f"t{next(_NAMES)}"
        fleet = Fleet(broker.address, tmp_path, roark, name, **given)  # type: ignore[arg-type]
        made.append(fleet)
        if partitions:
            fleet.create_topics(partitions)
        return fleet

    yield make
    for one in made:
        one.stop()
