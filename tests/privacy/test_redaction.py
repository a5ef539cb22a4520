"""Patterns and the app's own hook redact calls."""

from __future__ import annotations

import json
import logging
import math
import re
import threading
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel import RoarkSpanProcessor
from roark_otel._linking.sampling import is_in_sample
from roark_otel._model.call import UnrecordedCall
from roark_otel._model.finished import Ended, FinishedConversation
from roark_otel._model.moments import Agent, Returned, ToolUse, Utterance
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import FAILED_TEXT, Redaction
from support.helpers import ID, App, agent_said, by_id, customer_said, wait_until, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.sandbox import Sandbox
    from roark_otel.types import Redactable

ALL = Patterns(["card", "phone", "email"])

CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111. 1111. 1111. 1111.",
    "4111, 1111, 1111, 1111",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "3782 822463 10005",
    "5555\u00a05555\u00a05555\u00a04444",
    "6011 0009 9013 9424",
    "\uff14\uff11\uff11\uff11 1111 1111 1111",
    "4222222222222",
]

PHONES = [
    "+15550100123",
    "+1 (555) 010-0123",
    "+49 171 2345678",
    "+49 (0)171 2345678",
    "+44 20 7946 0958",
    "0044 20 7946 0958",
    "(555) 010-0123",
    "555-010-0123",
    "555.010.0123",
    "1-555-010-0123",
    "555-0100",
    "5550100123",
    "15550100123",
    "0171 2345678",
    "030/1234567",
    "07700 900123",
    "01 71 23 45 67",
    "612 345 678",
    "98765 43210",
    "5 5 5 0 1 0 0 1 2 3",
    "(11) 91234-5678",
]

MAILS = ["john.doe@example.com", "a@b.example.co.uk", "first+tag@example.org", "o'neil_1%x@mail-1.example.com"]

INNOCENT = [
    "It is 2026-11-25, 10:30 o'clock.",
    "25.11.2026",
    "01.11.2026",
    "It costs 1.299,00 or 12,345,678.90.",
    "192.168.100.100",
    "0.123456789",
    "order 17, room 204, floor 3",
    "1795348364",
    "550e8400-e29b-41d4-a716-446655440000",
    "100, 200, 3000",
    "4111111111111112",
    "12345678901234567890123",
    "@ home, and at example.com",
    "",
]


@pytest.mark.parametrize("card", CARDS)
def test_a_card_is_found(card: str) -> None:
    assert Patterns(["card"]).text(f"My number is {card.rstrip('.')}, code 123.") == "My number is [card], code 123."


@pytest.mark.parametrize("phone", PHONES)
def test_a_phone_number_is_found(phone: str) -> None:
    assert Patterns(["phone"]).text(f"Call {phone}, please, 2 times.") == "Call [phone], please, 2 times."


@pytest.mark.parametrize("mail", MAILS)
def test_a_mail_address_is_found(mail: str) -> None:
    assert Patterns(["email"]).text(f"Write to {mail}, please.") == "Write to [email], please."


@pytest.mark.parametrize("text", INNOCENT)
def test_other_numbers_and_words_stay(text: str) -> None:
    assert ALL.text(text) == text


def test_several_in_one_text() -> None:
    assert (
        ALL.text("4111 1111 1111 1111 or 12 5555 5555 5555 4444, a@example.com; +1 555 010 0123.")
        == "[card] or [card], [email]; [phone]."
    )
    assert Patterns(["card"]).text("17 4111 1111 1111 1111 12/27") == "17 [card] 12/27"


def test_matches_that_overlap_are_replaced_together() -> None:
    """Two of them have a check digit, one by chance: no part of either is left."""
    assert Patterns(["card"]).text("12 5555 5555 5555 4444 x") == "[card] x"


