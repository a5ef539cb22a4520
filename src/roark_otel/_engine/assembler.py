"""The assembler: the thread that owns all that is open, and turns finished conversations into calls in the spool."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._capture.inbox import Request, RoundOver
from roark_otel._engine.notices import notify
from roark_otel._open.verdicts import Closed, Forgotten, Noticed, Output
from roark_otel._safety.answer import Answer
from roark_otel._safety.guard import guarded
from roark_otel._safety.worker import Worker

if TYPE_CHECKING:
    from roark_otel._capture.capture import Capture
    from roark_otel._capture.inbox import Inbox
    from roark_otel._engine.pace import Pace
    from roark_otel._engine.passes import Passes
    from roark_otel._engine.saver import Saver
    from roark_otel._model.stats import Tally
    from roark_otel._open.groups import Groups

OPEN_SECONDS = 1.0
"""How often the thread looks into the inbox while something is open; many entries, or a root's end, wake it sooner."""

LEAST_SECONDS = 0.02
"""The shortest time between two rounds that no request asked for."""

SWEEP_SECONDS = 10.0
"""The shortest time between two looks at what of the open spans the app has let go of: each is one look at all."""

PACKED_AT_ONCE = 64
"""The number of entries after which their rows are packed, and the thread lets others run."""


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
    """

    def __init__(
        self,
        inbox: Inbox,
        groups: Groups,
        capture: Capture,
        passes: Passes,
        saver: Saver,
        tally: Tally,
        pace: Pace,
    ) -> None:
        self._inbox = inbox
        self._groups = groups
        self._branches = capture.branches
        self._has_open = capture.open_rows.has_open
        self._passes = passes
        self._saver = saver
        self._tally = tally
        self._pace = pace
        self._last_round = self._sweeps_at = 0.0
        self._worker = Worker("roark-otel-assembler", self._work, self._is_busy)

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

    def start(self) -> None:
        """Starts the thread unless it is running."""
        self._worker.start()

    def retire(self) -> None:
        """Lets the thread end when nothing is open. `start` brings it back."""
        self._worker.retire()
        self._inbox.ring()

    def stop(self) -> None:
        """Ends the thread, whatever is open."""
        self._worker.stop(self._inbox.ring)

    def ask(self, deadline: float, close_idle: float | None = None) -> bool:
        """Finishes every conversation whose root has ended, and puts its call into the spool.

        Args:
            deadline: Until when to wait, in monotonic seconds.
            close_idle: Also close, as incomplete, those that have been idle for this many seconds.

        Returns:
            Whether it was done in time.
        """
        request = Request(Answer(), close_idle)
        self._inbox.append(request)
        if not self._worker.start():
            self._round()
            return True
        self._inbox.hurry()
        return request.done.wait(max(0.0, deadline - time.monotonic()))

    def save_what_ended(self, seconds: float) -> None:
        """Waits, at most this long, until the conversations that have ended are on disk."""
        over = RoundOver(Answer())
        self._inbox.append(over)
        if self._worker.start():
            self._inbox.hurry()
            over.done.wait(seconds)

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
            if not self._worker.is_retired:
                quiet = self._groups.schedule.forgets_in(time.monotonic())
                self._inbox.wait(None if quiet is None else max(LEAST_SECONDS, quiet), 1)
            return
        due = self._groups.schedule.next_at()
        until = OPEN_SECONDS if due is None else min(OPEN_SECONDS, due - time.monotonic())
        self._inbox.wait(max(LEAST_SECONDS, until))

    def _is_busy(self) -> bool:
        return bool(not self._groups.is_idle or len(self._inbox))

    @guarded(None)
    def _round(self) -> None:
        over: list[RoundOver] = []
        try:
            self._take_all(over)
            now = time.monotonic()
            if now >= self._sweeps_at:
                self._sweeps_at = now + SWEEP_SECONDS
                self._branches.open.sweep()
            self._groups.expire(now, self._has_open)
            self._read_due(now)
        finally:
            for one in over:
                one.done.set()

    def _take_all(self, over: list[RoundOver]) -> None:
        self._inbox.attend()
        taken = 0
        while (entry := self._inbox.pop()) is not None:
            if isinstance(entry, Request):
                self._answer(entry)
                continue
            if isinstance(entry, RoundOver):
                over.append(entry)
                continue
            self._take(entry)
            taken += 1
            if taken % PACKED_AT_ONCE == 0:
                self._groups.pack()
                self._pace.pause()

    @guarded(None)
    def _take(self, entry: tuple[object, ...]) -> None:
        self._groups.take(entry, time.monotonic(), time.time_ns())

    @guarded(None)
    def _read_due(self, now: float) -> None:
        while self._passes.run_due(now):
            self._pace.pause()
        self._saver.run(now)
        for output in self._groups.outputs():
            self._deal_with(output)

    def _answer(self, request: Request) -> None:
        try:
            now = time.monotonic()
            self._groups.schedule.flush()
            self._read_due(now)
            if request.close_idle is not None:
                self._groups.schedule.close_idle(now, request.close_idle)
                self._read_due(now)
        finally:
            request.done.set()

    def _deal_with(self, output: Output) -> None:
        match output:
            case Forgotten(trace_id):
                self._branches.open.forget_trace(trace_id)
            case Closed(number):
                self._branches.forget_group(number)
                self._passes.forget(number)
            case Noticed(kind, external_id, detail):
                self._tally.add(kind)
                notify(kind, external_id, detail)
            case _:
                assert_never(output)
