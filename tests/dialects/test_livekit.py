"""The LiveKit dialect against recorded sessions, and against what they do not show."""

from __future__ import annotations

import ast
import json
import statistics
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roark_otel._model.moments import Agent, Customer, Failed, Moment, Returned, ToolUse, Unanswered
from roark_otel._model.rows import SpanEvent, SpanView
from roark_otel.dialects.livekit import LIVEKIT
from support.dumps import below, conversations, records
from support.helpers import MS, T0
from support.kept import Uncut, kept_per_turn
from support.livekit import moments_of, span
from support.paths import SPANS
from support.said import facts, role, said, tools, utterances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel.types import Unreadable

DUMPS = sorted(path.name.removesuffix(".truth.json") for path in (SPANS / "livekit").glob("*.truth.json"))


def sessions(dump: str) -> Iterator[tuple[dict[str, Any], list[Moment]]]:
    """Yields for each conversation of a dump what really happened, and the moments of its spans."""
    spans = records(f"livekit/{dump}")
    for truth in conversations(f"livekit/{dump}"):
        yield truth, moments_of(below(spans, int(truth["rootSpanId"], 16), LIVEKIT.roots))


# Recorded sessions


@pytest.mark.parametrize("dump", DUMPS)
def test_every_recorded_session_is_read_word_for_word_and_in_order(dump: str) -> None:
    for truth, moments in sessions(dump):
        expected = [(one["role"], one["text"]) for one in truth["transcript"]]

        assert expected == said(moments)


WORDLESS = {"1.8.9-barge_in_while_thinking": 1}
"""How many interruptions came before a word was heard: the agent was interrupted, and no entry is."""


@pytest.mark.parametrize("dump", DUMPS)
def test_an_utterance_is_interrupted_where_the_framework_says_so(dump: str) -> None:
    for truth, moments in sessions(dump):
        expected = [one["interrupted"] for one in truth["transcript"]]

        assert expected == [one.payload.get("interrupted", False) for one in utterances(moments)]
        assert sum(expected) + WORDLESS.get(dump, 0) == facts(moments)["property.interruptions"]


def test_times_are_those_that_the_framework_measured() -> None:
    """Spans of 1.4 and 1.3 begin up to 0.1 and 0.3 s before the customer does; no attribute says by how much."""
    off: dict[str, list[float]] = {}
    for dump in DUMPS:
        for truth, moments in sessions(dump):
            for expected, one in zip(truth["transcript"], utterances(moments), strict=True):
                if expected["startMs"] is not None:
                    for edge, at in (("start", one.start_ns), ("end", one.end_ns or 0)):
                        measured = truth["callStartNs"] + expected[f"{edge}Ms"] * MS
                        off.setdefault(f"{role(one)} {edge}", []).append(abs(at - measured) / MS)

    medians = {edge: statistics.median(values) for edge, values in off.items()}

    assert medians["AGENT start"] <= 5
    assert medians["AGENT end"] <= 5
    assert medians["CUSTOMER start"] <= 5
    assert medians["CUSTOMER end"] <= 5


def result(use: ToolUse) -> tuple[object, bool]:
    match use.outcome:
        case Returned(value):
            return value, False
        case Failed(error):
            return error, True
        case Unanswered():
            return None, False


def written(result: str) -> object:
    """Returns the result that the framework writes as a Python literal: only an object or a list is read as one."""
    return ast.literal_eval(result) if result[:1] in {"{", "["} and not result.startswith('{"') else result


NOT_JSON = {"arguments": "{not json"}
"""Arguments that the model garbled; parameters have to be an object, so the text gets a name."""


@pytest.mark.parametrize("dump", DUMPS)
def test_every_recorded_tool_use_is_read(dump: str) -> None:
    for truth, moments in sessions(dump):
        expected = [
            (
                one["callId"],
                one["name"],
                NOT_JSON if one["parameters"] == "{not json" else one["parameters"],
                (written(one["result"]), one["isError"]),
            )
            for one in truth["toolInvocations"]
        ]

        assert expected == [(one.call_id, one.name, one.parameters, result(one)) for one in tools(moments)]


