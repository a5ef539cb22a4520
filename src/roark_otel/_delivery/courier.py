"""The courier: carries calls from the spool to Roark, on a thread of its own, because saves must not wait for posts.

A call that cannot be delivered now is tried again with full jitter; one bad call never blocks the others. When Roark
does not answer at all, or refuses the key, everything waits. Every few seconds the courier looks into the directory for
what other processes left there, so that whoever is left delivers it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import assert_never

from roark_otel._delivery.answers import REFUSED_RETRY_SECONDS, backoff
from roark_otel._delivery.attempt import HELD_SECONDS, Delivering, Resting, Settled
from roark_otel._delivery.recordings import Recordings
from roark_otel._delivery.resolver import Answered
from roark_otel._model.receipts import Refused, TryAgain
from roark_otel._safety.guard import guarded
from roark_otel._safety.worker import Worker
from roark_otel._spool.file import SENDABLE, Stage
from roark_otel._spool.spool import Held

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._delivery.client import Client
    from roark_otel._delivery.recordings import Policy
    from roark_otel._model.hooks import ReceiptHook
    from roark_otel._model.stats import Tally
    from roark_otel._spool.spool import Spool

LOOK_SECONDS = 5.0
"""How often the directory is looked into while anything is in it."""

IDLE_LOOK_SECONDS = 60.0
"""The same while nothing is."""

MAX_IN_A_ROW = 5
"""After so many different calls in a row that Roark could not take, the trouble is Roark's and not theirs."""