def test_only_what_was_asked_for_is_replaced() -> None:
    text = "4111 1111 1111 1111, 555-010-0123, a@example.com"
    assert Patterns(["card"]).text(text) == "[card], 555-010-0123, a@example.com"
    assert Patterns(["phone"]).text(text) == "4111 1111 1111 1111, [phone], a@example.com"
    assert Patterns(["email"]).text(text) == "4111 1111 1111 1111, 555-010-0123, [email]"
    assert Patterns([re.compile(r"\d+")]).text(text).startswith("[redacted] [redacted]")
    assert (Patterns().text(text), bool(Patterns())) == (text, False)


def test_values_are_redacted_at_any_depth_and_keys_are_not() -> None:
    value = {
        "a@example.com": ["a@example.com", {"card": 4111111111111111, "ok": True, "none": None, "half": 0.5}],
        "number": 5550100123,
        "float": 4111111111111111.0,
        "tuple": ("555-010-0123",),
    }
    assert ALL.value(value) == {
        "a@example.com": ["[email]", {"card": "[card]", "ok": True, "none": None, "half": 0.5}],
        "number": "[phone]",
        "float": "[card]",
        "tuple": ["[phone]"],
    }


digits = st.text(st.sampled_from("0123456789"), min_size=12, max_size=18)


def with_check_digit(number: str) -> str:
    return next(one for last in range(10) if luhn(one := f"{number}{last}"))


def luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(map(int, reversed(number))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


@given(st.sampled_from("23456"), digits, st.sampled_from([" ", "-", "", "\u00a0"]), st.integers(1, 6))
def test_every_card_is_found_however_it_is_grouped(first: str, rest: str, separator: str, size: int) -> None:
    number = with_check_digit(first + rest[:17])
    written = separator.join(number[at : at + size] for at in range(0, len(number), size))
    assert Patterns(["card"]).text(f"It is {written}.") == "It is [card]."


@given(st.text())
def test_any_text_is_accepted(text: str) -> None:
    found = ALL.text(text)
    assert ALL.text(found) == found


# In a call


def say_everywhere(app: App, secret: str, external_id: str = "call-1") -> None:
    """Holds a conversation that has a secret in every place that holds words."""
    with app.tracer.start_as_current_span("call", attributes={ID: external_id}) as root:
        customer_said(root, f"It is {secret}.", payload=json.dumps({"heard": [secret]}))
        agent_said(root, f"So {secret}?")
        arguments = json.dumps({"said": secret, "deep": [{"said": secret}]})
        root.add_event("roark.tool_invocation", {"name": "save", "parameters": arguments, "result": arguments})
        root.add_event("roark.tool_invocation", {"name": "text", "result": secret, "description": secret})
        root.add_event("roark.tool_invocation", {"name": "fail", "error": f"no {secret}"})
        root.set_attributes(
            {"roark.agent.name": "Ada", "roark.agent.prompt": secret, "roark.agent.description": secret}
        )
        root.set_attribute("roark.property.note", f"said {secret}")


@pytest.mark.parametrize(
    ("kind", "secret"), [("card", "4111 1111 1111 1111"), ("phone", "+1 555 010 0123"), ("email", "a@example.com")]
)
def test_no_part_of_a_secret_leaves_the_process(
    sandbox: Sandbox,
    tmp_path: Any,
    said: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    secret: str,
) -> None:
    """Not in a request, in the spool or in a log; the other words are sent."""
    monkeypatch.setenv("ROARK_REDACT", kind)
    sent, kept = App(sandbox.url), App(sandbox.url, api_key="other", recording_url=None)
    for app in (sent, kept):
        say_everywhere(app, secret)
        assert app.processor.force_flush()
    (call,) = sandbox.calls()
    files = [path.read_text() for path in (tmp_path / "spool").rglob("*.json*")]
    assert any('"transcript"' in text for text in files)
    for text in (json.dumps(call), *files, said.text):
        assert secret not in text
    mark = f"[{kind}]"
    assert words(call) == [f"It is {mark}.", f"So {mark}?"]
    assert call["transcript"][0]["payload"] == {"heard": [mark]}
    uses = {use["name"]: use for use in call["toolInvocations"]}
    deep = {"said": mark, "deep": [{"said": mark}]}
    assert (uses["save"]["parameters"], uses["save"]["result"]) == (deep, deep)
    assert (uses["text"]["result"], uses["text"]["description"]) == (mark, mark)
    assert uses["fail"]["result"] == {"error": f"no {mark}"}
    assert call["agent"] == {"name": "Ada", "prompt": {"resolvedPrompt": mark}, "description": mark}
    assert call["properties"]["note"] == f"said {mark}"


def test_a_card_is_found_where_a_text_is_cut(sandbox: Sandbox) -> None:
    """Words are redacted before they are cut, so no half of a number is left."""
    app = App(sandbox.url, redact_patterns=["card"])
    app.conversation("call-1", "x" * 65_500 + " 4111 1111 1111 1111" * 3)
    assert app.processor.force_flush()
    assert "4111" not in words(sandbox.calls()[0])[0]


def test_patterns_of_the_apps_own(sandbox: Sandbox) -> None:
    app = App(sandbox.url, redact_patterns=["email", re.compile(r"\bpolicy \d+\b", re.IGNORECASE)])
    app.conversation("call-1", "Policy 17 of a@example.com.")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["[redacted] of [email]."]]


