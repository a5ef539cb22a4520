"""Which reports are of one tool use, through all dialects and linking: ids repeat, are missing, or differ."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from roark_otel._assembly.readers import Reading
from roark_otel._assembly.routes import Routes
from roark_otel._assembly.rows import Resources
from roark_otel._linking.merging import Report, tool_uses
from roark_otel._model.moments import Failed, Moment, Returned, ToolUse, Unanswered
from roark_otel._model.rows import Kind, SpanEvent, SpanView, row_of
from roark_otel._model.steps import no_pause
from roark_otel.dialects import DIALECTS
from support.dumps import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T0 = 1_795_348_364_000_000_000
MS = 1_000_000
NUMBERS = itertools.count(100)
PARIS, OSLO = {"city": "Paris"}, {"city": "Oslo"}
WARM, COLD = Returned({"t": 21}), Returned({"t": 3})
BOTH = [("get_weather", PARIS, WARM), ("get_weather", OSLO, COLD)]


def used(*spans: SpanView) -> list[tuple[str, object, object]]:
    """Returns name, parameters and outcome of each tool use of a conversation."""
    return [(use.name, use.parameters, use.outcome) for use in uses(*spans)]


def uses(*spans: SpanView) -> list[ToolUse]:
    rows = [row_of(Kind.ENDED, one) for one in sorted(spans, key=lambda one: (one.start_ns, one.span_id))]
    reading = Reading(Routes(DIALECTS), lambda _: None, lambda: None, no_pause)
    found = dict(reading.read(rows, Resources(), ()))
    order = [found.get(dialect.name, ()) for dialect in DIALECTS]
    return tool_uses([Report(False, [], tools_of(moments), []) for moments in order], no_pause)


def tools_of(moments: Iterable[Moment]) -> list[ToolUse]:
    return [one for one in moments if isinstance(one, ToolUse)]


def span(start: int, end: int, attributes: dict[str, Any], *, own: int = 0, below: int = 1, **more: Any) -> SpanView:
    """Makes a span with times in ms."""
    fields = {"scope": "app", "name": "span", **more}
    own = own or next(NUMBERS)
    return SpanView(1, own, below, fields["scope"], fields["name"], T0 + start * MS, T0 + end * MS, attributes)


def tool(start: int, end: int, /, *, own: int = 0, below: int = 1, **named: Any) -> SpanView:
    """Makes the span of a tool that ran; in names of attributes `__` stands for a dot."""
    given = {f"gen_ai.tool.{key}".replace("__", "."): value for key, value in named.items()}
    base = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"}
    return span(start, end, base | given, own=own, below=below)


def ran(start: int, end: int, arguments: object, result: object, call_id: object = None, **more: Any) -> SpanView:
    values = {"call__arguments": arguments, "call__result": result, "call__id": call_id}
    written: dict[str, Any] = {key: one if key == "call__id" else json.dumps(one) for key, one in values.items()}
    return tool(start, end, **{key: one for key, one in written.items() if values[key] is not None}, **more)


def call(arguments: object, call_id: object = None, name: str = "get_weather") -> dict[str, object]:
    part = {"type": "tool_call", "name": name, "arguments": arguments, "id": call_id}
    return {"role": "assistant", "parts": [{key: value for key, value in part.items() if value is not None}]}


def answer(value: object, call_id: object = None, **more: object) -> dict[str, object]:
    part = {"type": "tool_call_response", "response": value, "id": call_id, **more}
    return {"role": "tool", "parts": [{key: one for key, one in part.items() if one is not None}]}


def text(role: str, words: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": words}]}


def chat(start: int, end: int, asked: Sequence[object], *answered: object, **more: Any) -> SpanView:
    """Makes the span of a model that is asked with messages, and answers."""
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(asked)}
    if answered:
        attributes["gen_ai.output.messages"] = json.dumps(answered)
    return span(start, end, attributes, **more)


def two_turns(ids: Sequence[object] = (None, None), cities: Sequence[object] = (PARIS, OSLO)) -> list[SpanView]:
    """Makes the models of two turns in each of which a tool is used, with histories that grow."""
    history: list[object] = []
    spans: list[SpanView] = []
    for number, (call_id, city, result) in enumerate(zip(ids, cities, ({"t": 21}, {"t": 3}), strict=True)):
        at = number * 1_000
        asked, spoken = call(city, call_id), text("assistant", f"It is {number}.")
        history.append(text("user", f"weather {number}"))
        spans.append(chat(at, at + 100, history, asked))
        history += [asked, answer(result, call_id)]
        spans.append(chat(at + 300, at + 400, history, spoken))
        history.append(spoken)
    return spans


def event(name: str, at: int, /, **fields: object) -> SpanEvent:
    written = {key: json.dumps(one) if isinstance(one, dict) else one for key, one in fields.items()}
    return SpanEvent(f"roark.{name}", T0 + at * MS, written)


def app(*events: SpanEvent) -> SpanView:
    """Makes the span of an app that reports what it does in events."""
    return span(0, 9_000, {"roark.external_id": "c"}, own=1, below=0)._replace(events=events)


# An id that comes again


@pytest.mark.parametrize("ids", [(None, None), ("call_0", "call_0"), ("a", "b"), (0, 0), (7, 8), ("a", "A")])
def test_two_uses_are_two_whatever_their_ids(ids: tuple[object, object]) -> None:
    """In messages, in spans of their own, in events, and in all three at once."""
    messages = two_turns(ids)
    spans = [ran(110, 200, PARIS, {"t": 21}, ids[0]), ran(1_110, 1_200, OSLO, {"t": 3}, ids[1])]
    named = [{} if call_id is None else {"id": call_id} for call_id in ids]
    whole = app(
        event("tool_invocation", 111, name="get_weather", parameters=PARIS, result={"t": 21}, **named[0]),
        event("tool_invocation", 1_111, name="get_weather", parameters=OSLO, result={"t": 3}, **named[1]),
    )

    for found in (messages, spans, [whole], [*messages, *spans], [*messages, *spans, whole]):
        assert used(*found) == BOTH


@pytest.mark.parametrize("ids", [(None, None), ("call_0", "call_0"), (0, 0)])
def test_the_same_arguments_again_are_another_use(ids: tuple[object, object]) -> None:
    messages = two_turns(ids, (PARIS, PARIS))
    spans = [ran(110, 200, PARIS, {"t": 21}, ids[0]), ran(1_110, 1_200, PARIS, {"t": 3}, ids[1])]

    for found in (messages, spans, [*messages, *spans]):
        assert used(*found) == [("get_weather", PARIS, WARM), ("get_weather", PARIS, COLD)]


def test_a_tool_that_is_tried_again_was_used_twice() -> None:
    failed = ran(0, 100, PARIS, None, "c")._replace(error=True)
    again = ran(200, 300, PARIS, {"t": 21}, "c")

    assert used(failed, again) == [("get_weather", PARIS, Failed("The tool failed.")), BOTH[0]]


def test_spans_without_results_ran_as_often_as_there_are() -> None:
    """What a tool returned may be off; that it ran is not."""
    spans = [tool(0, 90, call__id="call_0"), tool(100, 190, call__id="call_0")]

    assert used(*spans) == [("get_weather", {}, Unanswered())] * 2


USES = st.lists(
    st.tuples(st.sampled_from([None, "call_0", "call_0", "b", "B", 0]), st.sampled_from([{}, PARIS, OSLO])), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(
    told=USES,
    sources=st.sets(st.sampled_from(["messages", "openinference", "spans", "whole", "halves", "requests"]), min_size=1),
    lacks=st.sampled_from(["nothing", "arguments", "results", "both"]),
)
@example(told=[(None, PARIS), (None, {}), (None, {}), (None, {})], sources={"requests", "whole"}, lacks="both")
def test_uses_one_after_another_are_as_many_whoever_reports_them(
    told: list[tuple[object, dict[str, str]]], sources: set[str], lacks: str
) -> None:
    """Spans may lack what others have; ids may repeat, differ by a letter's case, or be missing."""
    knows = sources - {"spans", "requests"} or lacks == "nothing"
    spans, events, history = list[SpanView](), list[SpanEvent](), list[object]()
    for number, (call_id, given_to) in enumerate(told):
        at, result = number * 1_000, {"n": number}
        named = {} if call_id is None else {"id": call_id}
        history.append(text("user", f"question {number}"))
        asking = chat(at, at + 100, history, call(given_to, call_id))
        history += [call(given_to, call_id), answer(result, call_id)]
        models = [asking, chat(at + 500, at + 600, history)]
        spans += models if "messages" in sources else []
        spans += map(as_openinference, models) if "openinference" in sources else []
        shown = (None if lacks in {"arguments", "both"} else given_to, None if lacks in {"results", "both"} else result)
        own = 1_000 + 10 * number
        if "spans" in sources:
            spans.append(ran(at + 150, at + 450, *shown, call_id, own=own))
        if "requests" in sources:
            spans.append(mcp(at + 200, at + 400, values=shown, below=own))
        fields: dict[str, Any] = {"name": "get_weather", "parameters": given_to, **named}
        if "whole" in sources:
            events.append(event("tool_invocation", at + 460, **fields, result=result))
        elif "halves" in sources:
            events.append(event("tool_call", at + 140, **fields))
            events.append(event("tool_result", at + 460, name="get_weather", result=result, **named))
    found = used(*spans, *([app(*events)] if events else []))

    expected = [("get_weather", given_to, Returned({"n": number})) for number, (_, given_to) in enumerate(told)]
    assert found == expected if knows else len(found) == len(expected)


