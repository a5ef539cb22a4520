"""The assembler: the thread that owns all that is open, and turns finished conversations into calls in the spool."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._capture.inbox import Request
from roark_otel._engine.notices import notify
from roark_otel._model.rows import TRACE
from roark_otel._model.steps import STEP
from roark_otel._open.verdicts import Closed, Forgotten, Noticed, Output
from roark_otel._safety.answer import Answer
from roark_otel._safety.guard import guarded
from roark_otel._safety.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roark_otel._capture.capture import Capture
    from roark_otel._capture.inbox import Entry, Inbox
    from roark_otel._engine.pace import Pace
    from roark_otel._engine.passes import Passes
    from roark_otel._engine.saver import NoSaver, Saver
    from roark_otel._model.stats import Tally
    from roark_otel._open.groups import Groups

OPEN_SECONDS = 1.0
"""How often the thread looks into the inbox while something is open; many entries, or a root's end, wake it sooner."""

LEAST_SECONDS = 0.02
"""The shortest time between two rounds that no request asked for."""

ENTRIES_AT_ONCE = 16
"""The most entries that are taken in before other threads may run. They are packed 64 at a time, which takes less."""

SWEEP_SECONDS = 10.0
"""The shortest time between two looks at what of the open spans the app has let go of: each is one look at all."""


NEVER = float("inf")

_TRACE = 3 + TRACE
"""Where an entry of the inbox has the trace id."""


