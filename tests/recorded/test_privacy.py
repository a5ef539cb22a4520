"""Content off: no word of a conversation is in any request, spool file, log or number, and everything else is."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from roark_otel import RoarkSpanProcessor, call_attributes, conversation
from roark_otel._safety.log_ids import log_id
from roark_otel.dialects import DIALECTS
from roark_otel.sandbox import Sandbox
from roark_otel.types import Dialect
from support.helpers import ID, NEVER, TAKES_ANY_VALUE, App, customer_said
from support.replaying import FRAMEWORKS, SPANS, load, replay, truths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]

DUMPS = sorted(
    f"{path.parent.name}/{path.name.removesuffix('.json')}"
    for path in SPANS.glob("*/*.json")
    if not {".truth", ".never_ended"} & set(path.suffixes) and "on_start_seq" in path.read_text(encoding="utf-8")
)

NAMES_IN_WORDS = {"gen_ai/openai_agents_otel_v2_responses"}
"""Only words show which agent it was in these, so without them it is another."""


WITHOUT_WORDS = {"livekit-js/say_only", "wordless/livekit_js_say_only", "wordless/strands_bidi"}
"""Of these no span has a word."""


def have_heard(dump: str, url: str, api_key: str, **arguments: Any) -> None:
    """Gives a processor the spans of a recorded conversation, and waits until its call is made."""
    spans = load(dump)
    processor = RoarkSpanProcessor(
        api_key=api_key, base_url=url, auto_external_id=True, linger_seconds=NEVER, quiet_seconds=NEVER, **arguments
    )
    add: Json = {}
    if not any(ID in {**(span.get("resource") or {}), **span["attributes"]} for span in spans):
        top = min(spans, key=lambda span: span["on_start_seq"])["span_id"]
        known = truths(dump) if dump in FRAMEWORKS else [{"rootSpanId": top, "externalId": "call-1"}]
        ids = {one["rootSpanId"]: one["externalId"] for one in known}
        add = {root: {ID: name} for root, name in ids.items()}
    replay(spans, processor, add)
    processor.force_flush(10_000)


def calls_of(sandbox: Sandbox, dump: str, **arguments: Any) -> dict[str, Json]:
    """The calls that a recorded conversation makes arrive, by id."""
    have_heard(dump, sandbox.url, "sent", recording_url="https://example.com/a.wav", **arguments)
    return {call["externalId"]: call for call in sandbox.calls()}


def calls_kept(dump: str, spool: Path, **arguments: Any) -> str:
    """What is on disk of them where nothing can be delivered."""
    have_heard(dump, "http://127.0.0.1:9", "kept", spool_dir=spool, **arguments)
    files = [path.read_text(encoding="utf-8") for path in spool.rglob("*.json*")]
    assert files
    return "\n".join(files)


def without_content(call: Json) -> Json:
    """What of a call is sent with content off."""
    kept = {name: value for name, value in call.items() if name not in {"transcript", "createdAt"}}
    if "toolInvocations" in kept:
        kept["toolInvocations"] = [
            {**{k: v for k, v in use.items() if k != "description"}, "parameters": {}, "result": ""}
            for use in kept["toolInvocations"]
        ]
    for name in ("agent", "agents"):
        several = kept.get(name) or []
        for agent in several if isinstance(several, list) else [several]:
            agent.pop("prompt", None)
            agent.pop("description", None)
    return kept


def texts(value: object) -> Iterator[str]:
    """Every text of two words and more in a JSON value."""
    if isinstance(value, str) and " " in value:
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def said_in(call: Json) -> list[str]:
    """What was said, asked of tools and returned by them, and the prompts of agents."""
    uses = [[use["parameters"], use["result"], use.get("description")] for use in call.get("toolInvocations", ())]
    prompts = [agent.get("prompt") for agent in [call.get("agent"), *call.get("agents", ())] if agent]
    return list(texts([call.get("transcript"), uses, prompts]))


def without_agents(call: Json) -> Json:
    kept = {name: value for name, value in call.items() if name not in {"agent", "agents"}}
    for use in kept.get("toolInvocations", ()):
        use.pop("agent", None)
    return kept


@pytest.mark.parametrize("dump", DUMPS)
def test_a_recorded_conversation_without_its_words(
    sandbox: Sandbox, tmp_path: Path, said: pytest.LogCaptureFixture, dump: str
) -> None:
    """The call is what it is with them, less the words; none of them is in what is sent, kept or logged."""
    with Sandbox() as other:
        whole = calls_of(other, dump)
    private = {text for call in whole.values() for text in said_in(call)}
    assert bool(private) is (dump not in WITHOUT_WORDS)
    said.clear()
    bare = calls_of(sandbox, dump, capture_content=False)
    kept = calls_kept(dump, tmp_path / "kept", capture_content=False)
    expected = {name: without_content(call) for name, call in whole.items()}
    if dump in NAMES_IN_WORDS:
        bare, expected = ({name: without_agents(call) for name, call in calls.items()} for calls in (bare, expected))
    assert bare == expected
    for text in private:
        assert text not in json.dumps(bare, ensure_ascii=False)
        assert text not in kept
        assert text not in said.text


# Every place that words can be in


MARK = "Xylophone"
TOLD = f"It is {MARK} I say."


def gen_ai(app: App) -> None:
    """A model's call with its messages, in the current convention and in the events of the one before."""
    message = [{"role": "user", "parts": [{"type": "text", "content": TOLD}]}]
    call = {"type": "tool_call", "id": "1", "name": "lookup", "arguments": {"q": TOLD}}
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": TOLD}, call]}]
    tracer = app.provider.get_tracer("agents")
    with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as chat:
        chat.set_attribute("gen_ai.input.messages", json.dumps(message))
        chat.set_attribute("gen_ai.output.messages", json.dumps(answer))
        chat.set_attribute("gen_ai.system_instructions", json.dumps([{"type": "text", "content": TOLD}]))
        chat.add_event("gen_ai.user.message", {"content": TOLD})
        chat.add_event("gen_ai.choice", {"message": json.dumps({"role": "assistant", "content": TOLD})})
        if TAKES_ANY_VALUE:
            any_value: Any = {"content": [TOLD]}
            chat.add_event("gen_ai.assistant.message", any_value)
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup", "gen_ai.tool.call.id": "1"}
    with tracer.start_as_current_span("execute_tool", attributes=tool) as use:
        use.set_attribute("gen_ai.tool.call.arguments", json.dumps({"q": TOLD}))
        use.set_attribute("gen_ai.tool.call.result", TOLD)
        for name in ("tool_arguments", "tool_response", "gcp.vertex.agent.tool_call_args"):
            use.set_attribute(name, json.dumps({"q": TOLD, "number": 17}))
        use.set_attribute("gen_ai.tool.description", TOLD)
    with tracer.start_as_current_span("LLM", attributes={"openinference.span.kind": "LLM"}) as llm:
        llm.set_attribute("input.value", TOLD)
        llm.set_attribute("llm.input_messages.0.message.content", TOLD)
        llm.set_attribute("output.value", json.dumps({"content": TOLD}))


