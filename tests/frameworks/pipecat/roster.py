"""Which calls the apps answer, where each takes its external id from, and what is said in several of them."""

from __future__ import annotations

from typing import Final

OWN, PIPECATS = "own-provider", "pipecats-provider"
"""Apps: one made its tracer provider itself, the other let Pipecat's `setup_tracing` make it."""

THREE_TURNS, OVER_HTTP, WITH_PAUSES, METRICS_OFF = "three-turns", "over-http", "with-pauses", "metrics-off"
TOOL, PARALLEL_TOOLS, BAD_TOOLS, INTERRUPTION = "tool", "parallel-tools", "bad-tools", "interruption"
CANCELLED, CUT_OFF, GOODBYE, MODEL_ERROR = "cancelled", "cut-off", "goodbye", "model-error"
ONE, OTHER, ONE_THERE, OTHER_THERE = "one", "other", "one-there", "other-there"

README = "call-123"
"""The call of README's own lines, by the id in them."""

GREETING = "Hello there, how can I help?"
GOODBYE_TEXT = "Goodbye, and thank you for calling."
POLICY = "You can return what you bought. You have thirty days for it. We pay for the way back. Bring the bill along."

SCENARIOS: Final = {
    THREE_TURNS: "THREE_TURNS",
    OVER_HTTP: "OVER_HTTP",
    WITH_PAUSES: "WITH_PAUSES",
    METRICS_OFF: "METRICS_OFF",
    TOOL: "TOOL",
    PARALLEL_TOOLS: "PARALLEL_TOOLS",
    BAD_TOOLS: "BAD_TOOLS",
    INTERRUPTION: "INTERRUPTION",
    MODEL_ERROR: "MODEL_ERROR",
    CANCELLED: "CANCELLED",
    CUT_OFF: "CUT_OFF",
    GOODBYE: "GOODBYE_AND_END",
    README: "THREE_TURNS",
    ONE: "FIRST_OF_TWO",
    OTHER: "SECOND_OF_TWO",
    ONE_THERE: "FIRST_OF_TWO",
    OTHER_THERE: "SECOND_OF_TWO",
}
"""The scenario of each call, by external id. It is a name in `calls`, which imports the framework."""

APPS: Final = {
    OWN: (THREE_TURNS, METRICS_OFF, TOOL, BAD_TOOLS, MODEL_ERROR, INTERRUPTION, CANCELLED, ONE, OTHER),
    PIPECATS: (README, OVER_HTTP, WITH_PAUSES, PARALLEL_TOOLS, CUT_OFF, GOODBYE, ONE_THERE, OTHER_THERE),
}
"""The calls of each app; it answers them all at the same time."""

BY_CONTEXT: Final = frozenset({TOOL, INTERRUPTION, WITH_PAUSES, CUT_OFF, OTHER, OTHER_THERE})
"""These get their id from `call_attributes`, the others from Pipecat's `additional_span_attributes`."""
