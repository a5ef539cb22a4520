"""Which attributes of OpenInference hold content, and which are harmless without it."""

from typing import Final

from roark_otel._model.dialect import Harmless, Words

WORDS: Final = Words(
    names=frozenset(
        {
            *("content", "contents", "description", "invocation_parameters", "json_schema", "message", "messages"),
            *("instructions", "metadata", "prompt", "text", "tools", "transcript", "value"),
        }
    ),
    whole=frozenset({"arguments", "output", "parameters", "result"}),
    structure=frozenset({"finish_reason", "id", "name", "object", "role", "tool_call_id", "type"}),
)

HARMLESS: Final = Harmless(
    names=frozenset(
        {
            "agent.name",
            "conversation.was_interrupted",
            "end_reason",
            "llm.model_name",
            "llm.provider",
            "llm.system",
            "openinference.span.kind",
            "session.id",
            "tool.id",
            "tool.name",
            "tool_call.id",
        }
    ),
    numbers=(
        "conversation.turn_number",
        "conversation.user_to_bot_latency",
        "llm.token_count.",
        "service.ttfb_seconds",
        "time_to_first_token_ms",
    ),
)