def further_agents(app: App) -> None:
    """The names that single frameworks and the events of realtime sessions have."""
    tracer = app.provider.get_tracer("agents")
    content, typed = [{"role": "user", "parts": [{"text": TOLD}]}], {"type": "input_text", "text": TOLD}
    request = {"config": {"system_instruction": TOLD}, "contents": content}
    with tracer.start_as_current_span("call_llm", attributes={"gen_ai.system": "gcp.vertex.agent"}) as adk:
        adk.set_attribute("gcp.vertex.agent.llm_request", json.dumps(request))
        adk.set_attribute("gcp.vertex.agent.llm_response", json.dumps({"content": content[0]}))
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup"}
    with tracer.start_as_current_span("execute_tool", attributes=tool) as use:
        use.set_attribute("gcp.vertex.agent.tool_call_args", json.dumps({"q": TOLD, "card": 4111111111111111}))
        use.set_attribute("gcp.vertex.agent.tool_response", json.dumps({"status": TOLD}))
    for kind in ("llm", "chain", "tool"):
        with tracer.start_as_current_span(kind, attributes={"langsmith.span.kind": kind, "gen_ai.system": "x"}) as run:
            run.set_attribute(
                "gen_ai.prompt", json.dumps({"question": TOLD, "messages": [{"type": "human", "content": TOLD}]})
            )
            run.set_attribute("gen_ai.completion", TOLD)
    with tracer.start_as_current_span("shop", attributes={"pydantic_ai.realtime": True, **tool}) as session:
        session.set_attributes({"pydantic_ai.all_messages": json.dumps(content), "final_result": TOLD})
        session.set_attribute("model_request_parameters", json.dumps({"instruction_parts": [{"content": TOLD}]}))
    with tracer.start_as_current_span("recv", attributes={"gen_ai.system": "az.ai.voicelive"}) as recv:
        item = {"id": "1", "type": "message", "role": "user", "content": [typed]}
        for kind, body in (
            ("conversation.item.created", {"item": item}),
            ("response.text.done", {"item_id": "2", "text": TOLD}),
        ):
            event = {"gen_ai.voice.event_type": kind, "gen_ai.event.content": json.dumps({"type": kind, **body})}
            recv.add_event("gen_ai.output.messages", event)
        recv.add_event("gen_ai.user.message", {"gen_ai.event.content": TOLD})
    with tracer.start_as_current_span("turn", attributes={"openinference.span.kind": "AUDIO"}) as turn:
        turn.set_attribute("llm.invocation_parameters", json.dumps({"instructions": TOLD}))
        tracer.start_span("user", attributes={"openinference.span.kind": "USER", "input.audio.transcript": TOLD}).end()
        spoken = {"openinference.span.kind": "LLM", "output.audio.transcript": TOLD}
        tracer.start_span("assistant", attributes=spoken).end()


