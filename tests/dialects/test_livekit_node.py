"""LiveKit Agents for Node.js: what its spans say otherwise than those for Python."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roark_otel._model.moments import Agent, Failed, Returned
from roark_otel.dialects.livekit import LIVEKIT
from roark_otel.dialects.livekit.histories import Histories
from support.dumps import below, conversations, records
from support.helpers import MS, T0
from support.livekit import moments_of, span
from support.paths import SPANS
from support.said import facts, said, tools, utterances

if TYPE_CHECKING:
    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import SpanView
    from roark_otel.types import Unreadable

DUMPS = sorted(path.name.removesuffix(".truth.json") for path in (SPANS / "livekit-js").glob("*.truth.json"))

NODE_METRICS = '{"type":"tts_metrics","ttfbMs":64,"durationMs":112}'
PYTHON_METRICS = '{"type":"tts_metrics","ttfb":0.064,"duration":0.112}'


# Recorded sessions


@pytest.mark.parametrize("dump", DUMPS)
def test_an_utterance_is_interrupted_where_the_framework_says_so(dump: str) -> None:
    spans = records(f"livekit-js/{dump}")
    for truth in conversations(f"livekit-js/{dump}"):
        moments = moments_of(below(spans, int(truth["rootSpanId"], 16), LIVEKIT.roots))
        cut = {one.text for one in utterances(moments) if one.payload.get("interrupted")}

        if dump != "realtime":  # where no span says it
            assert {one["text"] for one in truth["transcript"] if one["interrupted"]} == cut
            assert facts(moments).get("property.interruptions", 0) == len(cut)
        else:
            assert "property.interruptions" not in facts(moments)


@pytest.mark.parametrize("dump", [name for name in DUMPS if name not in {"two_sessions_one_trace", "restored_history"}])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_neither_the_order_of_spans_nor_duplicates_matter(dump: str, data: st.DataObject) -> None:
    spans = records(f"livekit-js/{dump}")
    expected = sorted(map(repr, moments_of(spans)))
    shuffled = data.draw(st.permutations(spans))
    repeated = data.draw(st.lists(st.sampled_from(spans), max_size=10))

    assert expected == sorted(map(repr, moments_of([*shuffled, *repeated])))


def test_after_a_handoff_everything_bears_the_name_of_its_agent() -> None:
    moments = moments_of(records("livekit-js/handoff"))
    speakers = [one.speaker for one in utterances(moments) if isinstance(one.speaker, Agent)]

    assert [Agent(name=name) for name in ("triage",) * 3 + ("billing",) * 3] == speakers
    assert [Agent(name="triage"), Agent(name="billing")] == [one.agent for one in tools(moments)]


def test_a_call_in_a_job_has_its_room_line_and_one_agent() -> None:
    """The app named its worker on the span of the job, and the agent has the name of its class on all others."""
    found = facts(moments_of(records("livekit-js/job_sip")))

    assert found["agent"] == Agent(name="order-desk")
    assert (found["livekit_room_id"], found["livekit_room_name"]) == ("RM_fake12345", "call-room")
    assert found["interface_type"] == "PHONE"


# What say() said


def message(
    key: str, role: str, words: str, start: int | None = None, end: int | None = None, **more: Any
) -> dict[str, Any]:
    """Makes a message of a history, spoken from when to when in ms."""
    item: dict[str, Any] = {"id": key, "type": "message", "role": role, "content": [words], "interrupted": False}
    if start is not None:
        item["metrics"] = {"started_speaking_at": (T0 + start * MS) / 1e9}
        if end is not None:
            item["metrics"]["stopped_speaking_at"] = (T0 + end * MS) / 1e9
    return item | more


SYSTEM = message("lk.agent_task.instructions", "system", "You are a helpful agent.")
GREETING = message("item_1", "assistant", "Hello.", 100, 900)
ASKED = message("item_2", "user", "Are you open?")
ANSWER = message("item_3", "assistant", "Yes. ", 2_000, 2_500)
ASIDE = message("item_4", "assistant", "Anything else?", 3_000, 3_600)
THANKED = message("item_5", "user", "Thanks.")


def history(*items: dict[str, Any], spaces: bool = False) -> str:
    """Writes a history as Node.js does: without spaces, which a mask of words adds."""
    return json.dumps({"items": items}, ensure_ascii=False, separators=None if spaces else (",", ":"))


def asked(at: int, turn: int, *items: dict[str, Any], **how: bool) -> SpanView:
    return span("llm_node", at, at + 50, below=turn, lk__pii__chat_ctx=history(*items, **how))


def turn(own: int, start: int, end: int, words: str | None, **more: Any) -> SpanView:
    heard: dict[str, Any] = {} if words is None else {"lk__pii__response__text": words}
    return span("agent_turn", start, end, own=own, gen_ai__agent__name="desk", lk__interrupted=False, **heard, **more)


SESSION = span("agent_session", 0, 9_000, own=1, below=0)


def conversation(*more: SpanView, spaces: bool = False) -> list[SpanView]:
    """Returns a greeting, an answer and an aside, and a second answer, each history longer than the one before."""
    done = {**ASKED, "metrics": {"started_speaking_at": (T0 + 1_000 * MS) / 1e9, "end_of_turn_delay": 0.3}}
    return [
        SESSION,
        span("agent_speaking", 100, 900, below=5),
        asked(1_800, 20, SYSTEM, GREETING, ASKED, spaces=spaces),
        span("agent_speaking", 2_000, 2_500, below=20),
        turn(20, 1_750, 2_501, "Yes. "),
        span("agent_speaking", 3_000, 3_599, below=1),
        asked(4_800, 21, SYSTEM, GREETING, done, ANSWER, ASIDE, THANKED, spaces=spaces),
        span("agent_speaking", 5_000, 5_500, below=21),
        turn(21, 4_750, 5_501, "You are welcome. "),
        *more,
    ]


SAID = [("AGENT", text) for text in ("Hello.", "Yes.", "Anything else?", "You are welcome.")]


@pytest.mark.parametrize("spaces", [False, True])
def test_what_say_said_is_taken_from_a_later_history(*, spaces: bool) -> None:
    """Once, with the times of its speech, however many histories repeat it, and whatever turns say too."""
    moments = moments_of(conversation(spaces=spaces))

    assert said(moments) == SAID
    times = [((one.start_ns - T0) // MS, ((one.end_ns or 0) - T0) // MS) for one in utterances(moments)]
    assert times == [(100, 900), (2_000, 2_500), (3_000, 3_600), (5_000, 5_500)]


def test_what_say_said_is_said_although_its_speech_is_elsewhere() -> None:
    """The app called it in a span of its own, which is no part of the conversation."""
    spans = [one for one in conversation() if one.start_ns not in {T0 + 100 * MS, T0 + 3_000 * MS}]

    assert said(moments_of(spans)) == SAID


def test_turns_whose_speech_is_unknown_are_not_said_again() -> None:
    spans = [one for one in conversation() if one.name != "agent_speaking"]

    assert sorted(said(moments_of(spans))) == sorted(SAID)


RESTORED = (
    message("old_1", "assistant", "Hello, yesterday.", -86_400_000, -86_399_000),
    message("old_2", "assistant", "Without times."),
    message("old_3", "assistant", "In seconds of another epoch.", None, None, metrics={"started_speaking_at": -5}),
    message("old_4", "user", "Somebody else's.", 2_100, 2_400),
)


def test_what_an_earlier_conversation_left_in_the_history_is_not_said_again() -> None:
    """The app gave the agent the history of another session."""
    later = asked(6_000, 22, SYSTEM, *RESTORED, GREETING, ASKED, ANSWER, ASIDE, THANKED)

    assert said(moments_of(conversation(later))) == SAID
    assert said(moments_of([asked(1_700, 20, SYSTEM, *RESTORED), *conversation()])) == SAID


def test_without_its_session_a_history_says_only_what_was_heard() -> None:
    """As where a span comes late, and is read without the others: what it repeats is in the call already."""
    late = asked(4_800, 21, SYSTEM, GREETING, ANSWER, ASIDE)

    assert said(moments_of([late])) == []
    assert said(moments_of([late, span("agent_speaking", 3_000, 3_600, below=1)])) == [("AGENT", "Anything else?")]


def test_an_open_session_says_what_it_said_so_far() -> None:
    spans = [SESSION._replace(end_ns=None, attributes={}), *conversation()[1:]]

    assert said(moments_of(spans)) == SAID


def test_an_open_session_says_what_it_said_elsewhere() -> None:
    spans = [one for one in conversation()[1:] if one.name != "agent_speaking"]
    later = SESSION._replace(end_ns=None, attributes={}, start_ns=T0 + 500 * MS)

    assert sorted(said(moments_of([later, *spans]))) == sorted(SAID[1:])


def test_a_turn_whose_words_a_history_writes_otherwise_is_said_once() -> None:
    """Histories are without markup."""
    plain = message("item_6", "assistant", "Right away.", 6_000, 6_500)
    spans = conversation(
        turn(22, 5_900, 6_501, "<expr>Right</expr> away."),
        span("agent_speaking", 6_000, 6_500, below=22),
        span("agent_speaking", 6_700, 6_800, below=22),
        asked(7_000, 23, SYSTEM, plain),
    )

    assert said(moments_of(spans))[4:] == [("AGENT", "<expr>Right</expr> away.")]


def test_an_interrupted_say_has_all_its_words() -> None:
    """The history does not know how far it came."""
    cut = message("item_6", "assistant", "I will be cut short.", 6_000, 6_500, interrupted=True)
    moments = moments_of(conversation(span("agent_speaking", 6_000, 6_500), asked(7_000, 22, SYSTEM, cut)))

    assert [one.text for one in utterances(moments) if one.payload.get("interrupted")] == ["I will be cut short."]
    assert facts(moments)["property.interruptions"] == 1


@pytest.mark.parametrize("own", ["Let me see. ", None])
def test_what_a_tool_says_is_no_part_of_its_turn(own: str | None) -> None:
    """`say()` in a tool speaks below the turn that asked for it, after what the turn itself said."""
    held = message("item_7", "assistant", "Please hold.", 6_600, 7_900)
    speeches = [span("agent_speaking", 6_000, 6_500, below=22)] if own else []
    moments = moments_of(
        conversation(
            turn(22, 5_900, 8_000, own),
            *speeches,
            span("agent_speaking", 6_600, 7_900, below=22),
            asked(8_100, 23, SYSTEM, GREETING, held),
        )
    )
    expected = [*([("Let me see.", 6_000, 6_500)] if own else []), ("Please hold.", 6_600, 7_900)]

    found = [(one.text, (one.start_ns - T0) // MS, ((one.end_ns or 0) - T0) // MS) for one in utterances(moments)]
    assert found[4:] == expected


def test_the_same_words_twice_are_said_twice() -> None:
    again = message("item_8", "assistant", "Yes.", 6_000, 6_400)
    moments = moments_of(conversation(span("agent_speaking", 6_000, 6_400), asked(7_000, 22, SYSTEM, ANSWER, again)))

    assert said(moments)[1::3] == [("AGENT", "Yes."), ("AGENT", "Yes.")]


def test_speech_in_a_handed_over_history_counts_once() -> None:
    """Another agent is asked with a copy of the history, whose items may have other ids."""
    copied = [{**one, "id": f"copy_{one['id']}"} for one in (GREETING, ANSWER, ASIDE)]

    assert said(moments_of(conversation(asked(6_000, 22, SYSTEM, *copied)))) == SAID


@pytest.mark.parametrize(
    "metrics",
    [
        None,
        [],
        {},
        {"started_speaking_at": None},
        {"started_speaking_at": "soon"},
        {"started_speaking_at": 1e300},
        {"started_speaking_at": float("nan")},
        {"started_speaking_at": True},
        {"started_speaking_at": (T0 + 6_000 * MS) / 1e6},
    ],
)
def test_times_that_cannot_be_say_nothing(metrics: object) -> None:
    odd = {**message("item_9", "assistant", "Never."), "metrics": metrics}

    assert said(moments_of(conversation(asked(6_000, 22, SYSTEM, GREETING, odd)))) == SAID


@pytest.mark.parametrize("content", [None, "Never.", [], [{"type": "image_content"}], [" "], [7]])
def test_a_message_without_words_says_nothing(content: object) -> None:
    odd = {**message("item_9", "assistant", "", 6_000, 6_500), "content": content}

    assert said(moments_of(conversation(span("agent_speaking", 6_000, 6_500), asked(7_000, 22, odd)))) == SAID


def test_an_end_that_is_missing_is_that_of_the_speech() -> None:
    open_end = message("item_9", "assistant", "Still speaking.", 6_000)
    moments = moments_of(conversation(span("agent_speaking", 6_000, 6_500), asked(7_000, 22, open_end)))

    assert utterances(moments)[-1].end_ns == T0 + 6_500 * MS


# Histories are read once


def test_a_history_is_read_where_it_goes_on() -> None:
    """Each item is news once; the last one, which gets its times in the next history, changes nothing before it."""
    histories = Histories(lambda _: None)
    items: list[dict[str, Any]] = [SYSTEM]
    news: list[list[object]] = []
    for number in range(200):
        spoken = message(f"said_{number}", "assistant", f"Words {number}.", number * 10, number * 10 + 5)
        items += [spoken, message(f"asked_{number}", "user", f"Question {number}?")]
        news.append([one["id"] for one in histories.news(asked(number, 20, *items))])
        items[-1] = message(f"asked_{number}", "user", f"Question {number}?", number * 10 + 6, number * 10 + 8)

    assert news == [[f"said_{number}"] for number in range(200)]


def test_what_is_known_of_a_history_is_not_looked_at_again() -> None:
    """The work for a history is that for what is new in it: what it repeats may be any text."""
    items: list[dict[str, Any]] = [SYSTEM, GREETING, ASKED]
    first = history(*items)
    histories = Histories(lambda _: None)
    assert len(histories.news(asked(0, 20, *items))) == 1
    known, _ = histories._growth.known(first) or (0, None)

    assert known == first.index('{"id":"item_2"')


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_history_that_was_cut_is_read_as_far_as_it_goes(cut: int) -> None:
    warned: list[Unreadable] = []
    whole = history(SYSTEM, GREETING, ANSWER, ASIDE)
    one = span("llm_node", 6_000, 6_050, below=22, lk__pii__chat_ctx=whole[:-cut])

    assert said(moments_of([*conversation()[:6], one], warned))[:2] == SAID[:2]
    assert {what.why for what in warned} <= {"not JSON"}


# Delays and results


def customer(
    transcription: object, end_of_turn: object, *more: SpanView, confidence: float = 0.9
) -> tuple[object, int | None, object]:
    """Returns the delay, the end in ms and the confidence of what the customer said from 1,000 to 2,000."""
    named: dict[str, Any] = {
        "lk__transcription_delay": transcription,
        "lk__end_of_turn_delay": end_of_turn,
        "lk__transcript_confidence": confidence,
    }
    spoken = span("user_turn", 1_000, 2_300, own=10, lk__pii__user_transcript="Hello?", **named)
    moments = moments_of([spoken, span("user_speaking", 1_000, 2_000, below=10), *more])
    (one,) = [each for each in utterances(moments) if each.text == "Hello?"]
    return one.payload.get("stt_ttfb_ms"), ((one.end_ns or 0) - T0) // MS, one.payload.get("confidence")


def request(metrics: str) -> SpanView:
    return span("tts_request", 2_400, 2_500, lk__tts_metrics=metrics)


NODE_TOOL = span("function_tool", 2_400, 2_500, lk__function_tool__name="look", gen_ai__tool__call__id="c")
NODE_TURN = span("agent_turn", 2_400, 2_500, gen_ai__agent__name="desk")
PYTHON_TURN = span("agent_turn", 2_400, 2_500, gen_ai__agent__name="desk", lk__generation_id="g")
PYTHON_TOOL = span(
    "function_tool", 2_400, 2_500, lk__function_tool__name="look", lk__function_tool__id="c", gen_ai__tool__call__id="c"
)


@pytest.mark.parametrize("telling", [request(NODE_METRICS), NODE_TOOL, NODE_TURN], ids=["metrics", "tool", "turn"])
@pytest.mark.parametrize(("delay", "ms"), [(150, 150), (150.4, 150), (7, 7), (59, 59), (61_000, 61_000), (0, 0)])
def test_delays_of_node_are_in_milliseconds(telling: SpanView, delay: float, ms: int) -> None:
    assert customer(delay, 316, telling) == (ms, 1_984, 0.9)


@pytest.mark.parametrize(
    "telling", [request(PYTHON_METRICS), PYTHON_TOOL, PYTHON_TURN], ids=["metrics", "tool", "turn"]
)
@pytest.mark.parametrize(("delay", "ms"), [(0.15, 150), (1, 1_000), (75.5, 75_500), (0, 0)])
def test_delays_of_python_are_in_seconds(telling: SpanView, delay: float, ms: int) -> None:
    assert customer(delay, 0.316, telling) == (ms, 1_984, 0.9)


def test_metrics_count_for_more_than_names() -> None:
    """Their keys have the unit."""
    assert customer(150, 316, PYTHON_TOOL, request(NODE_METRICS))[0] == 150
    assert customer(1.5, 0.316, NODE_TOOL, request(PYTHON_METRICS))[0] == 1_500


def test_where_nothing_else_is_known_whole_delays_are_in_milliseconds() -> None:
    """Nothing but the customer's turns: an agent that only listens."""
    assert customer(150, 316) == (150, 1_984, 0.9)
    assert customer(0.15, 0.316) == (150, 1_984, 0.9)


