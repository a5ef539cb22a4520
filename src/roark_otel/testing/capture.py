"""Captures the calls of this process in memory, whenever its processors were made, and sends none."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, overload

from roark_otel._engine import registry
from roark_otel._safety import guard
from roark_otel._safety.off_loop import off_loop
from roark_otel._safety.threads import new_thread
from roark_otel._setup import processor as processors
from roark_otel.pages.values import part, text
from roark_otel.testing._engines import CapturingEngines
from roark_otel.testing._recording import hearing_of_spans
from roark_otel.testing.call import CapturedCall
from roark_otel.testing.explain import explained
from roark_otel.testing.memory import MemoryRoark
from roark_otel.testing.spans import SeenSpans

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from roark_otel._model.stats import Stats


SECONDS: Final = 10.0
"""How long `one` waits for what has ended to become a call."""


class CapturedCalls(Sequence[CapturedCall]):
    """The calls that were captured, and what became no call.

    As a sequence it has the calls of all conversations that have ended: to look at it finishes them. In a coroutine
    `afinish` comes first. Looking at a call, by `one`, by its place or in a loop, is what `unseen` is about.
    """

    def __init__(
        self,
        roark: MemoryRoark,
        spans: SeenSpans,
        flush: Callable[[float], object],
        stats: Callable[[], Sequence[Stats]],
    ) -> None:
        self._roark = roark
        self._spans = spans
        self._flush = flush
        self._stats = stats
        self._warnings: list[str] = []
        self._seen: set[str] = set()
        self._ignores_rest = False
        self._is_finished = False
        self._is_over = False

    # For tests

    def finish(self, *, seconds: float = SECONDS) -> None:
        """Makes calls of all conversations that have ended, at once. Those that go on stay open.

        Raises:
            RuntimeError: in a coroutine, whose event loop it would block: `await afinish()` there.
        """
        if _is_on_loop():
            raise RuntimeError("this would block the event loop: await aone() or afinish() here")
        self._finish(seconds)

    async def afinish(self, *, seconds: float = SECONDS) -> None:
        """Does what `finish` does, while the event loop goes on."""
        await off_loop(lambda: self._finish(seconds))

    def one(self, external_id: str | None = None) -> CapturedCall:
        """Returns the only call, or the only one of an id.

        Raises:
            AssertionError: if there is none, or more than one, also where Roark would refuse the others because they
                have the same id; it says what there is.
            RuntimeError: in a coroutine, whose event loop it would block: `await aone()` there.
        """
        __tracebackhide__ = True
        self.finish()
        return self._only(external_id)

    async def aone(self, external_id: str | None = None) -> CapturedCall:
        """Does what `one` does, while the event loop goes on."""
        __tracebackhide__ = True
        await self.afinish()
        return self._only(external_id)

    def ignore_rest(self) -> None:
        """Lets calls that the test does not look at be."""
        self._ignores_rest = True

    def unseen(self) -> list[CapturedCall]:
        """Returns the calls that nothing has looked at, unless they are ignored."""
        if self._ignores_rest:
            return []
        self._look()
        return [one for one in self._calls() if one.external_id not in self._seen]

    @overload
    def __getitem__(self, index: int) -> CapturedCall: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[CapturedCall]: ...

    def __getitem__(self, index: int | slice) -> CapturedCall | Sequence[CapturedCall]:
        """Returns one of the calls, or several."""
        self._look()
        found = self._calls()[index]
        several = found if isinstance(found, list) else [found]
        self._seen.update(one.external_id for one in several)
        return found

    def __iter__(self) -> Iterator[CapturedCall]:
        """Yields the calls, in the order in which they were created."""
        self._look()
        for one in self._calls():
            self._seen.add(one.external_id)
            yield one

    def __len__(self) -> int:
        """How many calls there are."""
        self._look()
        return len(self._roark.bodies())

    def end(self) -> None:
        """Finishes what has ended, so that it can be looked at after the block too. An event loop waits for that."""
        finishing = new_thread(lambda: self._finish(SECONDS), "roark-otel-capture")
        finishing.start()
        finishing.join(2 * SECONDS)
        self._is_over, numbers = True, self._stats()
        self._stats = lambda: numbers  # the engines begin anew

    def explanation(self) -> str:
        """Returns what was captured, for a failed test: calls, what is open, spans without an id, warnings, numbers."""
        return explained(self._calls(), self._spans, self._warnings, self._stats())

    def warn(self, message: str) -> None:
        """Takes in a warning that was logged."""
        self._warnings.append(message)

    def _finish(self, seconds: float) -> None:
        if not self._is_over:
            self._flush(seconds)
            self._is_finished = True

    def _look(self) -> None:
        """Finishes what has ended: a loop over calls that are not made yet would check none, and pass.

        Raises:
            RuntimeError: in a coroutine that has finished nothing yet.
        """
        if not _is_on_loop():
            self._finish(SECONDS)
        elif not self._is_finished:
            raise RuntimeError("calls are not made yet: await afinish() before you look at them, or await aone()")

    def _calls(self) -> list[CapturedCall]:
        return [CapturedCall(body, self._spans.of_traces(self._traces(body))) for body in self._roark.bodies()]

    def _traces(self, body: Mapping[str, Any]) -> set[int]:
        """Returns the traces of a call: those that show its id, and that of its property if it is one."""
        found = self._spans.traces_of(text(body, "externalId"))
        with suppress(ValueError):
            found.add(int(text(part(body, "properties"), "trace_id"), 16))
        return found

    def _only(self, external_id: str | None) -> CapturedCall:
        __tracebackhide__ = True
        found = [one for one in self._calls() if external_id in {None, one.external_id}]
        refused = self._refused(external_id)
        if len(found) != 1 or refused:
            wanted = "one call" if external_id is None else f"one call of {external_id!r}"
            more = f", and {refused} more that Roark would refuse: the id already has a call" if refused else ""
            raise AssertionError(f"expected {wanted}, got {len(found)}{more}\n\n{self.explanation()}")
        self._seen.add(found[0].external_id)
        return found[0]

    def _refused(self, external_id: str | None) -> int:
        """Returns how many further conversations became no call because their id, or this one, already had a call."""
        refused = sum(one.duplicates for one in self._stats())
        return refused if external_id is None or len(self._spans.traces_of(external_id)) > 1 else 0


def _is_on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Warnings(logging.Handler):
    def __init__(self, calls: CapturedCalls) -> None:
        super().__init__(logging.WARNING)
        self._calls = calls

    def emit(self, record: logging.LogRecord) -> None:
        self._calls.warn(record.getMessage())


_lock = threading.Lock()


@contextmanager
def capture_calls() -> Generator[CapturedCalls]:
    """Captures every call of this process in the block: nothing is sent, and no key is needed.

    Processors that were made before, at the import of the app for example, are captured too. After the block they go on
    as before; conversations that were begun in it are gone.

    Raises:
        RuntimeError: if calls are captured already, here or on another thread: by the fixture `roark_calls`, perhaps.
    """
    if not _lock.acquire(blocking=False):  # to wait would be to wait for ever, where the other one is further up
        raise RuntimeError("the calls of this process are captured already: use one capture_calls() or roark_calls")
    try:
        with _captured() as calls:
            yield calls
    finally:
        _lock.release()


@contextmanager
def _captured() -> Generator[CapturedCalls]:
    roark, spans = MemoryRoark(), SeenSpans()
    engines = CapturingEngines(roark, spans)
    calls = CapturedCalls(roark, spans, engines.flush, engines.stats)
    handler, logger = _Warnings(calls), logging.getLogger("roark_otel")
    with registry.capture_by(engines), hearing_of_spans(spans.recorded, spans.dropped):
        guard.forget_what_was_logged()
        moved = processors.move_all(engines.engine)
        logger.addHandler(handler)
        try:
            yield calls
        finally:
            try:
                calls.end()
            finally:  # a test may have replaced what it needs
                logger.removeHandler(handler)
                moved()
                engines.close()
