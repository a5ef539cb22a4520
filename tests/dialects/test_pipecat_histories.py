"""What only Pipecat's histories show: words that no speech service wrote down, marks, tools; and what they repeat."""

from __future__ import annotations

import json
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._model.moments import Returned, Unanswered
from support.pipecat_shapes import SHAPES, WITH_TOOLS, gemini, openai
from support.pipecat_spans import assistant, heard, llm, moments_of, span, tts, turn, user
from support.said import MS, T0, said, tools, utterances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._model.rows import SpanView

Message = dict[str, Any]


def exchange(number: int, history: list[Message], answer: str, *, own: int, spoken: str = "") -> list[SpanView]:
    """Makes a turn of five seconds: the customer's words as far as a speech service has them, and the answer."""
    at = number * 5_000
    found = [
        turn(at, at + 5_000, own=own, turn__user_bot_latency_seconds=0.5),
        llm(at + 1_400, at + 1_500, history=history, output=answer, below=own),
        tts(answer, at + 1_450, below=own),
    ]
    return [*found, heard(spoken, at, at + 1_000, below=own)] if spoken else found


def conversation(
    turns: Iterable[tuple[str, str]], shape: Any = openai, *, written: Iterable[int] = ()
) -> list[SpanView]:
    """Makes a call of what was said and answered; a speech service wrote down these of the customer's words."""
    history: list[Message] = [{"role": "system", "content": "You are Ada."}]
    spans: list[SpanView] = []
    for number, (asked, answer) in enumerate(turns):
        history.append(user(asked))
        spoken = asked if number in written else ""
        spans += exchange(number, shape([*history]), answer, own=number + 2, spoken=spoken)
        history.append(assistant(answer))
    return spans


