"""The only broad `except`s in the package, and a logger that rate-limits repeated messages.

The SDK catches nothing that a span processor raises: the exception would reach the app, and could replace one of the
app's own. So everything that the app's threads call goes through `guarded`.

On the app's threads some exceptions are the app's own and pass: whatever a signal handler raises, such as a time limit,
a Ctrl-C, what ends a greenlet. On the package's own threads nothing passes.
"""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, TypeVar, cast

from roark_otel._safety import own_threads
from roark_otel._safety.log import Log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

INTERVAL_SECONDS = 60.0
"""The shortest time between two log lines with the same message about the same thing."""

MAX_REMEMBERED = 1_000
"""The most different log lines that are remembered."""

logger: Final = Log(logging.getLogger("roark_otel"))
"""The package's log. Nothing that the app's handlers raise gets out of it."""

_P = ParamSpec("_P")
_R = TypeVar("_R")
_D = TypeVar("_D")
_Hook = TypeVar("_Hook", bound="Callable[..., None]")

_reraise = False
"""Whether faults are raised instead of logged; only the package's own tests set it."""

_last_logged: dict[tuple[object, ...], float] = {}
"""When each message about each thing was last logged, in monotonic seconds."""


def log_once(level: int, about: tuple[object, ...], message: str, *args: object) -> None:
    """Logs a message, unless the same was logged about the same thing within `INTERVAL_SECONDS`."""
    now = time.monotonic()
    key = (message, *about)
    last = _last_logged.get(key)
    if last is not None and now - last < INTERVAL_SECONDS:
        return
    if len(_last_logged) >= MAX_REMEMBERED:
        _last_logged.clear()
    _last_logged[key] = now
    logger.log(level, message, *args)


def forget_what_was_logged() -> None:
    """Lets every message be logged again, as at the start of a process."""
    _last_logged.clear()


def guarded(otherwise: _D) -> Callable[[Callable[_P, _R]], Callable[_P, _R | _D]]:
    """Makes a function return `otherwise` where it would raise. The fault is logged once per interval."""

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R | _D]:
        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R | _D:
            try:
                return function(*args, **kwargs)
            except BaseException as fault:
                if own_threads.is_the_apps(fault):
                    raise
                report_fault(fault, _name_of(function))
                return otherwise

        return call

    return decorate


def guarded_async(
    otherwise: Callable[_P, _D],
) -> Callable[[Callable[_P, Awaitable[_R]]], Callable[_P, Awaitable[_R | _D]]]:
    """Makes a coroutine function return what `otherwise` returns where it would raise. A cancellation passes."""

    def decorate(function: Callable[_P, Awaitable[_R]]) -> Callable[_P, Awaitable[_R | _D]]:
        @functools.wraps(function)
        async def call(*args: _P.args, **kwargs: _P.kwargs) -> _R | _D:
            try:
                return await function(*args, **kwargs)
            except Exception as fault:
                if own_threads.is_the_apps(fault):
                    raise
                report_fault(fault, _name_of(function))
                return otherwise(*args, **kwargs)

        return call

    return decorate


class _HasHooks(Protocol):
    @property
    def hooks(self) -> Any: ...  # noqa: ANN401 - they are `SpanHooks`, which capture defines


def guarded_hook(hook: _Hook) -> _Hook:
    """Guards a method that the SDK calls for every span, with the span and, at its start, the context.

    The method itself is never called: the function of the same name that `self.hooks` has is, because each further call
    takes as long as finding out that a span is irrelevant.
    """
    is_start = hook.__name__ == "on_start"

    def on_start(self: _HasHooks, span: object, parent_context: object = None) -> None:
        try:
            self.hooks.on_start(span, parent_context)
        except BaseException as fault:
            if own_threads.is_the_apps(fault):
                raise
            report_fault(fault, hook.__qualname__)

    def on_end(self: _HasHooks, span: object) -> None:
        try:
            self.hooks.on_end(span)
        except BaseException as fault:
            if own_threads.is_the_apps(fault):
                raise
            report_fault(fault, hook.__qualname__)

    return cast("_Hook", functools.wraps(hook)(on_start if is_start else on_end))


_V = TypeVar("_V")


def faults_of(step: Callable[[_V], object], values: Iterable[_V], name: str) -> int:
    """Takes a step with each value. Returns how often it raised; such a fault is logged once per interval.

    Args:
        step: The step.
        values: Its values.
        name: What a log calls the step.
    """
    faults = 0
    for value in values:
        try:
            step(value)
        except BaseException as fault:
            if own_threads.is_the_apps(fault):
                raise
            faults += 1
            report_fault(fault, name)
    return faults


def _name_of(function: object) -> object:
    """Returns the name of a function, or of the type of an object that can be called: a hook may be either."""
    return getattr(function, "__qualname__", type(function).__name__)


def report_fault(fault: BaseException, where: object) -> None:
    """Logs a fault by its type and place only: the exception's text may quote the app's words."""
    if _reraise:
        raise fault
    place = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    line = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
    log_once(
        logging.ERROR,
        (where, type(fault), line),
        "%s in %s (%s). The app is not affected, but part of a call may be missing.",
        type(fault).__name__,
        where,
        line,
    )