@settings(max_examples=100, deadline=None)
@given(
    ids=st.lists(st.tuples(*[st.sampled_from([None, "call_0", "b"])] * 2), min_size=1, max_size=3),
    sources=st.sets(st.sampled_from(["messages", "openinference", "spans", "whole", "halves"]), min_size=1),
    lacks=st.sampled_from(["nothing", "arguments", "results"]),
)
def test_two_uses_at_once_are_two_whoever_reports_them(
    ids: list[tuple[str | None, str | None]], sources: set[str], lacks: str
) -> None:
    knows = sources - {"spans"} or lacks == "nothing"
    spans, events, history = list[SpanView](), list[SpanEvent](), list[object]()
    for number, both in enumerate(ids):
        at = number * 1_000
        cases = list(zip(both, (PARIS, OSLO), ({"n": number}, {"n": -1 - number}), strict=True))
        history.append(text("user", f"question {number}"))
        asked = [call(given_to, call_id) for call_id, given_to, _ in cases]
        models = [chat(at, at + 100, history, *asked)]
        history += [*asked, *(answer(result, call_id) for call_id, _, result in cases)]
        models.append(chat(at + 500, at + 600, history))
        spans += models if "messages" in sources else []
        spans += map(as_openinference, models) if "openinference" in sources else []
        for place, (call_id, given_to, result) in enumerate(cases):
            shown = (None if lacks == "arguments" else given_to, None if lacks == "results" else result)
            if "spans" in sources:
                spans.append(ran(at + 150 + place, at + 440 + place, *shown, call_id))
            fields: dict[str, Any] = {"name": "get_weather", "parameters": given_to}
            fields |= {} if call_id is None else {"id": call_id}
            if "whole" in sources:
                events.append(event("tool_invocation", at + 151 + place, **fields, result=result, duration_ms=290))
            elif "halves" in sources:
                events.append(event("tool_call", at + 140 + place, **fields))
                half = {key: one for key, one in fields.items() if key != "parameters"}
                events.append(event("tool_result", at + 460 + place, **half, result=result))
    found = used(*spans, *([app(*events)] if events else []))

    expected = [
        ("get_weather", given_to, Returned({"n": number if given_to == PARIS else -1 - number}))
        for number in range(len(ids))
        for given_to in (PARIS, OSLO)
    ]
    assert sorted(map(repr, found)) == sorted(map(repr, expected)) if knows else len(found) == len(expected)


