"""The assembler's thread takes entries in many at a time, and requests in their order among them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from roark_otel._capture.inbox import Inbox, Request
from roark_otel._safety.answer import Answer
from support.helpers import wait_until
from support.live import Live


def a_request() -> Request:
    return Request(Answer())


def test_the_inbox_gives_many_entries_at_once_and_requests_by_themselves() -> None:
    inbox = Inbox()
    first, second = a_request(), a_request()
    waiting: list[Any] = [(1,), (2,), (3,), first, second, (4,)]
    for one in waiting:
        inbox.append(one)

    assert inbox.pop(2) == [(1,), (2,)]
    assert inbox.pop(64) == [(3,)]
    assert inbox.pop(64) is first
    assert inbox.pop(64) is second
    assert inbox.pop(64) == [(4,)]
    assert inbox.pop(64) is None


@pytest.mark.faults
def test_an_entry_that_cannot_be_taken_in_costs_itself() -> None:
    """Those before and after it, which were taken from the inbox together with it, are kept."""
    live = Live(is_eager=False)
    live.start(1, external_id="a")
    for span_id in range(2, 12):
        live.start(span_id, 1)
        live.end(span_id, f"Words {span_id}.")
        if span_id == 6:
            live.inbox.append((1,))
    assembler = live.assembler()
    assembler.start()
    try:
        wait_until(lambda: len(live.inbox) == 0)
        assert assembler.ask(deadline=time.monotonic() + 60)
    finally:
        assembler.stop()
    (group,) = live.groups.schedule.open
    spans = [row[2] for batch in live.groups.rows(group.number) for row in batch]
    assert [one for one in spans if one > 1] == list(range(2, 12))
