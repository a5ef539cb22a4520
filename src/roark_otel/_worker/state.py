"""What a stage needs of its store, and lists of values in it.

A value never begins with a byte below 0x40: the engine takes eight bytes that look like a time for an expiry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class PartitionState(Protocol):
    """The state of one partition. What is written becomes durable together with the offset of the record."""

    def get_bytes(self, key: str, default: None = None) -> bytes | None:
        """Returns a value; None if there is none."""

    def set_bytes(self, key: str, value: bytes) -> None:
        """Writes a value."""

    def delete(self, key: str) -> None:
        """Deletes a value, if it is there."""


def element_key(name: str, index: int) -> str:
    """Returns the key of an element of a list."""
    return f"{name}/{index}"


def length_of(name: str, state: PartitionState) -> int:
    """Returns how many elements a list has. They have no gaps, so that a few of them need be looked at."""
    if state.get_bytes(element_key(name, 0)) is None:
        return 0
    last, beyond = 0, 1
    while state.get_bytes(element_key(name, beyond)) is not None:
        last, beyond = beyond, beyond * 2
    while beyond - last > 1:
        middle = (last + beyond) // 2
        if state.get_bytes(element_key(name, middle)) is None:
            beyond = middle
        else:
            last = middle
    return beyond


def elements(name: str, length: int, state: PartitionState) -> Iterator[bytes]:
    """Yields the elements of a list."""
    for index in range(length):
        if (found := state.get_bytes(element_key(name, index))) is not None:
            yield found


def drop_list(name: str, length: int, state: PartitionState) -> None:
    """Deletes a list. It is deleted from its end, so that what a crash leaves of it has no gaps either."""
    for index in reversed(range(length)):
        state.delete(element_key(name, index))