def test_a_late_end_of_speech_does_not_shorten_what_was_said() -> None:
    """A delay of a few ms, read as seconds, would."""
    assert customer(3, 1, NODE_TURN) == (3, 2_000, 0.9)


def test_a_turn_that_the_end_of_the_call_committed_was_not_measured() -> None:
    assert customer(0, 0, NODE_TURN, confidence=0) == (None, 2_000, None)
    assert customer(0, 300, NODE_TURN, confidence=0.9) == (0, 2_000, 0.9)


def test_requests_say_how_fast_services_were_where_nodes_do_not() -> None:
    asked_ = span("llm_request", 100, 200, lk__llm_metrics='{"type":"llm_metrics","ttftMs":56,"durationMs":64}')
    failed = span("llm_request", 300, 400, lk__llm_metrics='{"type":"llm_metrics","ttftMs":-1,"durationMs":11}')
    spaced = span("tts_request", 500, 600, lk__tts_metrics='{"label": "ttfb", "ttfbMs": 86}')
    found = facts(moments_of([asked_, failed, spaced]))

    assert (found["property.llm_ttfb_ms"], found["property.tts_ttfb_ms"]) == (56, 86)


def used(output: object, *, is_node: bool, is_error: bool = False) -> object:
    ids: dict[str, Any] = {"gen_ai__tool__call__id": "call_1"} if is_node else {"lk__function_tool__id": "call_1"}
    ran = span(
        "function_tool",
        100,
        200,
        lk__function_tool__name="look",
        lk__pii__function_tool__arguments="{}",
        lk__pii__function_tool__output=output,
        lk__function_tool__is_error=is_error,
        **ids,
    )
    (use,) = tools(moments_of([ran]))
    assert use.call_id == "call_1"
    return use.outcome


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ('"shipped"', "shipped"),
        ('"say \\"hello\\""', 'say "hello"'),
        ('"\\"quoted\\""', '"quoted"'),
        ('"{\\"a\\":1}"', '{"a":1}'),
        ('""', ""),
        ('"line\\nbreak \\u00fc \\ud83d\\ude00"', "line\nbreak ü 😀"),
        ('{"a":1}', {"a": 1}),
        ('[1,"b"]', [1, "b"]),
        ("1430", "1430"),
        ("null", "null"),
        ("", ""),
        ('"cut in the mid', '"cut in the mid'),
        ('"one" and "two"', '"one" and "two"'),
        ('"' + "x" * 300_000 + '"', None),
    ],
)
def test_a_result_of_node_is_json(output: str, value: object) -> None:
    found = used(output, is_node=True)

    assert isinstance(found, Returned)
    assert value is None or found.value == value


