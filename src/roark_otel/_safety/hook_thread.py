"""A thread for a function of the app, so that one that hangs holds up nothing of ours."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from roark_otel._safety.answer import Answer
from roark_otel._safety.threads import Mailbox
from roark_otel._safety.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEADLINE_SECONDS: Final = 10.0
"""The longest that one call of the function may take."""

MAX_ABANDONED: Final = 3
"""The most abandoned threads that may hang at a time; the function is not called until one of them has ended."""

MAX_JOBS: Final = 10_000
"""The most jobs that may wait."""

NEVER: Final = float("inf")

TICK_SECONDS: Final = 0.1
"""How often a thread that waits for answers looks whether the time for them is over."""


class _Job:
    """Calls of a function, one for each item, and their answers so far. `since`: when the present call began."""

    __slots__ = ("answers", "done", "function", "is_abandoned", "items", "since")

    def __init__(self, function: Callable[[Any], object], items: Sequence[object]) -> None:
        self.function = function
        self.items = items
        self.answers: list[object] = []
        self.since = time.monotonic()
        self.is_abandoned = False
        self.done = Answer()

    def run(self, until: Callable[[], float]) -> None:
        """Calls the function for each item, unless the time is over or the job was abandoned."""
        try:
            for item in self.items:
                self.since = time.monotonic()
                if self.is_abandoned or self.since >= until():
                    return
                self.answers.append(self.function(item))
        finally:
            self.done.set()


class HookThread:
    """Calls a function of the app on a thread of its own, in the order in which it is asked to.

    A call that takes more than `DEADLINE_SECONDS` is abandoned with its thread; the next ones get a new thread. Where
    no thread can be started, calls are made on the thread that asks.

    Args:
        name: The name of the thread.
        on_abandoned: Called when a call was abandoned, or not made because too many were or the process ends.
        is_patient: Whether no call is ever abandoned.
    """

    def __init__(self, name: str, on_abandoned: Callable[[], None] = lambda: None, *, is_patient: bool = False) -> None:
        self._name = name
        self._on_abandoned = on_abandoned
        self._seconds = NEVER if is_patient else DEADLINE_SECONDS
        self._bell: Mailbox[None] = Mailbox()
        self._jobs: deque[_Job] = deque()
        self._current: _Job | None = None
        self._abandoned: list[Worker] = []
        self._ends_at = NEVER
        self._worker = self._new_worker()

    def start(self) -> None:
        """Starts the thread, so that it is there when no thread can be started any more."""
        self._worker.start()

    def rest(self) -> None:
        """Lets the thread end when nothing waits. It comes back when it is needed."""
        self._worker.retire()
        self._bell.put(None)

    def end_at(self, monotonic: float) -> None:
        """Has no call begin, and no answer waited for, after this monotonic time: the process ends."""
        self._ends_at = monotonic

    # Answers that are waited for

    def answers(self, function: Callable[[Any], object], items: Sequence[object]) -> list[object]:
        """Returns the function's answers in the order of the items: those that came in time. It must not raise."""
        job = _Job(function, items)
        if not self._put(job):
            return []
        while not job.done.wait(TICK_SECONDS) and not job.is_abandoned:
            self.tend()
            now = time.monotonic()
            if now >= self._ends_at or (self._current is not job and now >= job.since + self._seconds):
                self._drop(job)
            elif not self._worker.is_running:
                self._worker.start()
        answers = list(job.answers)
        if len(answers) < len(items) and not job.is_abandoned:
            self._drop(job)
        return answers

    # Answers that nothing depends on

    def call_soon(self, function: Callable[[Any], object], item: object) -> None:
        """Calls the function soon. It must not raise."""
        job = _Job(function, (item,))
        if len(self._jobs) >= MAX_JOBS:
            self._drop(job)
        else:
            self._put(job)

    def wait(self, deadline: float) -> None:
        """Waits until nothing is left to call, but at most for the time of one call, and until this monotonic time."""
        end = min(deadline, time.monotonic() + self._seconds)
        while (job := self._last()) is not None and (left := end - time.monotonic()) > 0:
            job.done.wait(min(left, TICK_SECONDS))
            self.tend()

    def _last(self) -> _Job | None:
        try:
            return self._jobs[-1]
        except IndexError:
            return self._current

    @property
    def is_busy(self) -> bool:
        """Whether a call is made or waits, other than those that were abandoned."""
        return bool(self._jobs) or self._current is not None

    def next_at(self) -> float:
        """Returns when `tend` has something to do, in monotonic seconds."""
        return NEVER if self._current is None else self._current.since + self._seconds

    def tend(self) -> None:
        """Abandons a call over its deadline, and lets a new thread make those that wait."""
        job = self._current
        if job is None or time.monotonic() < job.since + self._seconds:
            return
        self._current = None
        worker, self._worker = self._worker, self._new_worker()
        worker.stop(lambda: None, 0.0)
        self._abandoned.append(worker)
        self._drop(job)
        if self._jobs:
            self._go_on()

    def _drop(self, job: _Job) -> None:
        job.is_abandoned = True
        job.done.set()
        self._on_abandoned()

    def _put(self, job: _Job) -> bool:
        """Has a job done. Returns whether it is, or will be."""
        self.tend()
        self._jobs.append(job)
        return self._go_on()

    def _go_on(self) -> bool:
        self._abandoned = [worker for worker in self._abandoned if worker.is_running]
        if len(self._abandoned) >= MAX_ABANDONED:
            while self._jobs:
                self._drop(self._jobs.popleft())
            return False
        self._bell.put(None)
        return self._worker.start() or self._worker.run_here(self._run_next)

    def _new_worker(self) -> Worker:
        return Worker(self._name, self._work, lambda: bool(self._jobs))

    # On its thread

    def _work(self) -> None:
        self._bell.get(None)
        self._run_next()

    def _run_next(self) -> None:
        try:
            job = self._jobs.popleft()
        except IndexError:
            return
        self._current = job
        try:
            job.run(lambda: self._ends_at)
        finally:
            if self._current is job:
                self._current = None
