"""One attempt at one call: claimed in the spool, sent, and settled by what Roark answers. On the courier's thread."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import assert_never

from roark_otel._model.hooks import FinishedCall
from roark_otel._model.receipts import Delivered, Receipt, Refused, Rejected, TryAgain
from roark_otel._safety.guard import guarded, log_once, logger
from roark_otel._safety.log_ids import log_id
from roark_otel._spool.body import without_fields
from roark_otel._spool.claims import Gone, Held, Spooled
from roark_otel._spool.names import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._delivery.client import Client
    from roark_otel._model.hooks import ReceiptHook
    from roark_otel._model.stats import Tally
    from roark_otel._spool.file import Header
    from roark_otel._spool.spool import Spool

HELD_SECONDS = 1.0
"""After so long a file that somebody else had is looked at again: that process may have died with it."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing is left to do for this file. `is_progress`: Roark took it, or said what is wrong with it."""

    is_progress: bool


@dataclass(frozen=True, slots=True)
class Resting:
    """Not to be sent before so many seconds are over."""

    seconds: float


Attempt: TypeAlias = "Settled | Resting | Held | Refused | TryAgain"


class Delivering:
    """Makes attempts.

    Args:
        spool: Where the calls are.
        make_client: Makes the client, on the courier's thread.
        tally: Counts receipts.
        on_receipt: The app's hook.
    """

    def __init__(
        self, spool: Spool, make_client: Callable[[], Client], tally: Tally, on_receipt: ReceiptHook | None
    ) -> None:
        self._spool = spool
        self._make_client = make_client
        self._tally = tally
        self._on_receipt = on_receipt
        self._client: Client | None = None

    def attempt(self, name: str, *, has_rested: bool) -> Attempt:
        """Makes one attempt.

        Args:
            name: The file's name.
            has_rested: Whether the time in its header has been waited for already.
        """
        with self._spool.claim(name) as call:
            match call:
                case Held():
                    return call
                case Gone():
                    return Settled(is_progress=False)
                case Spooled():
                    rest = 0.0 if has_rested else _rest(call.header)
                    if rest > 0:
                        return Resting(rest)
                    if self._waits_for_its_call(call) or not self._spool.mark_tried(call):
                        return Held()
                    return self._settle(call, self._send(call))
            assert_never(call)

    def set_aside(self, name: str, reason: str) -> None:
        """Keeps a call in `rejected/` without asking Roark."""
        with self._spool.claim(name) as call:
            if isinstance(call, Spooled):
                self._spool.reject(call, 0, reason)
                self._tally.add("rejected", error_type=reason)
                _log_rejected(call, 0, reason, self._spool)

    @guarded(None)
    def hang_up(self) -> None:
        """Closes the connection: one that is only forgotten makes a ResourceWarning in the app's tests."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> Client:
        if self._client is None:
            self._client = self._make_client()
        return self._client

    def _send(self, call: Spooled) -> Receipt:
        if call.stage is Stage.LATE:
            return self._append(call)
        receipt = self._connected().create_call(call.body, tried=call.tried)
        reduced = without_fields(call.body, receipt.fields) if isinstance(receipt, Rejected) else None
        if reduced is None:
            return receipt
        again = self._connected().create_call(reduced, tried=call.tried)
        return receipt if isinstance(again, Rejected) else again

    def _append(self, late: Spooled) -> Receipt:
        call_id = self._call_id(late)
        if call_id is None:
            return Rejected(0, "the call's id is not known")
        return self._connected().append_tools(call_id, late.body)

    def _call_id(self, late: Spooled) -> str | None:
        return late.header.call_id or self._spool.call_id(late.call_name)

    def _waits_for_its_call(self, late: Spooled) -> bool:
        """Whether these are tool invocations for a call that is not at Roark yet."""
        if late.stage is not Stage.LATE or self._call_id(late) is not None:
            return False
        with self._spool.claim(late.call_name, (Stage.READY, Stage.TRIED)) as call:
            return not isinstance(call, Gone)

    def _settle(self, call: Spooled, receipt: Receipt) -> Attempt:
        outcome = self._kept_or_gone(call, receipt)
        if self._on_receipt is not None and call.stage is not Stage.LATE:
            self._tell(finished_call(call.header), receipt)
        return outcome

    def _kept_or_gone(self, call: Spooled, receipt: Receipt) -> Attempt:
        match receipt:
            case Delivered(call_id, already):
                self._spool.remove(call, call_id)
                if call.stage is Stage.LATE:
                    self._tally.add("appended", call.header.tools)
                else:
                    self._tally.add("already" if already else "delivered")
                    _log_delivered(call, call_id, already=already)
                return Settled(is_progress=True)
            case Rejected(status, reason):
                self._spool.reject(call, status, reason)
                kind = reason if reason == "id_in_use" else str(status)
                self._tally.add("late_dropped" if call.stage is Stage.LATE else "rejected", error_type=kind)
                _log_rejected(call, status, reason, self._spool)
                return Settled(is_progress=True)
            case Refused(status):
                self._tally.add("refused", error_type=str(status))
                self._say_refused(status)
                self.hang_up()  # the next attempt reads the key anew
                return receipt
            case TryAgain(_, why):
                self._tally.add("retried", error_type=why)
                message = "Roark cannot be reached (%s); calls wait in %s"
                log_once(logging.WARNING, (why,), message, why, self._spool.place)
                return receipt
        assert_never(receipt)

    def _say_refused(self, status: int) -> None:
        log_once(
            logging.ERROR,
            (status,),
            "Roark answered %d: check ROARK_API_KEY, ROARK_PROJECT_ID, ROARK_BASE_URL and the project's "
            "credits; calls wait in %s and are tried again after some minutes",
            status,
            self._spool.place,
        )

    @guarded(None)
    def _tell(self, call: FinishedCall, receipt: Receipt) -> None:
        if self._on_receipt is not None:
            self._on_receipt(call, receipt)


def finished_call(header: Header) -> FinishedCall:
    """What hooks are told about a call."""
    return FinishedCall(
        external_id=header.external_id,
        trace_id=header.trace_id,
        turns=header.turns,
        tools=header.tools,
        started_at=_instant(header.started_at),
        finished_at=_instant(header.finished_at),
    )


def _instant(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, timezone.utc)


def _rest(header: Header) -> float:
    """Seconds for which a call is held back: never more than were meant, should the clock have been set back."""
    return min(header.not_before - time.time(), header.not_before - header.finished_at)


def _log_delivered(call: Spooled, call_id: str | None, *, already: bool) -> None:
    header = call.header
    fields = {
        "external_id": log_id(header.external_id),
        "call_id": call_id,
        "trace_id": header.trace_id,
        "turns": header.turns,
        "tools": header.tools,
        "waited_s": round(max(0.0, time.time() - header.finished_at), 1),
    }
    logger.info(
        "call %s: external_id=%s call_id=%s trace_id=%s turns=%d tools=%d waited_s=%.1f",
        "was there already" if already else "created",
        *fields.values(),
        extra=fields,
    )


def _log_rejected(call: Spooled, status: int, reason: str, spool: Spool) -> None:
    what = "late tool invocations of call" if call.stage is Stage.LATE else "call"
    logger.warning(
        "%s external_id=%s will not be sent (%d: %s); it is kept in %s/rejected",
        what,
        log_id(call.header.external_id),
        status,
        reason,
        spool.place,
    )
