"""The stages of the partitions that a worker has, each loaded when its partition comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._worker.state import PartitionState


class PartitionStage(Protocol):
    """What a partition has in memory of its state."""

    def load(self, now_ms: int, state: PartitionState) -> None:
        """Begins with a state that another worker may have written."""

    def __len__(self) -> int:
        """Returns how much is under way."""
        ...


StageT = TypeVar("StageT", bound=PartitionStage)


@dataclass(slots=True)
class _Held(Generic[StageT]):
    stage: StageT
    next_offset: int = -1
    at_ms: int = 0


class Stages(Generic[StageT]):
    """The stages by partition.

    A partition may have been with another worker since its last record. Then the next record is another one than the
    next after it, and the stage is loaded again: what it had in memory is not what is in its state.

    Args:
        make: Makes the stage of a partition.
    """

    def __init__(self, make: Callable[[int], StageT]) -> None:
        self._make = make
        self._held: dict[int, _Held[StageT]] = {}

    def at(self, partition: int, offset: int, at_ms: int, state: PartitionState) -> StageT:
        """Returns the stage for the record at this place, whose time in the log this is."""
        held = self._held.get(partition)
        if held is None:
            held = self._held[partition] = _Held(self._make(partition))
        if held.next_offset != offset:
            held.stage.load(at_ms, state)
        held.next_offset = offset + 1
        held.at_ms = at_ms
        return held.stage

    def keep(self, partitions: frozenset[int]) -> None:
        """Lets go of partitions that this worker has no more."""
        for partition in self._held.keys() - partitions:
            del self._held[partition]

    def of(self, partitions: frozenset[int]) -> list[StageT]:
        """Returns the stages of these partitions."""
        return [held.stage for partition, held in list(self._held.items()) if partition in partitions]