def test_a_result_of_python_is_what_it_looks_like() -> None:
    assert used('"shipped"', is_node=False) == Returned('"shipped"')


def test_an_error_is_its_message() -> None:
    assert used('"card" declined', is_node=True, is_error=True) == Failed('"card" declined')
    assert used('"declined"', is_node=True, is_error=True) == Failed('"declined"')


# Who, and where


@pytest.mark.parametrize(
    ("kind", "interface"),
    [("SIP", "PHONE"), ("PARTICIPANT_KIND_SIP", "PHONE"), ("STANDARD", "WEB"), ("AGENT", None), ("", None), (7, None)],
)
def test_the_kind_of_participant_may_have_no_prefix(kind: object, interface: str | None) -> None:
    identity: dict[str, Any] = {"lk__participant_kind": kind, "lk__pii__participant_identity": "sip_+15550100001"}

    assert facts(moments_of([span("user_speaking", 0, 100, **identity)])).get("interface_type") == interface


def job(end: int = 90, name: str = "order-desk") -> SpanView:
    return span("job_entrypoint", 0, end, own=9, below=0, lk__agent_name=name)


@pytest.mark.parametrize("end", [90, 20_000], ids=["ends first", "ends last"])
def test_the_worker_names_the_only_agent(end: int) -> None:
    moments = moments_of([job(end), *conversation()])

    assert facts(moments)["agent"] == Agent(name="order-desk")
    assert {one.speaker for one in utterances(moments)} == {Agent()}


