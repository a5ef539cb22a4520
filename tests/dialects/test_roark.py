"""The app's own dialect: what other tests do not prove through the whole path."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel._model.moments import Agent, Customer, Failed, Returned, ToolUse, Utterance, utterance
from roark_otel._model.rows import Kind, SpanEvent, SpanView, row_of
from roark_otel.dialects.roark import ROARK
from roark_otel.dialects.roark.reader import RoarkReader
from support.conversations import GARBAGE, QUICK
from support.kept import Hoarding, kept_per_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel.types import Moment, Unreadable

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


def read(*events: SpanEvent) -> tuple[list[Moment], list[tuple[str, str]]]:
    """Returns what a span with these events says, and what is warned of."""
    warned: list[Unreadable] = []
    reader = ROARK.reader(warned.append)
    reader.read(SpanView(1, 1, None, "app", "turn", T0, T0 + S, {"roark.agent.name": "Ada"}, events))
    return list(reader.moments()), [(one.attribute, one.why) for one in warned]


ROLES = st.sampled_from(["agent", "USER", "Assistant", " customer ", "nobody", ""])
TEXTS = st.one_of(st.text(), st.sampled_from([" Hello. ", "Grüße", "\ud800", "   "]))
TIMES = st.one_of(st.integers(T0, T0 + S), st.sampled_from([-1, 2**80, float(T0), None, "now", True]))


@given(role=st.one_of(ROLES, GARBAGE), text=st.one_of(TEXTS, GARBAGE), time_ns=TIMES, is_text_first=st.booleans())
@QUICK
def test_an_event_with_only_a_role_and_a_text_is_read_like_any_other(
    role: object, text: object, time_ns: object, is_text_first: bool
) -> None:
    """It is read where it is, without a mapping. One with a further attribute, which says nothing, is not."""
    short: dict[str, object] = {"text": text, "role": role} if is_text_first else {"role": role, "text": text}
    further = {**short, "duration_ms": None}
    assert read(SpanEvent("roark.transcript", time_ns, short)) == read(SpanEvent("roark.transcript", time_ns, further))


@pytest.mark.parametrize("speaker", [Agent("Ada"), Customer()])
def test_a_short_utterance_is_an_utterance(speaker: Agent | Customer) -> None:
    made, usual = utterance(speaker, "Hello.", T0, None, None, {}), Utterance(speaker, "Hello.", T0)
    assert (type(made), made, repr(made)) == (Utterance, usual, repr(usual))
    assert replace(made, text="Hi.") == replace(usual, text="Hi.")
    with pytest.raises(FrozenInstanceError):
        made.text = "Hi."  # type: ignore[misc]


def test_others_run_while_a_span_of_many_events_is_read() -> None:
    said = {"role": "agent", "text": "Hello."}
    events = tuple(SpanEvent("roark.transcript", T0 + at, said) for at in range(5_000))
    row = row_of(Kind.ENDED, SpanView(1, 1, None, "app", "turn", T0, T0 + S, {}, events))
    reader = RoarkReader(lambda _: None)
    read_so_far: list[int] = [0]
    reader.read_row(lambda: read_so_far.append(len(list(reader.moments()))), (row, {}))

    read_so_far.append(len(list(reader.moments())))
    assert read_so_far[-1] == 5_000
    assert max(after - before for before, after in pairwise(read_so_far)) <= 80


@pytest.mark.parametrize("at", [T0, T0 // S * S + 7 * S, 5, None], ids=["start", "second", "no time", "nothing"])
def test_utterances_of_one_time_keep_the_order_of_their_events(at: object) -> None:
    """A clock that stands still, an app that knows seconds only, and times that are none."""
    turns = [("customer", "one"), ("agent", "two"), ("customer", "three"), ("agent", "three"), ("agent", "three")]
    events = [SpanEvent("roark.transcript", at, {"role": role, "text": words}) for role, words in turns]
    moments, _ = read(*events)
    spoken = sorted((one for one in moments if isinstance(one, Utterance)), key=lambda one: one.start_ns)

    assert [(type(one.speaker).__name__.lower(), one.text) for one in spoken] == turns
    assert all(0 < later.start_ns - one.start_ns < 10 for one, later in pairwise(spoken))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("", Returned("sent")),
        ("  ", Returned("sent")),
        (False, Returned("sent")),
        ("false", Returned("sent")),
        (True, Failed("failed")),
        ("true", Failed("failed")),
        ("No such order.", Failed("No such order.")),
        (7, Failed("failed")),
    ],
)
def test_an_empty_error_is_none(error: object, outcome: object) -> None:
    """An attribute cannot be None, and some apps write each of theirs always."""
    moments, _ = read(SpanEvent("roark.tool_invocation", T0, {"name": "look", "result": "sent", "error": error}))

    assert [one.outcome for one in moments if isinstance(one, ToolUse)] == [outcome]
