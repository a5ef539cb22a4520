"""The broad exception handler, there are no others, and the logger that says each thing once.

A span processor's exception would reach the app and replace the app's own (the SDK catches nothing), so everything that
the app's threads call goes through `guarded`.
"""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL_SECONDS = 60.0
"""One and the same thing is said at most so often."""

MAX_REMEMBERED = 1_000
"""So many different things are remembered as said."""

logger: logging.Logger = logging.getLogger("roark_otel")

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")
Hook = TypeVar("Hook", bound="Callable[..., None]")

_reraise = False
_said: dict[tuple[object, ...], float] = {}


def log_once(level: int, about: tuple[object, ...], message: str, *args: object, exc_info: bool = False) -> None:
    """Logs a message, unless the same was said about the same thing within the interval."""
    now = time.monotonic()
    key = (message, *about)
    last = _said.get(key)
    if last is not None and now - last < INTERVAL_SECONDS:
        return
    if len(_said) >= MAX_REMEMBERED:
        _said.clear()
    _said[key] = now
    logger.log(level, message, *args, exc_info=exc_info)


def guarded(otherwise: D) -> Callable[[Callable[P, R]], Callable[P, R | D]]:
    """Makes a function answer `otherwise` where it would raise, which is logged once an interval with its traceback."""

    def decorate(function: Callable[P, R]) -> Callable[P, R | D]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R | D:
            try:
                return function(*args, **kwargs)
            except Exception as fault:  # noqa: BLE001 - the only one: nothing of ours may reach the app
                report_fault(fault, function.__qualname__)
                return otherwise

        return call

    return decorate


def guarded_hook(hook: Hook) -> Hook:
    """`guarded` for a method that the SDK calls for every span, with the span and at its start with the context.

    Its arguments are handed on one by one: to pack and unpack them, as any signature would need, takes as long as to
    see that a span is none of ours.
    """

    @functools.wraps(hook)
    def call(self: object, span: object, parent_context: object = None) -> None:
        try:
            hook(self, span, parent_context)
        except Exception as fault:  # noqa: BLE001 - as above
            report_fault(fault, hook.__qualname__)

    return cast("Hook", call)


def report_fault(fault: Exception, where: str) -> None:
    """Logs a fault of ours. The exception's text may quote the app's words, so only its type and place are told."""
    if _reraise:
        raise fault
    place = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    line = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
    log_once(
        logging.ERROR,
        (where, type(fault), line),
        "%s in %s (%s). The app is not affected; some of a call may be missing.",
        type(fault).__name__,
        where,
        line,
    )
