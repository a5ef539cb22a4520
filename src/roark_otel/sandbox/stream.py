"""`GET /pages/events`: what arrives, as Server-Sent Events, from any number on."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from roark_otel.sandbox.json_values import int_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.responses import AsyncContentStream
    from starlette.types import Receive, Scope, Send

    from roark_otel.sandbox.arrivals import Arrivals
    from roark_otel.sandbox.news import Doorbell, News
    from roark_otel.sandbox.traced import Traced
    from roark_otel.sandbox.viewing import Views

# How long a stream rests after each look: a burst of spans is one event.
_REST_SECONDS: Final = 0.2

# Another process may write to the same file, which rings no bell here.
_LOOK_SECONDS: Final = 2.0
_LOOKS_IN_SILENCE: Final = 7

# What was committed just before a look may carry a time just before the look before it.
_MARGIN_MS: Final = 5000
_MOST_NOTED: Final = 2000


class EventStream(StreamingResponse):
    """Sends what arrives after a number, until the client goes away or the sandbox stops.

    Args:
        stream: Reads what has arrived.
        news: Says when.
        after: The number of the last arrival that the client has. None: it wants none of those before now.
    """

    def __init__(self, stream: Stream, news: News, after: int | None) -> None:
        self._stream = stream
        self._news = news
        self._after = after
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(iter(()), headers=headers, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the events of one client."""
        with self._news.listening() as bell:
            self.body_iterator: AsyncContentStream = self._stream.events(bell, self._after)
            await super().__call__(scope, receive, send)


class Stream:
    """Reads what has arrived, for streams.

    Args:
        arrivals: The calls and the refused requests.
        views: Makes their rows.
        traced: The spans.
    """

    def __init__(self, arrivals: Arrivals, views: Views, traced: Traced) -> None:
        self._arrivals = arrivals
        self._views = views
        self._traced = traced

    async def events(self, bell: Doorbell, after: int | None) -> AsyncIterator[str]:
        """Yields the events of one client.

        `row`: a new row, whose number is the id of the event; without an id, a row that is known, as it is now. `open`
        and `spans`: the open conversations and the counts of spans, at first and whenever they have changed.
        """
        sent = await run_in_threadpool(self._begun, after)
        silent = 0
        yield f"id: {sent.after}\n\n"
        while not bell.is_over:
            events = await run_in_threadpool(lambda: list(self._newer(sent)))
            silent = 0 if events else silent + 1
            if silent == _LOOKS_IN_SILENCE:
                # A client that has gone without a word is noticed when something is sent to it.
                events, silent = [": still here\n\n"], 0
            for event in events:
                yield event
            if events:
                await bell.rest(_REST_SECONDS)
            await bell.wait(_LOOK_SECONDS)

    def _begun(self, after: int | None) -> _Sent:
        newest = self._arrivals.newest_seq()
        if after is None:
            after = newest
        elif after > newest:  # it is of an earlier run, whose calls were in memory
            after = 0
        return _Sent(after, self._arrivals.received_ms(after))

    def _newer(self, sent: _Sent) -> Iterator[str]:
        now_ms = int(time.time() * 1000)
        for row in self._views.rows(self._arrivals.after(sent.after)):
            sent.after = int_at(row, "seq") or sent.after
            sent.is_new(sent.after, row)
            yield f"id: {sent.after}\n{_event('row', row)}"
        for row in self._views.rows(self._arrivals.changed(sent.looked_ms - _MARGIN_MS, sent.after)):
            if sent.is_new(row["seq"], row):
                yield _event("row", row)
        under_way = self._traced.open()
        # Their ages alone are no news.
        if sent.is_new("open", [{**one, "sinceMs": 0} for one in under_way]):
            yield _event("open", under_way)
        if sent.is_new("spans", counts := self._traced.counts()):
            yield _event("spans", counts)
        sent.looked_ms = now_ms


class _Sent:
    """What one client has: rows to a number, and changes to a time."""

    def __init__(self, after: int, looked_ms: int) -> None:
        self.after = after
        self.looked_ms = looked_ms
        self._last: OrderedDict[object, object] = OrderedDict()

    def is_new(self, what: object, value: object) -> bool:
        """Returns whether something is not as it was sent last, and notes it."""
        if self._last.get(what) == value:
            return False
        self._last[what] = value
        self._last.move_to_end(what)
        if len(self._last) > _MOST_NOTED:
            self._last.popitem(last=False)
        return True


def _event(name: str, value: object) -> str:
    # JSON in ASCII is one line for every client, and an event's data ends with its line.
    return f"event: {name}\ndata: {json.dumps(value)}\n\n"
