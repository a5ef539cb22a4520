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

BY_CONTEXT: Final = frozenset(
    {TOOL, INTERRUPTION, WITH_PAUSES, CUT_OFF, OTHER, OTHER_THERE, "untraced-by-context", "flow-append"}
)
"""These get their id from `call_attributes`, the others from Pipecat's `additional_span_attributes`."""

KEYPAD, TYPED, APPENDED, FLOW_RESET, FLOW_APPEND = "keypad", "typed", "appended", "flow-reset", "flow-append"
HAND_OFF, HUNG_UP, TOOL_LAST, HEARD_INTERRUPTION = "hand-off", "hung-up", "tool-last", "heard-interruption"
ULTRAVOX, GEMINI, REALTIME, SERVER_TURNS = (
    "ultravox-like",
    "gemini-like",
    "realtime",
    "server-turns",
)
UNTRACED, UNTRACED_BY_CONTEXT, SPOKEN_ONLY, WRITTEN = "untraced", "untraced-by-context", "spoken-only", "written"

HEARD: Final = {
    KEYPAD: "KEYPAD",
    TYPED: "TYPED",
    APPENDED: "APPENDED",
    FLOW_RESET: "FLOW_RESET",
    FLOW_APPEND: "FLOW_APPEND",
    HAND_OFF: "HAND_OFF",
    HUNG_UP: "HUNG_UP",
    TOOL_LAST: "TOOL_LAST",
    HEARD_INTERRUPTION: "HEARD_INTERRUPTION",
    UNTRACED: "UNTRACED",
    UNTRACED_BY_CONTEXT: "UNTRACED",
    SPOKEN_ONLY: "SPOKEN_ONLY",
    WRITTEN: "WRITTEN",
    ULTRAVOX: "ULTRAVOX",
    GEMINI: "GEMINI",
    REALTIME: "REALTIME",
    SERVER_TURNS: "SERVER_TURNS",
}
"""Calls in which something is said that stands on no span, as `SCENARIOS`, but with the names of `heard_calls`."""

SPEECH: Final = frozenset({ULTRAVOX, GEMINI, REALTIME, SERVER_TURNS})
"""Calls with a model that hears and speaks: their scenarios are names in `speech_calls`."""

LISTENING: Final = {
    "listening": (KEYPAD, TYPED, APPENDED, FLOW_RESET, HAND_OFF, HUNG_UP, UNTRACED, SPOKEN_ONLY, WRITTEN),
    "listening-too": (
        *(FLOW_APPEND, TOOL_LAST, HEARD_INTERRUPTION, UNTRACED_BY_CONTEXT),
        *(ULTRAVOX, GEMINI, REALTIME, SERVER_TURNS),
    ),
}
"""The apps that listen to Pipecat, and their calls."""

INSTRUMENTED: Final = {"instrumented": (TYPED, HAND_OFF, TOOL_LAST, ULTRAVOX)}
"""The app that sets up nothing at all and is run under `opentelemetry-instrument`, and its calls."""
