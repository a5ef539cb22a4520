"""Counts of what happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ERROR_TYPES = 100
"""The most types of errors that are counted separately; the rest is counted as `_OTHER`."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters of one engine since it started, and gauges (marked) of its present state."""

    open_conversations: int = 0
    """Gauge: conversations that have an id, or a root that may get one, and are not closed yet."""
    finished: int = 0
    """Conversations that became a call, counted once each."""
    spooled: int = 0
    """Gauge: calls in the spool that wait to be sent."""
    awaiting_recording: int = 0
    """Gauge: calls in the spool that lack a recording URL."""
    going_on: int = 0
    """Gauge: conversations in the spool that had not ended when they were saved last."""
    recovered: int = 0
    """Conversations that a killed process left open, and that this one made a call of."""
    delivered: int = 0
    """Calls that Roark has created."""
    already: int = 0
    """Calls that Roark already had, from an attempt whose answer was lost."""
    rejected: int = 0
    """Calls that Roark does not accept, kept in `rejected/` of the spool."""
    rejected_dropped: int = 0
    """Rejected calls that were deleted, because `rejected/` had too many or too large ones, or for a week."""
    refused: int = 0
    """Attempts that Roark refused because of the key, its permissions, the credits or the address."""
    retried: int = 0
    """Attempts that failed and are repeated."""
    skipped: int = 0
    """Conversations marked with `roark.skip`."""
    sampled_out: int = 0
    """Conversations that `ROARK_CALL_SAMPLE_RATIO` left out."""
    declined: int = 0
    """Conversations that the app's `accepts` hook left to other processors."""
    withheld: int = 0
    """Calls for which the app's `redact` hook returned None."""
    empty: int = 0
    """Conversations that ended, or were given up, without an utterance or a tool use."""
    no_id: int = 0
    """Voice conversations without an external id."""
    second_roots: int = 0
    """Conversations with only the resource's id, which another conversation already has."""
    unattributed: int = 0
    """Conversations with utterances or tool uses but no id, in traces that show several ids or none."""
    fragments: int = 0
    """Conversations that another process owns: here their id came from baggage only."""
    late_spans: int = 0
    """Spans that came after their conversation was closed."""
    bad_ids: int = 0
    """External ids that were empty, not text or too long."""
    unreadable: int = 0
    """Values on spans that could not be read, and spans on which the reader of a dialect failed."""
    dropped_spans: int = 0
    """Spans for whose attributes and events there was no room. Their calls say how many in `roark_dropped_spans`."""
    dropped_events: int = 0
    """Events that were on those spans. Their calls count them in `roark_dropped_events`."""
    dropped_conversations: int = 0
    """Conversations of which no utterance or tool use is left, because there was no room for spans of them."""
    lost: int = 0
    """Calls for which neither the disk nor memory had room."""
    duplicates: int = 0
    """Calls whose id already has a call, kept in `rejected/` as `duplicate_id`."""
    appended: int = 0
    """Tool invocations that came after their call was sent, and were appended to it."""
    late_dropped: int = 0
    """What else came after a call was sent, and tool invocations of calls whose id at Roark is unknown."""
    abandoned_resolvers: int = 0
    """Attempts of the recording resolver that took too long."""
    abandoned_redactors: int = 0
    """Times that the app's `redact` hook did not answer in time, so that words were left out."""
    abandoned_receipt_hooks: int = 0
    """Receipts that the app's `on_receipt` hook did not take in time."""


class Tally:
    """Holds the counters of `Stats`. Each counter is written by one thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._errors: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, number: int = 1, *, error_type: str | None = None) -> None:
        """Adds to a counter. Counts failures by type too: a status, an exception's name or our own word."""
        self._counts[name] += number
        if error_type is not None:
            known = (name, error_type) in self._errors or len(self._errors) < MAX_ERROR_TYPES
            self._errors[name, error_type if known else "_OTHER"] += number

    def by_error_type(self, name: str) -> dict[str | None, int]:
        """Returns a counter split by error type; None holds what was counted without a type."""
        found: dict[str | None, int] = {
            kind: number for (of, kind), number in self._errors.copy().items() if of == name
        }
        if (rest := self._counts[name] - sum(found.values())) > 0:
            found[None] = rest
        return found

    def snapshot(self, **gauges: int) -> Stats:
        """Returns the present counts, with these gauges."""
        known = {field.name for field in fields(Stats)}
        return Stats(**{name: number for name, number in self._counts.items() if name in known}, **gauges)


def added(several: Iterable[Stats]) -> Stats:
    """Returns the sum of several statistics."""
    rows = list(several)
    return Stats(**{field.name: sum(getattr(row, field.name) for row in rows) for field in fields(Stats)})
