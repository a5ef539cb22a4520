"""The app's own dialect: what other tests do not prove through the whole path."""

from __future__ import annotations

import tracemalloc

from roark_otel._model.moments import ToolUse, Utterance
from roark_otel._model.spans import SpanEvent, SpanRecord
from roark_otel.dialects.roark import ROARK

T0 = 1_795_348_364_000_000_000
S = 1_000_000_000


def exchange(number: int) -> SpanRecord:
    """One turn of an app: a question, a tool and an answer, as events of a span."""
    at = T0 + number * 10 * S
    events = (
        SpanEvent("roark.transcript", at, {"role": "customer", "text": f"{number} where is the order " * 4}),
        SpanEvent("roark.tool_invocation", at + S, {"name": "look", "id": str(number), "result": '{"is": "sent"}'}),
        SpanEvent("roark.transcript", at + 2 * S, {"role": "agent", "text": f"{number} it ships tomorrow " * 4}),
    )
    return SpanRecord(1, number + 1, None, "app", "turn", at, at + 3 * S, {"roark.external_id": "a"}, events)


def test_a_call_of_two_thousand_turns_is_kept_small() -> None:
    reader = ROARK.reader([].append)
    tracemalloc.start()
    try:
        for number in range(1_000):
            reader.read(exchange(number))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    moments = list(reader.moments())

    assert sum(isinstance(one, Utterance) for one in moments) == 2_000
    assert sum(isinstance(one, ToolUse) for one in moments) == 1_000
    assert kept < 2_000_000