# Halves


@pytest.mark.parametrize("named", [{"id": "c:0"}, {"id": 0}, {}])
def test_halves_are_joined_in_their_order(named: dict[str, object]) -> None:
    halves = [
        event("tool_call", 0, name="book", parameters={"room": "A"}, **named),
        event("tool_result", 50, name="book", result={"ok": True}, **named),
        event("tool_call", 100, name="book", parameters={"room": "B"}, **named),
        event("tool_result", 150, name="book", result={"ok": False}, **named),
    ]

    for order in (halves, halves[::-1]):
        found = uses(app(*order))
        assert [(use.parameters, use.outcome) for use in found] == [
            ({"room": "A"}, Returned({"ok": True})),
            ({"room": "B"}, Returned({"ok": False})),
        ]
        assert [(use.start_ns, use.end_ns) for use in found] == [(T0, T0 + 50 * MS), (T0 + 100 * MS, T0 + 150 * MS)]


@pytest.mark.parametrize("named", [{"id": "c:0"}, {}])
def test_results_of_calls_made_together_come_in_the_order_of_the_calls(named: dict[str, object]) -> None:
    found = app(
        event("tool_call", 0, name="f", parameters={"n": 1}, **named),
        event("tool_call", 1, name="f", parameters={"n": 2}, **named),
        event("tool_result", 10, name="f", result="one", **named),
        event("tool_result", 11, name="f", result="two", **named),
    )

    assert used(found) == [("f", {"n": 1}, Returned("one")), ("f", {"n": 2}, Returned("two"))]


def test_a_result_belongs_to_the_tool_that_it_names() -> None:
    found = app(
        event("tool_call", 0, name="f", id="call_0"),
        event("tool_call", 1, name="g", id="call_0"),
        event("tool_result", 10, name="g", id="call_0", result="of g"),
        event("tool_result", 11, name="f", id="call_0", result="of f"),
    )

    assert used(found) == [("f", {}, Returned("of f")), ("g", {}, Returned("of g"))]


@pytest.mark.parametrize("named", [{"id": "c:0"}, {}])
def test_a_call_that_is_never_answered_takes_no_other_s_result(named: dict[str, object]) -> None:
    found = app(
        event("tool_call", 0, name="f", parameters={"n": 1}, **named),
        event("tool_call", 100, name="f", parameters={"n": 2}, **named),
        event("tool_result", 150, name="f", result="two", **named),
        event("tool_call", 200, name="f", parameters={"n": 2}, **named),
    )

    assert used(found) == [
        ("f", {"n": 1}, Unanswered()),
        ("f", {"n": 2}, Returned("two")),
        ("f", {"n": 2}, Unanswered()),
    ]


