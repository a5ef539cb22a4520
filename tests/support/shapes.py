"""Conversations of 20 spans as frameworks make them: 10 attributes and 3 events a span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roark_otel.attributes import EXTERNAL_ID, TRANSCRIPT_EVENT

if TYPE_CHECKING:
    from support.live import Live

SPANS = 20
WORDS = "A sentence as it is said on the telephone."


@dataclass(frozen=True)
class Shape:
    """The scope of a conversation, the names of its root and its spans, of ten attributes, and of its events."""

    scope: str
    root: str
    names: tuple[str, ...]
    read: tuple[str, ...]
    event: str

    @property
    def attributes(self) -> dict[str, Any]:
        """Ten attributes: seven texts, a flag and two numbers."""
        texts = [f"the words of attribute {number}" for number in range(7)]
        return dict(zip(self.read, [*texts, True, 17, 0.25], strict=True))


PLAIN = Shape("app", "call", ("work",), tuple(f"app.{number}" for number in range(10)), TRANSCRIPT_EVENT)
LIVEKIT = Shape(
    "livekit-agents",
    "agent_session",
    ("agent_turn", "llm_node", "tts_node"),
    (
        *("lk.user_transcript", "lk.response.text", "lk.input_text", "lk.agent_label", "lk.room_name"),
        *("lk.close_reason", "lk.generation_id", "lk.interrupted", "lk.response.ttft", "lk.e2e_latency"),
    ),
    "app.event",
)
PIPECAT = Shape(
    "pipecat",
    "conversation",
    ("turn", "stt", "llm", "tts"),
    (
        *("transcript", "text", "input", "output", "language", "tool.result", "gen_ai.system"),
        *("turn.was_interrupted", "turn.duration_seconds", "metrics.ttfb"),
    ),
    "app.event",
)
SHAPES = {"plain": PLAIN, "livekit": LIVEKIT, "pipecat": PIPECAT}


def begin(live: Live, shape: Shape, number: int) -> int:
    """Starts the root of a conversation, and starts and ends its other spans. Returns the root's id."""
    root = number * SPANS
    live.start(root, trace_id=number, scope=shape.scope, name=shape.root, attributes={EXTERNAL_ID: f"call-{number}"})
    fill(live, shape, root)
    for child in range(1, SPANS):
        name = shape.names[child % len(shape.names)]
        live.start(root + child, root, scope=shape.scope, name=name)
        fill(live, shape, root + child)
        live.end(root + child)
    return root


def fill(live: Live, shape: Shape, span_id: int) -> None:
    """Sets what such a span has."""
    span = live.spans[span_id]
    for name, value in shape.attributes.items():
        span.set_attribute(name, value)
    for _ in range(3):
        span.add_event(shape.event, {"role": "agent", "text": WORDS})
