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
    """Reads one conversation of a made-up voice stack: spans `speech` and `action` below a span `phone_call`.

    A span may come twice, open first and ended later, so its moment is kept by its id.
    """

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._moments: dict[int, Moment] = {}

    def read(self, span: SpanView) -> None:
        """Reads one span. Spans come in any order."""
        if span.scope != SCOPE or span.end_ns is None:
            return
        if span.name == "speech":
            self._speech(span, span.end_ns)
        elif span.name == "action":
            result = Returned(json_or_text(span.attributes.get("result")))
            name = text(span.attributes.get("verb")) or "action"
            self._moments[span.span_id] = ToolUse(name, span.start_ns, span.end_ns, outcome=result)

    def moments(self) -> Iterable[Moment]:
        """Returns all moments so far, in any order."""
        return self._moments.values()

    def _speech(self, span: SpanView, end_ns: int) -> None:
        words = text(span.attributes.get("words"))
        if words is None:
            self._warn(Unreadable(span, "words", "missing, or not text"))
            return
        speaker = Agent() if span.attributes.get("by") == "robot" else Customer()
        self._moments[span.span_id] = Utterance(speaker, words, span.start_ns, end_ns)


SWITCHBOARD = Dialect(
    name="switchboard",
    reader=SwitchboardReader,
    scopes=frozenset({SCOPE}),
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
