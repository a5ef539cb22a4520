"""The spans that are measured, by shape: with ten attributes and three events, they cost the bare SDK the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry.context import Context
from opentelemetry.trace import set_span_in_context

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

Value: TypeAlias = "str | int | float | bool"
Attributes: TypeAlias = "dict[str, Value]"

EXTERNAL_ID = "roark.external_id"
SPANS = 20
"""The spans of a trace, with its root."""

APP: Attributes = {f"app.attribute.{n}": f"the words of attribute {n}" if n % 2 else n for n in range(10)}
UTTERANCE: Attributes = {"role": "customer", "text": "Could we move my appointment to Tuesday afternoon, please?"}
MESSAGE: Attributes = {"message": "a line that the app logs about its work", "number": 1}
HISTORY = [
    {"role": "assistant" if n % 2 else "user", "content": f"Sentence {n} of a talk about an appointment."}
    for n in range(20)
]
REPLY = "Of course, which time suits you best?"


def _filled(attributes: Attributes) -> Attributes:
    """Returns ten attributes: these, and some of a framework that mean nothing to anyone else."""
    return {**attributes, **{f"extra.{n}": f"the value of extra {n}" for n in range(10 - len(attributes))}}


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a trace.

    Args:
        root: The scope and the name of the root span.
        scope: The scope of the spans below it.
        kinds: The names and attributes of the spans below it, which come in turn.
        event: The name of the three events of each span.
        said: The attributes of each event.
        is_conversation: Whether the root carries an external id.
    """

    root: tuple[str, str]
    scope: str
    kinds: list[tuple[str, Attributes]] = field(default_factory=lambda: [("work", APP)])
    event: str = "app.event"
    said: Attributes = field(default_factory=lambda: MESSAGE)
    is_conversation: bool = True


PIPECAT = [
    ("stt", _filled({"transcript": str(UTTERANCE["text"]), "is_final": True, "language": "en", "vad_enabled": True})),
    ("llm", _filled({"input": json.dumps(HISTORY), "output": REPLY, "gen_ai.usage.input_tokens": 900})),
    ("tts", _filled({"text": REPLY, "voice_id": "a-voice", "metrics.ttfb": 0.2, "metrics.character_count": 37})),
    ("turn", _filled({"turn.number": 1, "turn.was_interrupted": False, "turn.duration_seconds": 3.1})),
]
_PARTS = [{"role": one["role"], "parts": [{"type": "text", "content": one["content"]}]} for one in HISTORY]
LIVEKIT = [
    ("user_turn", _filled({"lk.pii.user_transcript": str(UTTERANCE["text"]), "lk.transcript_confidence": 0.9})),
    ("llm_request", _filled({"gen_ai.input.messages": json.dumps(_PARTS), "gen_ai.request.model": "a-model"})),
    ("tts_request", _filled({"lk.pii.input_text": REPLY, "lk.tts_metrics": '{"ttfb": 0.2}'})),
    ("agent_turn", _filled({"lk.pii.response.text": REPLY, "lk.interrupted": False, "lk.speech_id": "speech_1"})),
]
SHAPES = {
    "foreign": Shape(("an-app", "request"), "an-app", is_conversation=False),
    "inside": Shape(("an-app", "call"), "an-app"),
    "plain": Shape(("an-app", "call"), "an-app", event="roark.transcript", said=UTTERANCE),
    "livekit": Shape(("livekit-agents", "agent_session"), "livekit-agents", LIVEKIT),
    "pipecat": Shape(("pipecat.turn", "conversation"), "pipecat", PIPECAT),
}

_ids = count()


def begin(provider: TracerProvider, shape: Shape) -> Span:
    """Starts the root of a trace, under an id of its own, with its attributes and events."""
    scope, name = shape.root
    attributes = {**APP, EXTERNAL_ID: f"benchmark-{next(_ids)}"} if shape.is_conversation else APP
    root = provider.get_tracer(scope).start_span(name, Context(), attributes=attributes)
    for _ in range(3):
        root.add_event(shape.event, shape.said)
    return root


def below(root: Span) -> Context:
    """Returns the context of the spans below this one."""
    return set_span_in_context(root, Context())


def add(tracer: Tracer, parent: Context, shape: Shape, number: int) -> None:
    """Makes and ends the span of this number below a root."""
    name, attributes = shape.kinds[number % len(shape.kinds)]
    span = tracer.start_span(name, parent, attributes=attributes)
    for _ in range(3):
        span.add_event(shape.event, shape.said)
    span.end()