def test_a_call_with_an_id_that_is_reported_again_is_the_same_until_it_is_answered() -> None:
    asked: dict[str, Any] = {"name": "f", "parameters": {"n": 1}, "id": "c"}
    again = (event("tool_call", 5, **asked), event("tool_invocation", 6, **asked, result="one", duration_ms=20))
    for second in again:
        found = app(event("tool_call", 0, **asked), second, event("tool_result", 30, id="c", result="one, at last"))
        (use,) = uses(found)
        assert (use.outcome, use.start_ns, use.end_ns) == (Returned("one, at last"), T0, T0 + 30 * MS)


def test_a_result_that_a_clock_puts_before_its_call_is_its_result() -> None:
    found = app(
        event("tool_result", 0, id="c", result="one"),
        event("tool_call", 5, name="f", parameters={"n": 1}, id="c"),
    )

    (use,) = uses(found)
    assert (use.name, use.outcome, use.start_ns, use.end_ns) == ("f", Returned("one"), T0 + 5 * MS, T0 + 5 * MS)


@pytest.mark.parametrize(("first", "last"), [({"id": "c"}, {}), ({}, {"id": "c"})])
def test_a_half_without_an_id_belongs_to_the_one_of_its_name(first: dict[str, str], last: dict[str, str]) -> None:
    found = app(
        event("tool_call", 0, name="f", parameters={"n": 1}, **first),
        event("tool_result", 5, name="f", result="one", **last),
    )

    assert used(found) == [("f", {"n": 1}, Returned("one"))]


@pytest.mark.parametrize("other", ["C", "call_c", "c "])
def test_other_ids_are_other_ids(other: str) -> None:
    """All but the space around one."""
    found = app(
        event("tool_call", 0, name="f", parameters={"n": 1}, id="c"),
        event("tool_result", 5, name="f", result="one", id=other),
    )

    assert len(uses(found)) == (1 if other.strip() == "c" else 2)


def test_ten_thousand_uses_with_one_id_are_that_many() -> None:
    events = [
        one
        for number in range(10_000)
        for one in (
            event("tool_call", number * 2, name="f", id="call_0", parameters={"n": number % 3}),
            event("tool_result", number * 2 + 1, id="call_0", result=f"{number}"),
        )
    ]
    found = uses(app(*events))

    assert [use.outcome for use in found] == [Returned(number) for number in range(10_000)]
    assert all(use.parameters == {"n": number % 3} for number, use in enumerate(found))


# What messages tell


@pytest.mark.parametrize("call_id", [None, "call_0"])
def test_calls_of_one_name_that_a_model_makes_at_once(call_id: str | None) -> None:
    asked = [call(PARIS, call_id), call(OSLO, call_id)]
    answers = [answer({"t": 21}, call_id), answer({"t": 3}, call_id)]
    history = [text("user", "both"), *asked, *answers]
    last = [*history, text("assistant", "Done."), text("user", "thanks")]

    assert used(chat(0, 90, history[:1], *asked), chat(200, 290, history), chat(400, 490, last)) == BOTH


def test_an_answer_without_an_id_is_not_that_of_a_call_with_one() -> None:
    asked = [text("user", "both"), call(PARIS, "a"), call(OSLO)]
    answers = [answer({"t": 3}), answer({"t": 21}, "a")]

    assert used(chat(0, 90, asked[:1], *asked[1:]), chat(200, 290, [*asked, *answers])) == BOTH


@pytest.mark.parametrize("ids", [(None, None), ("call_0", "call_0"), ("a", "b"), (0, 0)])
@pytest.mark.parametrize("cities", [(PARIS, OSLO), (PARIS, PARIS)])
def test_other_conventions_repeat_ids_too(ids: tuple[object, object], cities: tuple[object, object]) -> None:
    expected = [("get_weather", cities[0], WARM), ("get_weather", cities[1], COLD)]
    messages = two_turns(ids, cities)

    assert used(*map(as_openinference, messages)) == expected
    assert used(*map(as_events, messages)) == expected


def as_openinference(one: SpanView) -> SpanView:
    """Writes the messages of a span field by field, as OpenInference does."""
    attributes: dict[str, Any] = {"openinference.span.kind": "LLM"}
    for side in ("input", "output"):
        for number, each in enumerate(json.loads(str(one.attributes.get(f"gen_ai.{side}.messages", "[]")))):
            prefix, part = f"llm.{side}_messages.{number}.message", each["parts"][0]
            attributes[f"{prefix}.role"] = each["role"]
            if part["type"] == "tool_call":
                asked = f"{prefix}.tool_calls.0.tool_call"
                attributes[f"{asked}.function.name"] = part["name"]
                attributes[f"{asked}.function.arguments"] = json.dumps(part["arguments"])
                attributes |= {f"{asked}.id": part["id"]} if "id" in part else {}
            else:
                words = part.get("content", json.dumps(part.get("response")))
                attributes |= {f"{prefix}.content": words}
                attributes |= {f"{prefix}.tool_call_id": part["id"]} if "id" in part else {}
    return one._replace(attributes=attributes)