class Assembler:
    """Assembles calls on a thread of its own.

    Args:
        inbox: What capture took.
        groups: What is open.
        capture: Where open spans are known, so that they may be forgotten.
        passes: Reads what is due.
        saver: Saves what goes on.
        tally: What counts what happens.
        pace: When to let other threads run.
        put_away: Called on the thread when it ends because nothing is open.
    """

    def __init__(
        self,
        inbox: Inbox,
        groups: Groups,
        capture: Capture,
        passes: Passes,
        saver: Saver | NoSaver,
        tally: Tally,
        pace: Pace,
        put_away: Callable[[], None] = lambda: None,
    ) -> None:
        self._inbox = inbox
        self._rounds_over: deque[Answer] = deque()
        self._groups = groups
        self._branches = capture.branches
        self._has_open = capture.open_rows.has_open
        self._passes = passes
        self._saver = saver
        self._tally = tally
        self._pace = pace
        self._last_round = self._sweeps_at = 0.0
        self.worker = Worker("roark-otel-assembler", self._work, self._is_busy, put_away)

    @property
    def unsaved_seconds(self) -> float:
        """The age of the oldest word of an open conversation that may not be saved yet."""
        return self._saver.unsaved_seconds()

    @property
    def open_conversations(self) -> int:
        """The number of conversations that are not closed."""
        return len(self._groups)

    @property
    def is_prepared(self) -> bool:
        """Whether everything is imported that a round needs."""
        return self._passes.is_ready

    @property
    def is_retired(self) -> bool:
        """Whether the thread ends whenever nothing is open."""
        return self.worker.is_retired

    def start(self) -> bool:
        """Starts the thread unless it is running. Returns whether it runs."""
        return self.worker.start()

    def retire(self) -> None:
        """Lets the thread end when nothing is open. `start` brings it back."""
        self.worker.retire()
        self._inbox.ring()

    def stop(self) -> None:
        """Ends the thread, whatever is open."""
        self.worker.stop(self._inbox.ring)

    def ask(self, deadline: float, close_idle: float | None = None) -> bool:
        """Finishes every conversation whose root has ended, and puts its call into the spool.

        Args:
            deadline: Until when to wait, in monotonic seconds.
            close_idle: Also close, as incomplete, those that have been idle for this many seconds.

        Returns:
            Whether it was done in time.
        """
        return self.begin_to_finish(deadline, close_idle)(deadline)

    def begin_to_finish(self, deadline: float, close_idle: float | None) -> Callable[[float], bool]:
        """Does what `ask` does without waiting for it. Where no thread can be started, it is done at once instead.

        Returns:
            Waits for it until a monotonic time, and returns whether it was done.
        """
        request = Request(Answer(), close_idle)
        self._inbox.append(request)
        if self.worker.start() or not self.worker.run_here(lambda: self._round(deadline)):
            self._inbox.hurry()
        return lambda until: request.done.wait(until - time.monotonic())

    def count_unfinished(self) -> int:
        """Returns the number of conversations that are not in the spool yet, also of those in the inbox."""
        known, homes = self._groups.places.by_number, self._branches.homes
        waiting = {
            entry[0]
            for entry in self._inbox.entries.copy()
            if not isinstance(entry, Request)
            and entry[0] not in known
            and (home := homes.get(entry[_TRACE])) is not None
            and home.ids
        }
        return self.open_conversations + len(waiting)

    def save_what_ended(self, seconds: float) -> None:
        """Waits, at most this long, until the conversations that have ended are on disk: until a round is over."""
        over = Answer()
        self._rounds_over.append(over)
        if self.worker.start():
            self._inbox.hurry()
            over.wait(seconds)

    # On the assembler's thread

    def _work(self) -> None:
        rest = self._last_round + LEAST_SECONDS - time.monotonic()
        if rest > 0 and not self._inbox.is_urgent:
            time.sleep(rest)
        self._last_round = time.monotonic()
        self._pace.begin()
        self._passes.prepare()
        self._round()
        if self._groups.is_idle:
            if not self.worker.is_retired:
                quiet = self._groups.schedule.forgets_in(time.monotonic())
                self._inbox.wait(self.worker.at_most(None if quiet is None else max(LEAST_SECONDS, quiet)), 1)
            return
        due = self._groups.schedule.next_at()
        is_soon = due is not None and self._passes.is_ready
        until = min(OPEN_SECONDS, due - time.monotonic()) if due is not None and is_soon else OPEN_SECONDS
        self._inbox.wait(max(LEAST_SECONDS, until))

    def _is_busy(self) -> bool:
        return bool(not self._groups.is_idle or len(self._inbox))

    @guarded(None)
    def _round(self, deadline: float = NEVER) -> None:
        self._inbox.attend()
        over = [self._rounds_over.popleft() for _ in range(len(self._rounds_over))]
        try:
            self._take_all(deadline)
            now = time.monotonic()
            self._saver.save_ended(now)
            if now >= self._sweeps_at:
                self._sweeps_at = now + SWEEP_SECONDS
                self._branches.open.sweep()
            self._groups.expire(now, self._has_open)
            self._read_due(now, deadline)
        finally:
            for one in over:
                one.set()

    def _take_all(self, deadline: float) -> None:
        while (waiting := self._inbox.pop(STEP)) is not None:
            if isinstance(waiting, Request):
                self._answer(waiting, deadline)
                continue
            for first in range(0, len(waiting), ENTRIES_AT_ONCE):
                entries = iter(waiting[first : first + ENTRIES_AT_ONCE])
                while not self._take(entries):
                    pass  # a fault costs one entry
                self._pace.pause()
            self._groups.pack()
            self._pace.pause()

    @guarded(False)
    def _take(self, entries: Iterator[Entry]) -> bool:
        self._groups.take_all(entries, time.monotonic(), time.time_ns())
        return True

    @guarded(None)
    def _read_due(self, now: float, deadline: float) -> None:
        if not (self._passes.is_ready or self._groups.is_idle or self._passes.prepare()):
            return  # what is due stays due
        while self._passes.run_due(now, deadline):
            self._pace.pause()
        self._saver.run(now)
        for output in self._groups.outputs():
            self._deal_with(output)

    def _answer(self, request: Request, deadline: float) -> None:
        now = time.monotonic()
        self._groups.schedule.flush()
        self._read_due(now, deadline)
        if request.close_idle is not None:
            self._groups.schedule.close_idle(now, request.close_idle)
            self._read_due(now, deadline)
        if time.monotonic() < deadline and (self._passes.is_ready or self._groups.is_idle):
            request.done.set()

    def _deal_with(self, output: Output) -> None:
        match output:
            case Forgotten(trace_id):
                self._branches.open.forget_trace(trace_id)
            case Closed(number):
                self._branches.forget_group(number)
                self._passes.forget(number)
            case Noticed(kind, external_id, detail, number):
                self._tally.add(kind, number)
                notify(kind, external_id, detail)
            case _:
                assert_never(output)
