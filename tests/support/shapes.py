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
    """The scope of a conversation, the names of its root and its spans, and the prefix of attributes and events."""

    scope: str
    root: str
    names: tuple[str, ...]
    prefix: str
    event: str

    @property
    def attributes(self) -> dict[str, Any]:
        """Ten attributes."""
        texts = {f"{self.prefix}text.{number}": f"the words of attribute {number}" for number in range(7)}
        return {**texts, f"{self.prefix}count": 17, f"{self.prefix}ok": True, f"{self.prefix}seconds": 0.25}


PLAIN = Shape("app", "call", ("work",), "app.", TRANSCRIPT_EVENT)
LIVEKIT = Shape("livekit-agents", "agent_session", ("agent_turn", "llm_node", "tts_node"), "lk.", "app.event")
PIPECAT = Shape("pipecat", "conversation", ("turn", "stt", "llm", "tts"), "metrics.", "app.event")
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
