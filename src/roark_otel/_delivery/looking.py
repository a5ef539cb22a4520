"""One look of the courier into the directory: what was known when it began, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roark_otel._spool.census import Census
from roark_otel._spool.names import Stage

if TYPE_CHECKING:
    from roark_otel._spool.census import SpoolItem


@dataclass(frozen=True, slots=True)
class Look:
    """A look into the directory that is under way, and what was known when it began, in monotonic seconds."""

    began: float
    errands: set[str]
    waiting: set[str]
    census: Census = field(default_factory=lambda: Census(None))

    def looks_for(self, name: str) -> bool:
        """Returns whether a call was worked on when the look began."""
        return name in self.errands or name in self.waiting

    def found(self) -> tuple[list[SpoolItem], list[SpoolItem]]:
        """Returns the files that may be sent, and those that wait: the known ones and the oldest of the others."""
        known = [one for one in self.census.present.values() if self.looks_for(one.name)]
        sendable = [one for one in known if one.stage is not Stage.WAITING]
        waiting = [one for one in known if one.stage is Stage.WAITING]
        return [*sendable, *self.census.sendable], [*waiting, *self.census.waiting]


def ages(items: list[SpoolItem]) -> list[tuple[str, float]]:
    """Returns the names of files and when they were written, the oldest first."""
    return [(one.name, one.since) for one in sorted(items, key=lambda one: (one.since, one.name))]
