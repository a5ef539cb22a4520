"""The keeper's thread: it alone writes what comes into the store, and knows what is open and due."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from roark_otel._gateway.admission import Admission
from roark_otel._gateway.clock import passing_time
from roark_otel._gateway.pieces import cut_by_trace
from roark_otel._gateway.reception import ComeAgain, NeverReadable, Received, Waiting
from roark_otel._safety.guard import guarded, log_once
from roark_otel._safety.threads import Mailbox
from roark_otel._safety.worker import Worker
from roark_otel._sources.otlp.limits import UnreadableRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._gateway.clock import AcceptingClock
    from roark_otel._gateway.closed_calls import ClosedCalls
    from roark_otel._gateway.closer import ClosedGroups
    from roark_otel._gateway.open_groups import OpenGroups
    from roark_otel._gateway.pieces import Cut
    from roark_otel._gateway.reading_groups import ReadGroup
    from roark_otel._gateway.relevance import RequestRelevance
    from roark_otel._gateway.store import SpanStore
    from roark_otel._gateway.trace_group import DueGroup, PieceArrival
    from roark_otel._model.vocabulary import Vocabulary

KEEPER_TICK_SECONDS: Final = 1.0
"""How often the keeper looks what is due. Waits are in seconds."""

KEEP_CLOCK_SECONDS: Final = 10.0
"""How often the accepting time is noted while nothing comes. A kill makes waits longer by this, at most."""

REREAD_SECONDS: Final = 5.0
"""After how long a call is made again that could not be put on the disk."""

TOGETHER_BYTES: Final = 8 * 1024 * 1024
"""The most bytes of requests that share a transaction, beside the one that exceeds it."""


_UNWRITABLE: Final = (
    "the store of the gateway cannot be written (%s): senders are asked to send again, and no conversation is closed; "
    "see to the disk"
)


class Keeper:
    """Stores requests, and has groups read that are due.

    Args:
        store: The store, for this thread alone.
        groups: What is open.
        closed: What is over.
        clock: The accepting time.
        vocabulary: What the dialects know together.
        relevance: What says which spans may be of a conversation.
        read: Has a group read.
    """

    def __init__(
        self,
        store: SpanStore,
        groups: OpenGroups,
        closed: ClosedCalls,
        clock: AcceptingClock,
        vocabulary: Vocabulary,
        relevance: RequestRelevance,
        read: Callable[[DueGroup], None],
    ) -> None:
        self._store = store
        self._groups = groups
        self._closed = closed
        self._clock = clock
        self._vocabulary = vocabulary
        self._relevance = relevance
        self._read = read
        self._letters: Mailbox[Waiting | ClosedGroups | None] = Mailbox()
        self._kept_at = self._due_at = self._looked_at = 0.0
        self._refusals = 0
        self._admission = Admission(store.room)
        self._disk_fault = ""
        self.worker = Worker("roark-otel-keeper", self._round, self._letters.has_some)

    # On any thread

    @property
    def disk_state(self) -> str:
        """How the disk is: `ok`, `nearly full`, or why the store takes nothing."""
        return self._disk_fault or ("nearly full" if self._admission.is_short else "ok")

    @property
    def is_accepting(self) -> bool:
        """Whether the store takes what ends a conversation."""
        return not self._disk_fault and self._admission.is_open

    def __contains__(self, trace: object) -> bool:
        """Returns whether a trace is of a conversation, open or over: then all of its spans count."""
        return trace in self._groups or trace in self._closed

    def knows_any(self, traces: set[bytes]) -> bool:
        """Returns whether one of these traces is of a conversation, open or over."""
        return not (self._groups.traces.isdisjoint(traces) and self._closed.traces.isdisjoint(traces))

    def put(self, letter: Waiting | ClosedGroups) -> None:
        """Takes a request, or what has come of groups."""
        self._letters.put(letter)

    def note_refusal(self) -> None:
        """Notes that a sender was refused before its request came here."""
        self._refusals += 1

    def stop(self, seconds: float) -> None:
        """Ends the thread. Requests that wait are stored first."""
        self.worker.retire()
        self._letters.put(None)
        deadline = time.monotonic() + seconds
        while self.worker.is_running and time.monotonic() < deadline:
            time.sleep(0.005)

    # On its own

    def _round(self) -> None:
        waiting: list[Waiting] = []
        size = 0
        letter = self._letters.get(KEEPER_TICK_SECONDS)
        while letter is not None:
            if isinstance(letter, Waiting):
                waiting.append(letter)
                size += len(letter.request)
            else:
                self._settle(letter)
            letter = self._letters.get(0.0) if size < TOGETHER_BYTES else None
        self._tick()
        if waiting and not self._store_all(waiting):
            for one in waiting:  # a fault of ours, which is in the log; those that were answered have their answers
                one.answer(ComeAgain(5, "the request could not be looked at"))
        self._look()

    def _tick(self) -> None:
        self._clock.tick(passing_time())
        if self._refusals:
            self._refusals = 0
            self._clock.hold()

    @guarded(False)
    def _store_all(self, waiting: list[Waiting]) -> bool:
        cuts: list[tuple[Waiting, Cut]] = []
        for one in waiting:
            try:
                cut = cut_by_trace(one.request, self._vocabulary, self._relevance, self)
            except UnreadableRequest as fault:
                one.answer(NeverReadable(str(fault)))
                continue
            if not cut.pieces:
                one.answer(Received(cut.spans, 0, cut.rejected, cut.why))
            elif self._admission.takes(cut):
                cuts.append((one, cut))
            else:
                self._clock.hold()
                one.answer(ComeAgain(5, "the disk is nearly full"))
        if cuts:
            self._add(cuts)
        return True

    def _add(self, cuts: list[tuple[Waiting, Cut]]) -> None:
        """Stores what is of conversations, all in one transaction."""
        try:
            several = self._store.add([cut.pieces for _, cut in cuts], self._clock.now)
        except sqlite3.Error as fault:
            self._fails(fault)
            for one, _ in cuts:
                one.answer(ComeAgain(5, "the store takes nothing at the moment"))
            return
        self._works()
        for (one, cut), arrivals in zip(cuts, several, strict=True):
            self._groups.take(arrivals, self._clock.now)
            stored = sum(piece.spans for piece in cut.pieces)
            one.answer(Received(cut.spans, stored, cut.rejected, cut.why))

    def _fails(self, fault: sqlite3.Error) -> None:
        # The disk may have room for the time and none for spans: then this comes every second.
        log_once(logging.ERROR, (str(fault),), _UNWRITABLE, fault)
        self._disk_fault = str(fault) or type(fault).__name__
        self._clock.stop()

    def _works(self) -> None:
        if self._disk_fault:
            log_once(logging.WARNING, (), "the store of the gateway can be written again: requests are accepted")
        self._disk_fault = ""
        self._clock.go_on()
        self._kept_at = time.monotonic()

    # What is due

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._kept_at + (KEEPER_TICK_SECONDS if self._disk_fault else KEEP_CLOCK_SECONDS):
            self._keep_clock()
        if now >= self._looked_at + KEEPER_TICK_SECONDS:
            self._looked_at = now
            self._look_at_disk()
        if now < self._due_at or self._disk_fault:
            return
        self._due_at = now + KEEPER_TICK_SECONDS / 4
        for due in self._groups.due(self._clock):
            self._read(due)

    @guarded(None)
    def _look_at_disk(self) -> None:
        with suppress(FileNotFoundError):  # the directory is gone, which the store says when it is written
            self._admission.look()

    def _keep_clock(self) -> None:
        self._kept_at = time.monotonic()
        try:
            self._store.keep_clock(self._clock.now)
            if outdated := self._closed.outdated(self._clock.now):
                self._store.forget_calls(outdated)
            self._works()
        except sqlite3.Error as fault:
            self._fails(fault)

    def _settle(self, closed: ClosedGroups) -> None:
        """Notes what has come of groups."""
        now = self._clock.now
        try:
            for found in closed.groups:
                self._settle_one(found, closed, now)
        except sqlite3.Error as fault:
            self._fails(fault)
            for found in closed.groups:
                self._groups.retry(found.due.number, now + REREAD_SECONDS)
        finally:
            closed.taken.set()

    def _settle_one(self, found: ReadGroup, closed: ClosedGroups, now: float) -> None:
        number = found.due.number
        calls = [one._replace(closed=now) for one in closed.calls[number]]
        if number in closed.again:
            self._store.close_group(calls, (), 0)
            self._groups.retry(number, now + REREAD_SECONDS)
        else:
            is_over = self._groups.is_over_without(number, found.over)
            self._store.close_group(calls, found.due.traces if is_over else (), found.due.last)
            if not is_over:
                self._groups.passed(number, found.over, found.patient)
                rest: list[PieceArrival] = []
            else:
                came_since = self._groups.last_of(number) > found.due.last
                rest = self._store.arrivals_of(found.due.traces) if came_since else []
                self._groups.close(number)
            for one in calls:
                self._closed.add(one, now)
            self._groups.take(rest, now)
            return
        for one in calls:
            self._closed.add(one, now)
