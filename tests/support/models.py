"""A conversation with a model whose messages are on its spans, in log events, or handed to a completion hook."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs as logs_api
from opentelemetry import trace
from opentelemetry.sdk import _logs as logs_sdk

from roark_otel_zero_code.completion_hook import RoarkCompletionHook
from support.helpers import ID, MS, T0, Json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.trace import Span, Tracer

DETAILS = "gen_ai.client.inference.operation.details"
INPUT, OUTPUT, SYSTEM = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"

FIRST_MS, STEP_MS, TAKES_MS = 10, 1_000, 400
"""When the first call of a model begins, how long after it the next one does, and how long each takes."""


def text(role: str, words: str) -> Json:
    return {"role": role, "parts": [{"type": "text", "content": words}], "name": None}


HELLO, ORDER = text("user", "hello"), text("user", "where is my order")
HOW = text("assistant", "Hello, how can I help?")
ASKS: Json = {
    "role": "assistant",
    "parts": [{"type": "tool_call", "id": "call_1", "name": "find_order", "arguments": {"order_id": "A-1"}}],
}
FOUND: Json = {
    "role": "tool",
    "parts": [{"type": "tool_call_response", "id": "call_1", "response": '{"status": "shipped"}'}],
}
SHIPPED, BYE, GOODBYE = text("assistant", "It has been shipped."), text("user", "bye"), text("assistant", "Goodbye.")

TURNS: Sequence[tuple[list[Json], list[Json]]] = (
    ([HELLO], [HOW]),
    ([HELLO, HOW, ORDER], [ASKS]),
    ([HELLO, HOW, ORDER, ASKS, FOUND], [SHIPPED]),
    ([HELLO, HOW, ORDER, ASKS, FOUND, SHIPPED, BYE], [GOODBYE]),
)
"""What the model is asked, which repeats all that was said, and what it answers."""

PROMPT = [{"type": "text", "content": "Be kind."}]


@dataclass
class Part:
    """A part of a message as `opentelemetry-util-genai` has it."""

    type: str
    content: Any = None
    id: str | None = None
    name: str | None = None
    arguments: Any = None
    response: Any = None


@dataclass
class Said:
    """A message as `opentelemetry-util-genai` has it."""

    role: str
    parts: list[Part] = field(default_factory=list)


def as_objects(messages: Sequence[Json]) -> list[Said]:
    return [Said(one["role"], [Part(**part) for part in one["parts"]]) for one in messages]


@dataclass(frozen=True)
class Call:
    """A call of a model that has been answered and whose span is open: what an instrumentation has of it."""

    span: Span
    asked: list[Json]
    answered: list[Json]
    log: Callable[..., None]

    def on_span(self) -> None:
        for name, messages in ((INPUT, self.asked), (OUTPUT, self.answered), (SYSTEM, PROMPT)):
            self.span.set_attribute(name, json.dumps(messages))

    def in_one_event(self) -> None:
        self.log(DETAILS, None, {INPUT: self.asked, OUTPUT: self.answered, SYSTEM: PROMPT})

    def in_events_of_messages(self) -> None:
        for name, body in older_events(self.asked, self.answered):
            self.log(name, body, {"gen_ai.system": "openai"})

    def to_hook(self) -> None:
        RoarkCompletionHook().on_completion(
            inputs=as_objects(self.asked),
            outputs=as_objects(self.answered),
            system_instruction=[Part(**one) for one in PROMPT],
            tool_definitions=None,
            span=self.span,
            log_record=None,
        )


def older_events(asked: Sequence[Json], answered: Sequence[Json]) -> Iterator[tuple[str, Json]]:
    """Yields the older log events: the body of each is a message as OpenAI has it."""
    yield "gen_ai.system.message", {"content": PROMPT[0]["content"]}
    for one in asked:
        yield f"gen_ai.{one['role']}.message", _openai(one)
    for at, one in enumerate(answered):
        yield "gen_ai.choice", {"index": at, "finish_reason": "stop", "message": {"role": "assistant", **_openai(one)}}


def _openai(message: Json) -> Json:
    (part,) = message["parts"]
    if part["type"] == "tool_call":
        function = {"name": part["name"], "arguments": json.dumps(part["arguments"])}
        return {"tool_calls": [{"id": part["id"], "type": "function", "function": function}]}
    if part["type"] == "tool_call_response":
        return {"content": part["response"], "id": part["id"]}
    return {"content": part["content"]}


def logger(provider: LoggerProvider) -> Callable[..., None]:
    """Returns what logs an event in the current span, as instrumentations do with this version of the SDK."""
    own = provider.get_logger("opentelemetry.instrumentation.genai.openai")

    def log(name: str, body: Any = None, attributes: Any = None, *, at_ns: int | None = None) -> None:
        if hasattr(logs_sdk, "LogRecord"):  # before 1.39: the name is an attribute, and the span in three fields
            span = trace.get_current_span().get_span_context()
            own.emit(
                logs_sdk.LogRecord(
                    timestamp=at_ns,
                    observed_timestamp=at_ns or time.time_ns(),
                    trace_id=span.trace_id,
                    span_id=span.span_id,
                    trace_flags=span.trace_flags,
                    body=body,
                    attributes={**(attributes or {}), "event.name": name},
                )
            )
        else:
            own.emit(logs_api.LogRecord(timestamp=at_ns, body=body, attributes=attributes, event_name=name))

    return log


def hold(tracer: Tracer, log: Callable[..., None], *ways: Callable[[Call], None], external_id: str = "call-1") -> None:
    """Holds the conversation; its times do not depend on the machine. `ways`: where the messages of each call go."""
    root = tracer.start_span(
        "conversation", attributes={ID: external_id, "roark.conversation.root": True}, start_time=T0
    )
    with trace.use_span(root):
        for at, (asked, answered) in enumerate(TURNS):
            start_ns = T0 + (FIRST_MS + at * STEP_MS) * MS
            span = tracer.start_span(
                "chat gpt-4.1",
                attributes={"gen_ai.operation.name": "chat", "gen_ai.agent.name": "shop"},
                start_time=start_ns,
            )
            end_ns = start_ns + TAKES_MS * MS

            def at_the_end(*event: Any, end_ns: int = end_ns) -> None:
                log(*event, at_ns=end_ns)

            with trace.use_span(span):
                for way in ways:
                    way(Call(span, list(asked), list(answered), at_the_end))
            span.end(end_ns)
    root.end(T0 + (FIRST_MS + len(TURNS) * STEP_MS) * MS)
