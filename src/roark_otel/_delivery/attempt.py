"""One attempt at one call, on the courier's thread: claims it in the spool, sends it, and acts on the answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import assert_never

from roark_otel._delivery.keys import OwnKey
from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._delivery.reports import (
    finished_call,
    log_delivered,
    log_dropped,
    log_failed,
    log_misconfigured,
    log_refused,
    log_rejected,
)
from roark_otel._model.receipts import Delivered, Receipt, Refused, Rejected, TryAgain
from roark_otel._safety.guard import guarded
from roark_otel._spool.body import without_fields
from roark_otel._spool.claims import Gone, Held, Spooled
from roark_otel._spool.names import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._delivery.client import Client
    from roark_otel._model.clock import Clock
    from roark_otel._model.hooks import ReceiptHook
    from roark_otel._model.stats import Tally
    from roark_otel._spool.file import Header
    from roark_otel._spool.spool import Spool


@dataclass(frozen=True, slots=True)
class Resting:
    """The call's header holds it back for this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Unconnected:
    """No client can be made as this machine is set up, so nothing was sent, and no file is marked as tried."""


Attempt: TypeAlias = "Receipt | Resting | Unconnected | Held | Gone"


class Attempts:
    """Makes attempts.

    Args:
        spool: Where the calls are.
        make_client: Makes the client, on the courier's thread.
        tally: Counts receipts.
        on_receipt: Takes the receipts that the app is to learn of.
        clock: Supplies the time.
        key: Notes what answers say about the key.
    """

    def __init__(
        self,
        spool: Spool,
        make_client: Callable[[], Client],
        tally: Tally,
        on_receipt: ReceiptHook | None = None,
        clock: Clock = time,
        key: OwnKey | None = None,
    ) -> None:
        self._spool = spool
        self._key = key or OwnKey(None, "")
        self._make_client = make_client
        self._tally = tally
        self._on_receipt = on_receipt
        self._clock = clock
        self._client: Client | None = None

    def attempt(self, name: str, *, has_rested: bool, deadline: float = float("inf")) -> Attempt:
        """Makes one attempt.

        Args:
            name: The name of the file.
            has_rested: Whether the wait that its header asks for is over already.
            deadline: When it has to be over, in monotonic seconds.
        """
        with self._spool.claim(name) as call:
            match call:
                case Held() | Gone():
                    return call
                case Spooled():
                    rest = 0.0 if has_rested else self._rest(call.header)
                    if rest > 0:
                        return Resting(rest)
                    if self._waits_for_its_call(call):
                        return Held()
                    try:
                        self._connected(deadline)
                    except Misconfigured as fault:
                        self._note_misconfigured(call, fault)
                        return Unconnected()
                    if not self._spool.mark_tried(call):
                        return Held()
                    receipt = self._send(call, deadline)
                    self._settle(call, receipt)
                    return receipt
            assert_never(call)

    def set_aside(self, name: str, reason: str) -> None:
        """Moves a call to `rejected/` without asking Roark."""
        with self._spool.claim(name) as call:
            if isinstance(call, Spooled):
                outcome = self._spool.reject(call, 0, reason)
                self._tally.add("rejected", error_type=reason)
                log_rejected(call, 0, reason, outcome)

    def note_dropped(self, number: int) -> None:
        """Counts and logs rejected calls that were deleted because `rejected/` had too many."""
        self._tally.add("rejected_dropped", number)
        log_dropped(number, self._spool.place)

    @guarded(None)
    def hang_up(self) -> None:
        """Closes the connection: one that is merely dropped makes a ResourceWarning in the app's tests."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self, deadline: float = float("inf")) -> Client:
        """Returns the client, whose next request has to be over by this monotonic time.

        Raises:
            Misconfigured: if none can be made.
        """
        if self._client is None:
            self._client = self._make_client()
        self._client.end_at(deadline)
        return self._client

    def _rest(self, header: Header) -> float:
        """Returns for how many seconds a call is held back, at most as meant should the clock have been set back."""
        return min(header.not_before - self._clock.time(), header.not_before - header.finished_at)

    # Sending

    def _send(self, call: Spooled, deadline: float) -> Receipt:
        if call.stage is Stage.LATE:
            return self._append(call, deadline)
        receipt = self._connected(deadline).create_call(call.body, tried=call.tried)
        reduced = without_fields(call.body, receipt.fields) if isinstance(receipt, Rejected) else None
        if reduced is None:
            return receipt
        again = self._connected(deadline).create_call(reduced, tried=call.tried)
        return receipt if isinstance(again, Rejected) else again

    def _append(self, late: Spooled, deadline: float) -> Receipt:
        call_id = self._call_id(late)
        if call_id is None:
            return Rejected(0, "the call's id is not known")
        return self._connected(deadline).append_tools(call_id, late.body)

    def _call_id(self, late: Spooled) -> str | None:
        return late.header.call_id or self._spool.call_id(late.call_name)

    def _waits_for_its_call(self, late: Spooled) -> bool:
        """Returns whether this file holds tool invocations for a call that Roark does not have yet."""
        if late.stage is not Stage.LATE or self._call_id(late) is not None:
            return False
        with self._spool.claim(late.call_name, (Stage.READY, Stage.TRIED)) as call:
            return not isinstance(call, Gone)

    # Settling

    def _note_misconfigured(self, call: Spooled, fault: Misconfigured) -> None:
        self._tally.add("retried", error_type=fault.variable)
        self._key.note(TryAgain(None, fault.variable), call.header.service)
        log_misconfigured(fault, self._spool.place)

    def _settle(self, call: Spooled, receipt: Receipt) -> None:
        self._key.note(receipt, call.header.service)
        match receipt:
            case Delivered():
                self._settle_delivered(call, receipt)
            case Rejected():
                self._settle_rejected(call, receipt)
            case Refused(status):
                self._tally.add("refused", error_type=str(status))
                log_refused(status, self._spool.place)
                self.hang_up()  # the next attempt reads the key again
            case TryAgain(_, why):
                self._tally.add("retried", error_type=why)
                log_failed(why, self._spool.place)
            case _:
                assert_never(receipt)
        if call.stage is not Stage.LATE:
            self._notify_app(call, receipt)

    def _settle_delivered(self, call: Spooled, receipt: Delivered) -> None:
        self._spool.remove(call, receipt.call_id)
        if call.stage is Stage.LATE:
            self._tally.add("appended", call.header.tools)
        else:
            self._tally.add("already" if receipt.already else "delivered")
            log_delivered(call.header, receipt)

    def _settle_rejected(self, call: Spooled, receipt: Rejected) -> None:
        outcome = self._spool.reject(call, receipt.status, receipt.reason)
        kind = receipt.reason if receipt.reason == "id_in_use" else str(receipt.status)
        self._tally.add("late_dropped" if call.stage is Stage.LATE else "rejected", error_type=kind)
        log_rejected(call, receipt.status, receipt.reason, outcome)

    @guarded(None)
    def _notify_app(self, call: Spooled, receipt: Receipt) -> None:
        if self._on_receipt is not None:
            self._on_receipt(finished_call(call.header), receipt)
