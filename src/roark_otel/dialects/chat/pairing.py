"""The calls of tools in a history, each with its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from roark_otel.dialects.chat.shapes import Answer

CallKey: TypeAlias = "tuple[str | None, str, str]"
"""The id, the name and the arguments of a call."""


class Place(NamedTuple):
    """A call in a history: which one it is of those alike, and of all.

    `run`: the number of calls that were made together, before one of them was answered or the customer spoke.
    """

    key: CallKey
    number: int
    rank: int
    run: int


class Pairing:
    """The calls and the answers of a history, as far as it was read."""

    __slots__ = ("_answered", "_counts", "_open", "_rank", "_run")

    def __init__(self) -> None:
        self._counts: dict[CallKey, int] = {}
        self._open: list[Place] = []
        self._answered: dict[str, tuple[Place, int]] = {}
        self._rank = self._run = 0

    def copy(self) -> Pairing:
        """The same as far as it was read; it may go on in another way."""
        other = Pairing()
        other._counts, other._open = self._counts.copy(), self._open.copy()
        other._answered, other._rank, other._run = self._answered.copy(), self._rank, self._run
        return other

    def called(self, key: CallKey) -> Place:
        """A call follows."""
        number = self._counts[key] = self._counts.get(key, 0) + 1
        place = Place(key, number, self._rank, self._run)
        self._rank += 1
        self._open.append(place)
        return place

    def spoken(self) -> None:
        """The customer speaks."""
        self._run += 1

    def answered(self, answer: Answer) -> tuple[Place, int] | None:
        """An answer follows. Returns its call, and how many answers that had before; None if there is no call."""
        index = self._call_of(answer)
        if index is None:
            before = self._answered.get(answer.call_id or "")
            if before is None:
                return None
            found = before[0], before[1] + 1
        else:
            found = self._open.pop(index), 0
            self._run += 1
        for call_id in {answer.call_id, found[0].key[0]} - {None}:
            self._answered[str(call_id)] = found
        return found

    def _call_of(self, answer: Answer) -> int | None:
        """The index of the call that has no answer yet; of several the first of those that were made together."""
        indexes = range(len(self._open))
        if answer.call_id is not None:
            if of_id := [index for index in indexes if self._open[index].key[0] == answer.call_id]:
                return self._first_of_last_run(of_id)
            if answer.call_id in self._answered:
                return None
        of_name = [index for index in indexes if answer.name in {None, self._open[index].key[1]}]
        without_id = [index for index in of_name if self._open[index].key[0] is None]
        return self._first_of_last_run(without_id or of_name)

    def _first_of_last_run(self, indexes: list[int]) -> int | None:
        runs = [self._open[index].run for index in indexes]
        return indexes[runs.index(runs[-1])] if runs else None