def livekit(app: App) -> None:
    tracer = app.provider.get_tracer("livekit-agents")
    with tracer.start_as_current_span("agent_session"):
        tracer.start_span("user_turn", attributes={"lk.user_transcript": TOLD}).end()
        with tracer.start_as_current_span("agent_turn", attributes={"lk.user_input": TOLD}) as turn:
            turn.set_attributes({"lk.response.text": TOLD, "lk.instructions": TOLD})
            turn.set_attribute("lk.chat_ctx", json.dumps({"items": [{"type": "message", "content": [TOLD]}]}))
            tool = {"lk.function_tool.name": "lookup", "lk.function_tool.arguments": json.dumps({"q": TOLD})}
            with tracer.start_as_current_span("function_tool", attributes=tool) as use:
                use.set_attribute("lk.function_tool.output", TOLD)


def pipecat(app: App) -> None:
    tracer = app.provider.get_tracer("pipecat")
    with app.provider.get_tracer("pipecat.turn").start_as_current_span("conversation"):
        tracer.start_span("stt", attributes={"transcript": TOLD, "is_final": True}).end()
        history = json.dumps([{"role": "system", "content": TOLD}, {"role": "user", "content": TOLD}])
        tracer.start_span("llm", attributes={"input": history, "output": TOLD, "tools": history}).end()
        tracer.start_span("tts", attributes={"text": TOLD}).end()


def words_of_our_own(app: App) -> None:
    """The events and attributes of the README, and an exception that quotes somebody."""
    with app.tracer.start_as_current_span("turn") as span:
        customer_said(span, TOLD, payload=json.dumps({"heard": TOLD}))
        told = {"parameters": json.dumps({"q": TOLD}), "result": json.dumps([TOLD]), "description": TOLD}
        span.add_event("roark.tool_invocation", {"name": "lookup", **told})
        span.add_event("roark.tool_invocation", {"name": "fail", "error": TOLD, "parameters": f"{{{TOLD}"})
        span.add_event("roark.transcript", {"role": TOLD, "text": TOLD})
        span.set_attributes({"roark.agent.name": "Ada", "roark.agent.prompt": TOLD, "roark.agent.description": TOLD})
        span.record_exception(ValueError(TOLD))
        span.set_status(trace.StatusCode.ERROR, TOLD)