def as_events(one: SpanView) -> SpanView:
    """Writes the messages of a span as events, one each, as the conventions were before."""
    events: list[SpanEvent] = []
    for side in ("input", "output"):
        for each in json.loads(str(one.attributes.get(f"gen_ai.{side}.messages", "[]"))):
            part = each["parts"][0]
            named = {"id": part["id"]} if "id" in part else {}
            if part["type"] == "tool_call":
                function = {"name": part["name"], "arguments": json.dumps(part["arguments"])}
                body: dict[str, Any] = {"tool_calls": [{"function": function, "type": "function", **named}]}
            else:
                body = {"content": part.get("content", json.dumps(part.get("response"))), **named}
            if side == "output":
                events.append(SpanEvent("gen_ai.choice", one.start_ns, {"message": json.dumps(body)}))
            else:
                events.append(SpanEvent(f"gen_ai.{each['role']}.message", one.start_ns, body))
    return one._replace(attributes={"gen_ai.operation.name": "chat"}, events=tuple(events))


def test_a_use_is_one_however_many_histories_repeat_it() -> None:
    spans = two_turns(("c", "c"))
    history = json.loads(str(spans[-1].attributes["gen_ai.input.messages"]))
    windows = [chat(3_000 + at, 3_001 + at, history[at:]) for at in range(len(history))]

    assert used(*spans, *windows) == BOTH
    assert used(*spans[::-1], *windows[::-1]) == BOTH


@pytest.mark.parametrize("known", [0, 1, 2, 3])
def test_a_use_that_only_a_history_shows_was_made_before_it(known: int) -> None:
    """A process that goes on with a conversation has seen no model ask."""
    assert used(*two_turns((None, None))[known:]) == BOTH


def test_an_answer_belongs_to_the_call_before_it_that_has_none() -> None:
    interrupted = [text("user", "both"), call(PARIS, "call_0"), text("user", "no, Oslo"), call(OSLO, "call_0")]
    found = chat(0, 90, [*interrupted, answer({"t": 3}, "call_0")])

    assert used(found) == [("get_weather", PARIS, Unanswered()), ("get_weather", OSLO, COLD)]


def test_the_item_of_a_call_may_have_another_id() -> None:
    """Traceloop writes the item's id where a model asks, the call's in histories, or the other way round."""
    asked = chat(0, 90, [text("user", "hi")], call(PARIS, "fc_1"), call(OSLO, "fc_2"))
    history = [text("user", "hi"), call(PARIS, "call_1"), call(OSLO, "call_2")]
    answered = [answer({"t": 21}, "call_1"), answer({"t": 3}, "call_2")]
    mixed = [text("user", "hi"), call(PARIS, "fc_1"), call(OSLO, "fc_2"), *answered]

    for later in (chat(200, 290, [*history, *answered]), chat(200, 290, mixed), chat(200, 290, answered)):
        found = uses(asked, later)
        assert [(use.name, use.parameters, use.outcome) for use in found] == BOTH
        assert [use.start_ns for use in found] == [T0 + 90 * MS, T0 + 90 * MS + 1]


@pytest.mark.parametrize("call_id", [None, "call_0"])
def test_a_service_that_keeps_the_history_is_given_only_the_answers(call_id: str | None) -> None:
    spans = [
        chat(0, 90, [text("user", "Paris?")], call(PARIS, call_id)),
        chat(200, 290, [answer({"t": 21}, call_id)], text("assistant", "It is 21.")),
        chat(1_000, 1_090, [text("user", "Oslo?")], call(OSLO, call_id)),
        chat(1_200, 1_290, [answer({"t": 3}, call_id)], text("assistant", "It is 3.")),
    ]

    assert used(*spans) == BOTH
    assert used(*spans[::-1]) == BOTH


def test_an_answer_that_failed_is_a_failure() -> None:
    bedrock = {
        "role": "user",
        "content": [{"toolResult": {"toolUseId": "c", "status": "error", "content": [{"text": "no"}]}}],
    }
    anthropic = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": "no"}],
    }
    for failed in (bedrock, anthropic):
        spans = [chat(0, 90, [text("user", "hi")], call(PARIS, "c")), chat(100, 190, [call(PARIS, "c"), failed])]
        assert used(*spans) == [("get_weather", PARIS, Failed("no"))]


def test_one_message_that_writes_its_call_in_two_ways_makes_one() -> None:
    both = {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "c", "name": "get_weather", "input": PARIS}],
        "tool_calls": [{"id": "c", "function": {"name": "get_weather", "arguments": json.dumps(PARIS)}}],
    }

    assert used(chat(0, 90, [text("user", "hi"), both])) == [("get_weather", PARIS, Unanswered())]


