"""Waits for what blocks without blocking the event loop, that of asyncio or of trio."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from roark_otel._safety.threads import new_thread

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

_T = TypeVar("_T")


async def off_loop(function: Callable[[], _T]) -> _T:
    """Calls a function on a thread of its own, and returns what it returns. It must not raise.

    The loop's own executor is the app's: all its threads may be busy.
    """
    import asyncio  # an app that has an event loop has imported it

    loop = asyncio._get_running_loop()  # noqa: SLF001 - documented, and raises nothing
    if loop is None:
        import anyio.to_thread  # httpx needs it too

        return await anyio.to_thread.run_sync(function)
    answer: Future[_T] = loop.create_future()

    def settle(result: _T) -> None:
        if not answer.done():
            answer.set_result(result)

    def run() -> None:
        result = function()
        with suppress(RuntimeError):  # the loop is closed, and nothing waits
            loop.call_soon_threadsafe(settle, result)

    new_thread(run, "roark-otel-waiter").start()
    return await answer
