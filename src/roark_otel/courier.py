"""The courier: carries calls from the spool to Roark, on a thread of its own, because saves must not wait for posts.

A call that cannot be delivered now is tried again with full jitter; one bad call never blocks the others. When Roark
does not answer at all, or refuses the key, everything waits.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import assert_never

from roark_otel.delivery import REFUSED_RETRY_SECONDS, Delivered, Receipt, Refused, Rejected, TryAgain, backoff
from roark_otel.guard import guarded, logger, say
from roark_otel.naming import named
from roark_otel.spoolfile import Stage
from roark_otel.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.client import Client
    from roark_otel.spool import Spool, Spooled
    from roark_otel.stats import Tally

_LONGEST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True)
class _Offer:
    """A call is in the spool, to be sent after so many seconds: one of this process, or one that was left there."""

    name: str
    delay: float
    own: bool


@dataclass(frozen=True, slots=True)
class _Flush:
    """Somebody waits for every call that is due; `done` is set after one attempt at each."""

    done: threading.Event


_Message: TypeAlias = "_Offer | _Flush"


@dataclass(slots=True)
class _Errand:
    """A call to deliver. Times are monotonic seconds."""

    due: float
    own: bool
    retry_at: float = 0.0
    failures: int = 0


class Courier:
    """Delivers calls.

    Args:
        spool: Where they are.
        make_client: Makes the client, on the courier's thread.
        tally: Counts receipts.
    """

    def __init__(self, spool: Spool, make_client: Callable[[], Client], tally: Tally) -> None:
        self._spool = spool
        self._make_client = make_client
        self._tally = tally
        self._client: Client | None = None
        self._messages: SimpleQueue[_Message] = SimpleQueue()
        self._errands: dict[str, _Errand] = {}
        self._paused_until = 0.0
        self._silences = 0
        self._is_refused = False
        self._is_told_to_wait = False
        self._worker = Worker("roark-otel-courier", self._work, self._is_busy, self._hang_up)

    def start_with_backlog(self) -> None:
        """Looks into the spool once, and starts if calls of earlier processes wait there."""
        left = self._spool.names([Stage.READY, Stage.TRIED])
        for name in left:
            self._messages.put(_Offer(name, 0.0, own=False))
        if left:
            self._worker.start()

    def offer(self, name: str, delay: float) -> None:
        """A call of this process is in the spool, to be sent after so many seconds."""
        self._messages.put(_Offer(name, delay, own=True))
        self._worker.start()

    def retire(self) -> None:
        """Lets the thread end when nothing is left to deliver."""
        self._worker.retire()
        self._messages.put(_Flush(threading.Event()))

    def flush(self, deadline: float) -> bool:
        """Delivers what is due before this monotonic time. Returns whether all of it was delivered."""
        if not self._worker.start():
            # No thread can start any more: the process is ending, so this one does the work.
            self._take_messages(0.0)
            self._sweep(regardless=True)
            return self._nothing_due()
        while not self._nothing_due():
            done = threading.Event()
            self._messages.put(_Flush(done))
            self._worker.start()  # one that nobody needs any more may have ended just before
            if not done.wait(max(0.0, deadline - time.monotonic())):
                return self._nothing_due()
            if not self._nothing_due() and (self._is_refused or not self._wait(deadline)):
                return False
        return True

    def _wait(self, deadline: float) -> bool:
        """Waits a little, or as long as Roark asks for, before another attempt. Returns whether there is time."""
        now = time.monotonic()
        pause = max(0.25, self._paused_until - now) if self._is_told_to_wait else 0.25
        if self._is_told_to_wait and now + pause > deadline:
            return False
        time.sleep(max(0.0, min(pause, deadline - now)))
        return now < deadline

    def _nothing_due(self) -> bool:
        now = time.monotonic()
        return self._messages.empty() and not any(e.own and e.due <= now for e in list(self._errands.values()))

    # On the courier's thread

    @guarded(None)
    def _work(self) -> None:
        self._take_messages(self._pause())
        self._sweep(regardless=False)

    def _is_busy(self) -> bool:
        return bool(self._errands) or not self._messages.empty()

    @guarded(None)
    def _hang_up(self) -> None:
        """Closes the connection: one that is only forgotten makes a ResourceWarning in the app's tests."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _pause(self) -> float:
        """Seconds until something is due."""
        if not self._errands:
            return _LONGEST_PAUSE
        soonest = min(max(errand.due, errand.retry_at) for errand in self._errands.values())
        return min(_LONGEST_PAUSE, max(0.0, max(soonest, self._paused_until) - time.monotonic()))

    def _take_messages(self, pause: float) -> None:
        try:
            message: _Message = self._messages.get(timeout=pause) if pause > 0 else self._messages.get_nowait()
            while True:
                match message:
                    case _Offer(name, delay, own):
                        if own or name not in self._errands:
                            self._errands[name] = _Errand(due=time.monotonic() + delay, own=own)
                    case _Flush(done):
                        self._sweep(regardless=True)
                        done.set()
                    case _:
                        assert_never(message)
                message = self._messages.get_nowait()
        except Empty:
            return

    def _sweep(self, *, regardless: bool) -> None:
        """Tries each call that is due once; `regardless` of backoff, and then only this process's own."""
        now = time.monotonic()
        if now < self._paused_until and (self._is_told_to_wait or not regardless):
            return
        # The ones that failed come last: should the server not answer to one of them, the others are through.
        for name, errand in sorted(self._errands.items(), key=lambda item: item[1].failures):
            if errand.due > now or (not errand.own if regardless else errand.retry_at > now):
                continue
            # Should the attempt fail in a way that nobody thought of, it is not made again at once.
            errand.retry_at = now + backoff(errand.failures + 1, random.random())  # noqa: S311 - jitter
            if self._attempt(name, errand) is not None:
                return

    @guarded(None)
    def _attempt(self, name: str, errand: _Errand) -> TryAgain | Refused | None:
        """One attempt at one call. Returns the receipt if it stops the sweep."""
        with self._spool.claim(name) as call:
            if call is None:
                del self._errands[name]
                return None
            early = call.header.not_before - time.time()
            if early > 0:
                errand.due = time.monotonic() + early
                return None
            self._is_refused = self._is_told_to_wait = False
            self._spool.mark_tried(call)
            if self._client is None:
                self._client = self._make_client()
            receipt = self._client.create_call(call.body, tried=call.tried)
            return self._settle(call, errand, receipt)

    def _settle(self, call: Spooled, errand: _Errand, receipt: Receipt) -> TryAgain | Refused | None:
        match receipt:
            case Delivered(call_id, already):
                self._spool.remove(call)
                del self._errands[call.name]
                self._silences = 0
                self._tally.add("already" if already else "delivered")
                _log_delivered(call, call_id, already=already)
            case Rejected(status, reason):
                self._spool.reject(call, status, reason)
                del self._errands[call.name]
                self._tally.add("rejected")
                _log_rejected(call, status, reason, self._spool)
            case Refused(status):
                self._tally.add("refused")
                self._is_refused = True
                self._paused_until = time.monotonic() + REFUSED_RETRY_SECONDS
                say(
                    logging.ERROR,
                    (status,),
                    "roark_otel: Roark answered %d: check ROARK_API_KEY, ROARK_PROJECT_ID, ROARK_BASE_URL and the "
                    "project's credits; calls wait in %s and are tried again every %d s",
                    status,
                    self._spool.directory,
                    int(REFUSED_RETRY_SECONDS),
                )
                return receipt
            case TryAgain(after, why):
                return self._postpone(errand, after, why, receipt)
            case _:
                assert_never(receipt)
        return None

    def _postpone(self, errand: _Errand, after: float | None, why: str, receipt: TryAgain) -> TryAgain | None:
        self._tally.add("retried")
        errand.failures += 1
        wait = after if after is not None else backoff(errand.failures, random.random())  # noqa: S311 - jitter
        errand.retry_at = time.monotonic() + wait
        say(
            logging.WARNING,
            (why,),
            "roark_otel: Roark cannot be reached (%s); calls wait in %s",
            why,
            self._spool.directory,
        )
        if after is None and why[:1].isdigit():
            return None  # this call's trouble, perhaps; the next one may do better
        self._silences += 1
        self._is_told_to_wait = after is not None
        pause = after if after is not None else backoff(self._silences, random.random())  # noqa: S311
        self._paused_until = time.monotonic() + pause
        return receipt


def _log_delivered(call: Spooled, call_id: str | None, *, already: bool) -> None:
    header = call.header
    fields = {
        "external_id": named(header.external_id),
        "call_id": call_id,
        "trace_id": header.trace_id,
        "turns": header.turns,
        "tools": header.tools,
        "waited_s": round(max(0.0, time.time() - header.finished_at), 1),
    }
    logger.info(
        "roark_otel: call %s: external_id=%s call_id=%s trace_id=%s turns=%d tools=%d waited_s=%.1f",
        "was there already" if already else "created",
        *fields.values(),
        extra=fields,
    )


def _log_rejected(call: Spooled, status: int, reason: str, spool: Spool) -> None:
    logger.warning(
        "roark_otel: Roark will not take call external_id=%s (%d: %s); it is kept in %s",
        named(call.header.external_id),
        status,
        reason,
        spool.directory / "rejected",
    )
