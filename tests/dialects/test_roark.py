"""The app's own dialect: what other tests do not prove through the whole path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.moments import Returned, ToolUse, Utterance
from roark_otel._model.rows import SpanEvent, SpanView
from roark_otel.dialects.roark import ROARK
from support.kept import Hoarding, kept_per_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel.types import Unreadable

T0 = 1_795_348_364_000_000_000
S = 1_000_000_000


def exchange(number: int) -> SpanView:
    """Makes one turn of an app: a question, a tool and an answer, as events of a span."""
    at = T0 + number * 10 * S
    events = (
        SpanEvent("roark.transcript", at, {"role": "customer", "text": f"{number} where is the order " * 4}),
        SpanEvent("roark.tool_invocation", at + S, {"name": "look", "id": str(number), "result": '{"is": "sent"}'}),
        SpanEvent("roark.transcript", at + 2 * S, {"role": "agent", "text": f"{number} it ships tomorrow " * 4}),
    )
    return SpanView(1, number + 1, None, "app", "turn", at, at + 3 * S, {"roark.external_id": "a"}, events)


def long_call(turns: int) -> Iterator[SpanView]:
    return map(exchange, range(turns))


def test_each_turn_of_a_long_call_keeps_little() -> None:
    reader = ROARK.reader(lambda _: None)
    for one in long_call(240):
        reader.read(one)
    moments = list(reader.moments())

    assert sum(isinstance(one, Utterance) for one in moments) == 480
    assert sum(isinstance(one, ToolUse) for one in moments) == 240
    assert kept_per_turn(long_call) < 2_000 < kept_per_turn(long_call, make=Hoarding)


def test_a_tool_s_long_json_stays_text() -> None:
    """Parsing megabytes in one go would keep the app waiting."""
    fits, too_long = (f'{{"rows": "{"x" * (size - 12)}"}}' for size in (262_144, 262_145))
    events = [
        SpanEvent("roark.tool_invocation", T0, {"name": "look", "parameters": one, "result": one})
        for one in (fits, too_long)
    ]
    warned: list[Unreadable] = []
    reader = ROARK.reader(warned.append)
    reader.read(SpanView(1, 1, None, "app", "turn", T0, T0 + S, {}, tuple(events)))

    parsed, text = (one for one in reader.moments() if isinstance(one, ToolUse))
    rows = {"rows": "x" * 262_132}
    assert (parsed.parameters, parsed.outcome) == (rows, Returned(rows))
    assert (text.parameters, text.outcome) == ({"unparsed": too_long}, Returned(too_long))
    assert [(one.attribute, one.why) for one in warned] == [
        ("roark.tool_invocation parameters", "longer than 262144 characters")
    ]