def test_a_phone_call_has_its_room_line_and_end() -> None:
    ((_, moments),) = sessions("1.8.9-sip_inbound")

    assert {
        "livekit_room_id": "RM_5bf0a622c311",
        "livekit_room_name": "call-_+15551234567_abc",
        "own_id": "RM_5bf0a622c311-cd46458ac9ecf5f6",
        "interface_type": "PHONE",
        "call_direction": "INBOUND",
        "customer": Customer(phone_number="+15551234567"),
        "ended_status": "CUSTOMER_ENDED_CALL",
        "agent": Agent(name="a"),
        "property.framework": "livekit-agents",
        "property.interruptions": 0,
        "property.handoffs": 0,
        "property.stt_ttfb_ms": 139,
        "property.llm_ttfb_ms": 54,
        "property.tts_ttfb_ms": 52,
    } == facts(moments)


def test_a_session_that_an_error_closed_is_an_agents_error() -> None:
    ((_, moments),) = sessions("1.8.9-llm_error")

    assert facts(moments)["ended_status"] == "AGENT_ERROR"


def test_a_session_that_the_app_closed_does_not_show_who_hung_up() -> None:
    ((_, moments),) = sessions("1.8.9-three_turns")

    assert "ended_status" not in facts(moments)


def test_after_a_handoff_everything_bears_the_name_of_its_agent() -> None:
    ((_, moments),) = sessions("1.4.6-handoff")
    speakers = [one.speaker for one in utterances(moments) if isinstance(one.speaker, Agent)]

    assert [Agent(name=name) for name in ("triage",) * 3 + ("billing",) * 3] == speakers
    assert [Agent(name="triage")] == [one.agent for one in tools(moments)]
    assert "agent" not in facts(moments)


# What holds for any session


def in_some_order(moments: Iterable[Moment]) -> list[str]:
    return sorted(map(repr, moments))


