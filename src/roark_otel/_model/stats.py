"""What happened so far, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ERROR_TYPES = 100
"""So many types of errors are told apart."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters of one engine since it began, and gauges (marked so) of this moment."""

    open_conversations: int = 0
    """Gauge: conversations that are not closed."""
    finished: int = 0
    """Conversations that became a call, each once."""
    spooled: int = 0
    """Gauge: calls in the spool that wait to be sent."""
    awaiting_recording: int = 0
    """Gauge: calls in the spool that lack a recording URL."""
    delivered: int = 0
    """Calls that Roark has created."""
    already: int = 0
    """Calls that Roark had already, from an attempt whose answer was lost."""
    rejected: int = 0
    """Calls that Roark will not take, kept in `rejected/` of the spool."""
    refused: int = 0
    """Attempts that Roark refused because of the key, permissions, credits or the address."""
    retried: int = 0
    """Attempts that failed and are made again."""
    skipped: int = 0
    """Conversations marked with `roark.skip`."""
    sampled_out: int = 0
    """Conversations that `ROARK_CALL_SAMPLE_RATIO` leaves out."""
    withheld: int = 0
    """Calls that the app's `redact` hook answered with None."""
    empty: int = 0
    """Conversations that ended, or were given up, with nothing to tell."""
    no_id: int = 0
    """Voice conversations without an external id."""
    second_roots: int = 0
    """Conversations that only the resource's id could name, which another had already."""
    unattributed: int = 0
    """Words in traces that show several ids or none, below no span that has one."""
    fragments: int = 0
    """Conversations that another process owns: here only baggage told their id."""
    late_spans: int = 0
    """Spans that came after their conversation was closed."""
    bad_ids: int = 0
    """External ids that were empty, not text or too long."""
    unreadable: int = 0
    """Values on spans that could not be read, and spans on which the reader of a dialect failed."""
    dropped_spans: int = 0
    """Records that found no room in the inbox."""
    lost: int = 0
    """Calls that found no room on disk nor in memory."""
    duplicates: int = 0
    """Calls of an id that had one already, kept in `rejected/` as `duplicate_id`."""
    appended: int = 0
    """Tool invocations that came after their call was sent, and were appended to it."""
    late_dropped: int = 0
    """What else came after a call was sent, and tool invocations of calls whose id at Roark is not known."""
    abandoned_resolvers: int = 0
    """Attempts of the recording resolver that took too long."""


class Tally:
    """The counters behind `Stats`. Each is written by one thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._errors: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, number: int = 1, *, error_type: str | None = None) -> None:
        """Counts something; of a failure also by its type: a status, an exception's name or a word of ours."""
        self._counts[name] += number
        if error_type is not None:
            known = (name, error_type) in self._errors or len(self._errors) < MAX_ERROR_TYPES
            self._errors[name, error_type if known else "_OTHER"] += number

    def by_error_type(self, name: str) -> dict[str | None, int]:
        """A counter by error type; under None what was counted without one."""
        found: dict[str | None, int] = {
            kind: number for (of, kind), number in self._errors.copy().items() if of == name
        }
        if (rest := self._counts[name] - sum(found.values())) > 0:
            found[None] = rest
        return found

    def snapshot(self, **gauges: int) -> Stats:
        """The numbers of this moment."""
        known = {field.name for field in fields(Stats)}
        return Stats(**{name: number for name, number in self._counts.items() if name in known}, **gauges)


def added(several: Iterable[Stats]) -> Stats:
    """Several numbers as one."""
    rows = list(several)
    return Stats(**{field.name: sum(getattr(row, field.name) for row in rows) for field in fields(Stats)})