MAX_AGE_SECONDS = 604_800.0
"""A call that is older, and that Roark does not take, is set aside."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """A call of this process is in the spool, to be sent after so many seconds."""

    name: str
    delay: float


@dataclass(frozen=True, slots=True)
class _Await:
    """A call of this process waits in the spool for its recording."""

    name: str


@dataclass(frozen=True, slots=True)
class _Attach:
    """A recording for the calls in memory of an external id, by its hash; and the directory is to be looked into."""

    id_hash: str
    url: str


@dataclass(frozen=True, slots=True)
class _Flush:
    """Somebody waits for every call that is due; `done` is set after one attempt at each."""

    done: threading.Event
    everybodys: bool = False


@dataclass(frozen=True, slots=True)
class _Stop:
    """Nothing more is to be delivered."""


_Message: TypeAlias = "_Offer | _Await | _Attach | _Flush | _Stop | Answered"


@dataclass(slots=True)
class _Errand:
    """A file to deliver. `due` and `retry_at` are monotonic seconds, `since` is in seconds since the epoch."""

    due: float
    own: bool
    since: float
    has_rested: bool = False
    retry_at: float = 0.0
    failures: int = 0

    def is_outdated(self, since: float) -> bool:
        """Whether another process has written the file anew, which may have been held back for long before."""
        return not self.own and since > self.since


class Courier:
    """Delivers calls.

    Args:
        spool: Where they are.
        make_client: Makes the client, on the courier's thread.
        tally: Counts receipts.
        policy: Where recordings that come later are from.
        on_receipt: The app's hook, called on the courier's thread.
        has_new_key: Whether the key has changed since the client was made.
        max_age_seconds: A call that is older, and that Roark does not take, is set aside.
    """

    def __init__(
        self,
        spool: Spool,
        make_client: Callable[[], Client],
        tally: Tally,
        policy: Policy | None = None,
        on_receipt: ReceiptHook | None = None,
        has_new_key: Callable[[], bool] = lambda: False,
        max_age_seconds: float = MAX_AGE_SECONDS,
    ) -> None:
        self._spool = spool
        self._delivering = Delivering(spool, make_client, tally, on_receipt)
        self._has_new_key = has_new_key
        self._max_age_seconds = max_age_seconds
        self._messages: SimpleQueue[_Message] = SimpleQueue()
        self._untaken: deque[None] = deque()  # one for each message that is not taken in yet; flushes do not count
        self._recordings = Recordings(spool, tally, policy, self._post, self._take_up)
        self._errands: dict[str, _Errand] = {}
        self._look_at = 0.0
        self._paused_until = 0.0
        self._silences = 0
        self._in_a_row = 0
        self._is_refused = False
        self._is_told_to_wait = False
        self._worker = Worker("roark-otel-courier", self._work, self._is_busy, self._delivering.hang_up)

    def start_with_backlog(self) -> None:
        """Looks into the spool once, and starts if calls of earlier processes wait there."""
        self._spool.clean()
        if self._spool.entries():
            self._worker.start()

    def offer(self, name: str, delay: float) -> None:
        """A call of this process is in the spool, to be sent after so many seconds."""
        self._post(_Offer(name, delay))
        self._worker.start()

    def await_recording(self, name: str) -> None:
        """A call of this process is in the spool and lacks its recording."""
        self._post(_Await(name))
        self._worker.start()

    def attach(self, id_hash: str, url: str) -> None:
        """A recording was attached: calls in memory get it, and the directory is looked into."""
        self._post(_Attach(id_hash, url))

    def retire(self) -> None:
        """Lets the thread end when nothing is left to deliver."""
        self._worker.retire()
        self._messages.put(_Flush(threading.Event()))

    def stop(self) -> None:
        """Ends the thread after what it is doing, whatever is left to deliver."""
        self._worker.stop(lambda: self._post(_Stop()))

    def flush(self, deadline: float, *, everybodys: bool = False) -> bool:
        """Delivers what is due before this monotonic time. Returns whether all of it was delivered.

        `everybodys`: not only this process's own calls, but all that are in the spool.
        """
        if not self._worker.start():
            # No thread can start any more: the process is ending, so this one does the work.
            self._take_messages(0.0)
            self._sweep(regardless=True, everybodys=everybodys)
            return self._nothing_due(everybodys=everybodys)
        while everybodys or not self._nothing_due(everybodys=everybodys):
            done = threading.Event()
            self._messages.put(_Flush(done, everybodys))
            self._worker.start()  # one that nobody needs any more may have ended just before
            if not done.wait(max(0.0, deadline - time.monotonic())):
                return self._nothing_due(everybodys=everybodys)
            if self._nothing_due(everybodys=everybodys):
                return True
            if self._is_refused or not self._wait(deadline):
                return False
        return True

    def _post(self, message: _Message) -> None:
        self._untaken.append(None)
        self._messages.put(message)

    def _wait(self, deadline: float) -> bool:
        """Waits a little, or as long as Roark asks for, before another attempt. Returns whether there is time."""
        now = time.monotonic()
        pause = max(0.25, self._paused_until - now) if self._is_told_to_wait else 0.25
        if self._is_told_to_wait and now + pause > deadline:
            return False
        time.sleep(max(0.0, min(pause, deadline - now)))
        return now < deadline

    def _nothing_due(self, *, everybodys: bool) -> bool:
        now = time.monotonic()
        due = (errand for errand in list(self._errands.values()) if errand.due <= now)
        # A message that has left the queue is not an errand at once: in between only `_untaken` knows of it.
        return not self._untaken and not any(errand.own or everybodys for errand in due)

    # On the courier's thread

    @guarded(None)
    def _work(self) -> None:
        self._take_messages(self._pause())
        self._look()
        self._recordings.round()
        self._sweep(regardless=False)

    def _is_busy(self) -> bool:
        return bool(self._errands or len(self._recordings) or not self._messages.empty())

    def _pause(self) -> float:
        """Seconds until something is due."""
        now = time.monotonic()
        soonest = min((max(errand.due, errand.retry_at) for errand in self._errands.values()), default=float("inf"))
        return max(0.0, min(max(soonest, self._paused_until), self._look_at, self._recordings.due()) - now)

    def _take_messages(self, pause: float) -> None:
        try:
            message: _Message = self._messages.get(timeout=pause) if pause > 0 else self._messages.get_nowait()
            while True:
                try:
                    self._take(message)
                finally:
                    if not isinstance(message, _Flush):
                        self._untaken.popleft()
                message = self._messages.get_nowait()
        except Empty:
            return

    def _take(self, message: _Message) -> None:
        match message:
            case _Offer(name, delay):
                self._errands[name] = _Errand(time.monotonic() + delay, own=True, since=time.time(), has_rested=True)
            case _Await(name):
                self._recordings.add(name, own=True)
            case Answered():
                self._recordings.answered(message)
            case _Attach(id_hash, url):
                self._recordings.attach(id_hash, url)
                self._look_at = 0.0
            case _Flush(done, everybodys):
                try:
                    self._look_at = 0.0 if everybodys else self._look_at
                    self._look()
                    self._recordings.round()
                    self._sweep(regardless=True, everybodys=everybodys)
                finally:
                    done.set()
            case _Stop():
                self._errands.clear()
            case _:
                assert_never(message)

    def _take_up(self, name: str, *, own: bool, has_rested: bool) -> None:
        """A call has its recording now."""
        self._errands[name] = _Errand(time.monotonic(), own, time.time(), has_rested)

    @guarded(None)
    def _look(self) -> None:
        """Takes up what others left in the directory, and lets go of what others took."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + IDLE_LOOK_SECONDS  # should it fail in a way that nobody thought of
        entries = self._spool.entries()
        # A directory of very many files is looked into less often: one part of the time in fifty.
        self._look_at = now + (max(LOOK_SECONDS, 50 * (time.monotonic() - now)) if entries else IDLE_LOOK_SECONDS)
        for entry in entries:
            if entry.stage is Stage.WAITING:
                self._recordings.add(entry.name, own=False, since=entry.since)
            elif (known := self._errands.get(entry.name)) is None or known.is_outdated(entry.since):
                self._errands[entry.name] = _Errand(now, own=False, since=entry.since)
        self._recordings.look({entry.name for entry in entries if entry.stage is Stage.WAITING})
        present = {entry.name for entry in entries if entry.stage in SENDABLE}
        for name in [name for name, errand in self._errands.items() if name not in present and not errand.own]:
            del self._errands[name]
        self._set_aside_old()
        if self._is_refused and self._has_new_key():
            self._paused_until, self._is_refused = now, False

    def _set_aside_old(self) -> None:
        """Keeps in `rejected/` what has waited too long; not before it was tried here, or Roark was found down."""
        too_old = time.time() - self._max_age_seconds
        for name, errand in list(self._errands.items()):
            if errand.since < too_old and (errand.failures or self._silences or self._is_refused):
                self._delivering.set_aside(name, "too_old")
                del self._errands[name]

    def _sweep(self, *, regardless: bool, everybodys: bool = False) -> None:
        """Tries each call that is due once; `regardless` of backoff, and then only this process's own."""
        now = time.monotonic()
        if now < self._paused_until and (self._is_told_to_wait or not regardless):
            return
        # The ones that failed come last: should the server not answer to one of them, the others are through.
        for name, errand in sorted(self._errands.items(), key=lambda item: (item[1].failures, not item[1].own)):
            if not regardless and not self._messages.empty():
                return  # a backlog must not hold up a flush, nor this process's own calls
            waits = not (errand.own or everybodys) if regardless else errand.retry_at > now
            if errand.due > now or waits:
                continue
            # Should the attempt fail in a way that nobody thought of, it is not made again at once.
            errand.retry_at = now + backoff(errand.failures + 1, random.random())  # noqa: S311 - jitter
            if self._try(name, errand):
                return

    @guarded(False)
    def _try(self, name: str, errand: _Errand) -> bool:
        """One attempt at one call. Returns whether the others have to wait."""
        attempt = self._delivering.attempt(name, has_rested=errand.has_rested)
        match attempt:
            case Held():
                errand.retry_at = time.monotonic() + HELD_SECONDS
                return False
            case Resting(seconds):
                errand.due, errand.has_rested = time.monotonic() + seconds, True
                return False
            case Settled(is_progress):
                self._errands.pop(name, None)
                if is_progress:
                    self._silences = self._in_a_row = 0
                    self._is_refused = self._is_told_to_wait = False
                else:  # somebody took it, or wrote it anew just now
                    self._look_at = min(self._look_at, time.monotonic() + LOOK_SECONDS)
                return False
            case Refused():
                self._is_refused = True
                self._is_told_to_wait = False
                self._paused_until = time.monotonic() + REFUSED_RETRY_SECONDS
                return True
            case TryAgain():
                self._is_refused = False
                return self._postpone(errand, attempt)
        assert_never(attempt)

    def _postpone(self, errand: _Errand, receipt: TryAgain) -> bool:
        errand.failures += 1
        now = time.monotonic()
        errand.retry_at = now + (receipt.after or backoff(errand.failures, random.random()))  # noqa: S311 - jitter
        self._in_a_row += 1
        self._is_told_to_wait = receipt.after is not None and not receipt.alone
        if receipt.alone and self._in_a_row < MAX_IN_A_ROW:
            return False  # this call's trouble, perhaps; the next one may do better
        self._in_a_row = 0
        self._silences += 1
        pause = receipt.after if self._is_told_to_wait else None
        self._paused_until = now + (backoff(self._silences, random.random()) if pause is None else pause)  # noqa: S311
        return True
