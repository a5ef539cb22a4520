"""Announces what arrives: wakes the open pages, and logs a line."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from roark_otel.pages.values import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

# Ids, counts and statuses, one line for each request. `serve` shows them in its terminal.
_logger = logging.getLogger("roark_sandbox")


_LONGEST_ID: Final = 255


class Doorbell:
    """Wakes one stream, which waits on the loop that made it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        self._over = asyncio.Event()
        self.is_over: bool = False

    async def wait(self, seconds: float) -> None:
        """Waits until something has arrived, the sandbox stops, or this long."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
        self._rung.clear()

    async def rest(self, seconds: float) -> None:
        """Waits this long, or until the sandbox stops, whatever arrives."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    def end(self) -> None:
        """Ends the stream, from any thread."""
        self.is_over = True
        self._call(self._over.set)
        self._call(self._rung.set)

    def ring(self) -> None:
        """Wakes the stream, from any thread."""
        self._call(self._rung.set)

    def _call(self, set_event: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # its loop has ended, and the stream with it
            self._loop.call_soon_threadsafe(set_event)


class News:
    """What has just arrived."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: set[Doorbell] = set()
        self._is_over = False

    @contextmanager
    def listening(self) -> Generator[Doorbell, None, None]:
        """Yields a bell that rings whenever something arrives. Enter it on the loop that waits."""
        bell = Doorbell()
        with self._lock:
            self._bells.add(bell)
            if self._is_over:
                bell.end()
        try:
            yield bell
        finally:
            with self._lock:
                self._bells.discard(bell)

    @property
    def listeners(self) -> int:
        """The number of streams that are open."""
        with self._lock:
            return len(self._bells)

    def call(self, call_id: str, external_id: str | None, entries: int, tools: int) -> None:
        """Says that a call was created."""
        counts = f"{_count(entries, 'entry', 'entries')}, {_count(tools, 'tool', 'tools')}"
        _logger.info("call %s is %s: 201, %s", _shown(external_id), call_id, counts)
        self.ring()

    def refused(self, seq: int, status: int, external_id: str | None, fields: int) -> None:
        """Says that a request was refused."""
        what = "a request without an id" if external_id is None else _shown(external_id)
        _logger.info("refused %s: %d, %s: /refused/%d", what, status, _count(fields, "field", "fields"), seq)
        self.ring()

    def spans(self, by_trace: dict[str, int], rejected: int) -> None:
        """Says that spans have arrived: how many of each trace, and how many had an invalid id or time."""
        for trace_id, number in by_trace.items():
            _logger.info("trace %s: %s", trace_id, _count(number, "span", "spans"))
        if rejected:
            _logger.info("refused %s: an invalid id or time", _count(rejected, "span", "spans"))
        self.ring()

    def turned_away(self, status: int, what: str) -> None:
        """Says that a request was refused of which no page shows more.

        Args:
            status: The status of the answer.
            what: What it was, in words of ours.
        """
        _logger.info("refused a request: %d, %s", status, what)

    def ring(self) -> None:
        """Wakes the open pages."""
        with self._lock:
            for bell in self._bells:
                bell.ring()

    def close(self) -> None:
        """Ends the streams, now and from now on."""
        with self._lock:
            self._is_over = True
            for bell in self._bells:
                bell.end()


def _shown(external_id: str | None) -> str:
    """Returns an id as a terminal may show it."""
    return "without an id" if external_id is None else printable(external_id[:_LONGEST_ID])


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