# The hook


def shout(original: Redactable) -> Redactable | None:
    """Changes an utterance, a tool use and a call, and drops some."""
    match original:
        case Utterance() if "drop" in original.text:
            return None
        case Utterance():
            return replace(original, text=original.text.upper(), start_ns=0)
        case ToolUse() if original.name == "drop":
            return None
        case ToolUse():
            return replace(original, parameters={"kept": 1}, outcome=Returned("changed"))
        case UnrecordedCall():
            if original.external_id == "private":
                return None
            return original.model_copy(update={"external_id": "other", "properties": {"tier": "gold"}})


def test_the_hook_has_the_last_word(sandbox: Sandbox) -> None:
    app = App(sandbox.url, redact=shout)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "keep this")
        customer_said(root, "drop this")
        for name in ("keep", "drop"):
            root.add_event("roark.tool_invocation", {"name": name, "parameters": '{"id": 1}', "result": "17"})
    app.conversation("private", "Hello?")
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (call["externalId"], words(call)) == ("call-1", ["KEEP THIS"])
    assert [(use["name"], use["parameters"], use["result"]) for use in call["toolInvocations"]] == [
        ("keep", {"kept": 1}, "changed")
    ]
    assert call["transcript"][0]["startOffsetMs"] < 60_000
    assert call["properties"] == {"tier": "gold"}
    assert (app.processor.stats().withheld, app.processor.stats().delivered) == (1, 1)


def test_the_hook_runs_after_the_patterns_on_a_thread_of_its_own(sandbox: Sandbox) -> None:
    seen: list[tuple[str, str]] = []

    def note(original: Redactable) -> Redactable:
        seen.append((threading.current_thread().name, getattr(original, "text", "")))
        return original

    app = App(sandbox.url, redact=note, redact_patterns=["email"])
    app.conversation("call-1", "a@example.com")
    assert app.processor.force_flush()
    assert seen == [("roark-otel-redact", "[email]"), ("roark-otel-redact", "")]


NO_TEXT: Any = 7
NO_PARAMETERS: Any = "x"