@pytest.mark.parametrize(
    "arguments", [{"a": b"x"}, {1: 2, "a": 3}, {"a": float("nan")}, [1], "[" * 100_000, "not JSON", 7]
)
def test_arguments_of_any_kind_are_those_of_one_call(arguments: object) -> None:
    """The SDK may let any value through, and a model may write anything."""
    asked = {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": arguments}}]}
    attributes: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": [asked]}
    repeated = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": [asked]}
    found = used(span(0, 90, attributes), span(100, 190, repeated))

    assert [(name, outcome) for name, _, outcome in found] == [("f", Unanswered())]


def test_a_span_around_a_model_repeats_what_it_asked_for() -> None:
    inner = chat(10, 90, [text("user", "hi")], call(PARIS))
    outer = chat(0, 100, [text("user", "hi")], call(PARIS))

    assert used(inner, outer) == used(outer, inner) == [("get_weather", PARIS, Unanswered())]


# Messages and spans


@pytest.mark.parametrize("ids", [(None, None), ("c", "c"), ("a", "b")])
def test_a_tool_s_span_and_messages_fill_in_what_the_other_lacks(ids: tuple[str | None, str | None]) -> None:
    messages = two_turns(ids)
    bare = [ran(110, 200, None, None, ids[0]), ran(1_110, 1_200, None, None, ids[1])]
    no_result = [ran(110, 200, PARIS, None, ids[0]), ran(1_110, 1_200, OSLO, None, ids[1])]
    no_arguments = [ran(110, 200, None, {"t": 21}, ids[0]), ran(1_110, 1_200, None, {"t": 3}, ids[1])]

    for spans in (bare, no_result, no_arguments):
        found = uses(*messages, *spans)
        assert [(use.name, use.parameters, use.outcome) for use in found] == BOTH
        assert [(use.start_ns - T0) // MS for use in found] == [110, 1_110]


def test_tools_that_run_at_once_get_their_own_arguments() -> None:
    """Where no id tells them apart, what they returned does."""
    asked, answers = [call(PARIS), call(OSLO)], [answer({"t": 21}), answer({"t": 3})]
    models = [chat(0, 90, [text("user", "both")], *asked), chat(500, 590, [text("user", "both"), *asked, *answers])]
    spans = [ran(100, 300, None, {"t": 3}), ran(101, 200, None, {"t": 21})]

    assert sorted(used(*models, *spans), key=repr) == sorted(BOTH, key=repr)


def test_a_model_that_is_not_asked_again_tells_the_arguments_of_the_last_tool() -> None:
    for call_id in (None, "c"):
        spans = [chat(0, 90, [text("user", "hi")], call(PARIS, call_id)), ran(100, 300, None, {"t": 21}, call_id)]
        assert used(*spans) == BOTH[:1]


def test_a_model_asks_for_what_is_no_tool_too() -> None:
    """A handoff, or an answer of a given form; where tools have spans, only those are tools."""
    spans = [chat(0, 90, [text("user", "hi")], call({}, "h", "transfer_to_billing"), call(PARIS, "c"))]

    assert used(*spans, ran(100, 190, PARIS, {"t": 21}, "c")) == BOTH[:1]


@pytest.mark.parametrize(
    "names",
    [("tool_arguments", "tool_response"), ("gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response")],
)
def test_arguments_and_results_have_other_names_elsewhere(names: tuple[str, str]) -> None:
    one = tool(0, 90)
    given = {names[0]: json.dumps(PARIS), names[1]: '{"t": 21}'}

    assert used(one._replace(attributes={**one.attributes, **given})) == BOTH[:1]


# Spans of one use


def mcp(start: int, end: int, /, *, kind: str = "tools/call", **more: Any) -> SpanView:
    """Makes the span of a request by the Model Context Protocol."""
    one = ran(start, end, *more.pop("values", (None, None)), **more)
    return one._replace(attributes={**one.attributes, "mcp.method.name": kind})


@pytest.mark.parametrize("depth", [0, 1, 5])
@pytest.mark.parametrize("values", [(None, None), (PARIS, {"t": 21}), ({**PARIS, "units": "C"}, {"t": 21})])
def test_a_request_below_a_tool_is_the_same_use_at_any_depth(depth: int, values: tuple[object, object]) -> None:
    outer = ran(0, 500, PARIS, {"t": 21}, "c", own=50)
    between = [
        span(1 + at, 499 - at, {"gen_ai.operation.name": "plan"}, own=51 + at, below=50 + at) for at in range(depth)
    ]
    client = mcp(10, 400, own=70, below=50 + depth, values=values)
    server = mcp(20, 300, own=71, below=70, values=values)

    assert used(outer, *between, client, server) == BOTH[:1]
    assert used(*between, client, server) == [
        ("get_weather", values[0] or {}, Returned(values[1]) if values[1] else Unanswered())
    ]


def test_a_request_below_spans_that_are_not_read_is_known_by_its_time() -> None:
    outer, other = ran(0, 500, PARIS, {"t": 21}, "c", own=50), ran(0, 500, OSLO, {"t": 3}, "d", own=60)
    requests = [mcp(11, 400, values=(OSLO, {"t": 3}), below=61), mcp(10, 400, values=(PARIS, {"t": 21}), below=51)]

    assert sorted(used(outer, other, *requests), key=repr) == sorted(BOTH, key=repr)


def test_requests_at_once_are_as_many_uses() -> None:
    """A span of a tool may have the names of the protocol itself."""
    assert used(mcp(0, 500, own=50), mcp(1, 400, own=60)) == [("get_weather", {}, Unanswered())] * 2


def test_two_reports_of_the_moment_at_which_a_tool_was_done_are_one() -> None:
    assert used(ran(5, 5, PARIS, {"t": 21}, "c"), ran(5, 5, PARIS, {"t": 21}, "c", below=2)) == BOTH[:1]


def test_a_tool_with_another_name_below_a_tool_is_another_use() -> None:
    outer = tool(0, 500, name="ask_billing", own=50)

    assert [name for name, _, _ in used(outer, mcp(10, 400, below=50))] == ["ask_billing", "get_weather"]


def test_a_tool_that_uses_itself_is_used_twice() -> None:
    outer = ran(0, 500, PARIS, {"t": 21}, own=50)
    between = span(1, 499, {"gen_ai.operation.name": "invoke_agent"}, own=51, below=50)

    assert used(outer, between, ran(10, 400, OSLO, {"t": 3}, below=51)) == BOTH


def test_the_same_tool_twice_at_once_is_two_uses() -> None:
    """Siblings are two uses; spans in different places, as of two instrumentations, are one."""
    one = ran(0, 90, PARIS, {"t": 21}, below=5)

    assert len(used(one, ran(1, 95, PARIS, {"t": 21}, below=5))) == 2
    assert len(used(one, ran(1, 89, PARIS, {"t": 21}, below=6))) == 1


# Results that are wrapped


@pytest.mark.parametrize(
    "value",
    [
        {"type": "tool", "data": {"content": '{"t": 21}', "tool_call_id": "c", "status": "success"}},
        {
            "lc": 1,
            "type": "constructor",
            "id": ["langchain", "ToolMessage"],
            "kwargs": {"content": '{"t": 21}', "tool_call_id": "c"},
        },
        {"content": '{"t": 21}', "type": "tool", "tool_call_id": "c", "name": "get_weather"},
        {
            "graph": None,
            "update": {"messages": [{"type": "tool", "data": {"content": '{"t": 21}', "tool_call_id": "c"}}]},
        },
        {"messages": [{"type": "tool", "data": {"content": '{"t": 21}', "tool_call_id": "c"}}]},
        "content='{\"t\": 21}' name='get_weather' id='1' tool_call_id='c'",
        {"id": "c", "name": "get_weather", "response": {"t": 21}},
        {"id": "c", "name": "get_weather", "response": {"result": {"t": 21}}},
        {"function_response": {"name": "get_weather", "response": {"t": 21}}},
        {"content": [{"type": "text", "text": '{"t": 21}'}], "isError": False},
        {
            "_meta": None,
            "content": [{"type": "text", "text": '{"t": 21}', "annotations": None}],
            "structuredContent": {"t": 21},
        },
        {"content": [], "structuredContent": {"t": 21}},
        {"toolUseId": "c", "status": "success", "content": [{"json": {"t": 21}}]},
        {"toolResult": {"toolUseId": "c", "content": [{"text": '{"t": 21}'}]}},
        [{"type": "text", "text": '{"t": 21}'}],
    ],
)
def test_a_result_is_what_is_inside_its_wrapper(value: object) -> None:
    written = value if isinstance(value, str) else json.dumps(value)
    one = tool(0, 90, call__arguments=json.dumps(PARIS), call__result=written)
    other = span(
        0,
        90,
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "get_weather",
            "input.value": json.dumps(PARIS),
            "output.value": written,
        },
    )

    assert used(one) == used(other) == BOTH[:1]


@pytest.mark.parametrize(
    "value",
    [
        {"name": "Ada", "response": "yes"},
        {"content": "a text", "title": "b"},
        {"type": "tool", "id": "hammer"},
        {"content": [{"type": "image", "data": "…"}], "isError": False},
        {"result": "x"},
        {"messages": ["one", "two"]},
        {"update": {"messages": []}},
        "content='a' of a file",
    ],
)
def test_a_result_that_only_looks_wrapped_stays(value: object) -> None:
    one = tool(0, 90, call__result=value if isinstance(value, str) else json.dumps(value))

    assert used(one) == [("get_weather", {}, Returned(value))]


@pytest.mark.parametrize(
    "value",
    [
        {"type": "tool", "data": {"content": "no such town", "tool_call_id": "c", "status": "error"}},
        {"content": [{"type": "text", "text": "no such town"}], "isError": True},
        "content='no such town' name='get_weather' tool_call_id='c' status='error'",
    ],
)
def test_a_wrapper_may_say_that_the_tool_failed(value: object) -> None:
    one = tool(0, 90, call__result=value if isinstance(value, str) else json.dumps(value))

    assert used(one) == [("get_weather", {}, Failed("no such town"))]


# Recorded


@pytest.mark.parametrize(
    ("dump", "expected"),
    [
        ("langgraph_openinference", ("get_weather", OSLO, COLD)),
        ("pydantic_ai_2", ("get_weather", OSLO, COLD)),
        ("google_adk_openinference", ("find_order", {"order_id": "A-1"}, Returned({"status": "shipped"}))),
        ("traceloop_openai_responses", ("find_order", {"order_id": "A-1"}, Returned({"status": "shipped"}))),
    ],
)
def test_recorded_agents_used_a_tool_once(dump: str, expected: tuple[str, object, object]) -> None:
    assert used(*records(f"gen_ai/{dump}")) == [expected]


# Calls and answers in the shapes of several providers


def said_by(role: str, **fields: object) -> dict[str, object]:
    return {"role": role, **fields}


GIVEN = '{"city": "Paris"}'


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (
            [said_by("assistant", content=None, function_call={"name": "get_weather", "arguments": GIVEN})],
            [said_by("function", name="get_weather", content='{"t": 21}')],
        ),
        (
            [said_by("model", parts=[{"functionCall": {"name": "get_weather", "args": PARIS}}])],
            [said_by("user", parts=[{"functionResponse": {"name": "get_weather", "response": {"t": 21}}}])],
        ),
        (
            [{"type": "custom_tool_call", "call_id": "c", "name": "get_weather", "input": GIVEN}],
            [{"type": "custom_tool_call_output", "call_id": "c", "output": '{"t": 21}'}],
        ),
    ],
)
def test_a_call_and_its_answer_have_other_names_elsewhere(
    asked: list[dict[str, object]], answered: list[dict[str, object]]
) -> None:
    history = [text("user", "hi")]
    last = text("assistant", "It is warm.")

    assert used(chat(0, 90, history, *asked), chat(100, 190, [*history, *asked, *answered], last)) == [
        ("get_weather", PARIS, WARM)
    ]


