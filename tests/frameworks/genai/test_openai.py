"""An app that speaks to OpenAI: its words are in the call wherever the instrumentation puts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from frameworks.genai.model import reply
from support.answering import AnsweringServer
from support.instrumented import environment, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
HOOK = {"OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK": "roark"}

APP = """
import asyncio, json, sys
import httpx  # OpenAI's client looks for it among the modules, and fails while another thread imports it
import openai
from opentelemetry import trace

history = []

def chat(client):
    answer = client.chat.completions.create(model="gpt-4.1", messages=history).choices[0].message
    history.append(answer.model_dump(exclude_none=True))
    return [call.id for call in answer.tool_calls or ()]

def stream(client):
    words, calls = "", []
    for chunk in client.chat.completions.create(model="gpt-4.1", messages=history, stream=True):
        delta = chunk.choices[0].delta
        words += delta.content or ""
        calls += [call.model_dump(exclude={"index"}, exclude_none=True) for call in delta.tool_calls or ()]
    history.append({"role": "assistant", "content": words or None, **({"tool_calls": calls} if calls else {})})
    return [call["id"] for call in calls]

def later(_):
    async def ask():
        async with openai.AsyncOpenAI(base_url=URL, api_key="x") as client:
            return await client.chat.completions.create(model="gpt-4.1", messages=history)
    answer = asyncio.run(ask()).choices[0].message
    history.append(answer.model_dump(exclude_none=True))
    return [call.id for call in answer.tool_calls or ()]

def response(client):
    output = client.responses.create(model="gpt-4.1", input=history).output
    history.extend(one.model_dump(exclude_none=True) for one in output)
    return [one.call_id for one in output if one.type == "function_call"]

def given_back(ask, call_id):
    found = json.dumps({"status": "shipped"})
    if ask is response:
        return {"type": "function_call_output", "call_id": call_id, "output": found}
    return {"role": "tool", "tool_call_id": call_id, "content": found}

def hold(ask):
    told = {"roark.external_id": ask.__name__, "roark.conversation.root": True,
            "roark.recording_url": "https://example.com/a.wav"}
    history.clear()
    with trace.get_tracer("shop").start_as_current_span("conversation", attributes=told):
        client = openai.OpenAI(base_url=URL, api_key="x")
        history.append({"role": "system", "content": "Be kind."})
        for words in ("hello", "where is my order", "bye"):
            history.append({"role": "user", "content": words})
            for call_id in ask(client):
                history.append(given_back(ask, call_id))
                ask(client)
        client.close()

def hold_all():
    for ask in chat, stream, later, response:
        hold(ask)
"""

ALL = ("chat", "stream", "later", "response")
"""The ways to ask a model, each a conversation of its own."""

HELD = [
    ("CUSTOMER", "hello"),
    ("AGENT", "Hello, how can I help?"),
    ("CUSTOMER", "where is my order"),
    ("AGENT", "It has been shipped."),
    ("CUSTOMER", "bye"),
    ("AGENT", "Goodbye."),
]
TOOLS = [("find_order", {"order_id": "A-1"}, {"status": "shipped"})]


@pytest.fixture(name="url")
def _url() -> Iterator[str]:
    with AnsweringServer(then=reply) as server:
        yield f"{server.url}/v1"


def said(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(one["role"], one["text"].strip()) for one in body.get("transcript", ())]


def used(body: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [(one["name"], one["parameters"], one["result"]) for one in body.get("toolInvocations", ())]


MODES = {
    "on spans": {CONTENT: "SPAN_ONLY"},
    "in events": {CONTENT: "EVENT_ONLY"},
    "in both": {CONTENT: "SPAN_AND_EVENT"},
    "to the hook": HOOK,
    "to the hook, on spans": {CONTENT: "SPAN_ONLY", **HOOK},
    "to the hook, in events": {CONTENT: "EVENT_ONLY", **HOOK},
    "everywhere": {CONTENT: "SPAN_AND_EVENT", **HOOK},
}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_without_a_change_to_the_app(sandbox: Sandbox, url: str, tmp_path: Path, mode: dict[str, str]) -> None:
    """`opentelemetry-instrument` makes a logger provider even where no exporter of logs is set."""
    env = environment(sandbox, tmp_path / "spool", **mode)
    ran = run(tmp_path / "app.py", f"URL = {url!r}\n{APP}\nhold_all()\n", env)

    assert (ran.status, ran.err) == (0, "")
    bodies = {one: sandbox.call(one).body for one in ALL}
    assert {one: said(body) for one, body in bodies.items()} == dict.fromkeys(ALL, HELD)
    assert {one: used(body) for one, body in bodies.items()} == dict.fromkeys(ALL, TOOLS)


def test_with_nothing_chosen_there_are_no_words(sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    env = environment(sandbox, tmp_path / "spool")
    ran = run(tmp_path / "app.py", f"URL = {url!r}\n{APP}\nhold_all()\n", env)

    assert ran.status == 0
    assert [said(sandbox.call(one).body) for one in ALL] == [[]] * len(ALL)


IN_CODE = """
from opentelemetry._logs import set_logger_provider
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkLogRecordProcessor, RoarkSpanProcessor

provider, logs = TracerProvider(), LoggerProvider()
provider.add_span_processor(RoarkSpanProcessor())
trace.set_tracer_provider(provider)
logs.add_log_record_processor(RoarkLogRecordProcessor())
set_logger_provider(logs)
OpenAIInstrumentor().instrument()
hold(chat)
"""

CONFIGURED = """
from opentelemetry._logs import set_logger_provider
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
import roark_otel

set_logger_provider(LoggerProvider())
roark_otel.configure()
OpenAIInstrumentor().instrument()
hold(chat)
"""


@pytest.mark.parametrize("mode", ["in events", "to the hook"])
@pytest.mark.parametrize("code", [IN_CODE, CONFIGURED], ids=["processors", "configure"])
def test_set_up_in_code(sandbox: Sandbox, url: str, tmp_path: Path, code: str, mode: str) -> None:
    env = environment(sandbox, tmp_path / "spool", **MODES[mode])
    ran = run(tmp_path / "app.py", f"URL = {url!r}\n{APP}{code}", env, instrumented=False)

    assert ran.status == 0, ran.err
    body = sandbox.call("chat").body
    assert (said(body), used(body)) == (HELD, TOOLS)


@pytest.mark.parametrize("more", [{"ROARK_CAPTURE_CONTENT": "false"}, {CONTENT: "NO_CONTENT"}])
def test_content_that_is_off_stays_off(sandbox: Sandbox, url: str, tmp_path: Path, more: dict[str, str]) -> None:
    env = environment(sandbox, tmp_path / "spool", **{**MODES["everywhere"], **more})
    ran = run(tmp_path / "app.py", f"URL = {url!r}\n{APP}\nhold(chat)\n", env)

    assert ran.status == 0, ran.err
    body = sandbox.call("chat").body
    assert said(body) == []
    assert "A-1" not in str(body)
    assert "shipped" not in str(body)


def test_the_hook_does_nothing_without_a_key(url: str, tmp_path: Path) -> None:
    """It imports nothing of the package."""
    code = f"""URL = {url!r}
{APP}
hold(chat)
print(sorted(name for name in sys.modules if name.split(".")[0] in ("roark_otel", "pydantic_settings")))
"""
    ran = run(tmp_path / "app.py", code, environment(None, tmp_path / "spool", **MODES["everywhere"]))

    assert (ran.status, ran.out.strip(), ran.err) == (0, "[]", "")
