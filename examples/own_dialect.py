"""Your own dialect: turns the spans of a made-up voice stack into calls.

A dialect is the vocabulary of one source of spans. It names the spans that matter and the root, whose end ends the
conversation, and creates a reader: an object that gets the spans of one conversation and returns its moments.

    ROARK_API_KEY=anything ROARK_BASE_URL=http://127.0.0.1:4319 python examples/own_dialect.py

with `roark-otel sandbox` running in another terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import roark_otel
from roark_otel import RoarkSpanProcessor
from roark_otel.dialects import DIALECTS, json_or_text, text
from roark_otel.types import (
    Agent,
    Customer,
    Dialect,
    Harmless,
    Returned,
    ToolUse,
    Unreadable,
    Utterance,
    Warn,
    Words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel.types import Moment, SpanView

SCOPE = "example.switchboard"


class SwitchboardReader:
    """Reads one conversation of a made-up voice stack: spans `speech` and `action` below a span `phone_call`."""

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._moments: list[Moment] = []

    def read(self, span: SpanView) -> None:
        """Reads one span. Each comes once, in the order of their starts; one that is still open has no end."""
        if span.end_ns is None:
            return
        get = span.attributes.get
        if span.name == "speech":
            words = text(get("words"))
            if words is None:
                self._warn(Unreadable(span, "words", "missing, or not text"))
                return
            speaker = Agent() if get("by") == "robot" else Customer()
            self._moments.append(Utterance(speaker, words, span.start_ns, span.end_ns))
        elif span.name == "action":
            outcome = Returned(json_or_text(get("result")))
            self._moments.append(ToolUse(text(get("verb")) or "action", span.start_ns, span.end_ns, outcome=outcome))

    def moments(self) -> Iterable[Moment]:
        """Returns the moments, in any order."""
        return self._moments


SWITCHBOARD = Dialect(
    name="switchboard",
    reader=SwitchboardReader,
    scopes=frozenset({SCOPE}),  # its reader is given the spans of this scope, and no others
    attributes=("by", "words", "verb", "result"),  # no others are kept while a conversation is open
    roots=frozenset({"phone_call"}),
    # Where ROARK_CAPTURE_CONTENT is off: what is masked, and which attributes may be exported with traces.
    words=Words(names=frozenset({"words"}), whole=frozenset({"result"})),
    harmless=Harmless(names=frozenset({"verb", "by"})),
)


def main() -> None:
    """Holds a short conversation and waits until its call is delivered."""
    provider = TracerProvider()
    provider.add_span_processor(RoarkSpanProcessor(dialects=[SWITCHBOARD, *DIALECTS]))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer(SCOPE)

    about = {
        "roark.external_id": "switchboard-1",
        "roark.recording_url": "https://recordings.example.com/switchboard-1.wav",
    }
    with tracer.start_as_current_span("phone_call", attributes=about):
        with tracer.start_as_current_span(
            "speech", attributes={"by": "caller", "words": "The billing office, please."}
        ):
            pass
        with tracer.start_as_current_span("action", attributes={"verb": "transfer", "result": '{"to": "billing"}'}):
            pass
        with tracer.start_as_current_span("speech", attributes={"by": "robot", "words": "I am connecting you."}):
            pass

    provider.force_flush()
    print("delivered" if roark_otel.stats().delivered else "not delivered: the log says why")


if __name__ == "__main__":
    main()
