"""What the app's hooks and the log learn about a call and its delivery."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from typing_extensions import assert_never

from roark_otel._delivery.misconfigured import Unaddressed
from roark_otel._model.hooks import FinishedCall
from roark_otel._safety.guard import log_once, logger
from roark_otel._safety.log_ids import log_id
from roark_otel._spool.claims import Lost, SetAside, StillThere
from roark_otel._spool.names import Stage
from roark_otel._spool.rejected import LIMITS

if TYPE_CHECKING:
    from roark_otel._delivery.misconfigured import Misconfigured
    from roark_otel._model.receipts import Delivered
    from roark_otel._spool.claims import Rejection, Spooled
    from roark_otel._spool.file import Header


def finished_call(header: Header) -> FinishedCall:
    """Returns what hooks learn about a call."""
    return FinishedCall(
        external_id=header.external_id,
        trace_id=header.trace_id,
        turns=header.turns,
        tools=header.tools,
        started_at=_instant(header.started_at),
        finished_at=_instant(header.finished_at),
    )


_CURES: Final = {
    "id_in_use": (
        ": another call at Roark has this id; give each call an id of its own, such as one of uuid.uuid4(), "
        "and let one processor, gateway or worker alone make it"
    ),
}
"""What helps against a rejection, by its reason."""


def _instant(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, timezone.utc)


def log_delivered(header: Header, receipt: Delivered) -> None:
    """Logs that Roark has a call, with the same values as text and in `extra`."""
    fields = {
        "external_id": log_id(header.external_id),
        "call_id": receipt.call_id,
        "trace_id": header.trace_id,
        "turns": header.turns,
        "tools": header.tools,
        "waited_s": round(max(0.0, time.time() - header.finished_at), 1),
    }
    logger.info(
        "call %s: external_id=%s call_id=%s trace_id=%s turns=%d tools=%d waited_s=%.1f",
        "was already there" if receipt.already else "created",
        *fields.values(),
        fields=fields,
    )


def log_rejected(call: Spooled, status: int, reason: str, outcome: Rejection) -> None:
    """Logs that a call will not be sent, why, and what became of it."""
    logger.warning(
        "%s external_id=%s will not be sent (%d: %s); it is %s%s",
        "late tool invocations of call" if call.stage is Stage.LATE else "call",
        log_id(call.header.external_id),
        status,
        reason,
        _in_words(outcome),
        _CURES.get(reason, ""),
    )


def log_without_recording(header: Header, outcome: Rejection) -> None:
    """Logs that a call's wait for its recording is over, what became of it, and how it can still be sent."""
    cure = "; attach_recording() still sends it" if isinstance(outcome, SetAside) else ""
    words = _in_words(outcome)
    logger.warning("call external_id=%s has no recording and is %s%s", log_id(header.external_id), words, cure)


def _in_words(outcome: Rejection) -> str:
    match outcome:
        case SetAside(directory):
            return f"kept in {directory}/rejected"
        case StillThere(directory):
            return f"left in {directory}, where a later process tries it again"
        case Lost():
            return "lost: it was in memory"
    assert_never(outcome)


def log_refused(status: int, place: str) -> None:
    """Logs that Roark refuses every call, and what to check."""
    log_once(
        logging.ERROR,
        (status,),
        "Roark answered %d: check ROARK_API_KEY, ROARK_PROJECT_ID, ROARK_BASE_URL and the project's "
        "credits; calls wait in %s and are retried every few minutes",
        status,
        place,
    )


def log_failed(why: str, place: str) -> None:
    """Logs that an attempt failed and is repeated."""
    message = "Roark cannot be reached (%s); calls wait in %s and are retried"
    log_once(logging.WARNING, (why,), message, why, place)


def log_misconfigured(fault: Misconfigured, place: str) -> None:
    """Logs that no connection can be made, and which variable has to be corrected; once where that was said before."""
    if not isinstance(fault, Unaddressed):
        message = "no connection to Roark: %s; calls wait in %s and are tried again"
        log_once(logging.ERROR, (fault.variable,), message, fault, place)


def log_dropped(number: int, place: str) -> None:
    """Logs that rejected calls were deleted, and what to do about the others."""
    log_once(
        logging.WARNING,
        (place,),
        "the %d oldest rejected calls were deleted from %s/rejected: %s; look at the others with "
        "`roark-otel spool list`",
        number,
        place,
        LIMITS,
    )
