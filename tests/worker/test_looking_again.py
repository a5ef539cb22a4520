"""A trace whose id shows late is looked through again, but a message that shows nothing is not read for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.vocabulary import Vocabulary
from roark_otel._sources.otlp.peek import Peeked, peek
from roark_otel._worker import glancing
from roark_otel._worker.traces import Traces, TraceWaits
from roark_otel.dialects import DIALECTS
from support.otlp_requests import field, pair, request, span
from worker.line import IDLE, NEVER, QUIET, Memory

if TYPE_CHECKING:
    import pytest

TRACE = bytes(range(16))


def test_what_shows_nothing_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    def noted(content: bytes, vocabulary: Vocabulary) -> Peeked:
        read.append(content)
        return peek(content, vocabulary)

    monkeypatch.setattr(glancing, "peek", noted)
    state = Memory()
    traces = Traces(glancing.glances(Vocabulary(DIALECTS)), TraceWaits(QUIET, IDLE, NEVER, 0), lambda *_: None)
    traces.load(0, state)
    silent = [request(span(field(5, f"step {number}"), trace=TRACE)) for number in range(20)]
    named = request(span(field(9, pair("roark.external_id", field(1, "call-1"))), trace=TRACE))

    sent = [record for one in (*silent, named) for record in traces.take(one, TRACE.hex().encode(), 0, state)]

    assert {record.external_id for record in sent} == {"call-1"}
    assert set(read) == {named}