PLACES = [gen_ai, further_agents, livekit, pipecat, words_of_our_own]


@pytest.mark.parametrize("lives", [False, True], ids=["ended", "open"])
def test_no_word_is_anywhere(sandbox: Sandbox, tmp_path: Path, said: pytest.LogCaptureFixture, *, lives: bool) -> None:
    """Whatever framework says it and however it ends: in no request, file, log or number."""
    said.set_level(logging.DEBUG)
    sent = App(sandbox.url, capture_content=False)
    kept = App(sandbox.url, capture_content=False, api_key="other", recording_url=None)
    for app in (sent, kept):
        for number, tell in enumerate(PLACES):
            with conversation(f"call-{number}", tracer_provider=app.provider, agent_prompt=TOLD) as call:
                call.customer_said(TOLD, payload={"heard": TOLD})
                with call.tool("lookup", {"q": TOLD, "card": 4111111111111111}, description=TOLD) as tool:
                    tool.result({"found": TOLD})
                tell(app)
        if lives:
            root = app.tracer.start_span("call", attributes={ID: "open"})
            customer_said(root, TOLD)
            app.close()
        else:
            assert app.processor.force_flush()
    calls = sandbox.calls()
    files = [path.read_text(encoding="utf-8") for path in (tmp_path / "spool").rglob("*.json*")]
    assert len(calls) == len(list((tmp_path / "spool").rglob("*.jsonl"))) == len(PLACES) + lives
    assert all(call["toolInvocations"][0]["name"] for call in calls if call["externalId"] != "open")
    stats = [asdict(app.processor.stats()) for app in (sent, kept)]
    for text in (json.dumps(calls), json.dumps(stats), said.text, *files):
        assert MARK.casefold() not in text.casefold()
        assert "4111111111111111" not in text


def test_no_word_is_kept_in_memory(sandbox: Sandbox) -> None:
    """Words are hidden as spans are taken in: a conversation that is open holds none, however long it lasts."""
    seen: list[str] = []

    class Spy:
        def __init__(self, warn: object) -> None:
            del warn

        def read(self, span: Any) -> None:
            seen.append(repr((span.attributes, span.events, span.resource)))

        def moments(self) -> tuple[()]:
            return ()

    app = App(
        sandbox.url,
        capture_content=False,
        dialects=[Dialect("spy", Spy), *DIALECTS],
        resource={"roark.agent.prompt": TOLD},
    )
    for number, tell in enumerate(PLACES):
        with (
            call_attributes(agent_prompt=TOLD, agent_name="Ada"),
            app.tracer.start_as_current_span("call", attributes={ID: f"call-{number}"}),
        ):
            tell(app)
    assert app.processor.force_flush()
    assert len(seen) > len(PLACES)
    assert [text for text in seen if f"'role': '{TOLD}'" not in text and MARK in text] == []


# Ids in logs


def test_logs_name_calls_by_a_hash(
    sandbox: Sandbox, tmp_path: Path, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ids are phone numbers no log shows one, whatever there is to say; the same call is found again by it."""
    monkeypatch.setenv("ROARK_LOG_EXTERNAL_ID", "hash")
    phone = "+15550100123"
    app, waiting = App(sandbox.url), App(sandbox.url, api_key="waiting", recording_url=None)
    for one in (app, waiting):
        one.conversation(phone, "Hello?", **{"roark.stereo_recording_url": "https://[", "roark.call_direction": "x"})
        assert one.processor.force_flush()
    app.conversation(phone, "Another root, the same id.")
    with app.tracer.start_as_current_span("late", attributes={ID: phone}) as span:
        customer_said(span, "Late.")
    app.close()
    hashed = log_id(phone)
    assert hashed is not None
    assert said.text.count(hashed) >= 3
    assert phone not in said.text
    assert all(getattr(record, "external_id", hashed) == hashed for record in said.records)
    assert list((tmp_path / "spool").rglob(f"{hashed}*"))


def test_logs_name_calls_by_their_id_otherwise(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    app = App(sandbox.url)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert "external_id=call-1" in said.text