@pytest.mark.faults
@pytest.mark.parametrize(
    "answer",
    [
        lambda original: 1 / 0,  # noqa: ARG005
        lambda original: "text",  # noqa: ARG005
        lambda original: replace(original, text=NO_TEXT) if isinstance(original, Utterance) else 7,
        lambda original: replace(original, parameters=NO_PARAMETERS) if isinstance(original, ToolUse) else 7,
        lambda original: (
            original.model_copy(update={"transcript": "SECRET"}) if isinstance(original, UnrecordedCall) else 7
        ),
    ],
)
def test_a_hook_that_fails_costs_the_words_and_not_the_call(
    sandbox: Sandbox, said: pytest.LogCaptureFixture, answer: Callable[[Any], Any]
) -> None:
    app = App(sandbox.url, redact=answer)
    say_everywhere(app, "SECRET")
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert "SECRET" not in json.dumps(call)
    assert "transcript" not in call
    assert {(use["name"], json.dumps(use["parameters"]), use["result"]) for use in call["toolInvocations"]} == {
        (name, "{}", "") for name in ("save", "text", "fail")
    }
    assert call["agent"] == {"name": "Ada"}
    assert call["properties"]["roark_redaction_failed"] is True
    assert "trace_id" in call["properties"]
    assert "SECRET" not in said.text


