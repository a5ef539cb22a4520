"""Whether Roark is up, refuses, or asked for time, as one value. Pure: the caller passes the time and the jitter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._delivery.answers import REFUSED_RETRY_SECONDS, backoff
from roark_otel._model.receipts import Delivered, Refused, Rejected, TryAgain

if TYPE_CHECKING:
    from roark_otel._model.receipts import Receipt

MAX_FAILURES = 5
"""After this many consecutive failures of different calls, Roark is assumed to be down."""


class Pause(Enum):
    """The reason why calls wait until the end of a pause."""

    BACKOFF = "our own guess: a flush does not wait for it"
    ASKED_FOR = "Roark asked for it: a flush waits, too"
    UNCONNECTED = "this machine is set up so that no connection can be made: a flush tries once and gives up"
    REFUSED = "Roark refused the key, the credits or the address: a flush tries once and gives up"


@dataclass(frozen=True, slots=True)
class Availability:
    """What the latest receipts say about Roark.

    Args:
        paused_until: When calls may be sent again, in monotonic seconds.
        pause: Why they wait until then.
        pauses: Consecutive pauses after failures, since Roark last accepted or rejected a call.
        failures: Consecutive failures of different calls, since Roark last did so or a pause began.
    """

    paused_until: float = 0.0
    pause: Pause = Pause.BACKOFF
    pauses: int = 0
    failures: int = 0

    @property
    def is_down(self) -> bool:
        """Whether Roark failed or refused when it was last asked."""
        return self.pauses > 0 or self.pause is Pause.REFUSED

    def allows(self, now: float, *, in_flush: bool) -> bool:
        """Returns whether calls may be sent at this time; a flush ignores our own backoff."""
        return now >= self.paused_until or (in_flush and self.pause is not Pause.ASKED_FOR)

    def holds_up(self, receipt: Receipt) -> bool:
        """Returns whether the other calls have to wait, too, after a receipt."""
        match receipt:
            case Delivered() | Rejected():
                return False
            case Refused():
                return True
            case TryAgain():
                return not receipt.alone or self.failures + 1 >= MAX_FAILURES
        assert_never(receipt)

    def after(self, receipt: Receipt, now: float, chance: float) -> Availability:
        """Returns the availability after a receipt.

        Args:
            receipt: The outcome of an attempt at any call.
            now: The time of the receipt, in monotonic seconds.
            chance: The jitter of a backoff, in [0, 1).
        """
        match receipt:
            case Delivered() | Rejected():
                return Availability(self.paused_until)
            case Refused():
                return replace(self, paused_until=now + REFUSED_RETRY_SECONDS, pause=Pause.REFUSED)
            case TryAgain():
                return self._after_failure(receipt, now, chance)
        assert_never(receipt)

    def unconnected(self, now: float, chance: float) -> Availability:
        """Returns the availability after no connection could be made; the arguments are those of `after`."""
        pauses = self.pauses + 1
        return Availability(now + backoff(pauses, chance), Pause.UNCONNECTED, pauses)

    def _after_failure(self, receipt: TryAgain, now: float, chance: float) -> Availability:
        if not self.holds_up(receipt):
            return replace(self, pause=Pause.BACKOFF, failures=self.failures + 1)
        pauses = self.pauses + 1
        if receipt.after is None or receipt.alone:
            return Availability(now + backoff(pauses, chance), Pause.BACKOFF, pauses)
        return Availability(now + receipt.after, Pause.ASKED_FOR, pauses)

    def with_new_key(self, now: float) -> Availability:
        """Returns the availability after the key was replaced: a refusal of the old one no longer counts."""
        return replace(self, paused_until=now, pause=Pause.BACKOFF) if self.pause is Pause.REFUSED else self
