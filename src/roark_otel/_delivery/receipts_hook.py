"""The app's `on_receipt` hook, on a thread of its own: deliveries go on whatever it does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from roark_otel._safety.guard import guarded, log_once
from roark_otel._safety.hook_thread import DEADLINE_SECONDS, HookThread

if TYPE_CHECKING:
    from roark_otel._model.hooks import FinishedCall, ReceiptHook
    from roark_otel._model.receipts import Receipt
    from roark_otel._model.stats import Tally


class ReceiptsThread:
    """Hands receipts to the app's hook, in their order.

    Args:
        on_receipt: The hook.
        tally: Counts the receipts that it did not take in time.
    """

    def __init__(self, on_receipt: ReceiptHook, tally: Tally) -> None:
        self._on_receipt = on_receipt
        self._tally = tally
        self.thread = HookThread("roark-otel-on-receipt", self._report)

    def hand_on(self, call: FinishedCall, receipt: Receipt) -> None:
        """Hands a receipt to the hook soon."""
        self.thread.call_soon(self._call, (call, receipt))

    @guarded(None)
    def _call(self, item: tuple[FinishedCall, Receipt]) -> None:
        self._on_receipt(*item)

    def _report(self) -> None:
        self._tally.add("abandoned_receipt_hooks")
        log_once(
            logging.WARNING,
            (),
            "on_receipt took more than %d s; its thread is abandoned, and the next receipts get another one, unless "
            "too many hang: do long work elsewhere",
            int(DEADLINE_SECONDS),
        )