@pytest.mark.parametrize("dump", DUMPS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_neither_the_order_of_spans_nor_duplicates_matter(dump: str, data: st.DataObject) -> None:
    spans = records(f"livekit/{dump}")
    expected = in_some_order(moments_of(spans))
    shuffled = data.draw(st.permutations(spans))
    repeated = data.draw(st.lists(st.sampled_from(spans), max_size=10))

    assert expected == in_some_order(moments_of([*shuffled, *repeated]))


GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.binary(max_size=5),
    st.lists(st.one_of(st.text(max_size=3), st.integers(), st.none()), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from(
        [
            "[" * 100_000,
            "{" * 100_000,
            "[" + "-" * 50_000 + "1]",
            "9" * 5_000,
            "1e999",
            "[1e999]",
            "{[]: 1}",
            "{'\\d': 1}",
            '{"id": "a", "type": "function_call_output", ',
            '{"id": "a", "type": "function_call_output", "call_id": 1, "output": 2}',
            '[1, {"name": 1}, {"name": "a", "call_id": "b", "arguments": 3}]',
            '[{"received_at": "x"}, {"received_at": 1e300}, 7]',
            "\ud800",
            10**400,
        ]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_attribute_value_raises(data: st.DataObject) -> None:
    spans = records("livekit/1.8.9-tool_raises")[:45] + records("livekit/1.8.9-sip_inbound")

    def spoilt(one: SpanView) -> SpanView:
        keys = data.draw(st.lists(st.sampled_from(sorted(one.attributes)), max_size=3)) if one.attributes else []
        events = tuple(
            SpanEvent(data.draw(GARBAGE), data.draw(GARBAGE), {"lk.disconnect_reason": 1}) for _ in one.events[:2]
        )
        return one._replace(attributes={**one.attributes, **{key: data.draw(GARBAGE) for key in keys}}, events=events)

    for moment in moments_of(map(spoilt, spans)):
        assert repr(moment)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(limit=st.integers(0, 400), dump=st.sampled_from(DUMPS))
def test_truncated_values_are_read_as_far_as_they_go(limit: int, dump: str) -> None:
    def cut(one: SpanView) -> SpanView:
        return one._replace(attributes={k: v[:limit] if isinstance(v, str) else v for k, v in one.attributes.items()})

    assert in_some_order(moments_of(map(cut, records(f"livekit/{dump}"))))


def test_each_turn_of_a_long_call_keeps_little() -> None:
    """The history that the model is asked with grows by another kilobyte with each turn, and is not kept."""
    assert len(utterances(moments_of(long_call(240)))) == 480
    assert kept_per_turn(long_call) < 2_000 < kept_per_turn(long_call, make=Uncut)


def long_call(turns: int) -> Iterator[SpanView]:
    spoken: list[str] = []
    for number in range(turns):
        yield from exchange(number, spoken)


def exchange(number: int, spoken: list[str]) -> Iterator[SpanView]:
    """Yields one question and its answer, with all the history that comes along; a tool is asked now and then."""
    at, turn, reply = number * 10_000, number * 10 + 10, number * 10 + 11
    asked, answer = f"{number} where is the order " * 4, f"{number} it ships tomorrow " * 4
    history = f'{{"items": [{", ".join(spoken)}]}}'
    spoken += [item("message", role=role, content=[text]) for role, text in (("user", asked), ("assistant", answer))]
    if number % 100 == 0:
        spoken.append(item("function_call_output", call_id=f"c{number}", output="no such tool", is_error=True))
    yield span("user_speaking", at, at + 900, below=turn)
    yield span("user_turn", at, at + 1_200, own=turn, lk__pii__user_transcript=asked, lk__end_of_turn_delay=0.3)
    node: dict[str, Any] = {"lk__pii__response__text": answer + " ", "lk__pii__chat_ctx": history}
    yield span("llm_node", at + 950, at + 1_150, below=reply, **node)
    yield span("llm_request", at + 950, at + 1_150, below=reply, gen_ai__input__messages=history)
    yield span("agent_speaking", at + 1_300, at + 5_000, below=reply)
    turned: dict[str, Any] = {
        "lk__pii__user_input": asked + " ",
        "lk__pii__response__text": answer + "  ",
        "lk__generation_id": "g",
    }
    yield span("agent_turn", at + 940, at + 5_001, own=reply, **turned)


def item(kind: str, **more: Any) -> str:
    """Makes an item of a history, as long as LiveKit's are."""
    return json.dumps({"id": f"item_{crc32(repr(more).encode())}", "type": kind, **more, "metrics": {"x": "0" * 400}})


# How fast, and how sure


def test_an_entry_has_its_confidence_and_latencies() -> None:
    """The attributes of a turn of several steps hold for the whole turn, so its first spoken step has them."""
    ((_, moments),) = sessions("1.8.9-tool_call")
    greeting, asked, check, order, nothing = utterances(moments)

    assert greeting.payload == {"llm_ttfb_ms": 157, "tts_ttfb_ms": 59}
    assert asked.payload == {"confidence": 0.93, "stt_ttfb_ms": 127}
    assert check.payload == {"response_latency_ms": 357, "llm_ttfb_ms": 56, "tts_ttfb_ms": 54}
    assert order.payload == {"llm_ttfb_ms": 52, "tts_ttfb_ms": 51}
    assert nothing.payload == {"confidence": 0.93, "stt_ttfb_ms": 147}


@pytest.mark.parametrize("dump", DUMPS)
def test_every_version_reports_how_fast_the_services_of_a_call_were(dump: str) -> None:
    """Before 1.5 only the metrics of requests do; where the model broke, no customer was understood."""
    for _, moments in sessions(dump):
        found = {name: value for name, value in facts(moments).items() if name.endswith("_ttfb_ms")}

        assert all(isinstance(value, int) and 0 <= value < 400 for value in found.values())
        assert len(found) == (2 if dump == "1.8.9-llm_error" else 3)


def test_a_request_without_a_first_byte_has_no_speed() -> None:
    moments = moments_of(
        [
            span("llm_request", 0, 10, lk__llm_metrics='{"ttft": -1}'),
            span("llm_request", 20, 30, lk__llm_metrics='{"ttft": 0.25}'),
            span("llm_request", 40, 50),
            span("tts_request", 60, 70, lk__tts_metrics='{"ttfb"'),
            span("tts_node", 80, 90, lk__response__ttfb=-1.0),
        ]
    )

    assert {name: value for name, value in facts(moments).items() if "ttfb" in name} == {"property.llm_ttfb_ms": 250}


def test_handoffs_are_counted_by_who_has_the_floor() -> None:
    floor = [span("start_agent_activity", at, at + 1, lk__agent_label=name) for at, name in enumerate("aabba")]

    assert facts(moments_of(floor))["property.handoffs"] == 2


# What a recording may hold beyond that


def test_spans_of_others_and_spans_that_are_still_open_say_nothing() -> None:
    turn = span("user_turn", 0, 900, lk__pii__user_transcript="Hello")

    assert moments_of([turn._replace(scope="someone.else"), turn._replace(end_ns=None)]) == []
    assert said(moments_of([turn])) == [("CUSTOMER", "Hello")]


def test_the_names_of_before_1_7_are_read_too() -> None:
    assert said(moments_of([span("user_turn", 0, 900, lk__user_transcript="Hello")])) == [("CUSTOMER", "Hello")]


def test_noise_before_the_first_word_is_not_part_of_what_was_said() -> None:
    heard = json.dumps([{"received_at": (T0 + 2_500 * MS) / 1e9, "type": "final_transcript"}])
    moments = moments_of(
        [
            span("user_turn", 0, 3_300, own=2, lk__pii__user_transcript="Hello", lk__stt__events=heard),
            span("user_speaking", 0, 50, below=2),
            span("user_speaking", 2_000, 3_000, below=2),
        ]
    )

    assert [(one.start_ns, one.end_ns) for one in utterances(moments)] == [(T0 + 2_000 * MS, T0 + 3_000 * MS)]


def reply(start: int, end: int, *, own: int = 5, heard: str | None = "Yes.", **attributes: Any) -> list[SpanView]:
    """Makes a turn of the agent that was spoken from 100 ms after its start on."""
    words: dict[str, Any] = {"lk__pii__response__text": heard} if heard else {}
    turn = span("agent_turn", start, end, own=own, **words, **attributes)
    return [turn, *([span("agent_speaking", start + 100, end, below=own)] if heard else [])]


def test_the_same_words_typed_after_they_were_spoken_are_said_twice() -> None:
    spoken = span("user_turn", 0, 900, lk__pii__user_transcript="yes")
    first = reply(903, 2_000, own=5, heard="Which one?", lk__pii__user_input="yes")
    second = reply(3_000, 4_000, own=6, heard="Done.", lk__pii__user_input="yes")

    expected = [("CUSTOMER", "yes"), ("AGENT", "Which one?"), ("CUSTOMER", "yes"), ("AGENT", "Done.")]

    assert expected == said(moments_of([spoken, *first, *second]))


def test_words_that_the_app_changed_before_they_were_answered_are_not_said_again() -> None:
    spoken = span("user_turn", 0, 900, lk__pii__user_transcript="cancel it")
    answer = reply(1_500, 2_000, lk__pii__user_input="cancel it [order 17]", lk__end_of_turn_delay=0.3)

    assert said(moments_of([spoken, *answer])) == [("CUSTOMER", "cancel it"), ("AGENT", "Yes.")]


def test_words_that_the_app_changed_are_not_said_again_where_turns_do_not_name_what_they_answer() -> None:
    """As before 1.7. What is typed much later, after words without an answer, is said again."""
    moments = moments_of(
        [
            span("user_turn", 0, 1_000, own=5, lk__user_transcript="hello you"),
            span("agent_turn", 1_300, 2_000, own=6, lk__user_input="HELLO YOU", lk__response__text="Yes."),
            span("user_turn", 3_000, 4_000, own=7, lk__user_transcript="do not answer this"),
            span("agent_turn", 9_000, 9_500, own=8, lk__user_input="typed", lk__response__text="Well typed."),
        ]
    )

    assert [text for _, text in said(moments)] == ["hello you", "Yes.", "do not answer this", "typed", "Well typed."]


def test_words_of_a_turn_that_never_ended_were_said_when_it_was_heard() -> None:
    moments = moments_of(
        [
            span("user_speaking", 500, 1_400, below=5),
            span("agent_turn", 1_300, 1_500, own=6, lk__user_input="are you there"),
        ]
    )

    assert [(one.text, (one.start_ns - T0) // MS, ((one.end_ns or 0) - T0) // MS) for one in utterances(moments)] == [
        ("are you there", 500, 1_300)
    ]


def test_a_reply_prepared_from_half_a_sentence_does_not_count_as_the_customers_words() -> None:
    spoken = span("user_turn", 0, 2_000, lk__pii__user_transcript="where is my order")
    early = reply(900, 1_200, own=5, heard=None, lk__pii__user_input="where is")
    answer = reply(1_900, 3_000, own=6, lk__pii__user_input="where is my order")

    assert said(moments_of([spoken, *early, *answer])) == [("CUSTOMER", "where is my order"), ("AGENT", "Yes.")]


def test_without_audio_the_agent_says_what_its_turn_wrote() -> None:
    moments = moments_of(
        [
            span("agent_turn", 0, 900, own=5, lk__pii__user_input="hi", lk__pii__response__text="Done."),
            span(
                "llm_node", 10, 300, below=5, lk__pii__response__text="Wait.", lk__pii__response__function_calls=CALLS
            ),
            span(
                "llm_node", 400, 900, below=5, lk__pii__response__text="Done.", lk__pii__response__function_calls="[]"
            ),
        ]
    )

    assert said(moments) == [("CUSTOMER", "hi"), ("AGENT", "Wait."), ("AGENT", "Done.")]


def test_a_step_that_began_to_play_but_was_not_heard_does_not_repeat_the_step_before() -> None:
    """The text of the turn is then still that of the step before."""
    moments = moments_of(
        [
            span("agent_turn", 0, 900, own=5, lk__pii__response__text="Wait.", lk__interrupted=True),
            span("llm_node", 10, 50, below=5, lk__pii__response__text="Wait. "),
            span("agent_speaking", 60, 300, below=5),
            span("llm_node", 400, 500, below=5, lk__pii__response__text="Your order ships."),
            span("agent_speaking", 890, 900, below=5),
        ]
    )

    assert [(one.text, one.start_ns, one.payload) for one in utterances(moments)] == [("Wait.", T0 + 60 * MS, {})]


def synthesis(text: str, at: int, /, *, below: int, **more: Any) -> list[SpanView]:
    """Makes speech of 1.3, whose turns do not hold everything that was said."""
    voice = span("tts_node", at, at + 100, below=below, **more)
    return [span("tts_request", at, at + 90, below=voice.span_id, lk__input_text=text), voice]


def test_what_an_old_version_said_without_a_turn_is_taken_from_its_synthesis() -> None:
    """That includes what a tool said while the turn that had asked for it went on."""
    moments = moments_of(
        [
            span("agent_session", 0, 9_000, own=1, below=0),
            *synthesis("Welcome. ", 100, below=1),
            *synthesis("How can I help?", 150, below=1),
            span("agent_speaking", 180, 900, below=1),
            span("agent_turn", 2_000, 3_900, own=5, lk__response__text="Sure."),
            *synthesis("Sure.", 2_010, below=5),
            span("agent_speaking", 2_100, 3_000, below=5),
            *synthesis("One moment.", 3_100, below=6),
            span("agent_speaking", 3_200, 3_800, below=6),
            span("function_tool", 3_050, 3_850, own=6, below=5, lk__function_tool__name="look"),
            *synthesis("Goodbye.", 4_000, below=1),
            span("agent_speaking", 4_100, 4_500, below=1),
        ]
    )

    assert [text for _, text in said(moments)] == ["Welcome. How can I help?", "Sure.", "One moment.", "Goodbye."]


def test_what_an_old_version_said_is_read_although_no_span_says_when_it_was_heard() -> None:
    moments = moments_of([span("agent_session", 0, 9_000, own=1, below=0), *synthesis("Welcome.", 100, below=1)])

    assert [(text, one.start_ns - T0) for one, (_, text) in zip(utterances(moments), said(moments), strict=True)] == [
        ("Welcome.", 100 * MS)
    ]


# Tools

CALLS = json.dumps([{"name": "look", "call_id": "c1", "arguments": '{"x": 1}'}])
ANSWER = json.dumps(
    {"items": [{"id": "i1", "type": "function_call_output", "call_id": "c1", "output": "no such", "is_error": True}]}
)


def test_a_call_that_no_history_knows_was_discarded() -> None:
    asked = span("llm_node", 0, 100, below=5, lk__pii__response__function_calls=CALLS)
    answered = span("llm_node", 200, 300, below=5, lk__pii__chat_ctx=ANSWER)

    assert tools(moments_of([asked])) == []
    assert [("look", {"x": 1}, Failed("no such"))] == [
        (one.name, one.parameters, one.outcome) for one in tools(moments_of([asked, answered]))
    ]


@pytest.mark.parametrize("is_error", [False, True])
def test_a_tool_that_reports_progress_has_its_final_result(*, is_error: bool) -> None:
    """Its span has the first report; the history has the result, under an id of its own, once the model is told."""
    ran: dict[str, Any] = {
        "lk__function_tool__name": "book",
        "lk__function_tool__id": "c1",
        "lk__pii__function_tool__arguments": '{"to": "Rome"}',
        "lk__pii__function_tool__output": "Looking up flights.",
    }
    told = [
        item("function_call_output", call_id=call_id, output=output, is_error=failed)
        for call_id, output, failed in (
            ("c1", "Looking up flights.", False),
            ("c1_final", "booked 7", is_error),
            ("c2_final", "of another tool", False),
        )
    ]
    asked = span("llm_node", 900, 950, below=9, lk__pii__chat_ctx=f'{{"items": [{", ".join(told)}]}}')
    expected = Failed("booked 7") if is_error else Returned("booked 7")

    for spans in ([span("function_tool", 100, 200, **ran), asked], [asked, span("function_tool", 100, 200, **ran)]):
        first, final = tools(moments_of(spans))
        assert (first.call_id, first.outcome) == ("c1", Returned("Looking up flights."))
        assert (final.call_id, final.outcome, final.parameters) == ("c1_final", expected, {"to": "Rome"})


def ran(start: int, output: str, **attributes: Any) -> SpanView:
    """Makes a tool that ran for 10 ms."""
    named = {"lk__function_tool__name": "book", "lk__function_tool__id": "c1", "lk__pii__function_tool__output": output}
    return span("function_tool", start, start + 10, below=5, **(named | attributes))


def given_later(at: int, *answers: tuple[str, str], is_error: bool = False) -> SpanView:
    """Makes a model's step whose history has these answers, by the ids of their calls."""
    kept = [
        {"id": f"i{at}{id_}", "type": "function_call_output", "call_id": id_, "output": text, "is_error": is_error}
        for id_, text in answers
    ]
    return span("llm_node", at, at + 100, below=5, lk__pii__chat_ctx=json.dumps({"items": kept}))


def test_a_tool_that_goes_on_has_each_of_its_results_as_a_use() -> None:
    answers = given_later(2_000, ("c1", "Looking"), ("c1_update_1", "Still looking"), ("c1_final", "booked"))

    found = tools(moments_of([answers, ran(100, "Looking", lk__pii__function_tool__arguments='{"to": "Rome"}')]))

    assert [(one.outcome, one.parameters) for one in found] == [
        (Returned(value), {"to": "Rome"}) for value in ("Looking", "booked", "Still looking")
    ]
    assert [one.end_ns for one in found] == [T0 + 110 * MS, T0 + 2_000 * MS, T0 + 2_000 * MS]


def test_a_tool_that_goes_on_may_fail_in_the_end() -> None:
    spans = [ran(100, "Looking"), given_later(2_000, ("c1_final", "no flights"), is_error=True)]

    assert [one.outcome for one in tools(moments_of(spans))] == [Returned("Looking"), Failed("no flights")]


def test_results_that_come_later_belong_to_the_last_use_of_their_id() -> None:
    """Some models number their calls anew in each answer."""
    first, second = ran(100, "one"), ran(3_000, "two")
    spans = [first, given_later(2_000, ("c1_final", "first")), second, given_later(5_000, ("c1_final", "second"))]

    assert [(one.start_ns, one.outcome) for one in tools(moments_of(spans))] == [
        (T0 + 100 * MS, Returned("one")),
        (T0 + 100 * MS, Returned("first")),
        (T0 + 3_000 * MS, Returned("two")),
        (T0 + 3_000 * MS, Returned("second")),
    ]


def test_an_id_that_only_looks_like_a_later_result_is_none() -> None:
    assert tools(moments_of([given_later(2_000, ("c9_final", "nobody asked"))])) == []


def test_a_tool_whose_span_has_no_call_id_is_still_one_use() -> None:
    """Before 1.3.12 only the model's answer has the id."""
    moments = moments_of(
        [
            span("llm_node", 0, 100, below=5, lk__response__function_calls=CALLS),
            span("function_tool", 110, 150, lk__function_tool__name="look", lk__function_tool__arguments='{"x": 1}'),
            span("llm_node", 200, 300, below=5, lk__chat_ctx=ANSWER),
        ]
    )

    assert [("c1", Unanswered())] == [(one.call_id, one.outcome) for one in tools(moments)]


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("{'a': [1, None]}", {"a": [1, None]}),
        ("[1, 2]", [1, 2]),
        ("", ""),
        ("shipped", "shipped"),
        ("0017", "0017"),
        ("None", "None"),
        ("[1st floor]", "[1st floor]"),
        ("{1: 'a'}", "{1: 'a'}"),
        ("[(1, 2)]", "[(1, 2)]"),
        (r"['\d']", r"['\d']"),
        ("[" * 5_000, "[" * 5_000),
        ("['" + "a" * 200_000 + "']", "['" + "a" * 200_000 + "']"),
        ('["' + "a" * 262_140 + '"]', ["a" * 262_140]),
        ('["' + "a" * 262_141 + '"]', '["' + "a" * 262_141 + '"]'),
    ],
)
def test_a_result_is_read_as_a_value_only_where_nothing_is_lost(output: str, value: object) -> None:
    use = span("function_tool", 0, 1, lk__function_tool__name="look", lk__pii__function_tool__output=output)

    assert [Returned(value)] == [one.outcome for one in tools(moments_of([use]))]


def test_unreadable_json_is_reported_and_everything_else_is_read() -> None:
    warned: list[Unreadable] = []
    tool: dict[str, Any] = {"lk__function_tool__name": "look", "lk__pii__function_tool__arguments": '{"x": '}
    moments = moments_of(
        [
            span("user_turn", 0, 900, lk__pii__user_transcript="Hello", lk__stt__events='[{"rec'),
            span("function_tool", 0, 1, **tool),
            span("llm_node", 0, 1, lk__pii__response__function_calls="[{", lk__pii__chat_ctx=ANSWER[:90]),
        ],
        warned,
    )

    assert [one.attribute for one in warned] == [
        "lk.stt.events",
        "lk.pii.function_tool.arguments",
        "lk.pii.chat_ctx",
        "lk.pii.response.function_calls",
    ]
    assert said(moments) == [("CUSTOMER", "Hello")]
    assert [one.parameters for one in tools(moments)] == [{"arguments": '{"x": '}]


# Facts


@pytest.mark.parametrize(
    ("closed", "left", "status"),
    [
        ("error", "CLIENT_INITIATED", "AGENT_ERROR"),
        ("task_completed", None, "AGENT_ENDED_CALL"),
        ("participant_disconnected", "CLIENT_INITIATED", "CUSTOMER_ENDED_CALL"),
        ("participant_disconnected", "ROOM_DELETED", "AGENT_ENDED_CALL"),
        ("participant_disconnected", None, "CUSTOMER_ENDED_CALL"),
        ("user_initiated", "CLIENT_INITIATED", "CUSTOMER_ENDED_CALL"),
        ("user_initiated", "UNKNOWN_REASON", None),
        ("user_initiated", None, None),
        ("job_shutdown", None, None),
        (None, "CLIENT_INITIATED", None),
    ],
)
def test_why_the_session_closed_and_the_customer_left_show_how_the_call_ended(
    closed: str | None, left: str | None, status: str | None
) -> None:
    leaving = (SpanEvent("participant_disconnected", T0 + 800 * MS, {"lk.disconnect_reason": left}),) if left else ()
    closing = [span("session_close", 900, 950, lk__close_reason=closed)] if closed else []

    moments = moments_of([*closing, span("agent_session", 0, 1_000, own=1, below=0, events=leaving)])

    assert status == facts(moments).get("ended_status")


def test_a_customer_that_left_after_the_app_hung_up_did_not_end_the_call() -> None:
    leaving = (SpanEvent("participant_disconnected", T0 + 990 * MS, {"lk.disconnect_reason": "CLIENT_INITIATED"}),)
    close = span("session_close", 900, 950, lk__close_reason="user_initiated")

    moments = moments_of([close, span("agent_session", 0, 1_000, own=1, below=0, events=leaving)])

    assert "ended_status" not in facts(moments)


@pytest.mark.parametrize(
    ("name", "failed", "closed", "status"),
    [
        ("end_call", False, "user_initiated", "AGENT_ENDED_CALL"),
        ("end_call", False, "job_shutdown", "AGENT_ENDED_CALL"),
        ("end_call", False, None, "AGENT_ENDED_CALL"),
        ("end_call", False, "participant_disconnected", "CUSTOMER_ENDED_CALL"),
        ("end_call", False, "error", "AGENT_ERROR"),
        ("end_call", True, "user_initiated", None),
        ("end_caller", False, "user_initiated", None),
    ],
)
def test_the_agent_ends_the_call_with_livekits_own_tool(
    name: str, closed: str | None, status: str | None, *, failed: bool
) -> None:
    closing = [span("session_close", 900, 950, lk__close_reason=closed)] if closed else []
    tool = span("function_tool", 500, 510, lk__function_tool__name=name, lk__function_tool__is_error=failed)
    root = span("agent_session", 0, 1_000, own=1, below=0)

    assert facts(moments_of([tool, *closing, root])).get("ended_status") == status
    assert "ended_status" not in facts(moments_of([tool]))


def test_a_call_that_went_on_after_the_tool_did_not_end_with_it() -> None:
    tools_ = [
        span("function_tool", at, at + 10, lk__function_tool__name=name)
        for at, name in ((500, "end_call"), (700, "look"))
    ]
    close = span("session_close", 900, 950, lk__close_reason="user_initiated")

    assert "ended_status" not in facts(moments_of([*tools_, close, span("agent_session", 0, 1_000, own=1, below=0)]))


@pytest.mark.parametrize(
    ("category", "closed", "status"),
    [
        ("machine-vm", "user_initiated", "VOICE_MAIL_REACHED"),
        ("machine-vm", "participant_disconnected", "VOICE_MAIL_REACHED"),
        ("machine-vm", "task_completed", "VOICE_MAIL_REACHED"),
        ("machine-vm", "error", "AGENT_ERROR"),
        ("machine-ivr", "user_initiated", None),
        ("uncertain", "user_initiated", None),
        ("human", "task_completed", "AGENT_ENDED_CALL"),
    ],
)
def test_an_answering_machine_was_reached_where_the_framework_says_so(
    category: str, closed: str, status: str | None
) -> None:
    spans = [span("amd", 0, 500, lk__amd__category=category), span("session_close", 900, 950, lk__close_reason=closed)]

    assert facts(moments_of(spans)).get("ended_status") == status


def test_the_last_word_of_the_detection_counts() -> None:
    first, last = (span("amd", at, at + 10, lk__amd__category=one) for at, one in ((0, "machine-vm"), (50, "human")))

    assert "ended_status" not in facts(moments_of([last, first]))


def test_a_crashed_job_is_an_agents_error() -> None:
    moments = moments_of([span("job_shutdown", 0, 10, lk__shutdown__reason="job crashed")])

    assert facts(moments)["ended_status"] == "AGENT_ERROR"


def test_the_kind_of_participant_determines_the_interface() -> None:
    web = span("user_speaking", 0, 10, lk__participant_kind="PARTICIPANT_KIND_STANDARD")
    phone: dict[str, Any] = {
        "lk__participant_kind": "PARTICIPANT_KIND_SIP",
        "lk__participant_identity": "sip_+15551234567",
    }

    assert facts(moments_of([web]))["interface_type"] == "WEB"
    assert facts(moments_of([span("user_turn", 0, 5, **phone), web])) == {
        "interface_type": "PHONE",
        "customer": Customer(phone_number="+15551234567"),
        "property.framework": "livekit-agents",
    }


def test_a_call_without_a_rule_is_outbound() -> None:
    session = span("agent_session", 0, 10, own=1, below=0, lk__sip__callID="SCL_1", lk__sip__ruleID="")

    assert facts(moments_of([session]))["call_direction"] == "OUTBOUND"


def test_only_a_room_sid_is_a_room() -> None:
    def room(**attributes: Any) -> object:
        return facts(moments_of([span("agent_session", 0, 10, **attributes)])).get("livekit_room_id")

    assert room(gen_ai__conversation__id="mine", room_id="RM_1") == "RM_1"
    assert room(gen_ai__conversation__id="mine") is None
    assert room(lk__room_sid="RM_2", gen_ai__conversation__id="RM_3") == "RM_2"


def test_the_agent_of_the_call_has_the_name_of_the_worker() -> None:
    session = span("agent_session", 0, 3_000, own=1, below=0, lk__agent_name="support")
    turns = reply(0, 900, gen_ai__agent__name="default_agent")

    assert facts(moments_of(turns)).get("agent") == Agent(name="default_agent")
    assert facts(moments_of([session, *turns]))["agent"] == Agent(name="support")
