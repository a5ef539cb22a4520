"""The app's `redact` hook, on a thread of its own: one that hangs costs words, and no call has to wait for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from roark_otel._privacy.redaction import HookFailed
from roark_otel._safety.guard import guarded, log_once
from roark_otel._safety.hook_thread import DEADLINE_SECONDS, HookThread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel._model.hooks import Redactable, Redactor
    from roark_otel._model.stats import Tally


class RedactorThread:
    """Asks the app's hook.

    Args:
        redact: The hook.
        tally: Counts what it did not answer.
    """

    def __init__(self, redact: Redactor, tally: Tally) -> None:
        self._redact = guarded(HookFailed())(redact)
        self._tally = tally
        self.thread = HookThread("roark-otel-redact", self._report)

    def ask(self, items: Sequence[Redactable]) -> Sequence[object]:
        """Returns the hook's answer for each item; `HookFailed` where it raised or did not answer in time."""
        answers = self.thread.answers(self._redact, items)
        return [*answers, *[HookFailed()] * (len(items) - len(answers))]

    def _report(self) -> None:
        self._tally.add("abandoned_redactors")
        log_once(
            logging.WARNING,
            (),
            "the redact hook did not answer in time, which is %d s, or less when the process ends; the words that it "
            "was asked about are left out of their calls",
            int(DEADLINE_SECONDS),
        )
