"""The courier: delivers calls from the spool to Roark, on its own thread, because saves must not wait for posts."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._delivery.attempt import Attempts
from roark_otel._delivery.availability import Pause
from roark_otel._delivery.backlog import look_once
from roark_otel._delivery.errands import Errand, Errands, Sweep
from roark_otel._delivery.keys import OwnKey
from roark_otel._delivery.messages import Attach, Await, Flush, Message, Offer, Wake
from roark_otel._delivery.orphans import Orphans
from roark_otel._delivery.receipts_hook import ReceiptsThread
from roark_otel._delivery.recordings import RecordingPolicy, WaitingCalls
from roark_otel._delivery.resolver import ResolverAnswer
from roark_otel._delivery.rounds import LOOK_SECONDS, MAX_AGE_SECONDS, Rounds
from roark_otel._delivery.waits import NEVER
from roark_otel._safety.answer import Answer
from roark_otel._safety.threads import Mailbox
from roark_otel._safety.worker import STOP_SECONDS, Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roark_otel._delivery.availability import Availability
    from roark_otel._delivery.client import Client
    from roark_otel._model.hooks import ReceiptHook
    from roark_otel._model.stats import Tally
    from roark_otel._spool.spool import Spool

FLUSH_PAUSE_SECONDS = 0.25
"""How long a flush waits between two attempts at calls that failed."""


class Courier:
    """Delivers calls.

    Args:
        spool: Where the calls are.
        make_client: Makes the client, on the courier's thread.
        tally: Counts receipts.
        policy: The sources of recordings that arrive after the call.
        on_receipt: The app's hook.
        has_new_key: Returns whether the key has changed since the client was made.
        max_age_seconds: How long a call waits for a Roark that does not accept it; then it is set aside.
        quiet_seconds: How long a conversation rests that a killed process left open.
        address: The base URL that the calls are for.
        unaddressed: Where calls of the same key wait that had no usable address; None for nowhere.
    """

    def __init__(
        self,
        spool: Spool,
        make_client: Callable[[], Client],
        tally: Tally,
        policy: RecordingPolicy | None = None,
        on_receipt: ReceiptHook | None = None,
        has_new_key: Callable[[], bool] = lambda: False,
        max_age_seconds: float = MAX_AGE_SECONDS,
        quiet_seconds: float = 60.0,
        address: str = "",
        unaddressed: Path | None = None,
    ) -> None:
        self._spool = spool
        self._messages: Mailbox[Message] = Mailbox()
        self._untaken: deque[None] = deque()  # one item for each message in the queue, except flushes
        self._is_discarded = False
        self._errands = Errands()
        self._waiting = WaitingCalls(spool, self._errands, tally, policy or RecordingPolicy(), self._post)
        self._orphans = Orphans(spool, tally, quiet_seconds)
        self.key = key = OwnKey(spool, address, unaddressed=unaddressed)
        self._receipts = None if on_receipt is None else ReceiptsThread(on_receipt, tally)
        self._attempts = Attempts(
            spool, make_client, tally, None if self._receipts is None else self._receipts.hand_on, key=key
        )
        self._rounds = Rounds(
            spool,
            self._errands,
            self._attempts,
            self._waiting,
            self._orphans,
            has_new_key,
            max_age_seconds,
            self._messages.has_some,
            key=key,
        )
        self.worker = Worker("roark-otel-courier", self._work, self._is_busy, self._put_away)

    # On any thread

    def start_with_backlog(self, then: Callable[[], None] = lambda: None) -> None:
        """Starts the courier if calls of earlier processes wait in the spool. `then`: called when that is known."""
        look_once(self._spool, self._take_over, self.worker.start, then)

    def _take_over(self) -> bool:
        return self.key.take_over_unaddressed().rest is not None

    def start(self) -> None:
        """Starts the threads, before there is a call. Calls of other processes are looked for when there is one."""
        if not self.worker.is_running:
            self._rounds.rest()
        self.worker.start()
        if self._receipts is not None:
            self._receipts.thread.start()

    def offer(self, name: str, delay: float) -> None:
        """Takes a call of this process that is in the spool, to be sent after this many seconds."""
        self._post(Offer(name, delay))
        self.worker.start()

    def await_recording(self, name: str) -> None:
        """Takes a call of this process that is in the spool and lacks its recording."""
        self._post(Await(name))
        self.worker.start()

    def attach(self, external_id: str, url: str, *, is_kept: bool) -> None:
        """Gives calls in memory a recording that was attached, and scans the directory.

        `is_kept`: whether the disk keeps the URL for calls to come; else memory does.
        """
        self._post(Attach(external_id, url, is_kept))

    def retire(self) -> None:
        """Lets the thread end when nothing is left to deliver."""
        self.worker.retire()
        self._messages.put(Wake())

    def discard(self, seconds: float = STOP_SECONDS) -> None:
        """Ends the thread after what it is doing, whatever is left to deliver. The files stay in the spool.

        `seconds`: the longest that it waits for that.
        """
        self._is_discarded = True
        self._rounds.end()
        self.worker.stop(lambda: self._messages.put(Wake()), seconds)

    @property
    def availability(self) -> Availability:
        """What the latest receipts say about Roark."""
        return self._rounds.availability

    def flush(self, deadline: float) -> bool:
        """Delivers this process's own calls that are due before a deadline, in monotonic seconds.

        It also waits until the app's hook has been given their receipts, unless that takes too long.

        Returns:
            Whether all of them were delivered.
        """
        if not self.worker.start():
            is_done = self._flush_here(Sweep.FLUSH, deadline)
        else:
            is_done = self._is_done(Sweep.FLUSH) or self._flush(deadline, Sweep.FLUSH)
        if self._receipts is not None:
            self._receipts.thread.wait(deadline)
        return is_done

    def drain(self, deadline: float) -> bool:
        """Delivers, as `flush` does, the due calls of every process in the spool."""
        if not self.worker.start():
            return self._flush_here(Sweep.DRAIN, deadline)
        return self._flush(deadline, Sweep.DRAIN)

    def _flush(self, deadline: float, sweep: Sweep) -> bool:
        while True:
            done = Answer()
            self._messages.put(Flush(done, sweep))
            self.worker.start()  # a retired thread may have ended just before
            if not done.wait(max(0.0, deadline - time.monotonic())):
                # The directory may not have been scanned yet: what a drain has not seen, it has not delivered.
                return sweep is not Sweep.DRAIN and self._is_done(sweep)
            if self._is_done(sweep):
                return True
            if not self._wait(deadline, sweep):
                return False

    def _flush_here(self, sweep: Sweep, deadline: float) -> bool:
        """Makes one pass on this thread until the deadline: the process is ending, and no thread can start any more."""

        def make_pass() -> None:
            self._take_messages(0.0)
            if not self._is_discarded:
                self._rounds.sweep(sweep, deadline)

        self.worker.run_here(make_pass)
        return self._is_done(sweep)

    def _wait(self, deadline: float, sweep: Sweep) -> bool:
        """Waits before another attempt, for as long as Roark asks. Returns whether there is time for one.

        If only conversations that were cut off are left, it waits until one of them has rested.
        """
        now, availability = time.monotonic(), self._rounds.availability
        if sweep is Sweep.DRAIN and not self._rounds.is_any_due(own_only=False):
            pause = max(FLUSH_PAUSE_SECONDS, self._orphans.next_at() - now)
            if now + pause > deadline:
                return False
            time.sleep(pause)
            return True
        match availability.pause:
            case Pause.REFUSED | Pause.UNCONNECTED:
                return False
            case Pause.ASKED_FOR:
                pause = max(FLUSH_PAUSE_SECONDS, availability.paused_until - now)
                if now + pause > deadline:
                    return False
            case Pause.BACKOFF:
                pause = FLUSH_PAUSE_SECONDS
            case _:
                assert_never(availability.pause)
        time.sleep(max(0.0, min(pause, deadline - now)))
        return now < deadline

    def _is_done(self, sweep: Sweep) -> bool:
        if self._is_discarded:
            return True
        # A message that has left the queue is not an errand at once: in between only `_untaken` knows of it.
        if self._untaken or self._rounds.is_any_due(own_only=sweep is not Sweep.DRAIN):
            return False
        return sweep is not Sweep.DRAIN or not self._orphans

    def _post(self, message: Message) -> None:
        self._untaken.append(None)
        self._messages.put(message)

    # On the courier's thread

    def _work(self) -> None:
        pause = self._rounds.pause()
        if self._receipts is not None:
            self._receipts.thread.tend()
            pause = min(pause, max(0.0, self._receipts.thread.next_at() - time.monotonic()))
        self._take_messages(self.worker.at_most(pause) or 0.0)
        self._round(Sweep.ROUTINE)

    def _put_away(self) -> None:
        self._attempts.hang_up()
        if self._spool.presence is not None:
            self._spool.presence.leave()
        if self._receipts is not None:
            self._receipts.thread.rest()

    def _round(self, sweep: Sweep) -> None:
        if not self._is_discarded:
            if self._spool.presence is not None:
                self._spool.presence.join()
            self._rounds.round(sweep)

    def _is_busy(self) -> bool:
        is_looking = self._rounds.is_looking
        has_calls = not self._is_discarded and bool(self._errands or self._waiting or self._orphans or is_looking)
        is_heard = self._receipts is None or not self._receipts.thread.is_busy
        return has_calls or not is_heard or self._messages.has_some()

    def _take_messages(self, pause: float) -> None:
        message = self._messages.get(None if pause == NEVER else pause)
        while message is not None:
            try:
                self._take(message)
            finally:
                if not isinstance(message, (Flush, Wake)):
                    self._untaken.popleft()
            message = self._messages.get(0.0)

    def _take(self, message: Message) -> None:
        match message:
            case Offer(name, delay):
                self._rounds.begin()
                due = time.monotonic() + delay
                self._errands.put(name, Errand(due, own=True, since=time.time(), has_rested=True))
            case Await(name):
                self._rounds.begin()
                self._waiting.add_own(name)
                if self._spool.directory is not None:
                    self._rounds.look_soon(LOOK_SECONDS)  # a recording may be attached there
            case ResolverAnswer():
                self._waiting.resolve(message)
            case Attach(external_id, url, is_kept):
                self._waiting.attach(external_id, url, is_kept=is_kept)
                self._rounds.look_soon()
            case Flush(done, sweep):
                try:
                    self._round(sweep)
                finally:
                    done.set()
            case Wake():
                pass
            case _:
                assert_never(message)
