"""The files that are to be delivered, and when each is due. Pure: the caller passes the time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from typing_extensions import assert_never

if TYPE_CHECKING:
    from collections.abc import Iterable


class Sweep(Enum):
    """Which of the due files one pass tries."""

    ROUTINE = "those whose backoff is over"
    FLUSH = "this process's own, whatever their backoff"
    DRAIN = "all, whatever their backoff"


@dataclass(frozen=True, slots=True)
class Errand:
    """A file to deliver.

    Args:
        due: When it may be sent, in monotonic seconds.
        own: Whether this process spooled it.
        since: When it was written, in seconds since the epoch.
        has_rested: Whether `due` includes the time for which its header holds it back.
        retry_at: When its backoff is over, in monotonic seconds.
        failures: How many attempts failed.
    """

    due: float
    own: bool
    since: float
    has_rested: bool = False
    retry_at: float = 0.0
    failures: int = 0

    def is_outdated(self, since: float) -> bool:
        """Returns whether another process has rewritten the file, whose header may hold it back for longer."""
        return not self.own and since > self.since

    def is_for(self, sweep: Sweep, now: float) -> bool:
        """Returns whether a pass tries this file now."""
        match sweep:
            case Sweep.ROUTINE:
                return self.due <= now and self.retry_at <= now
            case Sweep.FLUSH:
                return self.due <= now and self.own
            case Sweep.DRAIN:
                return self.due <= now
        assert_never(sweep)

    def resting(self, due: float) -> Errand:
        """Returns the errand with the time for which its header holds it back."""
        return replace(self, due=due, has_rested=True)

    def backed_off(self, retry_at: float) -> Errand:
        """Returns the errand with a backoff that is over at this time."""
        return replace(self, retry_at=retry_at)

    def failed(self, retry_at: float) -> Errand:
        """Returns the errand after a failed attempt."""
        return replace(self, failures=self.failures + 1, retry_at=retry_at)


class Errands:
    """The errands by the names of their files. Only the courier's thread changes them."""

    def __init__(self) -> None:
        self._errands: dict[str, Errand] = {}

    def __len__(self) -> int:
        return len(self._errands)

    def in_order(self) -> list[tuple[str, Errand]]:
        """Returns all errands in the order of their attempts.

        Those that failed come last, so that a server that hangs on one of them has already received the others.
        """
        return sorted(self._errands.items(), key=lambda item: (item[1].failures, not item[1].own))

    def is_own(self, name: str) -> bool:
        """Returns whether there is an errand for this file, which this process spooled."""
        errand = self._errands.get(name)
        return errand is not None and errand.own

    def put(self, name: str, errand: Errand) -> None:
        """Adds an errand, in place of an earlier one for the same file."""
        self._errands[name] = errand

    def update(self, name: str, errand: Errand) -> None:
        """Replaces an errand, unless it was removed meanwhile."""
        if name in self._errands:
            self._errands[name] = errand

    def remove(self, name: str) -> None:
        """Removes an errand, if it is there."""
        self._errands.pop(name, None)

    def count_others(self) -> int:
        """Returns how many of the files are of other processes and have not failed."""
        return sum(1 for errand in self._errands.values() if not errand.own and not errand.failures)

    def names(self) -> set[str]:
        """Returns the names of the files."""
        return set(self._errands)

    def take_in(self, files: Iterable[tuple[str, float]], gone: Iterable[str], now: float) -> None:
        """Adds files that other processes left, and removes the errands for those that other processes took.

        Args:
            files: The names of files in the spool that may be sent, with the times when they were written.
            gone: The names of the files that are no longer there.
            now: The time, in monotonic seconds.
        """
        for name, since in files:
            if (known := self._errands.get(name)) is None or known.is_outdated(since):
                self._errands[name] = Errand(now, own=False, since=since)
        for name in gone:
            if (known := self._errands.get(name)) is not None and not known.own:
                self.remove(name)

    def is_any_due(self, now: float, *, own_only: bool) -> bool:
        """Returns whether a file is due, whatever its backoff. Any thread may ask."""
        errands = list(self._errands.values())
        return any(errand.due <= now and (errand.own or not own_only) for errand in errands)

    def next_at(self) -> float:
        """Returns when the next file is due and its backoff is over, in monotonic seconds."""
        return min((max(errand.due, errand.retry_at) for errand in self._errands.values()), default=float("inf"))