def test_of_several_agents_none_is_the_workers() -> None:
    moments = moments_of([job(), *conversation(turn(22, 6_000, 6_500, "Billing.")._replace(attributes={
        "gen_ai.agent.name": "billing", "lk.pii.response.text": "Billing.", "lk.interrupted": False
    }))])  # fmt: skip

    assert "agent" not in facts(moments)


def test_a_job_without_a_session_names_nobody() -> None:
    """As where its span comes late, and is read without the others."""
    assert "agent" not in facts(moments_of([job()]))


def test_what_is_typed_in_a_call_of_a_realtime_model_was_not_spoken() -> None:
    """There the customer's speech is in no turn, but below the session."""
    typed: list[Moment] = moments_of(
        [
            SESSION,
            span("user_speaking", 1_000, 2_000, below=1),
            span("user_speaking", 7_000, 8_000, below=1),
            turn(20, 5_000, 6_000, "I see.", lk__pii__user_input="typed"),
            span("agent_speaking", 5_100, 5_900, below=20),
        ]
    )

    assert [(one.text, (one.start_ns - T0) // MS) for one in utterances(typed)] == [("typed", 5_000), ("I see.", 5_100)]


def test_the_framework_is_named_as_its_package_is() -> None:
    assert facts(moments_of([request(NODE_METRICS)]))["property.framework"] == "@livekit/agents"
    assert facts(moments_of([request(PYTHON_METRICS)]))["property.framework"] == "livekit-agents"