@pytest.mark.parametrize(
    ("prompt", "completion"),
    [
        ("gen_ai.prompt.0.function_call.", "gen_ai.completion.0.function_call."),
        ("llm.input_messages.0.message.function_call_", "llm.output_messages.0.message.function_call_"),
    ],
)
def test_the_one_call_of_older_messages_is_found_in_names_with_numbers(prompt: str, completion: str) -> None:
    arguments = "arguments_json" if prompt.startswith("llm.") else "arguments"

    def called(prefix: str) -> dict[str, Any]:
        return {f"{prefix}name": "get_weather", f"{prefix}{arguments}": GIVEN}

    role = prompt.rpartition("function_call")[0] + "role"
    answered = {role.replace(".0.", ".1."): "function", role.replace(".0.", ".1.").replace("role", "content"): "21"}
    first = span(0, 90, called(completion))
    again = span(100, 190, {role: "assistant", **called(prompt), **answered})

    assert used(first, again) == [("get_weather", PARIS, Returned(21))]


@pytest.mark.parametrize(
    "parts",
    [
        [
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": PARIS},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"title": "x"}]},
        ],
        [
            {"type": "server_tool_call", "id": "s", "name": "web_search", "server_tool_call": PARIS},
            {"type": "server_tool_call_response", "id": "s", "server_tool_call_response": [{"title": "x"}]},
        ],
        [{"type": "mcp_call", "id": "s", "name": "web_search", "arguments": GIVEN, "output": '[{"title": "x"}]'}],
    ],
)
def test_a_tool_that_the_provider_runs_is_answered_at_once(parts: list[object]) -> None:
    """Call and answer stand in one message, and whether histories repeat it or not, it is one use."""
    whole = said_by("assistant", content=[*parts, {"type": "text", "text": "Warm."}])
    history = [text("user", "hi")]
    first = chat(0, 90, history, whole)

    expected = [("web_search", PARIS, Returned([{"title": "x"}]))]
    assert used(first) == expected
    assert used(first, chat(500, 590, [*history, whole, text("user", "bye")], text("assistant", "Bye."))) == expected


@pytest.mark.parametrize("written", [json.dumps(json.dumps(PARIS)), json.dumps(PARIS)])
def test_json_that_was_written_twice_is_what_is_inside(written: str) -> None:
    back = json.dumps(json.dumps({"t": 21}))

    assert used(tool(0, 90, call__arguments=written, call__result=back)) == [("get_weather", PARIS, WARM)]


def test_nothing_as_json_is_no_parameters() -> None:
    assert used(tool(0, 90, call__arguments="null", call__result="1")) == [("get_weather", {}, Returned(1))]


def test_what_the_model_was_given_says_why_a_tool_failed() -> None:
    """Its span has a status and no words."""
    failed = tool(100, 190, call__id="c", call__arguments=json.dumps(PARIS))._replace(error=True)
    history = [text("user", "hi"), call(PARIS, "c"), answer("No such city.", "c")]

    assert used(failed) == [("get_weather", PARIS, Failed("The tool failed."))]
    assert used(chat(0, 90, history[:1], history[1]), failed, chat(200, 290, history, text("assistant", "Oh."))) == [
        ("get_weather", PARIS, Failed("No such city."))
    ]