def lines(turns: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [entry for asked, answer in turns for entry in (("CUSTOMER", asked), ("AGENT", answer))]


PIZZA = [("hello there", "Hi."), ("a pizza please", "Which one?"), ("Margherita", "It comes."), ("goodbye", "Bye.")]


# Words that no speech service wrote down


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("written", [(), (0,), (1, 2), (0, 1, 3), (0, 1, 2, 3)])
def test_what_a_transport_transcribed_is_said_where_no_speech_service_wrote_it_down(shape: Any, written: Any) -> None:
    assert said(moments_of(conversation(PIZZA, shape, written=written))) == lines(PIZZA)


def test_the_order_of_spans_does_not_matter_to_what_histories_tell() -> None:
    spans = [one for one in conversation(PIZZA) if one.name == "llm"]
    others = [one for one in conversation(PIZZA) if one.name != "llm"]

    assert {tuple(said(moments_of([*some, *others]))) for some in permutations(spans)} == {tuple(lines(PIZZA))}


def test_a_turn_shows_when_words_were_said_that_only_a_history_holds() -> None:
    """From the start of the turn, which the customer began, until so long before the answer as its latency says."""
    customer = [
        one for one in utterances(moments_of(conversation(PIZZA))) if one.text in {"a pizza please", "hello there"}
    ]

    assert [((one.start_ns - T0) // MS, ((one.end_ns or 0) - T0) // MS) for one in customer] == [
        (266, 1_000),
        (5_000, 6_000),
    ]


def test_what_no_turn_says_was_spoken_was_entered_when_the_model_was_asked() -> None:
    spans = conversation(PIZZA[:1], written=[0])
    history = [user("hello there"), assistant("Hi."), user("12 Lake Road")]
    spans += [llm(3_000, 3_100, history=history, output="Thanks."), tts("Thanks.", 3_050)]
    moments = moments_of(spans)

    assert said(moments) == [*lines(PIZZA[:1]), ("CUSTOMER", "12 Lake Road"), ("AGENT", "Thanks.")]
    assert [(one.start_ns, one.end_ns) for one in utterances(moments)][2] == (T0 + 3_000 * MS, T0 + 3_000 * MS)
    assert "response_latency_ms" not in utterances(moments)[3].payload


@pytest.mark.parametrize("text", ["DTMF: 12#", "DTMF: 1", "hello DTMF: 12#", "DTMF: 4 hello"])
def test_keys_are_entered_whatever_else_was_said(text: str) -> None:
    """Also as the first thing in a call, and together with words."""
    keys = text.replace("hello", "").strip()
    spoken = [heard("hello", 0, 600)] if "hello" in text else []
    moments = moments_of(
        [turn(0, 5_000), *spoken, llm(1_400, 1_500, history=[user(text)], output="Yes."), tts("Yes.", 1_450)]
    )

    assert said(moments) == [*([("CUSTOMER", "hello")] if spoken else []), ("CUSTOMER", keys), ("AGENT", "Yes.")]


def test_what_is_entered_twice_was_entered_twice() -> None:
    turns = [("hello", "Hi."), ("yes", "Sure?"), ("yes", "Really?"), ("yes", "Done.")]

    assert said(moments_of(conversation(turns, written=[0]))) == lines(turns)
    assert said(moments_of(conversation(turns))) == lines(turns)


@pytest.mark.parametrize(
    "changed",
    [
        "Context: they are new here. The customer says: Hello, there!",
        "HELLO THERE",
        "hello  there.",
        "Bonjour",
    ],
)
def test_words_that_an_app_changes_for_its_model_are_said_once(changed: str) -> None:
    spans = [*exchange(0, [user(changed)], "Hi.", own=2, spoken="hello there")]
    spans += exchange(1, [user(changed), assistant("Hi."), user("goodbye")], "Bye.", own=3, spoken="goodbye")

    assert said(moments_of(spans)) == lines([("hello there", "Hi."), ("goodbye", "Bye.")])


@pytest.mark.parametrize("changed", ["Context: new here. They say: {}", "{} (said calmly)", "Translated"])
def test_words_that_an_app_changes_in_every_turn_are_said_once(changed: str) -> None:
    turns = [(f"this is number {number}", f"It is {number}.") for number in range(40)]
    spans = conversation([(changed.format(asked), answer) for asked, answer in turns])
    spans += [heard(asked, at * 5_000, at * 5_000 + 1_000, below=at + 2) for at, (asked, _) in enumerate(turns)]

    assert said(moments_of(spans)) == lines(turns)


def test_words_that_are_never_shown_to_the_model_do_not_hide_those_that_are() -> None:
    turns = [(f"this is number {number}", f"It is {number}.") for number in range(40)]
    spans = conversation(turns, written=range(40))
    spans += [heard("mhm", at * 5_000 + 3_000, at * 5_000 + 3_200, below=at + 2) for at in range(40)]

    assert [text for _, text in said(moments_of(spans)) if text != "mhm"] == [text for pair in turns for text in pair]


def test_an_entry_is_not_taken_for_the_same_words_spoken_later() -> None:
    spans = [*conversation([("hello", "Hi."), ("bye", "Bye."), ("bye", "Yes, bye.")], written=[0, 2])]

    assert said(moments_of(spans)) == lines([("hello", "Hi."), ("bye", "Bye."), ("bye", "Yes, bye.")])
    assert [one.start_ns // MS - T0 // MS for one in utterances(moments_of(spans))][4] == 10_000


def test_words_that_the_model_never_got_do_not_keep_the_others_back() -> None:
    """As where the agent may not be interrupted by them."""
    spans = conversation(PIZZA[:2], written=[0])
    spans.append(heard("mhm", 2_500, 2_700))

    assert said(moments_of(spans)) == [*lines(PIZZA[:1]), ("CUSTOMER", "mhm"), *lines(PIZZA[1:2])]


def test_a_turn_is_cut_where_the_model_was_asked_before_the_customer_went_on() -> None:
    history = [user("I would like"), assistant("○"), user("to order a pizza")]
    moments = moments_of(
        [
            turn(0, 9_000),
            heard("I would like to order a pizza", 0, 3_000),
            llm(1_400, 1_500, history=history[:1]),
            llm(3_400, 3_500, history=history, output=" Which one?"),
            tts("Which one?", 3_450),
        ]
    )

    customer = [one for one in utterances(moments) if one.text != "Which one?"]
    assert [one.text for one in customer] == ["I would like", "to order a pizza"]
    assert [(one.start_ns - T0) // MS for one in customer] == [0, 1_241]
    assert [((one.end_ns or 0) - T0) // MS for one in customer] == [1_241, 3_000]


def test_words_with_which_a_model_was_asked_too_early_are_said_once() -> None:
    """The next history has all of them in the place of the beginning."""
    first, whole = (
        [user("hello"), assistant("Hi."), user("I would")],
        [user("hello"), assistant("Hi."), user("I would like tea")],
    )
    spans = [*exchange(0, first[:1], "Hi.", own=2)]
    spans += [turn(5_000, 9_000, own=3, turn__user_bot_latency_seconds=0.5), llm(6_000, 6_050, history=first, below=3)]
    spans += [llm(6_400, 6_500, history=whole, output="Tea.", below=3), tts("Tea.", 6_450, below=3)]

    assert said(moments_of(spans)) == lines([("hello", "Hi."), ("I would like tea", "Tea.")])


# What stands in a history and was not said


GREETED = [("AGENT", "Hello."), ("CUSTOMER", "hi"), ("AGENT", "Yes?")]


def greeted(*before: Message) -> list[tuple[str, str]]:
    """Makes a call whose first history an app has filled, and in which the agent speaks first."""
    spans = [turn(0, 3_000), llm(100, 200, history=[*before], output="Hello."), tts("Hello.", 150)]
    history = [*before, assistant("Hello."), user("hi")]
    spans += [turn(3_000, 9_000, own=3, turn__user_bot_latency_seconds=0.5), heard("hi", 3_000, 3_500, below=3)]
    spans += [llm(3_900, 4_000, history=history, output="Yes?", below=3), tts("Yes?", 3_950, below=3)]
    return said(moments_of(spans))


EARLIER: list[Message] = [
    user("I called about shoes"),
    {"role": "assistant", "tool_calls": [{"id": "old", "function": {"name": "find", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "old", "content": '"found"'},
    assistant("They are red."),
]


@pytest.mark.parametrize(
    "before",
    [
        [user("Greet the caller.")],
        [{"role": "developer", "content": "Greet the caller."}],
        EARLIER,
        [*EARLIER, user("and the last words of that call")],
        [user("Conversation summary: they like shoes.")],
    ],
)
def test_what_an_app_fills_a_history_with_was_not_said(before: list[Message]) -> None:
    assert greeted(*before) == GREETED


@pytest.mark.parametrize("shape", WITH_TOOLS)
def test_an_earlier_call_does_not_come_again(shape: Any) -> None:
    """Neither its words nor its tools, whoever speaks first."""
    new = [user("hello there"), assistant("Hi."), user("and blue ones?")]
    spans = [
        *exchange(0, shape([*EARLIER, *new[:1]]), "Hi.", own=2),
        *exchange(1, shape([*EARLIER, *new]), "No.", own=3),
    ]
    moments = moments_of(spans)

    assert said(moments) == lines([("hello there", "Hi."), ("and blue ones?", "No.")])
    assert tools(moments) == []


def test_an_earlier_call_does_not_come_again_after_its_last_words() -> None:
    before = [*EARLIER, user("the last words of that call")]

    assert said(moments_of(exchange(0, [*before, user("hello there")], "Hi.", own=2))) == lines(
        [("hello there", "Hi.")]
    )


SUMMARY = "So far they chose a pizza."


@pytest.mark.parametrize("text", ["Conversation summary: they chose.", SUMMARY])
@pytest.mark.parametrize("kept", [2, 3, 4])
@pytest.mark.parametrize("written", [(), (0, 1, 2, 3)])
def test_a_summary_of_what_was_said_is_not_said(text: str, kept: int, written: tuple[int, ...]) -> None:
    history: list[Message] = []
    spans: list[SpanView] = []
    for number, (asked, answer) in enumerate(PIZZA):
        history.append(user(asked))
        if number == 2:
            history = [user(text), *history[-kept:]]
        spans += exchange(number, [*history], answer, own=number + 2, spoken=asked if number in written else "")
        history.append(assistant(answer))

    assert said(moments_of(spans)) == lines(PIZZA)


@pytest.mark.parametrize("written", [(), (0, 1, 2, 3)])
def test_what_was_said_before_a_history_is_cleared_is_not_said_again(written: tuple[int, ...]) -> None:
    spans: list[SpanView] = []
    for number, (asked, answer) in enumerate(PIZZA):
        first: list[Message] = [{"role": "developer", "content": "Go on."}, user(asked)]
        spans += exchange(number, first, answer, own=number + 2, spoken=asked if number in written else "")
        spans.append(llm(number * 5_000 + 2_000, number * 5_000 + 2_100, history=[user(asked)], below=number + 2))

    assert said(moments_of(spans)) == lines(PIZZA)


@pytest.mark.parametrize("shape", WITH_TOOLS)
def test_instructions_for_the_next_step_are_not_said(shape: Any) -> None:
    """Most providers know only the customer's role, so that is what such messages have."""
    call = {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "keep", "arguments": "{}"}}]}
    asked = [user("my name is Ada")]
    onward = [*asked, call, {"role": "tool", "tool_call_id": "c1", "content": '"kept"'}, user("Ask for the order.")]
    spans = [turn(0, 9_000, turn__user_bot_latency_seconds=2.0), heard("my name is Ada", 0, 1_000)]
    spans += [
        llm(1_400, 1_500, history=shape(asked)),
        llm(2_900, 3_000, history=shape(onward), output="What?"),
        tts("What?", 2_950),
    ]
    reset = [*spans[:3], llm(2_900, 3_000, history=shape(onward[-1:]), output="What?"), tts("What?", 2_950)]

    assert said(moments_of(spans)) == lines([("my name is Ada", "What?")])
    assert said(moments_of(reset)) == lines([("my name is Ada", "What?")])


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_model_hears_of_a_customer_who_is_silent_is_not_said(shape: Any) -> None:
    history = [user("hello there"), assistant("Hi."), user("The user has been quiet. Ask if they are still there.")]
    spans = conversation(PIZZA[:1], shape, written=[0])
    spans += [llm(4_000, 4_100, history=shape(history), output="Are you there?"), tts("Are you there?", 4_050)]

    assert said(moments_of(spans)) == [*lines(PIZZA[:1]), ("AGENT", "Are you there?")]


@pytest.mark.parametrize("written", [(), (0, 1, 2, 3)])
def test_what_a_second_model_is_asked_was_not_said(written: tuple[int, ...]) -> None:
    spans = conversation(PIZZA, written=written)
    for number, (asked, _) in enumerate(PIZZA):
        at = number * 5_000 + 1_401
        question = [{"role": "system", "content": "Judge."}, user(f"Is this polite? {asked}")]
        spans.append(llm(at, at + 40, history=question, output="POLITE", below=number + 2))

    assert said(moments_of(spans)) == lines(PIZZA)


# Marks


@pytest.mark.parametrize("mark", ["● ", "●", "✓ ", "●● ", "● ● ", " ●  ", "○ "])
@pytest.mark.parametrize("written", [(), (0, 1, 2, 3)])
def test_marks_are_not_said(mark: str, written: tuple[int, ...]) -> None:
    """Wherever they stand: in histories, in what a model wrote, or in what went to the speech service."""
    spans = conversation(PIZZA, written=written)
    names = {"llm": ("output", "input"), "tts": ("text",)}
    for places in ({"input"}, {"input", "output"}, {"input", "output", "text"}):
        marked = [
            one._replace(
                attributes={
                    key: with_marks(str(value), mark) if key in places and key in names.get(one.name, ()) else value
                    for key, value in one.attributes.items()
                }
            )
            for one in spans
        ]
        assert said(moments_of(marked)) == lines(PIZZA)


def with_marks(value: str, mark: str) -> str:
    if not value.startswith("["):
        return mark + value
    messages = json.loads(value)
    return json.dumps(
        [{**one, "content": mark + one["content"]} if one["role"] == "assistant" else one for one in messages]
    )


def test_what_was_heard_of_an_answer_is_found_behind_its_mark() -> None:
    story = "Once upon a time. There was a story."
    spans = [
        *exchange(0, [user("tell me a story")], story, own=2, spoken="tell me a story"),
        *exchange(
            1,
            [user("tell me a story"), assistant("● Once upon a time. ● There"), user("stop")],
            "Yes.",
            own=3,
            spoken="stop",
        ),
    ]

    assert said(moments_of(spans)) == lines([("tell me a story", "Once upon a time. There"), ("stop", "Yes.")])


def test_a_mark_between_two_answers_of_one_text_is_not_said() -> None:
    spans = [*exchange(0, [user("hi")], "● Hello. ● How are you?", own=2, spoken="hi")]

    assert said(moments_of(spans)) == lines([("hi", "Hello. How are you?")])


@pytest.mark.parametrize("text", ["Press the ● key.", "It is ✓ done", "From ○ to ●.", "Choose. One of ◐ and ○."])
@pytest.mark.parametrize("mark", ["", "● "])
def test_a_mark_that_is_a_word_is_said(text: str, mark: str) -> None:
    spans = [*exchange(0, [user("what is ●?")], mark + text, own=2)]
    spans += exchange(1, [user("what is ●?"), assistant(mark + text), user("● bye")], mark + "Bye.", own=3)

    assert said(moments_of(spans)) == lines([("what is ●?", text), ("● bye", "Bye.")])


def test_where_no_model_marks_its_answers_none_is_taken_for_a_mark() -> None:
    assert said(moments_of(exchange(0, [user("hi")], "Choose. ○ is no.", own=2))) == lines([("hi", "Choose. ○ is no.")])


@pytest.mark.parametrize("mark", ["○", "◐", " ○ "])
def test_a_model_that_writes_only_a_mark_says_nothing(mark: str) -> None:
    spans = [turn(0, 9_000), heard("well", 0, 600), llm(1_000, 1_100, history=[user("well")], output=mark)]

    assert said(moments_of(spans)) == [("CUSTOMER", "well")]
    assert said(moments_of([*spans, tts(mark, 1_050)])) == [("CUSTOMER", "well")]


# Tools


def call(name: str, call_id: str | None, result: object = "sent", **arguments: object) -> list[Message]:
    known = {"id": call_id} if call_id else {}
    answer = {"tool_call_id": call_id} if call_id else {}
    function = {"name": name, "arguments": json.dumps(arguments)}
    content = str(result) if result == "IN_PROGRESS" else json.dumps(result)
    return [
        {"role": "assistant", "tool_calls": [{**known, "type": "function", "function": function}]},
        {"role": "tool", "content": content, **answer},
    ]


def asked_with(*histories: list[Message], shape: Any = openai) -> list[SpanView]:
    """Makes a first call of a model, and one with each history, every second."""
    first = llm(0, 100, history=shape([user("go")]))
    return [first, *(llm(at * 1_000, at * 1_000 + 100, history=shape(one)) for at, one in enumerate(histories, 1))]


def used(spans: Iterable[SpanView]) -> Iterator[tuple[str, object, object, int]]:
    for one in tools(moments_of(spans)):
        outcome = one.outcome.value if isinstance(one.outcome, Returned) else one.outcome
        yield one.name, dict(one.parameters), outcome, (one.start_ns - T0) // MS


GO = [user("go")]


@pytest.mark.parametrize("shape", WITH_TOOLS)
@pytest.mark.parametrize("ids", [("call_0", "call_0", "call_0"), (None, None, None), ("a", None, "a")])
def test_a_tool_is_used_as_often_as_it_was_called_whatever_its_id(shape: Any, ids: tuple[str | None, ...]) -> None:
    """Some servers give every call the same id, or none; and the same arguments may come again."""
    first = [*GO, *call("look", ids[0], 1, x=1)]
    second = [*first, assistant("One."), user("again"), *call("look", ids[1], 2, x=1)]
    third = [*second, assistant("Two."), user("the other"), *call("find", ids[2], 3, y=2)]

    assert list(used(asked_with(first, second, third, shape=shape))) == [
        ("look", {"x": 1}, 1, 100),
        ("look", {"x": 1}, 2, 1_100),
        ("find", {"y": 2}, 3, 2_100),
    ]


@pytest.mark.parametrize("shape", WITH_TOOLS)
@pytest.mark.parametrize("call_id", ["call_0", None])
def test_tools_that_are_called_at_once_keep_their_results(shape: Any, call_id: str | None) -> None:
    history = [
        *GO,
        *call("look", call_id, "one", x=1),
        *call("look", call_id, "two", x=2),
        *call("find", call_id, "three"),
    ]

    assert sorted(map(repr, used(asked_with(history, shape=shape)))) == [
        "('find', {}, 'three', 100)",
        "('look', {'x': 1}, 'one', 100)",
        "('look', {'x': 2}, 'two', 100)",
    ]


@pytest.mark.parametrize("call_id", ["call_0", None])
def test_a_result_that_takes_the_place_of_a_note_belongs_to_its_own_call(call_id: str | None) -> None:
    running = [*GO, *call("look", call_id, "one", x=1), *call("look", call_id, "IN_PROGRESS", x=2), user("and?")]
    done = [*GO, *call("look", call_id, "one", x=1), *call("look", call_id, "two", x=2), user("and?")]

    onward = [*done, *call("look", call_id, "IN_PROGRESS", x=3)]
    assert sorted(map(repr, used(asked_with(running, onward)))) == [
        "('look', {'x': 1}, 'one', 100)",
        "('look', {'x': 2}, 'two', 100)",
        f"('look', {{'x': 3}}, {Unanswered()}, 1100)",
    ]


@pytest.mark.parametrize("call_id", ["call_0", None, "c1"])
def test_a_tool_that_is_used_again_after_a_history_was_cleared_is_another_use(call_id: str | None) -> None:
    step: list[Message] = [{"role": "developer", "content": "The next step."}]
    histories = [[*GO, *call("menu", call_id, 1)], step, [*step, user("and?"), *call("menu", call_id, 2)]]

    assert list(used(asked_with(*histories))) == [("menu", {}, 1, 100), ("menu", {}, 2, 2_100)]


def test_a_tool_that_a_history_repeats_after_others_were_dropped_was_used_once() -> None:
    whole = [*GO, *call("look", "call_0", 1, x=1), assistant("One."), user("thanks")]
    spans = asked_with(whole[:3], whole, whole[1:], [user("So far: one."), *whole[1:], assistant("Bye.")])

    assert list(used(spans)) == [("look", {"x": 1}, 1, 100)]


def test_only_the_first_use_of_an_id_has_it() -> None:
    history = [*GO, *call("look", "call_0", 1), *call("look", "call_0", 2)]

    assert sorted(str(one.call_id) for one in tools(moments_of(asked_with(history)))) == ["None", "call_0"]


@pytest.mark.parametrize("call_id", ["c1", None])
def test_tools_of_gemini_live_that_are_called_again_are_further_uses(call_id: str | None) -> None:
    named: Any = {"tool__function_name": "look", **({"tool__call_id": call_id} if call_id else {})}
    spans = [
        span("llm_tool_call", 100, 100, **named, tool__arguments='{"x": 1}'),
        span("llm_tool_result", 200, 200, **named, tool__result='{"a": 1}'),
        span("llm_tool_call", 300, 300, **named, tool__arguments='{"x": 2}'),
        span("llm_tool_result", 400, 400, **named, tool__result='{"a": 2}'),
    ]
    expected = [("look", {"x": 1}, {"a": 1}, 100), ("look", {"x": 2}, {"a": 2}, 300)]

    assert list(used(spans)) == expected
    assert list(used([*reversed(spans), *spans])) == expected


def test_an_answer_of_gemini_s_without_a_known_name_belongs_to_the_call_before_it() -> None:
    history = gemini([*GO, *call("look", None, {"a": 1})])
    history[-1]["parts"][0]["function_response"]["name"] = "tool_call_result"

    assert [result for _, _, result, _ in used(asked_with(history))] == [{"a": 1}]


# Replies that nobody heard, without metrics


def ended(*more: SpanView, conversation_end: int) -> list[tuple[str, str]]:
    """Makes a call without metrics that ends at 4.2 s, after the customer has spoken again."""
    spans = [
        span("conversation", 0, conversation_end, own=1, below=0),
        turn(0, 3_000, turn__user_bot_latency_seconds=0.5),
        span("stt", 100, 850, transcript="hi"),
        llm(950, 1_000, history=[user("hi")], output="Hello."),
        tts("Hello.", 1_000, ttfb=None),
        turn(3_000, 4_200, own=3, interrupted=True),
        span("stt", 3_000, 3_750, transcript="bye", below=3),
    ]
    return said(moments_of([*spans, *more]))


BYE = [("CUSTOMER", "hi"), ("AGENT", "Hello."), ("CUSTOMER", "bye")]


@pytest.mark.parametrize(("end", "is_heard"), [(4_205, False), (6_210, False), (7_300, True)])
def test_without_metrics_the_end_of_a_call_shows_whether_its_last_reply_was_played(end: int, *, is_heard: bool) -> None:
    """Two seconds of silence end a call, unless it is cancelled; what comes before them was speech."""
    late = [llm(4_210, 4_290, below=1, output="See you."), tts("See you.", 4_290, ttfb=None, below=1)]
    slow = [llm(4_100, 4_290, below=3, output="See you."), tts("See you.", 4_290, ttfb=None, below=1)]
    early = [llm(4_100, 4_150, below=3, output="See you."), tts("See you.", 4_150, ttfb=None, below=3)]
    expected = [*BYE, ("AGENT", "See you.")] if is_heard else BYE

    assert [ended(*some, conversation_end=end) for some in (late, slow, early)] == [expected] * 3


def test_a_reply_before_which_the_customer_went_on_in_the_last_turn_was_not_played() -> None:
    early = [llm(3_800, 3_850, below=3, output="See you."), tts("See you.", 3_850, ttfb=None, below=3)]
    spans = [turn(3_000, 9_000, own=3, interrupted=True), span("stt", 4_000, 8_900, transcript="no wait", below=3)]

    assert ended(*early, *spans, conversation_end=11_000) == [*BYE, ("CUSTOMER", "no wait")]


def test_a_reply_that_the_history_passes_over_was_not_heard_though_another_was() -> None:
    history = [user("hi"), assistant("One moment."), user("hello?")]
    spans = [turn(0, 9_000), heard("hi", 0, 300), tts("One moment.", 500, ttfb=None)]
    spans += [llm(600, 900, history=history[:1], output="Hello there."), tts("Hello there.", 800, ttfb=None)]
    spans += [heard("hello?", 1_200, 1_500), llm(1_900, 2_000, history=history, output="Yes."), tts("Yes.", 1_950)]

    assert said(moments_of(spans)) == [
        ("CUSTOMER", "hi"),
        ("AGENT", "One moment."),
        ("CUSTOMER", "hello?"),
        ("AGENT", "Yes."),
    ]
