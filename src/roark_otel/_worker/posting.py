"""Makes and sends calls, on threads of its own: an API that hangs must not hold up the reading of Kafka.

The state of a conversation stays where it is until the stage has heard that Roark has the call. What a thread finds is
laid on the desk of the partition that the conversation came from, and is taken from there with its next record.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

from typing_extensions import assert_never

from roark_otel._delivery.availability import Availability
from roark_otel._delivery.client import Client
from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._delivery.reports import log_failed, log_misconfigured, log_refused
from roark_otel._model.receipts import Delivered, Refused, Rejected, TryAgain
from roark_otel._safety.guard import guarded, log_once, logger
from roark_otel._safety.log_ids import log_id
from roark_otel._spool.body import without_fields
from roark_otel._worker.making import LateTools, NewCall
from roark_otel._worker.outcomes import Dead, DoneWith, TryLater

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roark_otel._model.receipts import Receipt
    from roark_otel._settings.api_key import Key
    from roark_otel._settings.settings import Settings
    from roark_otel._worker.making import Making
    from roark_otel._worker.outcomes import Away, Result

THREADS: Final = 8
"""How many requests to Roark are made at the same time."""

MAX_AWAY: Final = 8 * THREADS
"""The most conversations that are away at the same time."""

MAX_AWAY_BYTES: Final = 16 * 1024 * 1024
"""The size of their spans, which are in memory, beyond which no further one is sent off."""

_PLACE: Final = "the worker's state"


class Desk:
    """Where results of one partition lie until its stage takes them."""

    def __init__(self) -> None:
        self.life: int = 0
        self._results: deque[tuple[int, Away, Result]] = deque()

    def clear(self) -> None:
        """Begins a new life: what was sent off in an earlier one has its state elsewhere by now."""
        self.life += 1

    def lay(self, life: int, away: Away, result: Result) -> None:
        """Lays down a result, from any thread."""
        self._results.append((life, away, result))

    def results(self) -> Iterator[tuple[Away, Result]]:
        """Yields the results of this life, and lets go of all."""
        while self._results:
            life, away, result = self._results.popleft()
            if life == self.life:
                yield away, result


class Posters:
    """Threads that make and send calls.

    Args:
        settings: The address, the key and the timeout.
        key: The key.
        making: Makes calls.
        count: Called with the name of what is counted, and a number.
    """

    def __init__(self, settings: Settings, key: Key, making: Making, count: Callable[[str, int], None]) -> None:
        self._settings = settings
        self._key = key
        self._making = making
        self._count = count
        self._queue: SimpleQueue[tuple[Desk, int, Away]] = SimpleQueue()
        self._desks: dict[int, Desk] = {}
        self._lock = Lock()
        self._away = 0
        self._away_bytes = 0
        self._availability = Availability()
        self._threads: list[Thread] = []

    def desk(self, partition: int) -> Desk:
        """Returns the desk of a partition."""
        return self._desks.setdefault(partition, Desk())

    @property
    def away(self) -> int:
        """How many conversations are away."""
        return self._away

    @property
    def is_down(self) -> bool:
        """Whether Roark failed or refused when it was last asked."""
        return self._availability.is_down

    def has_room(self) -> bool:
        """Returns whether one more may be sent off. While Roark does not answer, one at a time asks whether it does."""
        known = self._availability
        if not known.allows(time.monotonic(), in_flush=False):
            return False
        return self._away < (1 if known.is_down else MAX_AWAY) and self._away_bytes < MAX_AWAY_BYTES

    def send(self, desk: Desk, away: Away) -> None:
        """Sends off a conversation. Its result will lie on the desk."""
        with self._lock:
            self._away += 1
            self._away_bytes += _size_of(away)
        self._queue.put((desk, desk.life, away))
        if len(self._threads) < min(THREADS, self._away):
            thread = Thread(target=self._run, name=f"roark-worker-post-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        client = _Connection(self._settings, self._key)
        while True:
            desk, life, away = self._queue.get()
            result = self._result(away, client) or TryLater()
            desk.lay(life, away, result)
            with self._lock:
                self._away -= 1
                self._away_bytes -= _size_of(away)

    @guarded(None)
    def _result(self, away: Away, client: _Connection) -> Result:
        made = self._making.make(away)
        match made:
            case NewCall():
                return self._created(away, made, client)
            case LateTools():
                return self._appended(away, made, client)
            case _:
                return made

    def _created(self, away: Away, call: NewCall, client: _Connection) -> Result:
        receipt = self._noted(client.create(call.body))
        if isinstance(receipt, Rejected) and (reduced := without_fields(call.body, receipt.fields)) is not None:
            again = self._noted(client.create(reduced))
            receipt = receipt if isinstance(again, Rejected) else again
        match receipt:
            case Delivered(call_id, already):
                self._count("calls_already" if already else "calls_delivered", 1)
                _log_delivered(away, call, call_id, already=already)
                return DoneWith(call.tombstone.delivered(call_id).to_bytes())
            case Rejected(status, reason):
                self._count("calls_rejected", 1)
                return Dead(away.external_id, f"{status}: {reason}", call.body, call.tombstone.to_bytes())
            case Refused() | TryAgain():
                return TryLater()
            case _:
                assert_never(receipt)

    def _appended(self, away: Away, late: LateTools, client: _Connection) -> Result:
        for body in late.bodies:
            receipt = self._noted(client.append(late.call_id, body))
            match receipt:
                case Delivered():
                    continue
                case Rejected(status, reason):
                    self._count("late_dropped", late.tools)
                    tombstone = late.tombstone.to_bytes()
                    return Dead(away.external_id, f"late: {status}: {reason}", body, tombstone)
                case Refused() | TryAgain():
                    return TryLater()
                case _:
                    assert_never(receipt)
        self._count("tools_appended", late.tools)
        return DoneWith(late.tombstone.to_bytes())

    def _noted(self, receipt: Receipt) -> Receipt:
        """Notes what a receipt says about Roark."""
        with self._lock:
            self._availability = self._availability.after(receipt, time.monotonic(), random.random())  # noqa: S311
        match receipt:
            case Refused(status):
                self._count("attempts_refused", 1)
                log_refused(status, _PLACE)
            case TryAgain(_, why):
                self._count("attempts_failed", 1)
                log_failed(why, _PLACE)
            case Delivered() | Rejected():
                pass
            case _:
                assert_never(receipt)
        return receipt


def _size_of(away: Away) -> int:
    return sum(map(len, away.requests))


class _Connection:
    """The connection of one thread, made when it is needed."""

    def __init__(self, settings: Settings, key: Key) -> None:
        self._settings = settings
        self._key = key
        self._client: Client | None = None

    def create(self, body: bytes) -> Receipt:
        # Whether an earlier worker has tried is not known, so that a 409 means that it has.
        return self._asked(lambda client: client.create_call(body, tried=True))

    def append(self, call_id: str, body: bytes) -> Receipt:
        return self._asked(lambda client: client.append_tools(call_id, body))

    def _asked(self, ask: Callable[[Client], Receipt]) -> Receipt:
        try:
            if self._client is None:
                known = self._settings
                self._client = Client(known.base_url, self._key.current(), known.project_id, known.http_timeout_seconds)
        except Misconfigured as fault:
            log_misconfigured(fault, _PLACE)
            return TryAgain(None, fault.variable)
        receipt = ask(self._client)
        if isinstance(receipt, Refused):  # the next attempt reads the key again
            self._client.close()
            self._client = None
        return receipt


def _log_delivered(away: Away, call: NewCall, call_id: str | None, *, already: bool) -> None:
    fields = {
        "external_id": log_id(away.external_id),
        "call_id": call_id,
        "trace_id": f"{call.tombstone.trace_id:032x}",
        "turns": call.turns,
        "tools": call.tools,
    }
    logger.info(
        "call %s: external_id=%s call_id=%s trace_id=%s turns=%d tools=%d",
        "was already there" if already else "created",
        *fields.values(),
        fields=fields,
    )


def log_dead(dead: Dead, topic: str) -> None:
    """Logs that a call will not be sent, why, and where it is kept."""
    log_once(
        logging.WARNING,
        (dead.external_id, dead.reason),
        "call external_id=%s will not be sent (%s); it is kept in the topic %s",
        log_id(dead.external_id),
        dead.reason,
        topic,
    )