@pytest.mark.faults
def test_a_hook_that_fails_for_one_utterance(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """Only its words are dropped; the fault is logged once, without the words."""

    def fail(original: Redactable) -> Redactable:
        if isinstance(original, Utterance) and "SECRET" in original.text:
            raise ValueError(original.text)
        return original

    app = App(sandbox.url, redact=fail)
    app.conversation("call-1", "Hello?", "SECRET one", "SECRET two")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?", FAILED_TEXT, FAILED_TEXT]]
    assert len([record for record in said.records if record.levelno == logging.ERROR]) == 1
    assert "SECRET" not in said.text


ITSELF: list[Any] = []
ITSELF.append(ITSELF)
ODD = {
    "a date": datetime(2026, 11, 22, tzinfo=timezone.utc),
    "a decimal": Decimal("1.5"),
    "a set": {1, 2},
    "a surrogate": "a\ud800b",
    "an object": object(),
    "a long integer": 10**5_000,
    "not a number": math.nan,
    "bytes": b"x",
    "a list of itself": ITSELF,
    "nothing": None,
}
"""What a hook may put into a field that is for something else."""


def answers_with(value: Any) -> dict[str, Callable[[Any], Any]]:
    """The hooks that answer with a value, by where they put it."""

    def on(kind: Any, **changes: Any) -> Callable[[Any], Any]:
        return lambda one: replace(one, **changes) if isinstance(one, kind) else one

    def in_properties(one: Any) -> Any:
        if isinstance(one, UnrecordedCall):
            return one.model_copy(update={"properties": {"x": value}})
        return one

    return {
        "text": on(Utterance, text=value),
        "payload": on(Utterance, payload={"x": value}),
        "language": on(Utterance, language_code=value),
        "speaker": on(Utterance, speaker=value),
        "times": on(Utterance, start_ns=value, end_ns=value),
        "parameters": on(ToolUse, parameters={"x": value}),
        "outcome": on(ToolUse, outcome=value),
        "result": on(ToolUse, outcome=Returned(value)),
        "description": on(ToolUse, description=value),
        "agent": on(ToolUse, agent=value),
        "name": on(ToolUse, name=value, call_id=value),
        "properties": in_properties,
    }


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_an_odd_answer_of_the_hook_costs_its_part_and_not_the_call(value: Any, sandbox: Sandbox) -> None:
    for where, hook in answers_with(value).items():
        app = App(sandbox.url, api_key=where, redact=hook, spool="memory")
        with app.tracer.start_as_current_span("call", attributes={ID: where}) as span:
            span.add_event("roark.transcript", {"role": "agent", "text": "Hello there."})
            span.add_event("roark.tool_invocation", {"name": "look_up", "parameters": '{"city": "Bern"}'})
        assert app.provider.force_flush()

    calls = {call["externalId"]: call for call in sandbox.calls()}
    assert calls.keys() == answers_with(value).keys()
    assert all(len(call["toolInvocations"]) == 1 for call in calls.values())
    assert calls["name"]["toolInvocations"][0]["name"] == "look_up"
    assert words(calls["speaker"]) == words(calls["times"]) == ["Hello there."]


def test_a_hook_must_be_a_function() -> None:
    hook: Any = "card"
    with pytest.raises(ValueError, match="redact: must be a function"):
        RoarkSpanProcessor(api_key="key", redact=hook)


# Properties, samples, and what is taken back


def test_only_allowed_properties_are_sent(sandbox: Sandbox) -> None:
    """The setting holds for those on spans; what this package adds, such as the trace id, is always sent."""
    app = App(sandbox.url, properties_allow=["tier", "plan_name"])
    properties = {"roark.property.tier": "gold", "roark.property.planName": "L", "roark.property.note": "SECRET"}
    app.conversation("call-1", "Hello?", **properties)
    assert app.processor.force_flush()
    properties = sandbox.calls()[0]["properties"]
    assert (properties["tier"], properties["plan_name"]) == ("gold", "L")
    assert "note" not in properties
    assert "trace_id" in properties


def test_a_share_of_the_calls_is_sent(sandbox: Sandbox) -> None:
    """It is chosen by the id; each conversation that is left out is counted once."""
    app = App(sandbox.url, call_sample_ratio=0.5)
    for number in range(100):
        app.conversation(f"call-{number}", "Hello?")
    assert app.processor.force_flush()
    expected = {f"call-{number}" for number in range(100) if is_in_sample(f"call-{number}", 0.5)}
    assert set(by_id(sandbox.calls())) == expected
    assert app.processor.stats().sampled_out == 100 - len(expected)


def test_the_sample_is_the_same_on_every_machine() -> None:
    """SHA-256 makes it depend on nothing but the id; a higher ratio includes the calls of a lower one."""
    assert [number for number in range(20) if is_in_sample(f"call-{number}", 0.25)] == SAMPLE
    ids = [f"call-{number}" for number in range(10_000)]
    quarter, half = ({one for one in ids if is_in_sample(one, ratio)} for ratio in (0.25, 0.5))
    assert quarter < half
    assert abs(len(quarter) - 2_500) < 200
    assert all(is_in_sample(one, 1.0) for one in ids)
    assert not any(is_in_sample(one, 0.0) for one in ids)


SAMPLE = [2, 9, 11, 14, 15]


def test_a_resting_call_is_withdrawn(sandbox: Sandbox) -> None:
    """A call that waits for further roots is skipped if one of them asks for that: its file is removed."""
    app = App(sandbox.url, linger_seconds=0)
    app.conversation("call-1", "Hello?")
    wait_until(lambda: app.processor.stats().spooled == 1)
    app.conversation("call-1", "Forget it.", **{"roark.skip": True})
    assert app.processor.force_flush()
    assert (sandbox.calls(), app.processor.stats().skipped, app.processor.stats().spooled) == ([], 1, 0)


# What redaction costs


def spoken(*texts: str) -> FinishedConversation:
    agent = Agent(name="Ann", prompt="Be kind.")
    said = tuple(Utterance(agent, text, at, payload={"again": text}) for at, text in enumerate(texts))
    return FinishedConversation("call-1", 1, 1, 1, 0, 9, Ended(), (("own", said),))


def test_without_patterns_and_hook_everything_stays_the_same_object() -> None:
    conversation, said = spoken("Hello."), [Utterance(Agent(), "Hello.", 0)]

    assert Redaction().conversation(conversation) is conversation
    assert Redaction().moments(said) is said


def test_each_text_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []
    passages = Patterns._passages

    def noted(self: Patterns, text: str) -> Any:
        searched.append(text)
        return passages(self, text)

    monkeypatch.setattr(Patterns, "_passages", noted)
    found = Redaction(Patterns(["card"])).conversation(spoken("4111111111111111", "Yes.", "Yes."))

    assert sorted(searched) == ["4111111111111111", "Ann", "Be kind.", "Yes."]
    (_, (first, *_)) = found.moments[0]
    assert isinstance(first, Utterance)
    assert (first.text, first.payload) == ("[card]", {"again": "[card]"})
