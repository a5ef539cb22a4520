"""The hook is asked about everything that leaves, whenever it comes, and patterns are replaced in all of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import Status, StatusCode

from roark_otel._linking.link import redacted_body
from roark_otel._model.call import UnrecordedCall
from roark_otel._model.moments import Failed, Returned, ToolUse, Utterance
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import Redaction
from support.helpers import ID, App, agent_said, customer_said, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roark_otel.sandbox import Sandbox
    from roark_otel.types import Redactable

SECRET = "Lakeside"  # noqa: S105 - a word
MARKED = {"roark.conversation.root": True}


def hide(item: Redactable) -> Redactable | None:
    """Hides a word wherever a hook can see it."""
    match item:
        case Utterance():
            return replace(item, text=item.text.replace(SECRET, "…"))
        case ToolUse():
            outcome = item.outcome
            if isinstance(outcome, Returned):
                outcome = Returned(json.loads(json.dumps(outcome.value).replace(SECRET, "…")))
            if isinstance(outcome, Failed):
                outcome = Failed(outcome.error.replace(SECRET, "…"))
            parameters = json.loads(json.dumps(dict(item.parameters)).replace(SECRET, "…"))
            return replace(item, parameters=parameters, outcome=outcome)
        case UnrecordedCall():
            properties = json.loads(json.dumps(item.properties or {}).replace(SECRET, "…"))
            return item.model_copy(update={"properties": properties})


def say_all(span: Any, secret: str = SECRET) -> None:
    customer_said(span, f"I am at {secret}.")
    fields = {"name": "ship", "parameters": json.dumps({"to": secret}), "result": json.dumps([secret])}
    span.add_event("roark.tool_invocation", fields)
    span.add_event("roark.tool_invocation", {"name": "fail", "error": f"no {secret}"})
    span.set_attribute("roark.property.place", secret)


def late_call(app: App, before_late: Callable[[], None] = lambda: None) -> None:
    """Holds a conversation whose last span says everything after its call was made."""
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1", **MARKED}) as root:
        agent_said(root, "Hello.")
        late = app.tracer.start_span("background")
    app.processor.force_flush(10_000)
    before_late()
    say_all(late)
    late.end()
    app.processor.force_flush(10_000)


def spooled(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


def test_what_comes_late_is_asked_about_while_the_call_waits(sandbox: Sandbox, tmp_path: Path) -> None:
    app = App(sandbox.url, redact=hide, recording_url=None)
    late_call(app)
    text = spooled(tmp_path / "spool")
    assert "I am at …." in text
    assert SECRET not in text
    app.close()


def test_what_comes_late_is_asked_about_after_the_call_was_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    """Late tool uses are appended to it; the other words are kept aside."""
    app = App(sandbox.url, redact=hide)
    late_call(app)
    uses = {one["name"]: one for one in sandbox.call("call-1").tool_invocations}
    assert SECRET not in str(uses)
    assert SECRET not in spooled(tmp_path / "spool")
    assert (uses["ship"]["parameters"], uses["fail"]["result"]) == ({"to": "…"}, {"error": "no …"})
    app.close()


@pytest.mark.parametrize("recording", [None, "https://example.com/a.wav"])
def test_a_hook_that_withholds_late_words_withholds_all_of_them(
    sandbox: Sandbox, tmp_path: Path, recording: str | None
) -> None:
    def withhold(item: Redactable) -> Redactable | None:
        return None if isinstance(item, UnrecordedCall) and SECRET in item.model_dump_json() else item

    app = App(sandbox.url, redact=withhold, recording_url=recording)
    late_call(app)
    assert SECRET not in json.dumps(sandbox.calls()) + spooled(tmp_path / "spool")
    app.close()


def test_late_properties_are_seen_by_the_hook(sandbox: Sandbox) -> None:
    seen: list[str] = []

    def note(item: Redactable) -> Redactable:
        seen.append(str(item))
        return item

    app = App(sandbox.url, redact=note)
    late_call(app)
    assert any("place" in one and SECRET in one for one in seen)
    app.close()


@pytest.mark.parametrize("recording", [None, "https://example.com/a.wav"])
def test_patterns_are_replaced_in_what_comes_late(sandbox: Sandbox, tmp_path: Path, recording: str | None) -> None:
    app = App(sandbox.url, redact_patterns=["phone"], recording_url=recording)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1", **MARKED}) as root:
        agent_said(root, "Hello.")
        late = app.tracer.start_span("background")
    app.processor.force_flush(10_000)
    say_all(late, "555-010-0123")
    late.end()
    app.processor.force_flush(10_000)
    assert "010-0123" not in json.dumps(sandbox.calls()) + spooled(tmp_path / "spool")
    app.close()


# Everything that an app, a customer or a tool can fill


PHONE = "555-010-0123"


def fill(root: Any) -> None:
    say_all(root, PHONE)
    agent_said(root, f"So {PHONE}?", payload=json.dumps({"heard": PHONE}))
    root.add_event("roark.tool_invocation", {"name": f"call {PHONE}", "parameters": "{}", "description": PHONE})
    root.set_attributes(
        {
            "roark.agent.name": f"Ada {PHONE}",
            "roark.agent.prompt": PHONE,
            "roark.agent.description": PHONE,
            "roark.customer.label": f"caller {PHONE}",
            "roark.customer.phone_number": "+15550100123",
        }
    )


def test_patterns_are_replaced_in_names_labels_errors_and_properties(sandbox: Sandbox) -> None:
    app = App(sandbox.url, redact_patterns=["phone"])
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        fill(root)
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert PHONE not in json.dumps(call)
    assert call["agent"]["name"] == "Ada [phone]"
    assert call["customer"] == {"phoneNumberE164": "+15550100123", "label": "caller [phone]"}
    assert {one["name"] for one in call["toolInvocations"]} == {"ship", "fail", "call [phone]"}


def test_patterns_are_replaced_in_what_an_exception_says(sandbox: Sandbox) -> None:
    app = App(sandbox.url, redact_patterns=["phone"])
    tracer = app.provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1", **MARKED}) as root:
        agent_said(root, "Hello.")
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "dial"}
        with tracer.start_as_current_span("execute_tool dial", attributes=attributes) as span:
            span.record_exception(ValueError(f"no answer at {PHONE}"))
            span.set_status(Status(StatusCode.ERROR, PHONE))
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    (use,) = call["toolInvocations"]
    assert use["result"] == {"error": "no answer at [phone]"}


# What another process left


BODY = {
    "externalId": "call-1",
    "startedAt": "2026-11-22T18:39:24.000Z",
    "interfaceType": "PHONE",
    "callDirection": "INBOUND",
    "transcript": [{"startOffsetMs": 0, "endOffsetMs": 9, "role": "CUSTOMER", "text": f"I am at {SECRET}, {PHONE}."}],
    "toolInvocations": [{"name": PHONE, "parameters": {"a": PHONE}, "result": {"error": PHONE}, "startOffsetMs": 1}],
    "agents": [{"name": PHONE, "customId": "a1", "prompt": {"resolvedPrompt": PHONE}, "description": PHONE}],
    "customer": {"phoneNumberE164": "+15550100123", "label": PHONE},
    "properties": {"note": PHONE, "count": 3},
}


def test_patterns_are_replaced_in_a_whole_body() -> None:
    found = redacted_body(BODY, Redaction(Patterns(["phone"])))
    assert found is not None
    assert PHONE not in json.dumps(found)
    assert found["customer"] == {"phoneNumberE164": "+15550100123", "label": "[phone]"}
    assert (found["externalId"], found["properties"]) == ("call-1", {"note": "[phone]", "count": 3})


def test_the_hook_is_asked_about_a_call_of_several_processes(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said before is in the body that it gets; a process without a hook may have left it."""
    from roark_otel._engine import earlier_parts

    def joined(_self: Any, _name: str, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        return json.dumps({**json.loads(body), "transcript": BODY["transcript"]}).encode(), ()

    monkeypatch.setattr(earlier_parts.Parts, "joined", joined)
    seen: list[str] = []

    def note(item: Redactable) -> Redactable | None:
        seen.append(str(item))
        return None if isinstance(item, UnrecordedCall) and SECRET in str(item) else item

    app = App(sandbox.url, redact=note, redact_patterns=["phone"])
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert any(SECRET in one and "[phone]" in one for one in seen)
    assert sandbox.calls() == []
    assert SECRET not in spooled(tmp_path / "spool")
    assert app.processor.stats().withheld == 1


# What a hook sees of a long text


def test_the_hook_reads_beyond_a_cut_and_nothing_half_is_sent(sandbox: Sandbox) -> None:
    """At every offset around the cut: what the hook replaces is replaced whole."""

    def mask(item: Redactable) -> Redactable:
        return replace(item, text=item.text.replace("SECRETSECRET", "…")) if isinstance(item, Utterance) else item

    app = App(sandbox.url, redact=mask)
    limit = 65_536
    texts = [f"{'y' * (limit - 40 + offset)}SECRETSECRET{'z' * 70_000}" for offset in range(-16, 60)]
    texts += [
        "SECRETSECRET" * 40 + "y" * (limit + 256 - 480 + offset) + "SECRETSECRET" + "z" * 900
        for offset in range(-14, 2)
    ]
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        for at, text in enumerate(texts):
            customer_said(root, text, at=time.time_ns() + at)
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    found = words(call)
    assert len(found) == len(texts)
    assert not [one for one in found if "S" in one]
    assert all(
        len(one) <= limit and one.endswith(f"… [cut, {len(text)} characters]")
        for one, text in zip(found, texts, strict=True)
    )
